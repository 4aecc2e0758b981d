"""What is said of a row depends neither on its place nor on its company."""

import numpy as np
import pandas as pd
import pytest
import torch

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.nets._batch_ensemble import joined_output
from tests.builders import generator

N_ROWS = 1100


def table():
    random = np.random.default_rng(0)
    columns = {f"n{i}": random.standard_normal(N_ROWS) for i in range(3)}
    return pd.DataFrame(columns | {"c": random.choice(list("abcd"), N_ROWS)})


def fitted(net, n_outputs, **params):
    """Return a table net that has seen something of every class."""
    X = table()[:120]
    params = {"max_epochs": 1, "random_state": 0} | params
    if n_outputs == 1:
        return MixupRegressor(net, **params).fit(X, X["n0"] + X["n1"] ** 2)
    y = np.arange(len(X)) % n_outputs
    return MixupClassifier(net, **params).fit(X, y)


def outputs(model, X):
    return (
        model.predict(X)
        if model.__class__ is MixupRegressor
        else model.predict_proba(X)
    )


@pytest.mark.parametrize("n_outputs", [1, 2, 3, 10])
@pytest.mark.parametrize(
    "net", [None, "mlp", "tabm", "resnet", "ft_transformer", "excelformer"]
)
def test_a_row_has_the_same_bits_everywhere(net, n_outputs):
    model, X = fitted(net, n_outputs), table()
    together = outputs(model, X)
    order = np.random.default_rng(1).permutation(N_ROWS)
    np.testing.assert_array_equal(outputs(model, X.iloc[order]), together[order])
    for rows in (slice(0, 1), slice(7, 8), slice(3, 40), slice(600, 1100)):
        np.testing.assert_array_equal(outputs(model, X[rows]), together[rows])


def test_wide_members_that_share_matrices_differ_by_rounding_alone():
    model, X = fitted("tabm", 3, module__d_hidden=256), table()
    together = outputs(model, X)
    np.testing.assert_allclose(outputs(model, X[:200]), together[:200], atol=1e-6)


@pytest.mark.parametrize("activation", ["none", "softmax", "sigmoid"])
@pytest.mark.parametrize("n_outputs", [1, 2, 5, 10])
def test_members_are_joined_row_by_row(activation, n_outputs):
    output = torch.randn(7, 64, n_outputs, generator=generator()).transpose(0, 1)
    joined = joined_output(output, activation)
    order = torch.randperm(64, generator=generator(1))
    mixed = output.transpose(0, 1)[:, order].contiguous().transpose(0, 1)
    assert torch.equal(joined_output(mixed, activation), joined[order])
