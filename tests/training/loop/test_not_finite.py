"""A loss that is no number is told by where it comes from."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset

from tests.builders import blobs, classifier, regressor

PARAMS = {"mix": None, "early_stopping": False, "batch_size": 8}


class Items(Dataset):
    """Pairs, of which some hold a value that is no number."""

    def __init__(self, bad=(), value=float("nan"), n_rows=40, named=False):
        self.X, self.y = blobs(n_rows)
        self.X = torch.tensor(self.X)
        for row in bad:
            self.X[row, 1] = value
        self.named = named

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        x = {"x": self.X[i], "z": self.X[i, :1]} if self.named else self.X[i]
        return x, int(self.y[i])


class Stream(IterableDataset):
    def __init__(self, items):
        self.items = items

    def __iter__(self):
        return (self.items[i] for i in range(len(self.items)))


class Two(nn.Linear):
    def forward(self, x, z):
        return super().forward(x) + z


class Scaled(nn.Module):
    """Multiplies by a number, which it may do only while it trains."""

    def __init__(self, factor, always=True):
        super().__init__()
        self.layer, self.factor, self.always = nn.Linear(4, 2), factor, always

    def forward(self, x):
        x = self.layer(x)
        return x * self.factor if self.always or self.training else x


def linear():
    return nn.Linear(4, 2)


@pytest.mark.parametrize("mix", [None, "mixup"])
@pytest.mark.parametrize("bad", [(0,), (23,), (23, 31)])
def test_a_bad_item_is_named(bad, mix):
    model = classifier(**PARAMS | {"mix": mix}, module=linear)
    with pytest.raises(ValueError, match=rf"X: row {bad[0]} of Items holds nan"):
        model.fit(Items(bad))


def test_an_infinite_item_is_named():
    with pytest.raises(ValueError, match="X: row 7 of Items holds -inf"):
        classifier(**PARAMS, module=linear).fit(Items([7], -np.inf))


def test_the_entry_of_a_bad_item_is_named():
    with pytest.raises(ValueError, match="row 9 of Items holds nan in 'x'"):
        classifier(**PARAMS, module=Two(4, 2)).fit(Items([9], named=True))


def test_a_bad_item_of_a_stream_is_named():
    with pytest.raises(ValueError, match="row 12 of Stream holds nan"):
        classifier(**PARAMS, module=linear).fit(Stream(Items([12])), classes=[0, 1])


def test_a_bad_item_of_the_validation_part_is_named():
    with pytest.raises(ValueError, match="row 3 of Items holds nan"):
        classifier(mix=None, module=linear).fit(Items(), X_val=Items([3]))


def test_a_bad_item_is_named_in_prediction():
    model = classifier(**PARAMS, module=linear).fit(Items())
    with pytest.raises(ValueError, match="row 30 of Items holds nan"):
        model.predict(Items([30]))


def test_a_module_that_returns_nan_is_refused_before_training():
    with pytest.raises(ValueError, match="Scaled returns NaN for finite rows"):
        classifier(**PARAMS, module=lambda: Scaled(float("nan"))).fit(*blobs())


@pytest.mark.parametrize("factor", [float("nan"), float("inf")])
def test_a_module_that_returns_none_in_training_is_named(factor):
    model = classifier(**PARAMS, module=lambda: Scaled(factor, always=False))
    with pytest.raises(FloatingPointError, match=r"Scaled returned .* in row 0 of 8"):
        model.fit(*blobs())


def test_a_criterion_that_returns_none_is_named():
    class Root(nn.Module):
        def forward(self, output, y):
            # What is so from the start is found before any training.
            return ((output - y) + (-1e3 if output.requires_grad else 1e3)).sqrt()

    X, _ = blobs()
    model = regressor(**PARAMS, module=lambda: nn.Linear(4, 1), criterion=Root)
    with pytest.raises(FloatingPointError, match="criterion: Root returned"):
        model.fit(X, X[:, 0])


def test_an_augmentation_that_returns_none_is_named():
    def spoil(x):
        return x / 0.0

    with pytest.raises(ValueError, match="augment"):
        classifier(**PARAMS, module=linear, augment=[spoil]).fit(*blobs())


def test_a_number_that_float32_cannot_hold_is_named():
    X, y = blobs()
    X = X.astype(np.float64)
    X[9, 1] = 1e300
    with pytest.raises(ValueError, match=r"X holds 1e\+300, which float32"):
        classifier(**PARAMS, module=linear).fit(X, y)
    with pytest.raises(ValueError, match="float32"):
        classifier(**PARAMS, module=linear).fit(torch.tensor(X), y)


def test_steps_that_are_too_large_are_the_learning_rate():
    model = classifier(**PARAMS, module=linear, lr=1e38, optimizer=torch.optim.SGD)
    with pytest.raises(FloatingPointError, match=r"lr=1e\+38 is probably too large"):
        model.fit(*blobs())


def test_a_partial_fit_after_steps_that_were_too_large_is_the_learning_rate():
    X, y = blobs(8)
    params = {"module": linear, "lr": 1e38, "optimizer": torch.optim.SGD, "mix": None}
    model = classifier(**params).partial_fit(X, y, classes=[0, 1])
    with pytest.raises(FloatingPointError, match="lr="):
        model.partial_fit(X, y)


def test_logits_of_minus_infinity_may_be_meant():
    class Masked(nn.Linear):
        def forward(self, x):
            return torch.cat(
                [super().forward(x), torch.full((len(x), 1), -torch.inf)], 1
            )

    X, y = blobs(60)
    model = classifier(**PARAMS, module=lambda: Masked(4, 2))
    model.partial_fit(X, y, classes=[0, 1, 2])
    assert np.isfinite(model.history_[-1, "train_loss"])
