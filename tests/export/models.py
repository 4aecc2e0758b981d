"""Small models, rows they have not seen, and what is fed to a program of them."""

import numpy as np
import torch

from tests.builders import classifier, people, regressor

NETS = {
    "folds": {},
    "gates": {"module__gated": 0.5, "module__n_hidden": 3},
    "shared": {"module": "tabm", "module__d_hidden": 16},
    "wide": {"module": "tabm", "module__d_hidden": 300, "module__n_members": 2},
    "mlp": {"module": "mlp", "module__d_hidden": 16},
    "resnet": {"module": "resnet", "module__width": 16, "module__n_blocks": 1},
    "ft_transformer": {"module": "ft_transformer", "module__d_token": 8},
    "excelformer": {"module": "excelformer", "module__d_token": 8},
}


def table(n_rows=80):
    """Return a table with whole numbers, tenths, missing values and categories."""
    X, y, income = people(n_rows)
    random = np.random.default_rng(1)
    X["tenths"] = random.integers(0, 8, n_rows) / 10
    X["noise"] = random.standard_normal(n_rows) * 1e3
    return X, y, income


def strange(X):
    """Return rows with values that no training row has, and that lack some."""
    X = X.iloc[::-1].reset_index(drop=True).copy()
    X["job"] = X["job"].astype(object)
    X["region"] = X["region"].astype(object)
    X.loc[0, ["job", "region"]] = ["astronaut", "east"]
    X.loc[1, ["job", "region"]] = [None, None]
    X.loc[2, ["age", "noise"]] = [np.nan, 1e9]
    X.loc[3, "noise"] = np.nan
    X["tenths"] = np.float32(X["tenths"])
    X.loc[4, "tenths"] = np.float32(0.35)
    return X


def fitted(kind, **params):
    """Return a model of the table by "classifier" or "regressor"."""
    X, y, income = table()
    make = {"classifier": classifier, "regressor": regressor}[kind]
    target = y if kind == "classifier" else income
    return make(**({"max_epochs": 2} | params)).fit(X, target)


def tensors(model, program, X):
    """Return the arguments of a program of a table."""
    numbers = X[program.number_names].to_numpy(dtype=float)
    return torch.from_numpy(numbers), model.encode(X)["categorical"]


def answer_of(model, X):
    """Return probabilities, or predictions."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)
    return model.predict(X)


def assert_close(found, expected, atol=1e-5):
    """Hold answers against each other, large numbers relative to the largest."""
    expected = np.asarray(expected)
    unit = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=atol * unit)
