"""Losses in all the shapes that people write them."""

import functools

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn import functional

from tests.builders import assert_same_weights, blobs, classifier, regressor

X, Y = blobs(64)
linear = functools.partial(nn.Linear, 4, 2)
SMOOTH = functools.partial(nn.CrossEntropyLoss, label_smoothing=0.1)


class SoftTargetLoss(nn.Module):
    """As timm has it: takes a share per class."""

    def forward(self, output, target):
        return (-target * output.log_softmax(-1)).sum(-1).mean()


class CallableObject:
    def __call__(self, output, target):
        return functional.cross_entropy(output, target, reduction="none")


def own_function(output, target, smoothing=0.0):
    return functional.cross_entropy(
        output, target, reduction="none", label_smoothing=smoothing
    )


def with_reduction(output, target, reduction="mean"):
    return functional.cross_entropy(output, target, reduction=reduction)


def makes_a_loss(smoothing=0.0):
    return nn.CrossEntropyLoss(label_smoothing=smoothing)


def fitted(mix="mixup", **params):
    return classifier(module=linear, mix=mix, **params).fit(X, Y)


@pytest.mark.parametrize(
    "criterion",
    [
        "cross_entropy",
        "CrossEntropyLoss",
        functional.cross_entropy,
        functools.partial(functional.cross_entropy, reduction="sum"),
        functools.partial(nn.CrossEntropyLoss, reduction="sum"),
        nn.CrossEntropyLoss(reduction="sum"),
    ],
    ids=["name", "class name", "function", "partial", "partial class", "module"],
)
@pytest.mark.parametrize("mix", [None, "mixup"])
def test_ways_to_say_cross_entropy(criterion, mix):
    assert_same_weights(fitted(mix, criterion=criterion), fitted(mix))


@pytest.mark.parametrize(
    "criterion",
    [
        CallableObject(),
        CallableObject,
        own_function,
        functools.partial(own_function, smoothing=0.0),
        with_reduction,
        makes_a_loss,
        functools.partial(makes_a_loss, smoothing=0.0),
    ],
    ids=lambda criterion: getattr(criterion, "__name__", type(criterion).__name__),
)
@pytest.mark.parametrize("mix", [None, "mixup"])
def test_losses_of_ones_own(criterion, mix):
    if criterion is makes_a_loss or getattr(criterion, "func", None) is makes_a_loss:
        mix = None  # What it makes is a mean.
    mine = fitted(mix, criterion=criterion)
    plain = fitted(mix)
    np.testing.assert_allclose(
        mine.predict_proba(X), plain.predict_proba(X), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("criterion", "params"),
    [
        (SMOOTH, {}),
        (nn.CrossEntropyLoss, {"criterion__label_smoothing": 0.1}),
        (nn.CrossEntropyLoss(label_smoothing=0.1), {}),
        (functional.cross_entropy, {"criterion__label_smoothing": 0.1}),
        (functools.partial(functional.cross_entropy, label_smoothing=0.1), {}),
        ("cross_entropy", {"criterion__label_smoothing": 0.1}),
        (None, {"criterion__label_smoothing": 0.1}),
        (SMOOTH, {"criterion__label_smoothing": 0.1}),
    ],
)
def test_parameters_reach_a_loss_of_any_kind(criterion, params):
    model = fitted(criterion=criterion, **params)
    expected = fitted(criterion=nn.CrossEntropyLoss(label_smoothing=0.1))
    assert_same_weights(model, expected)


def test_parameters_reach_a_function():
    model = fitted(criterion=own_function, criterion__smoothing=0.1)
    expected = fitted(criterion=nn.CrossEntropyLoss(label_smoothing=0.1))
    np.testing.assert_allclose(
        model.predict_proba(X), expected.predict_proba(X), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "weight",
    [
        [1.0, 3.0],
        np.array([1.0, 3.0]),
        torch.tensor([1.0, 3.0], dtype=torch.float64),
    ],
    ids=["list", "array", "float64"],
)
@pytest.mark.parametrize("criterion", [None, nn.CrossEntropyLoss])
def test_weights_of_classes_in_any_container(criterion, weight):
    model = fitted(criterion=criterion, criterion__weight=weight)
    expected = fitted(
        criterion=nn.CrossEntropyLoss, criterion__weight=torch.tensor([1.0, 3.0])
    )
    assert_same_weights(model, expected)


