"""Fitted models of every kind, small, by name: what is saved in these tests."""

from __future__ import annotations

import decimal
import functools
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from skorch import NeuralNetClassifier
from torch import nn

from sk_mixup import MixupSearchCV
from sk_mixup.inputs import TextTokenizer
from sk_mixup.mixing import BinaryCrossEntropy, CutMix, LinearSchedule, Mixup
from tests.builders import blobs, classifier, people, regressor

N_ROWS = 48


class Case(NamedTuple):
    """A fitted model.

    Attributes
    ----------
    model : estimator
    X, y : object
        Its rows.
    module : object
        What `load` has to be given.
    """

    model: Any
    X: Any
    y: Any
    module: Any = None


class Own(nn.Module):
    """A module of the user's own, with a buffer and a part that is lazy."""

    def __init__(self, width=8, n_outputs=2):
        super().__init__()
        self.register_buffer("shift", torch.zeros(1))
        self.body = nn.Sequential(
            nn.LazyLinear(width), nn.BatchNorm1d(width), nn.ReLU()
        )
        self.head = nn.Linear(width, n_outputs)

    def forward(self, x):
        return self.head(self.body(x - self.shift))


class Two(nn.Module):
    """Takes two arrays by name."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, 2)

    def forward(self, a, b):
        return self.head(torch.cat([a, b.float()], 1))


def own_loss(output, y):
    """Return squared distances of probabilities: no file can hold a function."""
    sure = nn.functional.one_hot(y, 2)
    return (output.softmax(1) - sure).square().sum(1)


def few(**params):
    """Return parameters of a training of a moment that does not hold out."""
    return {"max_epochs": 5, "early_stopping": False} | params


def table(make, target="labels", **params):
    X, y, income = people(N_ROWS)
    return fitted(make(**params), X, y if target == "labels" else income)


def fitted(model, X, y, module=None):
    return Case(model.fit(X, y), X, y, module)


def odd_categories():
    random = np.random.default_rng(0)
    days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])
    X = pd.DataFrame(
        {
            "day": pd.Categorical(random.choice(days, N_ROWS)),
            "half": pd.Categorical(random.choice([0.5, 1.5, 2.5], N_ROWS)),
            "flag": pd.Categorical(random.random(N_ROWS) < 0.5),
            "span": pd.cut(pd.Series(random.random(N_ROWS)), 3),
            "money": np.array(
                [decimal.Decimal(int(k)) / 4 for k in random.integers(0, 3, N_ROWS)],
                dtype=object,
            ),
            "mixed": np.array([1, "a", (2, 3), b"x"], dtype=object)[
                random.integers(0, 4, N_ROWS)
            ],
            "empty": np.full(N_ROWS, np.nan),
        }
    )
    features = ["day", "half", "flag", "span", "money", "mixed"]
    model = classifier(**few(categorical_features=features))
    return fitted(model, X, np.arange(N_ROWS) % 3)


def many_levels():
    ids = [f"id {k // 2}" for k in range(240)]
    X = pd.DataFrame({"id": ids, "size": np.arange(240) % 7})
    return fitted(classifier(**few()), X, np.arange(240) % 2)


def matrix(kind, **params):
    X, y = blobs(N_ROWS, n_classes=3)
    sure = np.eye(3)[y]
    targets = {
        "labels": pd.DataFrame(np.c_[sure[:, :2], y % 2].astype(int), columns=[*"abc"]),
        "outputs": np.c_[y.astype(str), (y % 2).astype(str)],
        "soft": 0.8 * sure + 0.2 / 3,
        "numbers": X[:, :2] * 3 + 1,
    }
    make = regressor if kind == "numbers" else classifier
    return fitted(make(**few(**params)), X, targets[kind])


def arrays(module, shape, **params):
    random = np.random.default_rng(0)
    y = np.arange(N_ROWS) % 2
    X = random.standard_normal((N_ROWS, *shape)) + y.reshape(-1, *[1] * len(shape))
    return fitted(classifier(module=module, **few(**params)), X.astype(np.float32), y)


def pixels():
    X = np.random.default_rng(0).integers(0, 256, (N_ROWS, 3, 8, 8), np.uint8)
    return fitted(classifier(module="resnet", **few()), X, np.arange(N_ROWS) % 2)


def texts(module, *, as_ids=False, **params):
    words = ["good film", "bad film", "good and long", "bad and too long"]
    X, y = words * 12, ["good", "bad"] * 24
    if as_ids:
        X = TextTokenizer(kind="word").fit_transform(X)
    return fitted(classifier(module=module, **few(**params)), X, y)


def own(**params):
    X, y = blobs(N_ROWS)
    return fitted(classifier(**few(module=Own, module__width=6, **params)), X, y, Own)


def template():
    X, y = blobs(N_ROWS)
    model = classifier(**few(module=nn.Sequential(nn.Linear(4, 2)), mix=None))
    return fitted(model, X, y, nn.Sequential(nn.Linear(4, 2)))


def two_arrays():
    X, y = blobs(N_ROWS)
    X = {"a": X, "b": np.arange(N_ROWS).reshape(-1, 1) % 3}
    return fitted(classifier(**few(module=Two, mix=None)), X, y, Two)


def wrapped():
    X, y = blobs(N_ROWS)
    net = NeuralNetClassifier(
        nn.Sequential(nn.Linear(4, 2), nn.Softmax(1)), max_epochs=5, lr=0.1
    )
    return fitted(classifier(module=net, early_stopping=False), X, y, net)


def ensemble(kind, make=classifier):
    X, y = blobs(N_ROWS)
    search = MixupSearchCV(
        make(module="mlp", max_epochs=5), {"alpha": [0.0, 0.4]}, cv=2, ensemble=kind
    )
    search.fit(X, y if make is classifier else X[:, 0])
    return Case(search.best_estimator_, X, y)


def best_of_search():
    X, y = blobs(N_ROWS)
    search = MixupSearchCV(classifier(**few()), {"alpha": [0.0, 0.4]}, cv=2)
    return Case(search.fit(X, y), X, y)


def validated():
    X, y, _ = people(N_ROWS)
    model = classifier(max_epochs=8).fit(X, y, X_val=X[:20], y_val=y[:20])
    return Case(model, X, y)


def in_parts():
    X, y, _ = people(N_ROWS)
    model = classifier(random_state=np.random.RandomState(3))
    return Case(model.partial_fit(X, y).partial_fit(X, y), X, y)


_schedule = LinearSchedule(0.4, 0.1)
MODELS = {
    "folds": lambda: table(classifier, max_epochs=8),
    "regressor": lambda: table(regressor, "income"),
    "mlp": lambda: table(classifier, module="mlp"),
    "tabm": lambda: table(regressor, "income", module="tabm"),
    "ft_transformer": lambda: table(classifier, **few(module="ft_transformer")),
    "excelformer": lambda: table(classifier, **few(module="excelformer")),
    "table_resnet": lambda: table(regressor, "income", **few(module="resnet")),
    "quantiles": lambda: table(regressor, "income", **few(head="quantile")),
    "gaussian": lambda: table(regressor, "income", **few(head="gaussian")),
    "fast": lambda: table(classifier, preset="fast"),
    "validated": validated,
    "in_parts": in_parts,
    "class_weight": lambda: table(
        classifier, **few(class_weight={"high": 2.0, "low": 1.0})
    ),
    "method": lambda: table(classifier, **few(mix=Mixup(_schedule), module="mlp")),
    "methods": lambda: table(
        classifier, **few(mix=["mixup", Mixup(0.3, per="row")], mix__0__alpha=0.1)
    ),
    "steps": lambda: table(
        classifier,
        **few(
            module="mlp", ema=0.9, clip_norm=1.0, warmup=1, optimizer=torch.optim.SGD
        ),
    ),
    "net_arguments": lambda: table(
        classifier, **few(module="mlp", module__d_hidden=16, module__n_hidden=3)
    ),
    "odd_categories": odd_categories,
    "many_levels": many_levels,
    "labels": lambda: matrix("labels"),
    "outputs": lambda: matrix("outputs", module="mlp"),
    "soft": lambda: matrix("soft"),
    "several_numbers": lambda: matrix("numbers"),
    "images": lambda: arrays("resnet", (3, 8, 8), mix=CutMix()),
    "pixels": pixels,
    "spectrograms": lambda: arrays("convnet", (1, 16, 12)),
    "sequences": lambda: arrays("convnet", (2, 40)),
    "text_bag": lambda: texts("text_bag"),
    "text_cnn": lambda: texts("text_cnn"),
    "token_ids": lambda: texts("text_bag", as_ids=True),
    "own_module": own,
    "own_loss": lambda: own(criterion=own_loss),
    "mixed_loss": lambda: own(criterion=BinaryCrossEntropy(0.1)),
    "template": template,
    "two_arrays": two_arrays,
    "torch_module": lambda: fitted(
        classifier(
            **few(module=nn.Linear, module__in_features=4, module__out_features=2)
        ),
        *blobs(N_ROWS),
    ),
    "wrapped_net": wrapped,
    "mean_ensemble": lambda: ensemble("mean"),
    "greedy_ensemble": lambda: ensemble("greedy"),
    "ensemble_of_regressors": lambda: ensemble("mean", regressor),
    "best_of_search": best_of_search,
}


@functools.cache
def fitted_case(name: str) -> Case:
    """Return a fitted model; it must not be changed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # of modules that are made here
        return MODELS[name]()
