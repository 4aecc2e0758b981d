"""Class labels: which are accepted, how they come back, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from sklearn.exceptions import DataConversionWarning

from sk_mixup.encoding import ClassEncoder

pa = pytest.importorskip("pyarrow")


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["b", "a", "b"], ["a", "b"]),
        (np.array(["b", "a"]), ["a", "b"]),
        ([3, 1, 1], [1, 3]),
        ([1.0, 0.0], [0.0, 1.0]),
        ([True, False], [False, True]),
        (pd.Series(["b", "a"]), ["a", "b"]),
        (pd.Series(["b", "a"], dtype=object), ["a", "b"]),
        (pd.Series(["b", "a"], dtype="string"), ["a", "b"]),
        (pd.Series(["b", "a"], dtype="string[pyarrow]"), ["a", "b"]),
        (pd.Series(["b", "a"], dtype=pd.ArrowDtype(pa.string())), ["a", "b"]),
        (pd.Series(["b", "a"], dtype="category"), ["a", "b"]),
        (pd.Series([2, 1], dtype="category"), [1, 2]),
        (pd.Series([2, 1], dtype="Int64"), [1, 2]),
        (pd.Series([2, 1], dtype="int64[pyarrow]"), [1, 2]),
        (pd.Series([True, False], dtype="boolean"), [False, True]),
        (pd.Series([True, False], dtype="bool[pyarrow]"), [False, True]),
        (np.array([2, 1], dtype=object), [1, 2]),
        (np.array([True, False], dtype=object), [False, True]),
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'dtype', value)}",
)
def test_labels_of_any_dtype_come_back_as_they_were(y, classes):
    encoder = ClassEncoder().fit(y)
    assert encoder.classes_.tolist() == classes
    assert {type(c) for c in encoder.classes_.tolist()} == {type(c) for c in classes}
    codes = encoder.transform(y)
    assert codes.dtype == np.int64
    assert encoder.inverse_transform(codes).tolist() == list(y)


def test_polars_labels():
    pl = pytest.importorskip("polars")
    assert ClassEncoder().fit(pl.Series(["b", "a"])).classes_.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="Input y contains NaN"):
        ClassEncoder().fit(pl.Series([1, None]))


# NumPy's own text cannot end in a null character.
texts = st.text(st.characters(exclude_characters="\0"), max_size=2)


@given(st.lists(texts, min_size=2) | st.lists(st.integers(-(2**62), 2**62), min_size=2))
def test_every_label_survives_the_way_there_and_back(labels):
    if len(set(labels)) < 2:
        labels = [*labels, labels[0] * 2 + 1 if isinstance(labels[0], int) else "abc"]
    with warnings.catch_warnings():
        # scikit-learn's: so many classes look like a regression target.
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        encoder = ClassEncoder().fit(labels)
    assert encoder.inverse_transform(encoder.transform(labels)).tolist() == labels
    assert encoder.classes_.tolist() == sorted(set(labels))


def test_equal_labels_of_another_dtype_have_the_same_codes():
    encoder = ClassEncoder().fit([0, 1, 2])
    assert encoder.transform([2.0, 0.0]).tolist() == [2, 0]
    assert encoder.transform(pd.Series([2, 0], dtype="Int8")).tolist() == [2, 0]
    assert encoder.transform(np.array([2, 0], dtype=object)).tolist() == [2, 0]


def test_a_column_vector_is_warned_of_and_taken():
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        encoder = ClassEncoder().fit(np.array([[0], [1]]))
    assert encoder.classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("y", "count"),
    [
        ([1.0, np.nan, np.nan], 2),
        (["a", None, "b"], 1),
        (pd.Series(["a", None]), 1),
        (pd.Series(["a", None], dtype="string"), 1),
        (pd.Series(["a", None], dtype="category"), 1),
        (pd.Series([1, None], dtype="Int64"), 1),
        (pd.Series([1, None], dtype="int64[pyarrow]"), 1),
        (pd.Series([True, pd.NA], dtype=object), 1),
    ],
)
def test_missing_labels_are_counted(y, count):
    with pytest.raises(ValueError, match=rf"Input y contains NaN\. {count} of"):
        ClassEncoder().fit(y)
    with pytest.raises(ValueError, match=rf"Input y contains NaN\. {count} of"):
        ClassEncoder().fit([0, 1]).transform(y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([], r"0 sample\(s\).*y"),
        ([0.1, 0.2], "Unknown label type: continuous"),
        (np.array([0.1, 0.2], dtype=object), "Unknown label type: continuous"),
        (np.array([{}, ()], dtype=object), "Unknown label type"),
        (
            np.array([1, "a"], dtype=object),
            r"Unknown label type.*int, str.*astype\(str",
        ),
        ([[1, 0], [0, 1]], "1d array"),
        ([1.0, np.inf], "y contains infinity"),
        ([1j, 2], "Complex data not supported"),
    ],
)
def test_what_is_no_class_target_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        ClassEncoder().fit(y)


@pytest.mark.parametrize("y", [[1, 1], ["a", "a"], pd.Series(["a"], dtype="category")])
def test_one_class_is_too_few_and_is_named(y):
    label = next(iter(y))
    with pytest.raises(ValueError, match=rf"at least 2 classes.*one class: {label!r}"):
        ClassEncoder().fit(y)


def test_unseen_labels_are_listed_up_to_five():
    encoder = ClassEncoder().fit(["a", "b"])
    with pytest.raises(
        ValueError, match=r"'q', 'r', 's', 't', 'u', \.\.\..*\['a', 'b'"
    ):
        encoder.transform(list("aqrstuvq"))


@pytest.mark.parametrize(
    ("seen", "later"), [([1, 2], ["a"]), (["a", "b"], [1]), ([1, 2], [3])]
)
def test_unseen_labels_of_any_type_are_refused(seen, later):
    with pytest.raises(ValueError, match=rf"not among the classes: {later[0]!r}"):
        ClassEncoder().fit(seen).transform(later)


def test_classes_may_be_more_than_y_shows():
    encoder = ClassEncoder().fit(["b"], classes=["c", "b", "a"])
    assert encoder.classes_.tolist() == ["a", "b", "c"]
    assert encoder.transform(["b"]).tolist() == [1]


def test_labels_outside_the_given_classes_are_refused():
    with pytest.raises(ValueError, match=r"not among the classes: 3\. .*\[1, 2\]"):
        ClassEncoder().fit([3, 1], classes=[1, 2])


@pytest.mark.parametrize("codes", [[2], [-1, 0]])
def test_codes_without_a_class_are_refused(codes):
    with pytest.raises(ValueError, match=r"codes must lie in \[0, 1\]"):
        ClassEncoder().fit(["a", "b"]).inverse_transform(codes)


def test_a_failed_fit_leaves_the_classes():
    encoder = ClassEncoder().fit(["a", "b"])
    with pytest.raises(ValueError, match="one class"):
        encoder.fit(["c"])
    assert encoder.classes_.tolist() == ["a", "b"]
