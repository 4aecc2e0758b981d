"""What y is does not depend on which of its rows are seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sk_mixup.encoding import (
    ClassEncoder,
    ClassMatrixEncoder,
    LabelMatrixEncoder,
    SoftLabelEncoder,
    TargetScaler,
    fit_classes,
    target_kind_of,
)

AGREED = np.eye(3)[[0, 1, 2, 1]]
DOUBTED = 0.8 * AGREED + 0.2 / 3
INDICATORS = np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0]])
NAMES = ["cat", "ant", "bee"]


# -- what is said ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "kind", "encoder"),
    [
        (["a", "b"], "classes", ClassEncoder),
        (INDICATORS, "labels", LabelMatrixEncoder),
        (AGREED, "labels", LabelMatrixEncoder),
        (AGREED.astype(int), "soft", SoftLabelEncoder),
        (AGREED.astype(bool), "soft", SoftLabelEncoder),
        (DOUBTED, "soft", SoftLabelEncoder),
        (["a", "b"], "soft", SoftLabelEncoder),
        (INDICATORS, "outputs", ClassMatrixEncoder),
        (INDICATORS - 1, "outputs", ClassMatrixEncoder),
        ([["a", 0], ["b", 1]], "outputs", ClassMatrixEncoder),
        (INDICATORS[:, :1], "labels", LabelMatrixEncoder),
        (INDICATORS[:, :1], "outputs", ClassMatrixEncoder),
    ],
)
def test_the_kind_is_what_was_said(y, kind, encoder):
    assert isinstance(fit_classes(y, target_kind=kind), encoder)
    assert target_kind_of(y, target_kind=kind) == kind


@pytest.mark.parametrize("kind", ["boxes", "soft labels", None, 3])
def test_a_kind_that_is_none(kind):
    with pytest.raises(ValueError, match=r"target_kind must be one of \['auto', 'cla"):
        fit_classes([0, 1], target_kind=kind)


@pytest.mark.parametrize(
    ("y", "kind", "words"),
    [
        (INDICATORS, "classes", "y has 3 columns. Use y.argmax"),
        (DOUBTED, "labels", "it holds 0.8.*target_kind='soft'"),
        (INDICATORS * 2, "labels", "it holds 2.*target_kind='outputs'"),
        (INDICATORS, "soft", "row 0 sums to 2"),
        ([0, 1], "labels", r"target_kind='labels' means a matrix.*shape \(2,\)"),
        ([0, 1], "outputs", "target_kind='outputs' means a matrix"),
    ],
)
def test_targets_of_another_kind_than_was_said(y, kind, words):
    with pytest.raises(ValueError, match=words):
        fit_classes(y, target_kind=kind)


def test_classes_of_every_output_say_that_there_are_outputs():
    y = [[0, 1], [1, 0]]
    encoder = fit_classes(y, classes=[[0, 1, 2], [0, 1]])
    assert [classes.tolist() for classes in encoder.classes_] == [[0, 1, 2], [0, 1]]
    assert target_kind_of(y, classes=[[0, 1, 2], [0, 1]]) == "outputs"


# -- what the rows say ----------------------------------------------------------------


def test_soft_labels_of_people_who_agree_are_soft_labels():
    for rows in (AGREED, DOUBTED, np.r_[AGREED, DOUBTED]):
        for y in (rows, rows.astype(np.float32), rows.tolist(), pd.DataFrame(rows)):
            assert target_kind_of(y) == "soft"
    assert target_kind_of(AGREED.astype(int)) == "labels"
    assert target_kind_of(np.r_[AGREED, [[1.0, 1.0, 0.0]]]) == "labels"


def test_a_later_part_may_be_of_either():
    encoder = fit_classes(AGREED)
    np.testing.assert_allclose(encoder.transform(DOUBTED), DOUBTED, atol=1e-6)
    encoder = fit_classes(DOUBTED)
    np.testing.assert_array_equal(encoder.transform(AGREED.astype(int)), AGREED)
    np.testing.assert_array_equal(encoder.transform([0, 1, 2, 1]), AGREED)


def test_hard_labels_may_come_first():
    encoder = fit_classes(["b", "a"], classes=["a", "b", "c"], target_kind="soft")
    assert encoder.classes_.tolist() == ["a", "b", "c"]
    later = pd.DataFrame([[0.5, 0.2, 0.3]], columns=["c", "a", "b"])
    np.testing.assert_allclose(encoder.transform(later), [[0.2, 0.3, 0.5]], rtol=1e-6)


@pytest.mark.parametrize("dtype", [int, float, "int8", object])
def test_minus_one_beside_zero_and_one_is_asked_about(dtype):
    y = INDICATORS.copy()
    y[2, 1] = -1
    with pytest.raises(
        ValueError, match="-1 beside 0 and 1, first in row 2 of column 1"
    ):
        fit_classes(y.astype(dtype))
    frame = pd.DataFrame(y, columns=NAMES).astype(dtype)
    with pytest.raises(ValueError, match=r"column 'ant'.*target_kind='outputs'"):
        fit_classes(frame)
    assert fit_classes(y.astype(dtype), target_kind="outputs").n_outputs_ == 3


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
def test_missing_labels_are_found_by_row_and_column(missing):
    y = INDICATORS.astype(object)
    y[2, 1] = missing
    for given, column in ((y, 1), (pd.DataFrame(y, columns=NAMES), "'ant'")):
        words = (
            f"column {column} of y contains NaN, first in row 2 .*decide for a value"
        )
        with pytest.raises(ValueError, match=words):
            fit_classes(given)
        with pytest.raises(ValueError, match=words):
            fit_classes(given, target_kind="labels")


# -- columns by name ------------------------------------------------------------------


def frames(values, columns=NAMES):
    yield pd.DataFrame(values, columns=columns)
    pl = pytest.importorskip("polars")
    yield pl.DataFrame(dict(zip(columns, np.asarray(values).T, strict=True)))


@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_polars_gives_the_kind_and_the_classes_of_pandas():
    for values, kind in ((DOUBTED, "soft"), (INDICATORS, "labels")):
        of_pandas, of_polars = (fit_classes(frame) for frame in frames(values))
        assert of_pandas.kind == of_polars.kind == kind
        assert of_pandas.classes_.tolist() == of_polars.classes_.tolist()
    one = [fit_classes(frame[["bee"]]) for frame in frames(INDICATORS)]
    assert [encoder.kind for encoder in one] == ["classes"] * 2


@pytest.mark.parametrize(
    ("values", "encoder"),
    [
        (DOUBTED, SoftLabelEncoder),
        (INDICATORS, LabelMatrixEncoder),
        (INDICATORS * 3, ClassMatrixEncoder),
        (DOUBTED, TargetScaler),
    ],
)
def test_the_order_of_named_columns_does_not_matter(values, encoder):
    for frame in frames(values):
        fitted = encoder().fit(frame)
        for other in frames(values):
            expected = fitted.transform(other)
            np.testing.assert_array_equal(
                fitted.transform(other[sorted(NAMES)]), expected
            )
        np.testing.assert_array_equal(fitted.transform(np.asarray(values)), expected)
        renamed = next(frames(values, ["x", "y", "z"]))
        with pytest.raises(ValueError, match=r"columns of y are \['x'.*in fit they"):
            fitted.transform(renamed)


def test_outputs_are_read_in_the_order_of_fit():
    frame = next(frames(INDICATORS * 3))
    encoder = ClassMatrixEncoder().fit(frame)
    np.testing.assert_array_equal(
        encoder.read(frame[sorted(NAMES)]), encoder.read(frame)
    )


# -- columns of one -------------------------------------------------------------------


def test_a_column_vector_warns_in_fit_alone(recwarn):
    encoder = ClassEncoder().fit(["a", "b"])
    assert encoder.transform(np.array([["b"], ["a"]])).tolist() == [1, 0]
    assert encoder.transform(pd.DataFrame({"y": ["b"]})).tolist() == [1]
    assert not recwarn.list
    with pytest.warns(UserWarning, match="column-vector"):
        ClassEncoder().fit(pd.DataFrame({"y": ["a", "b"]}))


def test_numbers_in_a_vector_and_in_a_column_are_the_same():
    y = np.array([1.0, 2.0, 4.0])
    vector, column = TargetScaler().fit(y), TargetScaler().fit(y[:, None])
    np.testing.assert_array_equal(vector.transform(y[:, None]), vector.transform(y))
    np.testing.assert_array_equal(column.transform(y), column.transform(y[:, None]))


# -- labels of every dtype ------------------------------------------------------------


def test_labels_beyond_the_largest_signed_integer():
    large = [2**63 + 5, 2**63 + 4, 1]
    for y in (np.array(large, dtype=object), np.array(large, dtype=np.uint64)):
        encoder = ClassEncoder().fit(y)
        assert encoder.classes_.tolist() == sorted(large)
        assert encoder.inverse_transform(encoder.transform(y)).tolist() == large
        assert encoder.transform(np.array([1])).tolist() == [0]
    with pytest.raises(ValueError, match=r"y holds 1000000.* 64 bits at most.*astype"):
        ClassEncoder().fit([10**30, 1])


@pytest.mark.parametrize(
    "y",
    [
        np.array([3, 1, 3], dtype=">i4"),
        np.array([3.0, 1.0, 3.0], dtype=">f8"),
        np.array([3, 1, 3], dtype=object),
        pd.Series([3, 1, 3], dtype="Int64"),
    ],
    ids=["big-endian", "big-endian floats", "objects", "nullable"],
)
def test_numbers_as_labels(y):
    encoder = ClassEncoder().fit(y)
    assert encoder.classes_.tolist() == [1, 3]
    assert encoder.classes_.dtype.isnative
    assert encoder.transform(y).tolist() == [1, 0, 1]


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="NumPy 2 has it")
def test_texts_of_numpy_as_labels():
    y = np.array(["yes", "no", "yes"], dtype=np.dtypes.StringDType())
    encoder = ClassEncoder().fit(y)
    assert encoder.classes_.tolist() == ["no", "yes"]
    assert encoder.transform(["yes"]).tolist() == encoder.transform(y[:1]).tolist()
    with pytest.raises(ValueError, match="not among the classes: 'maybe'"):
        encoder.transform(np.array(["maybe"], dtype=np.dtypes.StringDType()))
