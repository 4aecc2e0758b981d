"""Targets, weights and groups in odd containers, and rows that cannot be counted."""

from decimal import Decimal

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from sk_mixup import MixupSearchCV
from tests.builders import assert_same_weights, blobs, classifier, regressor

X, Y = blobs(40)
LINEAR = nn.Linear(4, 2)
LOADER = DataLoader(TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)), 8)
# Of NumPy 2.
STRINGS = [np.dtypes.StringDType()] if hasattr(np.dtypes, "StringDType") else []


def net(**params):
    return classifier(module=LINEAR, **params)


@pytest.mark.parametrize(
    "labels",
    [
        Y.astype(object),
        Y.astype(bool).astype(object),
        np.array([np.int16(label) for label in Y], dtype=object),
        Y.astype(">i4"),
        [torch.tensor(label) for label in Y],
        *(np.array(["no", "yes"])[Y].astype(dtype) for dtype in STRINGS),
    ],
    ids=["ints", "bools", "int16", "big-endian", "tensors", *map(str, STRINGS)],
)
def test_labels_are_fitted_and_scored_as_what_they_stand_for(labels):
    model, plain = net().fit(X, labels), net().fit(X, Y)
    assert_same_weights(model, plain)
    assert model.classes_.dtype.kind in "iubO"
    assert model.score(X, labels) == plain.score(X, Y)


def test_a_list_of_tensors_may_hold_several_labels():
    rows = [torch.tensor([label, 1, 0]) for label in Y.tolist()]
    model = classifier(module=nn.Linear(4, 3)).fit(X, rows)
    assert model.n_outputs_ == 3
    assert 0 <= model.score(X, rows) <= 1


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([True, 0] * 20, r"mixes labels of type bool, int"),
        ([Decimal(1), Decimal(2)] * 20, r"holds objects of type Decimal.*str\(label\)"),
    ],
)
def test_objects_that_are_no_labels_are_named(labels, words):
    with pytest.raises(ValueError, match=f"Unknown label type: y {words}"):
        net().fit(X, np.array(labels, dtype=object))


@pytest.mark.parametrize("dtype", [">i4", *STRINGS], ids=str)
def test_groups_of_any_dtype(dtype):
    groups = np.arange(40) % 4
    one = net().fit(X, Y, groups=groups.astype(str).astype(dtype))
    assert_same_weights(one, net().fit(X, Y, groups=groups))


@pytest.mark.parametrize(
    "rows",
    [LOADER, iter(X), {"rows": X}.values(), map(abs, X)],
    ids=lambda x: type(x).__name__,
)
@pytest.mark.parametrize(
    "use",
    [
        lambda rows: net().fit(rows, Y),
        lambda rows: net().partial_fit(rows, Y),
        lambda rows: net().fit(X, Y, X_val=rows),
        lambda rows: net().fit(X, Y).predict(rows),
        lambda rows: MixupSearchCV(net(), {"alpha": [0.0]}).fit(rows, Y),
        lambda rows: regressor(module=nn.Linear(4, 1)).fit(rows, X[:, 0]),
    ],
    ids=["fit", "partial_fit", "X_val", "predict", "search", "regressor"],
)
def test_rows_that_cannot_be_counted_are_refused_with_what_to_give(rows, use):
    with pytest.raises(TypeError, match=r"X is a .*Give (its data set|list\(X\))"):
        use(rows)


@pytest.mark.parametrize("targets", [iter(Y), LOADER], ids=["iterator", "loader"])
def test_targets_that_cannot_be_counted_are_refused(targets):
    with pytest.raises(TypeError, match=r"y is a .*Give list\(y\)"):
        net().fit(X, targets)


def test_bytes_given_to_an_embedding_are_told_from_pixels():
    module = nn.Sequential(nn.Embedding(9, 2), nn.Flatten(), nn.Linear(8, 2))
    with pytest.raises(ValueError, match=r"uint8.*as float32.*int64"):
        classifier(module=module).fit(np.abs(X).astype(np.uint8), Y)
