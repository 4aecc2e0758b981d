"""Which columns are categories, and what a wrong `categorical_features` says."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest

from sk_mixup.encoding import TableEncoder, as_table
from tests.encoding.dtypes import TEXT_DTYPES, pa

NUMBER_DTYPES = [
    "float64",
    "float32",
    "int8",
    "uint64",
    "bool",
    "object",
    "boolean",
    "Int64",
    "Float64",
    "int64[pyarrow]",
    "double[pyarrow]",
    "bool[pyarrow]",
    pd.SparseDtype("float64"),
    pd.ArrowDtype(pa.decimal128(30, 2)),
]


def roles(X, categorical_features="from_dtype"):
    encoder = TableEncoder(categorical_features).fit(as_table(X))
    return [
        "c" if j in encoder.categorical_columns_ else "n" for j in range(X.shape[1])
    ]


@pytest.mark.parametrize("dtype", TEXT_DTYPES, ids=str)
def test_text_and_category_dtypes_are_categories(dtype):
    assert roles(pd.DataFrame({"a": pd.Series(["x", None, "y"]).astype(dtype)})) == [
        "c"
    ]


@pytest.mark.parametrize("dtype", NUMBER_DTYPES, ids=str)
def test_number_and_boolean_dtypes_are_numbers(dtype):
    assert roles(pd.DataFrame({"a": pd.Series([1, 0, 1]).astype(dtype)})) == ["n"]


@pytest.mark.parametrize(
    "values",
    [
        [1, 2.5, None],
        [True, False, None],
        [True, 3, np.nan],
        [decimal.Decimal("1.5"), pd.NA],
        [2**70, -1],
        [np.float32(1), np.int8(2), np.True_],
    ],
)
def test_object_columns_of_numbers_are_numbers(values):
    assert roles(pd.DataFrame({"a": pd.Series(values, dtype=object)})) == ["n"]


@pytest.mark.parametrize(
    "values", [[1, "x"], [1.5, "2"], [b"a"], [(1, 2)], [True, "x"]]
)
def test_object_columns_with_anything_else_are_categories(values):
    assert roles(pd.DataFrame({"a": pd.Series(values, dtype=object)})) == ["c"]


def test_an_object_column_of_missing_values_takes_any_value_later():
    encoder = TableEncoder().fit(pd.DataFrame({"a": [None, None]}, dtype=object))
    later = pd.DataFrame({"a": ["text", None, 3]}, dtype=object)
    assert encoder.transform(later).categorical.ravel().tolist() == [1, 0, 1]


def test_all_columns_of_an_array_are_numbers():
    assert roles(np.array([[1, True], [None, 2.5]], dtype=object)) == ["n", "n"]


@pytest.mark.parametrize(
    "declared",
    [
        ["b"],
        [1],
        np.array([1]),
        [False, True],
        np.array([False, True]),
        pd.Series([False, True]),
        pd.Index(["b"]),
        ("b",),
    ],
    ids=repr,
)
def test_columns_may_be_declared_in_any_of_three_forms(declared):
    assert roles(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), declared) == ["n", "c"]


@pytest.mark.parametrize("declared", [None, []])
def test_no_column_may_be_declared(declared):
    assert roles(pd.DataFrame({"a": [1, 2]}), declared) == ["n"]


def test_columns_of_an_array_may_be_declared():
    assert roles(np.array([[1, 2], [3, 4]]), [0]) == ["c", "n"]


@pytest.mark.parametrize("declared", [None, ["b"]])
def test_text_in_an_undeclared_column_names_value_and_remedy(declared):
    X = pd.DataFrame({"job": [1, "cook"], "b": [1, 2]})
    message = r"text 'cook' in column 'job'.*add 'job' to categorical_features"
    with pytest.raises(ValueError, match=message):
        TableEncoder(declared).fit(X)


def test_text_in_an_array_names_position_and_remedy():
    X = as_table([[1, "a"], [2, "b"]])
    with pytest.raises(
        ValueError, match=r"text 'a' in column 1,.*categorical_features=\[1\]"
    ):
        TableEncoder().fit(X)


def test_numbers_as_text_in_a_number_column_are_not_parsed():
    with pytest.raises(ValueError, match=r"text '1\.5'.*pd\.to_numeric\(X\['a'\]"):
        TableEncoder(None).fit(pd.DataFrame({"a": ["1.5", "2"]}))


@pytest.mark.parametrize(
    ("declared", "error", "message"),
    [
        ("from_dtyp", ValueError, "Did you mean 'from_dtype'"),
        ("age", ValueError, r"For the column of that name pass \['age'\]"),
        (["agee"], ValueError, "'agee', which is no column.*Did you mean 'age'"),
        (["zzz"], ValueError, r"'zzz'.*columns of X are \['age', 'job'\]"),
        ([2], ValueError, r"\[0, 1\].*got \[2\]"),
        ([-1], ValueError, r"got \[-1\]"),
        ([True], ValueError, "2 columns, the mask 1 entries"),
        ([[0, 1]], ValueError, r"one-dimensional.*\(1, 2\)"),
        ([0.5], TypeError, "type float"),
        (["age", 1], TypeError, "type int, str"),
        ([True, 1], TypeError, "type bool, int"),
        (3, TypeError, "got 3 of type int"),
        ({"age"}, TypeError, "type set"),
    ],
    ids=repr,
)
def test_a_wrong_declaration_is_named(declared, error, message):
    X = pd.DataFrame({"age": [1, 2], "job": [3, 4]})
    with pytest.raises(error, match=rf"categorical_features.*{message}"):
        TableEncoder(declared).fit(X)


def test_names_need_a_frame():
    with pytest.raises(ValueError, match=r"categorical_features holds column names"):
        TableEncoder(["a"]).fit(np.eye(2))


@pytest.mark.parametrize("declared", ["from_dtype", None])
@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        (pd.date_range("2020", periods=2), r"X\['when'\]\.dt\.year"),
        (pd.date_range("2020", periods=2, tz="UTC"), r"X\['when'\]\.dt\.year"),
        (pd.to_timedelta([1, 2]), r"total_seconds\(\)"),
        ([datetime.date(2020, 1, 1)] * 2, r"X\['when'\]\.dt\.year"),
        (
            pd.Series([0, 1], dtype=pd.ArrowDtype(pa.timestamp("s"))),
            r"X\['when'\]\.dt\.year",
        ),
    ],
    ids=["datetime", "timezone", "timedelta", "date objects", "arrow"],
)
def test_times_are_refused_with_a_remedy(values, remedy, declared):
    X = pd.DataFrame({"when": values})
    with pytest.raises(ValueError, match=rf"column 'when'.*{remedy}"):
        TableEncoder(declared).fit(X)


@pytest.mark.parametrize(
    "values",
    [pd.period_range("2020", periods=2, freq="D"), pd.interval_range(0, 2)],
    ids=["period", "interval"],
)
def test_periods_and_intervals_are_refused(values):
    with pytest.raises(ValueError, match="column 'when'"):
        TableEncoder().fit(pd.DataFrame({"when": values}))


def test_times_may_be_declared_categories():
    X = pd.DataFrame({"when": pd.to_datetime(["2020-01-02", None, "2020-01-01"])})
    encoded = TableEncoder(["when"]).fit_transform(X)
    assert encoded.categorical.ravel().tolist() == [3, 0, 2]


def test_times_in_an_array_may_be_declared_categories():
    X = np.array([["2020-01-02"], ["NaT"], ["2020-01-01"]], dtype="datetime64[D]")
    encoder = TableEncoder([0]).fit(X)
    assert encoder.transform(X[:1]).categorical.ravel().tolist() == [3]
    assert encoder.transform(X).categorical.ravel().tolist() == [3, 0, 2]


def test_cut_numbers_are_categories():
    X = pd.DataFrame({"a": pd.cut([1, 2, 3], bins=[0, 1, 2, 3])})
    assert roles(X) == ["c"]


def test_complex_columns_are_refused():
    with pytest.raises(ValueError, match="Complex data not supported: column 'a'"):
        TableEncoder().fit(pd.DataFrame({"a": [1j]}))


def test_polars_columns_keep_their_roles():
    pl = pytest.importorskip("polars")
    X = pl.DataFrame(
        {"n": [1, None], "b": [True, None], "s": ["x", None], "e": [None, None]},
        schema_overrides={"e": pl.Categorical()},
    )
    assert roles(X) == ["n", "n", "c", "c"]
