"""How rows are mixed: numbers blend, the rest is drawn, and types stay."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from sk_mixup.resampling import MixupResampler
from tests.resampling.recorder import every_kind


def resampled(X, y=None, **params):
    params = {"alpha": 1.0, "random_state": 0} | params
    y = np.arange(len(X) if not sparse.issparse(X) else X.shape[0]) % 2
    return MixupResampler(**params).fit_resample(X, y)[0]


def test_rows_given_come_first_and_unchanged():
    X, _ = every_kind()
    found = resampled(X)
    pd.testing.assert_frame_equal(found.head(len(X)), X.reset_index(drop=True))


def test_types_are_kept():
    X, _ = every_kind()
    pd.testing.assert_series_equal(resampled(X).dtypes, X.dtypes)


@pytest.mark.parametrize("column", ["truth", "text", "category", "date"])
def test_what_is_no_number_is_a_value_of_the_table(column):
    X, _ = every_kind()
    assert resampled(X)[column].isin(X[column]).all()


def test_no_more_numbers_are_missing_than_before():
    X = pd.DataFrame({"a": np.where(np.arange(2000) % 2, np.nan, 1.0)})
    share = resampled(X).iloc[2000:]["a"].isna().mean()
    assert share == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, "Int64", "int64[pyarrow]"])
def test_integers_are_rounded_so_that_their_mean_is_kept(dtype):
    X = pd.DataFrame({"a": np.arange(4000) % 10 < 3}).astype(int).astype(dtype)
    mixed = resampled(X).iloc[4000:]["a"]
    assert set(mixed) == {0, 1}
    assert mixed.astype(float).mean() == pytest.approx(0.3, abs=0.03)


def test_numbers_lie_between_those_of_two_rows():
    X = np.arange(50.0).reshape(-1, 1) ** 2
    mixed = resampled(X)[50:]
    assert ((mixed > 0) & (mixed < 49**2)).all()
    assert not np.isin(mixed, X).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int8, bool])
def test_arrays_keep_their_type(dtype):
    X = (np.arange(60).reshape(20, 3) % 7).astype(dtype)
    assert resampled(X).dtype == dtype


def test_arrays_of_objects_are_mixed_column_by_column():
    X = np.array([[i / 2, "ab"[i % 2]] for i in range(20)], dtype=object)
    mixed = resampled(X)[20:]
    assert all(isinstance(value, float) for value in mixed[:, 0])
    assert set(mixed[:, 1]) <= {"a", "b"}


def test_objects_stay_what_they_are():
    X = pd.DataFrame({"a": np.array([1, 4, None, 7] * 10, dtype=object)})
    mixed = resampled(X)["a"].iloc[40:]
    assert {type(value) for value in mixed} == {int, type(None)}


def test_sparse_rows_are_mixed_as_dense_ones_are():
    values = np.random.default_rng(0).random((30, 8))
    X = sparse.csr_matrix(np.where(values < 0.3, values, 0.0))
    found = resampled(X)
    assert sparse.issparse(found)
    np.testing.assert_allclose(found.toarray(), resampled(X.toarray()))


def test_frames_of_polars_are_read():
    X = pl.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": ["x", "y", "x", "y"]})
    found = resampled(X)
    assert list(found["b"].iloc[:4]) == ["x", "y", "x", "y"]
    assert len(found) == 8


def test_two_alphas_have_the_same_partners():
    X = np.random.default_rng(0).standard_normal((30, 1))
    weak, strong = (resampled(X, alpha=a)[30:] - X for a in (0.3, 1.0))
    assert (np.sign(weak) == np.sign(strong)).all()


def test_nobody_is_mixed_with_itself():
    X = np.eye(50)
    mixed = resampled(X, ratio=3.0)[50:]
    assert ((mixed > 0).sum(1) == 2).all()
    assert mixed.max(1).min() >= 0.5


def test_duplicate_names_are_refused():
    X = pd.DataFrame(np.ones((4, 2)), columns=["a", "a"])
    with pytest.raises(ValueError, match="duplicate column names: 'a'"):
        resampled(X)
