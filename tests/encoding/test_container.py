"""What may be passed as X, and what each mistake says."""

from __future__ import annotations

import datetime
import decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch

from sk_mixup.encoding import as_table


def test_a_pandas_frame_passes_without_a_copy():
    X = pd.DataFrame({"a": [1.0]})
    assert as_table(X) is X


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.uint64, bool])
def test_an_array_keeps_its_dtype(dtype):
    assert as_table(np.ones((2, 2), dtype=dtype)).dtype == dtype


def test_an_object_array_stays_one():
    X = np.array([[1, "a"], [None, {}]], dtype=object)
    assert as_table(X).tolist() == [[1, "a"], [None, {}]]


def test_numbers_beside_text_in_a_list_stay_numbers():
    assert as_table([[1, "a"], [2.5, "b"]]).tolist() == [[1, "a"], [2.5, "b"]]


def test_tensors_come_through_the_array_protocol():
    table = as_table(torch.eye(2))
    assert isinstance(table, np.ndarray)
    assert table.dtype == np.float32


def test_masked_entries_become_missing():
    X = np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]])
    assert np.isnan(as_table(X)).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csr_array, sp.coo_array])
def test_sparse_input_names_the_remedy(container):
    with pytest.raises(TypeError, match=r"Sparse input.*MyModel.*X\.toarray\(\)"):
        as_table(container(np.eye(3)), estimator_name="MyModel")


@pytest.mark.parametrize("X", [pd.Series([1, 2]), np.arange(2), [1, 2], np.float64(3)])
def test_one_dimension_is_too_few(X):
    with pytest.raises(ValueError, match=r"Expected 2D array(.|\n)*Reshape your data"):
        as_table(X)


def test_three_dimensions_are_too_many():
    with pytest.raises(ValueError, match="dim 3"):
        as_table(np.zeros((2, 2, 2)))


def test_a_dict_of_columns_names_the_remedy():
    with pytest.raises(ValueError, match=r"pandas\.DataFrame\(X\)"):
        as_table({"a": [1, 2]})


@pytest.mark.parametrize("wrap", [np.asarray, pd.DataFrame])
def test_no_rows(wrap):
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        as_table(wrap(np.empty((0, 3))))


@pytest.mark.parametrize("wrap", [np.asarray, pd.DataFrame])
def test_no_columns(wrap):
    message = r"0 feature\(s\) \(shape=\(12, 0\)\) while a minimum of 1 is required"
    with pytest.raises(ValueError, match=message):
        as_table(wrap(np.empty((12, 0))))


def test_complex_numbers_are_refused():
    with pytest.raises(ValueError, match="Complex data not supported"):
        as_table(np.array([[1j]]))


def test_duplicate_column_names_are_named():
    X = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "b", "a", "c"])
    with pytest.raises(ValueError, match=r"duplicate column names: 'a'\."):
        as_table(X)


class TestPolars:
    @pytest.fixture
    def pl(self):
        pytest.importorskip("narwhals")
        return pytest.importorskip("polars")

    def test_names_and_numbers_are_kept(self, pl):
        X = pl.DataFrame({"n": [1, 2], "x": [0.5, 1.5], "b": [True, False]})
        table = as_table(X)
        assert table.to_dict("list") == X.to_dict(as_series=False)
        assert [dtype.kind for dtype in table.dtypes] == ["i", "f", "b"]

    @pytest.mark.parametrize("values", [[1, None], [1.5, None], [True, None]])
    def test_nulls_of_numbers_become_nan(self, pl, values):
        table = as_table(pl.DataFrame({"a": values}))
        assert table["a"].dtype == np.float64
        assert table["a"].isna().tolist() == [False, True]

    def test_decimals_become_floats(self, pl):
        X = pl.DataFrame({"a": [decimal.Decimal("1.5"), None]})
        assert as_table(X)["a"].iloc[0] == 1.5

    def test_large_unsigned_integers_stay_exact(self, pl):
        X = pl.DataFrame({"a": [2**64 - 1]}, schema={"a": pl.UInt64})
        assert as_table(X)["a"].iloc[0] == 2**64 - 1

    @pytest.mark.parametrize("kind", ["Categorical", "Enum"])
    def test_categories_become_a_category_dtype(self, pl, kind):
        dtype = pl.Enum(["b", "a"]) if kind == "Enum" else pl.Categorical()
        X = pl.DataFrame({"a": ["a", None, "b"]}, schema={"a": dtype})
        column = as_table(X)["a"]
        assert column.dtype == "category"
        assert column.isna().tolist() == [False, True, False]

    def test_text_with_nulls_stays_text(self, pl):
        column = as_table(pl.DataFrame({"a": ["x", None]}))["a"]
        assert column.tolist()[0] == "x"
        assert pd.isna(column.iloc[1])

    @pytest.mark.parametrize(
        "value",
        [
            datetime.date(2020, 1, 1),
            datetime.datetime(2020, 1, 1),
            datetime.timedelta(days=1),
        ],
    )
    def test_times_keep_a_time_dtype(self, pl, value):
        assert as_table(pl.DataFrame({"a": [value]}))["a"].dtype.kind in "mM"

    def test_a_lazy_frame_names_the_remedy(self, pl):
        with pytest.raises(TypeError, match=r"X\.collect\(\)"):
            as_table(pl.LazyFrame({"a": [1]}))

    def test_a_series_is_not_a_table(self, pl):
        with pytest.raises(ValueError, match=r"Expected 2D array.*Reshape your data"):
            as_table(pl.Series([1, 2]))

    def test_an_empty_frame(self, pl):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            as_table(pl.DataFrame({"a": []}))


def test_an_arrow_table_is_a_dataframe_too():
    pa = pytest.importorskip("pyarrow")
    pytest.importorskip("narwhals")
    table = as_table(pa.table({"n": [1, None], "s": ["x", None]}))
    assert table.isna().to_numpy().tolist() == [[False, False], [True, True]]
