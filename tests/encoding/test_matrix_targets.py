"""What a target of several columns is taken as, and its encoding."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from sk_mixup.encoding import (
    ClassEncoder,
    ClassMatrixEncoder,
    LabelMatrixEncoder,
    SoftLabelEncoder,
    fit_classes,
)

INDICATORS = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0]])
SOFT = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.0, 0.25, 0.75]])


# -- which kind -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (INDICATORS, "labels"),
        (INDICATORS.astype(bool), "labels"),
        (INDICATORS.astype(np.uint8), "labels"),
        (INDICATORS.astype(np.float32), "labels"),
        (INDICATORS.tolist(), "labels"),
        (list(INDICATORS), "labels"),
        (torch.from_numpy(INDICATORS), "labels"),
        (pd.DataFrame(INDICATORS, columns=list("abc")), "labels"),
        (pd.DataFrame(INDICATORS).astype("Int64"), "labels"),
        (pd.DataFrame({"a": [True, False], "b": [0, 1]}), "labels"),
        (sparse.csr_matrix(INDICATORS), "labels"),
        (sparse.coo_array(INDICATORS), "labels"),
        (sparse.lil_matrix(INDICATORS), "labels"),
        (np.eye(3), "soft"),
        (np.eye(3, dtype=int), "labels"),
        (np.eye(3, dtype=bool), "labels"),
        (np.zeros((3, 2), int), "labels"),
        (INDICATORS + 1, "columns"),
        (2 * INDICATORS - 1, "columns"),
        (INDICATORS * 2.0, "columns"),
        ([["a", "x"], ["b", "y"]], "columns"),
        ([["a", 1], ["b", 2]], "columns"),
        (np.array([["a", "x"], ["b", "y"]]), "columns"),
        (pd.DataFrame({"a": ["x", "y"], "b": [0, 1]}), "columns"),
        (pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": [0, 1]}), "columns"),
        (SOFT, "soft"),
        (SOFT.astype(np.float32), "soft"),
        (SOFT.tolist(), "soft"),
        (torch.from_numpy(SOFT), "soft"),
        (pd.DataFrame(SOFT, columns=list("abc")), "soft"),
        (SOFT * 0.9995, "soft"),
        (SOFT + np.array([1e-7, -1e-7, 0]), "soft"),
        ([0, 1, 2], "classes"),
        (["yes", "no"], "classes"),
        (np.array([0.0, 1.0]), "classes"),
        (pd.Series(["yes", "no"]), "classes"),
        (pd.DataFrame({"y": ["yes", "no"]}), "classes"),
    ],
)
@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_the_kind_follows_from_the_values(y, kind):
    assert fit_classes(y).kind == kind


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([[0.2, 0.5], [0.5, 0.5]], "row 0 sums to 0.7"),
        ([[0.2, 0.8], [-0.5, 1.5]], "row 1 holds -0.5"),
        ([[0.2, 0.8], [0.5, 1.5]], "row 1 holds 1.5"),
        (np.random.default_rng(0).random((4, 3)), "use MixupRegressor"),
        (SOFT * 0.998, "sums to 0.998"),
        ([[0.5, np.nan], [0.5, 0.5]], "NaN"),
        ([[1.0, np.inf], [0.5, 0.5]], "infinity"),
        ([["a", None], ["b", "c"]], "column 1 of y contains NaN"),
        (pd.DataFrame({"a": [1.0, np.nan], "b": [0, 1]}), "column 'a' of y contains"),
        (np.zeros((2, 2, 2)), "classes are integers"),
        ([[1, 2], [3]], "legacy multi-label"),
        (sparse.csr_matrix(2 * INDICATORS), "sparse y must be an indicator"),
        ([["a", "x"], ["b", "x"]], "Column 1 of y: .* only one class: 'x'"),
        (pd.DataFrame({"a": [1, 2], "b": [3, 3]}), "Column 'b' of y: .* one class: 3"),
    ],
)
def test_targets_of_no_kind_are_refused(y, words):
    with pytest.raises(ValueError, match=words):
        fit_classes(y)


def test_one_class_per_row_has_the_plain_encoder():
    assert isinstance(fit_classes(["a", "b"]), ClassEncoder)


# -- labels ---------------------------------------------------------------------------


def test_indicators_of_every_container_are_the_same_floats():
    encoder = LabelMatrixEncoder().fit(INDICATORS)
    containers = [
        INDICATORS,
        INDICATORS.astype(bool),
        INDICATORS.tolist(),
        sparse.csc_array(INDICATORS),
        pd.DataFrame(INDICATORS),
    ]
    for y in containers:
        found = encoder.transform(y)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, INDICATORS)


def test_labels_are_known_by_their_index():
    encoder = LabelMatrixEncoder().fit(INDICATORS, classes=[2, 0, 1])
    assert encoder.classes_.tolist() == [0, 1, 2]
    assert encoder.n_outputs_ == 3


@pytest.mark.parametrize("classes", [[0, 1], ["a", "b", "c"], [[0, 1]] * 3])
def test_other_classes_than_the_indices_are_refused(classes):
    with pytest.raises(ValueError, match="0 to 2"):
        LabelMatrixEncoder().fit(INDICATORS, classes=classes)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (INDICATORS[:, :2], "2 labels, but in fit it had 3"),
        (2 * INDICATORS, "of 0 and 1"),
        ([0, 1, 0], "column per label"),
    ],
)
def test_later_labels_of_another_form_are_refused(y, words):
    encoder = LabelMatrixEncoder().fit(INDICATORS)
    with pytest.raises(ValueError, match=words):
        encoder.transform(y)


# -- outputs --------------------------------------------------------------------------


def test_every_column_has_classes_of_its_own():
    y = pd.DataFrame({"colour": ["red", "blue", "red"], "size": [10, 30, 20]})
    encoder = ClassMatrixEncoder().fit(y)
    assert [c.tolist() for c in encoder.classes_] == [["blue", "red"], [10, 20, 30]]
    codes = encoder.transform(y)
    assert codes.tolist() == [[1, 0], [0, 2], [1, 1]]
    assert encoder.inverse_transform(codes).tolist() == y.to_numpy().tolist()


@pytest.mark.parametrize(
    ("y", "dtype"),
    [
        ([[1, 5], [2, 6]], np.int64),
        ([[1.0, 5.0], [2.0, 6.0]], np.float64),
        ([["a", "b"], ["c", "d"]], object),
        ([["a", 1], ["c", 2]], object),
        (pd.DataFrame({"a": [True, False], "b": [1, 2]}), object),
    ],
)
def test_labels_come_back_in_the_dtype_that_outputs_share(y, dtype):
    encoder = ClassMatrixEncoder().fit(y)
    assert encoder.inverse_transform([[0, 0], [1, 1]]).dtype == dtype


def test_classes_that_y_lacks_can_be_named():
    encoder = ClassMatrixEncoder().fit(
        [["a", 1], ["b", 2]], classes=[["c", "b", "a"], [1, 2, 3]]
    )
    assert [c.tolist() for c in encoder.classes_] == [["a", "b", "c"], [1, 2, 3]]
    assert encoder.has_classes([["a", "b", "c"], [3, 2, 1]])
    assert not encoder.has_classes([["a", "b", "c"], [3, 2]])
    assert not encoder.has_classes([["a", "b", "c"]])


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([["a", 1, 2], ["b", 2, 3]], "3 outputs, but in fit it had 2"),
        ([["a", 1], ["z", 2]], "Column 0 of y: .* not among the classes: 'z'"),
        (["a", "b"], "column of classes per output"),
    ],
)
def test_later_outputs_of_another_form_are_refused(y, words):
    encoder = ClassMatrixEncoder().fit([["a", 1], ["b", 2]])
    with pytest.raises(ValueError, match=words):
        encoder.transform(y)


def test_as_many_lists_of_classes_as_outputs_are_needed():
    with pytest.raises(ValueError, match="each of the 2 outputs"):
        ClassMatrixEncoder().fit([["a", 1], ["b", 2]], classes=[["a", "b"]])


# -- soft labels ----------------------------------------------------------------------


def test_columns_of_an_array_are_classes_by_position():
    encoder = SoftLabelEncoder().fit(SOFT)
    assert encoder.classes_.tolist() == [0, 1, 2]
    np.testing.assert_allclose(encoder.transform(SOFT), SOFT, rtol=1e-6)


def test_columns_of_a_frame_are_classes_by_name_and_sorted():
    y = pd.DataFrame(SOFT, columns=["owl", "cat", "dog"])
    encoder = SoftLabelEncoder().fit(y)
    assert encoder.classes_.tolist() == ["cat", "dog", "owl"]
    sorted_y = y[["cat", "dog", "owl"]].to_numpy()
    np.testing.assert_allclose(encoder.transform(y), sorted_y, rtol=1e-6)
    # The names lead, not the order; an array has the order of fit.
    swapped = y[["dog", "owl", "cat"]]
    np.testing.assert_allclose(encoder.transform(swapped), sorted_y, rtol=1e-6)
    np.testing.assert_allclose(encoder.transform(y.to_numpy()), sorted_y, rtol=1e-6)


def test_classes_name_the_columns_of_an_array():
    encoder = SoftLabelEncoder().fit(SOFT, classes=["owl", "cat", "dog"])
    assert encoder.classes_.tolist() == ["cat", "dog", "owl"]
    np.testing.assert_allclose(encoder.transform(SOFT)[0], [0.5, 0.3, 0.2], rtol=1e-6)


def test_rounded_probabilities_are_scaled_to_sum_to_one():
    rounded = SOFT * 0.9995
    soft = SoftLabelEncoder().fit(rounded).transform(rounded)
    np.testing.assert_allclose(soft.sum(1), 1.0, atol=1e-6)


def test_probabilities_that_rounding_left_beyond_0_and_1_are_clipped():
    beyond = SOFT + np.array([1e-7, -1e-7, 0])
    soft = SoftLabelEncoder().fit(beyond).transform(beyond)
    assert soft.min() == 0.0
    assert soft.max() <= 1.0


def test_hard_labels_are_soft_labels_too():
    encoder = SoftLabelEncoder().fit(SOFT, classes=["b", "a", "c"])
    assert encoder.transform(["c", "a"]).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert encoder.transform(np.eye(3)[:1]).tolist() == [[0, 1, 0]]


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([[0.5, 0.5]], "2 columns of probabilities, but in fit it had 3"),
        ([[0.5, 0.2, 0.2]], "sums to 0.9"),
        (
            pd.DataFrame([[0.5, 0.2, 0.3]], columns=list("xyz")),
            r"columns of y are \['x",
        ),
        (["a", "z"], "not among the classes: 'z'"),
    ],
)
def test_later_soft_labels_of_another_form_are_refused(y, words):
    encoder = SoftLabelEncoder().fit(pd.DataFrame(SOFT, columns=list("abc")))
    with pytest.raises(ValueError, match=words):
        encoder.transform(y)


@pytest.mark.parametrize("classes", [["a", "b"], ["a", "b", "b"]])
def test_as_many_different_names_as_columns_are_needed(classes):
    with pytest.raises(ValueError, match="3 columns of probabilities"):
        SoftLabelEncoder().fit(SOFT, classes=classes)


def test_names_of_columns_and_classes_must_agree():
    with pytest.raises(ValueError, match="differ from the names"):
        SoftLabelEncoder().fit(
            pd.DataFrame(SOFT, columns=list("abc")), classes=list("abcd")
        )
