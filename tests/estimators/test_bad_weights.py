"""Weights that are none are named before training, with value and remedy."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch

from tests.builders import assert_same_weights, blobs, classifier

X, Y = blobs(60, n_classes=3)
ONES = np.ones(60)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (ONES - 2, "Negative values in data; row 0 is -1.0"),
        (np.where(Y == 1, np.nan, 1.0), "must be finite; row 1 is nan"),
        (np.where(Y == 2, np.inf, 1.0), "must be finite; row 2 is inf"),
        (0 * ONES, "at least one non-zero number"),
        (["1"] * 60, "must hold numbers.*holds '1'|holds np.str_"),
        (np.array([1.0, "2"] * 30, dtype=object), "holds '2'"),
        (ONES + 1j, "holds dtype complex128"),
        (np.full(60, np.datetime64("2024-01-01")), "holds dtype datetime64"),
        (ONES[:, None], r"must be 1D array or scalar.*\(60, 1\).*ravel"),
        (ONES[:5], r"shape == \(5,\), expected \(60,\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("name", ["sample_weight", "sample_weight_val"])
def test_weights_of_rows(name, weight, words):
    given = {name: weight}
    if name == "sample_weight_val":
        given |= {"X_val": X, "y_val": Y}
    model = classifier(module="mlp")
    with pytest.raises(ValueError, match=f"^{name}\\b.*({words})"):
        model.fit(X, Y, **given)
    assert not hasattr(model, "net_")


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({0: -1}, "the weight of class 0 is -1; it must be a finite number"),
        ({1: np.nan}, "the weight of class 1 is nan"),
        ({2: np.inf}, "the weight of class 2 is inf"),
        ({0: "2"}, "the weight of class 0 is '2'"),
        ({0: None}, "the weight of class 0 is None"),
        ({0: 0, 1: 0, 2: 0}, "no row of y belongs to a class with a weight above 0"),
        ({7: 1}, r"the classes, \[7\], are not in y; it has \[0, 1, 2\]"),
        ({"0": 1}, "Did you mean 0"),
        (
            [1, 2, 3],
            r"must be a dict.*got \[1, 2, 3\] of type list.*\{0: 1.0",
        ),
        (np.ones(3), "of type ndarray"),
        (torch.ones(3), "of type Tensor"),
        (pd.Series([1.0, 2.0, 3.0]), "of type Series"),
        ("Balanced", "got 'Balanced' of type str"),
        (True, "of type bool"),
    ],
    ids=str,
)
def test_weights_of_classes(weights, words):
    model = classifier(module="mlp", class_weight=weights)
    with pytest.raises(ValueError, match=f"^class_weight.*{words}"):
        model.fit(X, Y)
    assert not hasattr(model, "net_")


def test_one_class_left_is_named_as_y_has_it():
    model = classifier(module="mlp", class_weight={0: 0, 1: 0, 2: 1})
    with pytest.raises(ValueError, match="one class with positive weight, 2:"):
        model.fit(X, Y)


def test_weights_whose_product_is_zero():
    model = classifier(module="mlp", class_weight={0: 0, 1: 1, 2: 1})
    with pytest.raises(ValueError, match="sample_weight and class_weight: their prod"):
        model.fit(X, Y, sample_weight=(Y == 0) * 1.0)


@pytest.mark.parametrize(
    "weights",
    [{0: Decimal(2)}, {np.int64(0): np.float32(2)}, {0.0: 2}],
    ids=["decimal", "numpy", "float key"],
)
def test_numbers_of_any_kind_are_weights(weights):
    one = classifier(module="mlp", class_weight=weights).fit(X, Y)
    assert_same_weights(one, classifier(module="mlp", class_weight={0: 2.0}).fit(X, Y))


def test_a_fold_may_lack_a_class_that_has_a_weight():
    weights, two = {0: 1, 1: 2, 2: 9}, Y < 2
    one = classifier(module="mlp", class_weight=weights).fit(X[two], Y[two])
    other = classifier(module="mlp", class_weight={0: 1, 1: 2}).fit(X[two], Y[two])
    assert_same_weights(one, other)


@pytest.mark.parametrize("class_weight", [None, {0: 1e10}])
def test_sums_and_products_of_huge_weights_do_not_overflow(class_weight):
    weight = np.where(Y == 0, 1e308, 5e307)
    model = classifier(module="mlp", class_weight=class_weight)
    model.fit(X, Y, sample_weight=weight)
    ratio = 2.0 if class_weight is None else 2e10
    same = classifier(module="mlp").fit(X, Y, sample_weight=np.where(Y == 0, ratio, 1))
    np.testing.assert_allclose(model.predict_proba(X), same.predict_proba(X), rtol=1e-4)
