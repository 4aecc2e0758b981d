"""Thousands of classes: what is kept is what is asked for."""

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup.training import predict_outputs
from sk_mixup.training.loop._prediction import block_size
from tests.builders import classifier

N_CLASSES = 300


class Wide(nn.Module):
    """Answers with one column per class, and writes down how many rows came."""

    def __init__(self, n_outputs=N_CLASSES):
        super().__init__()
        self.head = nn.Linear(2, n_outputs)
        self.seen = []

    def forward(self, x):
        if not self.training:
            self.seen.append(len(x))
        return self.head(x)


def rows(n_rows, seed=0):
    return np.random.default_rng(seed).normal(size=(n_rows, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted():
    X = rows(2 * N_CLASSES)
    model = classifier(module=Wide, max_epochs=1, mix=None, early_stopping=False)
    return model.fit(X, np.arange(len(X)) % N_CLASSES)


@pytest.mark.parametrize("n_rows", [1, 16, 600, 1500])
def test_labels_are_those_of_the_largest_probability(fitted, n_rows):
    X = rows(n_rows, seed=1)
    proba = fitted.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict(X), proba.argmax(1))
    np.testing.assert_allclose(proba.sum(1), 1.0)
    codes = np.arange(n_rows) % N_CLASSES
    assert fitted.score(X, codes) == np.mean(proba.argmax(1) == codes)


def test_no_matrix_of_all_rows_is_made_for_labels(fitted, monkeypatch):
    X, largest = rows(5000, seed=1), []
    plain = fitted._codes
    monkeypatch.setattr(
        fitted, "_codes", lambda outputs: largest.append(len(outputs)) or plain(outputs)
    )
    fitted.predict(X)
    assert max(largest) <= 1024


def test_wide_outputs_run_in_small_blocks():
    x = torch.zeros(4096, 2)
    assert block_size(x, 4096) == block_size(x, 4096, 4096) == 1024
    assert block_size(x, 4096, 20_000) == 128
    assert block_size(x, 4096, 10**9) == 16
    module = Wide().eval()
    predict_outputs(module, x[:600], torch.device("cpu"), width=20_000)
    assert set(module.seen) == {128}


def test_labels_and_outputs_by_the_hundred():
    X = rows(700)
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, (700, 80))
    columns = random.integers(0, 3, (700, 30))
    for y in (labels, columns):
        n_outputs = 80 if y is labels else 90
        model = classifier(module=Wide, module__n_outputs=n_outputs, max_epochs=1)
        model.set_params(early_stopping=False, mix=None).fit(X, y)
        proba = model.predict_proba(X)
        if y is labels:
            expected = (proba > 0.5) * 1
        else:
            expected = np.stack([one.argmax(1) for one in proba], 1)
        np.testing.assert_array_equal(model.predict(X), expected)
