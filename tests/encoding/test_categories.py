"""Category columns: which values share a code, and which codes are special."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from sk_mixup.encoding import TableEncoder, _categorical, as_table
from sk_mixup.exceptions import MixupWarning
from tests.encoding.dtypes import TEXT_DTYPES, pa

LETTERS = pd.CategoricalDtype(["unused", "c", "b", "a"], ordered=True)
DTYPES = [*TEXT_DTYPES, LETTERS]
if pd.__version__ < "3":
    # There the text of None is "None" for this dtype.
    DTYPES.remove("str")
INTEGER_DTYPES = [
    "int64",
    "int8",
    "uint64",
    "float64",
    "float16",
    "object",
    "Int64",
    "Float64",
    "int64[pyarrow]",
    "double[pyarrow]",
    "category",
]
FIT_VALUES = ["b", "a", None, "c", "a"] * 20
FIT_CODES = [3, 2, 0, 4, 2] * 20


def frame(values, dtype="object"):
    return pd.DataFrame({"a": pd.Series(values, dtype=object).astype(dtype)})


def codes(encoder, X):
    return encoder.transform(X).categorical[:, 0].tolist()


def fitted(values, dtype="object"):
    return TableEncoder(["a"]).fit(frame(values, dtype))


def test_missing_is_0_unseen_is_1_and_levels_follow_in_order():
    encoder = fitted(["b", None, "a"])
    assert codes(encoder, frame(["a", "b", None, "z"])) == [2, 3, 0, 1]
    assert encoder.n_levels_ == [4]


def test_codes_are_int64_per_column():
    X = pd.DataFrame({"a": ["x", "y"], "n": [1, 2], "b": ["u", "v"]})
    categorical = TableEncoder().fit_transform(X).categorical
    assert categorical.dtype == np.int64
    assert categorical.shape == (2, 2)


@pytest.mark.parametrize("at_predict", DTYPES, ids=str)
@pytest.mark.parametrize("in_fit", DTYPES, ids=str)
def test_codes_of_text_do_not_depend_on_dtypes(in_fit, at_predict):
    encoder = fitted(FIT_VALUES, in_fit)
    X = frame(FIT_VALUES, at_predict)
    assert codes(encoder, X) == FIT_CODES
    assert codes(encoder, X.iloc[:7]) == FIT_CODES[:7]


@pytest.mark.parametrize("at_predict", INTEGER_DTYPES, ids=str)
@pytest.mark.parametrize("in_fit", INTEGER_DTYPES, ids=str)
def test_codes_of_integers_do_not_depend_on_dtypes(in_fit, at_predict):
    encoder = fitted([30, 10, 20] * 40, in_fit)
    X = frame([30, 10, 20] * 40, at_predict)
    assert codes(encoder, X) == [4, 2, 3] * 40
    assert codes(encoder, X.iloc[:3]) == [4, 2, 3]


@pytest.mark.parametrize(
    "dtype", ["bool", "boolean", "bool[pyarrow]", "object", "int8"]
)
def test_booleans_may_be_categories(dtype):
    encoder = fitted([True, False])
    for repeat in (1, 50):
        X = frame([False, True] * repeat, dtype)
        assert codes(encoder, X) == [2, 3] * repeat


def test_integers_that_a_missing_value_turned_into_floats_keep_their_codes():
    encoder = TableEncoder(["a"]).fit(pd.DataFrame({"a": [1, 2, 3]}))
    for repeat in (1, 50):
        X = pd.DataFrame({"a": [3.0, np.nan, 1.0] * repeat})
        assert codes(encoder, X) == [4, 0, 2] * repeat


def test_equal_numbers_are_one_level_and_text_is_another():
    encoder = fitted([1, 1.0, np.int64(1), True, "1"])
    assert encoder.n_levels_ == [4]
    assert encoder.level_counts_[0].tolist() == [0, 0, 4, 1]


@pytest.mark.parametrize("missing", [None, np.nan, float("nan"), pd.NA, pd.NaT])
@pytest.mark.parametrize("n_rows", [1, 100])
def test_every_kind_of_missing_value_is_missing(missing, n_rows):
    encoder = fitted(["x", "y"])
    assert codes(encoder, frame([missing] * n_rows)) == [0] * n_rows


def test_empty_text_is_a_level():
    assert codes(fitted(["", "x"]), frame([""])) == [2]


def test_a_level_seen_only_in_the_dtype_is_unseen():
    dtype = pd.CategoricalDtype(["x", "y", "z"])
    encoder = fitted(["x", "y"], dtype)
    assert encoder.n_levels_ == [4]
    assert codes(encoder, frame(["z"], dtype)) == [1]


def test_columns_of_arrays_may_be_categories():
    X = np.array([[3.0, 1.0], [np.nan, 2.0], [-1.0, 3.0]])
    encoder = TableEncoder([0]).fit(X)
    assert codes(encoder, X) == [3, 0, 2]
    assert codes(encoder, np.tile(X, (50, 1))) == [3, 0, 2] * 50


@pytest.mark.parametrize("dtype", ["U5", "S5", object])
def test_text_arrays_may_be_categories(dtype):
    X = np.array([["b"], ["a"]], dtype=dtype)
    encoder = TableEncoder([0]).fit(X)
    assert codes(encoder, X) == [3, 2]
    assert codes(encoder, np.tile(X, (50, 1))) == [3, 2] * 50


def test_polars_gives_the_codes_of_pandas():
    pl = pytest.importorskip("polars")
    encoder = fitted(FIT_VALUES)
    for dtype in (pl.String(), pl.Categorical(), pl.Enum(["c", "b", "a", "unused"])):
        X = pl.DataFrame({"a": FIT_VALUES}, schema={"a": dtype})
        assert codes(encoder, as_table(X)) == FIT_CODES
        assert codes(TableEncoder().fit(as_table(X)), frame(FIT_VALUES)) == FIT_CODES


@given(
    st.lists(st.text(max_size=3) | st.none(), min_size=1, max_size=80),
    st.randoms(use_true_random=False),
)
def test_codes_do_not_depend_on_the_order_of_rows(values, random):
    shuffled = random.sample(values, len(values))
    X = frame(values)
    assert codes(fitted(values), X) == codes(fitted(shuffled), X)


@given(st.lists(st.integers(-3, 3) | st.none() | st.text(max_size=1), max_size=30))
def test_short_and_long_tables_get_the_same_codes(values):
    encoder = fitted([-1, 0, "", "a", None, 2])
    X = frame([*values, None])
    assert codes(encoder, pd.concat([X] * 70))[: len(X)] == codes(encoder, X)


def test_values_that_do_not_compare_are_coded_by_appearance():
    assert codes(fitted(["x", 1, (2, 3)]), frame([1, "x", (2, 3)])) == [3, 2, 4]


def test_counts_are_of_training_rows_per_code():
    encoder = fitted(["a", "b", None, "a", None, None])
    assert encoder.level_counts_[0].tolist() == [3, 0, 2, 1]
    assert encoder.level_counts_[0].dtype == np.int64


def test_up_to_100_levels_none_is_rare():
    assert fitted([f"l{i}" for i in range(100)]).n_levels_ == [102]


def test_levels_seen_once_among_many_share_the_row_of_unseen_values():
    values = [f"l{i}" for i in range(100)] * 2 + ["once", "one"]
    encoder = fitted(values)
    assert encoder.n_levels_ == [102]
    assert encoder.level_counts_[0][:2].tolist() == [0, 2]
    assert codes(encoder, frame(["once", "new", "l0"])) == [1, 1, 2]
    assert encoder.fit_transform(frame(values)).categorical[-2:, 0].tolist() == [1, 1]


def test_an_identifier_takes_no_levels():
    encoder = fitted([f"id-{i}" for i in range(5000)])
    assert encoder.n_levels_ == [2]


def test_only_the_most_frequent_levels_have_codes(monkeypatch):
    monkeypatch.setattr(_categorical, "MAX_LEVELS", 3)
    encoder = fitted(["a", "b", "b", "c", "c", "d", "d", "d", "e"])
    assert encoder.level_counts_[0].tolist() == [0, 2, 2, 2, 3]
    assert codes(encoder, frame(list("abcde"))) == [1, 2, 3, 4, 1]


@pytest.mark.parametrize("value", [[1], {"k": 1}, {1, 2}, np.zeros(2)])
def test_values_that_cannot_be_categories_name_the_column(value):
    X = pd.DataFrame({"tags": pd.Series(["x", value], dtype=object)})
    message = "column 'tags' as categories.*argument must be .* string.* number"
    with pytest.raises(TypeError, match=message):
        TableEncoder().fit(X)
    with pytest.raises(TypeError, match=message):
        TableEncoder().fit(pd.DataFrame({"tags": ["x", "y"]})).transform(X)


def test_arrow_lists_name_the_column():
    values = pd.Series([[1], [2]], dtype=pd.ArrowDtype(pa.list_(pa.int64())))
    with pytest.raises(TypeError, match="column 'tags'"):
        TableEncoder().fit(pd.DataFrame({"tags": values}))


@pytest.mark.parametrize("dtype", ["object", "str", "string"])
def test_numbers_as_text_are_warned_of_with_the_remedy(dtype):
    values = [f"{i}.5" for i in range(200)] + [" "]
    X = pd.DataFrame({"TotalCharges": values}).astype(dtype)
    message = r"' '.*X\['TotalCharges'\] = pd\.to_numeric\(X\['TotalCharges'\], err"
    with pytest.warns(MixupWarning, match=message):
        TableEncoder().fit(X)


@pytest.mark.parametrize(
    "values",
    [
        [str(i) for i in range(50)],
        [f"word{i}" for i in range(200)],
        [f"0{i:04}" for i in range(200)],
        [str(i) for i in range(90)] + [f"w{i}" for i in range(10)],
    ],
    ids=["few levels", "words", "postcodes", "one in ten a word"],
)
def test_other_text_is_not_warned_of(values):
    TableEncoder().fit(pd.DataFrame({"a": values}))


def test_a_declared_or_category_column_is_not_warned_of():
    X = pd.DataFrame({"a": [str(i) for i in range(200)]})
    TableEncoder(["a"]).fit(X)
    TableEncoder().fit(X.astype("category"))
