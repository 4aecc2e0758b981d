"""Modules, criteria, augmentations and callbacks that work in place reach copies."""

import numpy as np
import pandas as pd
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import TensorDataset

from sk_mixup.inputs import Rows
from tests.builders import blobs, classifier, regressor


class Centred(nn.Module):
    """Moves its input in place."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        x -= 10.0
        return self.layer(x)


class Ids(nn.Module):
    """Counts from zero in place; another count would leave the embedding."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(3, 4)
        self.layer = nn.Linear(8, 2)

    def forward(self, x):
        x -= 1
        return self.layer(self.embedding(x).flatten(1))


class Spoils(Callback):
    """Writes into every batch that it is shown."""

    def on_batch_begin(self, net, batch, training, **kwargs):
        if not training:
            self.seen_ = getattr(self, "seen_", [])
            self.seen_.append(batch[0].clone())
            for part in batch:
                part.zero_()


def far_rows(n_rows=64):
    X, y = blobs(n_rows)
    return X + 10.0, y


def containers():
    X, _ = far_rows()
    return {
        "array": X,
        "tensor": torch.tensor(X),
        "frame": pd.DataFrame(X),
        "dict": {"x": X},
        "rows": Rows(x=torch.tensor(X)),
        "data set": TensorDataset(torch.tensor(X), torch.tensor(far_rows()[1])),
    }


def values(X):
    if isinstance(X, (dict, Rows)):
        X = X["x"]
    return np.asarray(X.tensors[0] if isinstance(X, TensorDataset) else X)


@pytest.mark.parametrize("name", list(containers()))
@pytest.mark.parametrize("mix", [None, "mixup"])
def test_neither_fit_nor_predict_changes_x(name, mix):
    X, (before, y) = containers()[name], far_rows()
    model = classifier(module=Centred, mix=mix, lr=0.05).fit(X, y)
    first = model.predict_proba(X)
    np.testing.assert_array_equal(model.predict_proba(X), first)
    np.testing.assert_array_equal(values(X), before)


@pytest.mark.parametrize("n_rows", [16, 512, 1024, 1040])
def test_predict_of_whole_blocks_changes_nothing(n_rows):
    X, y = far_rows(n_rows)
    model = classifier(module=Centred, max_epochs=1, mix=None).fit(X[:32], y[:32])
    before = X.copy()
    model.predict(X)
    np.testing.assert_array_equal(X, before)


def test_validation_rows_are_the_same_in_every_epoch():
    X, y = far_rows()
    X_val, y_val = far_rows(32)
    before = X_val.copy()
    model = classifier(module=Centred, mix=None, lr=0.0001, max_epochs=4)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    np.testing.assert_array_equal(X_val, before)
    losses = model.history_[:, "valid_loss"]
    np.testing.assert_allclose(losses, losses[0], rtol=0.05)


def test_trials_before_training_see_the_rows_as_they_are():
    ids = np.array([[1, 2], [3, 1]] * 8)
    model = classifier(
        module=Ids, mix="manifold", mix__layers=["embedding"], early_stopping=False
    )
    model.fit(ids, np.arange(16) % 2)
    assert ids.min() == 1


def test_a_closure_that_is_asked_again_sees_the_same_batch():
    X, y = far_rows()
    kept = []

    class Looks(Centred):
        def forward(self, x):
            if self.training:
                kept.append(float(x.mean()))
            return super().forward(x)

    params = {"mix": None, "max_epochs": 1, "early_stopping": False}
    classifier(module=Looks, optimizer=torch.optim.LBFGS, **params).fit(X, y)
    assert len(kept) > 1
    assert np.ptp(kept) < 1e-4


def test_a_criterion_that_works_in_place_leaves_validation_targets():
    class Doubles(nn.Module):
        def forward(self, output, y):
            y.mul_(2.0)
            return (output - y).square()

    X, _ = far_rows()
    y = X[:, 0].copy()
    before = y.copy()
    model = regressor(
        module=lambda: nn.Linear(4, 1), criterion=Doubles, mix=None, lr=1e-6
    )
    model.fit(X, y, X_val=X, y_val=y)
    np.testing.assert_array_equal(y, before)
    losses = model.history_[:, "valid_loss"]
    np.testing.assert_allclose(losses, losses[0], rtol=0.05)


def test_a_callback_cannot_spoil_validation_rows():
    X, y = far_rows()
    spoils = Spoils()
    model = classifier(module=Centred, mix=None, callbacks=[spoils])
    model.fit(X, y, X_val=X, y_val=y)
    np.testing.assert_array_equal(spoils.seen_[-1], spoils.seen_[0])
    np.testing.assert_array_equal(X, far_rows()[0])


def test_an_augmentation_that_works_in_place_leaves_x():
    X, y = far_rows()
    before = X.copy()
    model = classifier(module=Centred, augment=[lambda x: x.add_(1.0)], mix=None)
    model.fit(X, y)
    np.testing.assert_array_equal(X, before)
