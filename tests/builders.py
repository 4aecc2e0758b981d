"""Seeded generators, small data and short trainings that several rooms share."""

import copy

import numpy as np
import pandas as pd
import torch
from skorch.callbacks import Callback

from sk_mixup import MixupClassifier, MixupRegressor


def generator(seed=0):
    """Return a generator of torch with this seed."""
    return torch.Generator().manual_seed(seed)


def blobs(n_rows=60, n_features=4, n_classes=2, seed=0):
    """Return float32 rows around one centre per class, and int labels."""
    random = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    centres = 2.0 * random.standard_normal((n_classes, n_features))
    X = centres[y] + random.standard_normal((n_rows, n_features))
    return X.astype(np.float32), y


def people(n_rows=60, seed=0):
    """Return a raw table with missing values and text, text labels and incomes."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, n_rows).astype(float)
    X = pd.DataFrame(
        {
            "age": age,
            "hours": random.integers(0, 60, n_rows),
            "job": random.choice(["nurse", "cook", "clerk"], n_rows).astype(object),
            "region": pd.Categorical(random.choice(["north", "south"], n_rows)),
            "member": random.random(n_rows) < 0.5,
        }
    )
    income = age * 100 + 500 * (X["job"] == "nurse") + random.normal(0, 100, n_rows)
    y = np.where(income > income.median(), "high", "low")
    X.loc[::7, "age"] = np.nan
    X.loc[::11, "job"] = None
    return X, y, income.to_numpy()


def classifier(**params):
    """Return a classifier that trains for a moment."""
    return MixupClassifier(**({"max_epochs": 5, "random_state": 0} | params))


def regressor(**params):
    """Return a regressor that trains for a moment."""
    return MixupRegressor(**({"max_epochs": 5, "random_state": 0} | params))


class Recorder(Callback):
    """Keeps the weights after every epoch."""

    def __init__(self):
        self.states = []

    def on_epoch_end(self, net, **kwargs):
        self.states.append(copy.deepcopy(net.module_.state_dict()))


def weights_of(model):
    """Return the values of the trained module."""
    return [value.numpy() for value in model.module_.state_dict().values()]


def assert_same_weights(one, other):
    """Check that two trainings ended alike, bit for bit."""
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_array_equal(a, b)