@pytest.mark.parametrize("n_rows", [2, 64])
@pytest.mark.parametrize("mix", [None, "mixup"])
def test_a_loss_of_shares_is_given_shares(mix, n_rows):
    rows = slice(n_rows)
    params = {"module": linear, "mix": mix, "max_epochs": 5}
    model = classifier(criterion=SoftTargetLoss, **params)
    if n_rows == 2:  # As many rows as classes: nobody can tell.
        SoftTargetLoss.mixed_targets = "soft"
    try:
        model.fit(X[rows], Y[rows])
    finally:
        if n_rows == 2:
            del SoftTargetLoss.mixed_targets
    plain = classifier(**params).fit(X[rows], Y[rows])
    np.testing.assert_allclose(
        model.predict_proba(X), plain.predict_proba(X), rtol=1e-4, atol=1e-5
    )


def test_shares_where_rows_are_as_many_as_classes():
    x, y = blobs(30, n_classes=10)
    params = {"module": functools.partial(nn.Linear, 4, 10), "mix": None}
    model = classifier(criterion=SoftTargetLoss, batch_size=10, **params).fit(x, y)
    plain = classifier(batch_size=10, **params).fit(x, y)
    np.testing.assert_allclose(
        model.predict_proba(x), plain.predict_proba(x), rtol=1e-4, atol=1e-5
    )


def test_divergence_of_log_probabilities():
    def net():
        return nn.Sequential(nn.Linear(4, 2), nn.LogSoftmax(1))

    model = classifier(module=net, criterion=nn.KLDivLoss, max_epochs=40, lr=0.05)
    assert model.fit(X, Y).score(X, Y) > 0.8


@pytest.mark.parametrize("criterion", [nn.NLLLoss, nn.KLDivLoss, functional.nll_loss])
def test_logits_are_no_log_probabilities(criterion):
    with pytest.raises(ValueError, match="takes the logarithms of probabilities"):
        fitted(criterion=criterion)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("criterion", ["mse", nn.L1Loss, functional.huber_loss])
def test_losses_of_numbers_are_none_of_classes(criterion, n_outputs):
    net = functools.partial(nn.Linear, 4, n_outputs)
    with pytest.raises(ValueError, match="is for numbers, and y holds classes"):
        classifier(module=net, criterion=criterion).fit(X, Y)


def test_skorch_takes_the_logarithm_itself():
    def net():
        return nn.Sequential(nn.Linear(4, 2), nn.Softmax(1))

    wrapped = NeuralNetClassifier(net, verbose=0, max_epochs=5, train_split=None)
    model = classifier(module=wrapped, mix=None).fit(X, Y)
    assert np.isfinite(model.history_[-1, "train_loss"])


def test_functions_of_torch_serve_regression():
    one = functools.partial(nn.Linear, 4, 1)
    by_function = regressor(module=one, criterion=functional.mse_loss)
    plain = regressor(module=one).fit(X, X[:, 0])
    assert_same_weights(by_function.fit(X, X[:, 0]), plain)


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"criterion": "cros_entropy"}, ValueError, "Did you mean 'CrossEntropyLoss'"),
        ({"criterion": "focal"}, ValueError, "criterion='focal' is no loss of torch"),
        ({"criterion": 3}, TypeError, "criterion must be None, a loss class"),
        (
            {"criterion": nn.CrossEntropyLoss(), "criterion__weight": [1.0, 2.0]},
            ValueError,
            "criterion__weight was given, but criterion is an instance",
        ),
        (
            {"criterion": own_function, "criterion__smoothign": 1},
            TypeError,
            "Did you mean criterion__smoothing",
        ),
        (
            {"criterion": nn.CrossEntropyLoss, "criterion__weight": [1.0]},
            ValueError,
            r"criterion: CrossEntropyLoss failed on outputs of shape \(64, 2\)",
        ),
        (
            {"criterion": lambda o, y: 0.0, "mix": None},
            ValueError,
            "criterion: <lambda> must return a tensor; it returned float",
        ),
    ],
)
def test_what_is_no_loss_is_named_before_training(params, error, words):
    with pytest.raises(error, match=words):
        fitted(**params)
