"""Fits run in a mode of their own, and leave that of their caller."""

import contextlib

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup import MixupSearchCV
from tests.builders import assert_same_weights, blobs, classifier, weights_of


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def autocast():
    return torch.autocast("cpu", torch.bfloat16)


def both():
    stack = contextlib.ExitStack()
    stack.enter_context(autocast())
    stack.enter_context(torch.no_grad())
    return stack


MODES = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": autocast,
    "float64": lambda: default_dtype(torch.float64),
    "meta": lambda: torch.device("meta"),
    "both": both,
}


def modes():
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_default_dtype(),
        torch.get_default_device(),
    )


def model(module):
    return classifier(module=module, early_stopping=False)


@pytest.mark.parametrize("mode", list(MODES))
@pytest.mark.parametrize("module", ["mlp", lambda: nn.Linear(4, 2)])
def test_fit_and_predict_do_as_ever(mode, module):
    X, y = blobs()
    plain = model(module).fit(X, y)
    with MODES[mode]():
        before = modes()
        other = model(module).fit(X, y)
        other.partial_fit(X, y)
        proba = other.predict_proba(X)
        assert modes() == before
    plain.partial_fit(X, y)
    assert_same_weights(plain, other)
    np.testing.assert_array_equal(plain.predict_proba(X), proba)


@pytest.mark.parametrize("mode", ["no_grad", "autocast", "float64"])
def test_searches_do_as_ever(mode):
    X, y = blobs()
    plain, other = (
        MixupSearchCV(model(lambda: nn.Linear(4, 2)), {"alpha": [0, 0.2]}, cv=2)
        for _ in range(2)
    )
    plain.fit(X, y)
    with MODES[mode]():
        other.fit(X, y)
    assert_same_weights(plain.best_estimator_, other.best_estimator_)


def test_tensors_of_inference_mode_are_rows_like_others():
    X, y = blobs()
    with torch.inference_mode():
        rows, template = torch.tensor(X) + 0.0, nn.Linear(4, 2)
    fitted = model(template).fit(rows, y)
    assert np.isfinite(weights_of(fitted)[0]).all()


def test_a_default_is_put_back_after_an_error():
    with default_dtype(torch.float64), pytest.raises(ValueError, match="batch_size"):
        classifier(batch_size=-1).fit(*blobs())
    assert torch.get_default_dtype() == torch.float32
