"""Number columns: scale, order, missing values, extremes and bins."""

from __future__ import annotations

import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from sk_mixup.encoding import TableEncoder
from sk_mixup.encoding._bins import quantile_edges

finite = st.floats(allow_nan=False, allow_infinity=False)


def column(values):
    return np.asarray(values, dtype=np.float64)[:, None]


def encode(values, later=None):
    encoder = TableEncoder().fit(column(values))
    return encoder.transform(column(values if later is None else later)).numeric


def smooth(x):
    return x / np.sqrt(1 + (x / 3) ** 2)


def test_scale_is_median_and_interquartile_range():
    values = np.array([0.0, 1.0, 2.0, 3.0, 10.0])
    np.testing.assert_allclose(
        encode(values)[:, 0], smooth((values - 2) / 2), rtol=1e-6
    )


def test_output_is_contiguous_float32():
    X = np.arange(12.0).reshape(4, 3)[:, ::-1]
    numeric = TableEncoder().fit_transform(X).numeric
    assert numeric.dtype == np.float32
    assert numeric.flags.c_contiguous


@given(hnp.arrays(np.float64, st.integers(1, 40), elements=finite))
def test_any_finite_column_becomes_finite_and_bounded(values):
    with np.errstate(all="raise", under="ignore"):
        encoded = encode(values)
    assert np.isfinite(encoded).all()
    assert np.abs(encoded).max() <= 3


@given(
    hnp.arrays(np.float64, st.integers(2, 30), elements=finite),
    hnp.arrays(np.float64, st.integers(2, 30), elements=finite),
)
def test_order_is_kept(values, later):
    encoded = encode(values, np.sort(later))[:, 0]
    assert (np.diff(encoded) >= 0).all()


@given(
    hnp.arrays(np.float64, st.integers(2, 30), elements=st.floats(-100, 100)),
    st.integers(-20, 20),
    st.randoms(use_true_random=False),
)
def test_neither_units_nor_row_order_matter(values, power, random):
    # A power of two leaves the digits as they are.
    order = random.sample(range(len(values)), len(values))
    plain = encode(values)[order]
    np.testing.assert_array_equal(encode(values[order] * 2.0**power), plain)


def test_columns_near_the_largest_float_do_not_overflow():
    values = np.r_[[0.0] * 2, [8.98846567e307] * 7]
    with np.errstate(all="raise"):
        assert np.ptp(encode(values)) > 0


@pytest.mark.parametrize("outlier", [1e30, 1e300, -1e300, 1.7e308])
def test_one_outlier_leaves_the_other_values_apart(outlier):
    values = np.r_[np.linspace(0, 1, 101), outlier]
    encoded = encode(values)[:, 0]
    assert np.ptp(encoded[:101]) > 1
    assert abs(encoded[101]) == 3


@pytest.mark.parametrize("outlier", [1e30, 1e300])
def test_an_outlier_in_a_column_of_zeros_leaves_the_rest_apart(outlier):
    values = np.r_[np.zeros(900), np.linspace(1, 2, 99), outlier]
    encoded = encode(values)[:, 0]
    assert encoded[998] - encoded[900] > 0.01


def test_where_the_interquartile_range_is_zero_half_the_range_scales():
    values = np.r_[np.zeros(8), 4.0, 2.0]
    np.testing.assert_allclose(encode(values)[8:, 0], smooth(np.array([2.0, 1.0])))


@pytest.mark.parametrize("value", [0.0, 7.0, 1e300, -1e-320])
def test_a_constant_column_is_zero_now_and_later(value):
    assert (encode([value] * 3, [value, value + 1, np.nan]) == 0).all()


def test_the_smallest_floats_are_told_apart():
    encoded = encode([0.0, 5e-324])[:, 0]
    assert encoded[0] < encoded[1]


def test_a_missing_value_is_the_median_and_has_an_indicator():
    X = np.array([[1.0, 5.0], [2.0, np.nan], [3.0, 6.0]])
    encoder = TableEncoder().fit(X)
    numeric = encoder.transform(X).numeric
    assert encoder.indicator_columns_.tolist() == [1]
    assert encoder.n_numeric_ == 2
    assert numeric[1].tolist() == [0.0, 0.0, 1.0]
    assert numeric[:, 2].tolist() == [0.0, 1.0, 0.0]


def test_a_value_missing_only_at_predict_is_the_median():
    assert encode([1.0, 2.0, 3.0], [np.nan]).tolist() == [[0.0]]


def test_a_column_without_values_is_zero_with_an_indicator():
    later = encode([np.nan, np.nan], [np.nan, 3.0])
    assert later.tolist() == [[0.0, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    "missing", [None, np.nan, pd.NA, pd.NaT, decimal.Decimal("NaN")]
)
def test_every_kind_of_missing_value_is_missing(missing):
    X = pd.DataFrame({"a": pd.Series([1, 2, missing], dtype=object)})
    encoder = TableEncoder().fit(pd.DataFrame({"a": [1, 2, np.nan]}))
    assert encoder.transform(X).numeric[2].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "dtype",
    [
        "float32",
        "float16",
        "longdouble",
        "object",
        "Int64",
        "Float64",
        "UInt8",
        "int64[pyarrow]",
        "double[pyarrow]",
        pd.SparseDtype("float64", np.nan),
        "category",
    ],
    ids=str,
)
def test_the_dtype_of_a_number_column_does_not_matter(dtype):
    plain = pd.DataFrame({"a": [1.0, 2.0, 4.0, 8.0, 9.0] * 30})
    encoder = TableEncoder(None).fit(plain)
    other = plain.astype(dtype)
    expected = encoder.transform(plain).numeric
    np.testing.assert_array_equal(encoder.transform(other).numeric, expected)
    np.testing.assert_array_equal(
        encoder.transform(other.iloc[:3]).numeric, expected[:3]
    )
    np.testing.assert_array_equal(
        TableEncoder(None).fit_transform(other).numeric, expected
    )


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]", "object"])
def test_booleans_are_zero_and_one(dtype):
    pytest.importorskip("pyarrow")
    numbers = TableEncoder().fit_transform(pd.DataFrame({"a": [0, 1, 1]})).numeric
    X = pd.DataFrame({"a": pd.Series([False, True, True]).astype(dtype)})
    np.testing.assert_array_equal(TableEncoder().fit_transform(X).numeric, numbers)


@pytest.mark.parametrize(
    "values", [[2**63, 2**64 - 1, 1], [2**70, -(2**90), 0], [10**300, 1, 2]]
)
def test_integers_of_any_size(values):
    encoded = TableEncoder().fit_transform(
        np.array([[v] for v in values], dtype=object)
    )
    assert np.argsort(encoded.numeric[:, 0]).tolist() == np.argsort(values).tolist()


def test_an_integer_beyond_floats_is_named():
    X = pd.DataFrame({"big": [10**400, 1]}, dtype=object)
    with pytest.raises(ValueError, match=r"too large for dtype\('float64'\).*'big'"):
        TableEncoder().fit(X)


def test_an_extended_float_beyond_float64_is_named():
    X = np.array([[1.0], [10.0]], dtype=np.longdouble) ** 400
    if np.isinf(X).any():
        pytest.skip("longdouble is float64 on this platform")
    with pytest.raises(
        ValueError, match=r"too large for dtype\('float64'\), in column 0"
    ):
        TableEncoder().fit(X)


def test_infinite_columns_are_all_named_in_fit():
    X = pd.DataFrame({"a": [1, np.inf], "b": [1.0, 2.0], "c": [-np.inf, np.nan]})
    message = r"Input X contains infinity.*in column 'a', column 'c'\..*X\.replace"
    with pytest.raises(ValueError, match=message):
        TableEncoder().fit(X)


@pytest.mark.parametrize("n_rows", [1, 100])
def test_infinite_columns_are_named_at_predict(n_rows):
    encoder = TableEncoder().fit(np.eye(3))
    X = np.full((n_rows, 3), [0.0, np.nan, np.inf])
    with pytest.raises(ValueError, match=r"contains infinity.*in column 2\."):
        encoder.transform(X)


def test_text_at_predict_says_that_fit_saw_numbers():
    encoder = TableEncoder().fit(pd.DataFrame({"a": [1, 2]}))
    for repeat in (1, 100):
        X = pd.DataFrame({"a": ["x"] * repeat})
        with pytest.raises(ValueError, match=r"'x' in column 'a'.*numbers in fit"):
            encoder.transform(X)


def test_an_object_that_is_no_number_has_scikit_learns_words():
    X = np.array([[{"foo": "bar"}], [1.0]], dtype=object)
    with pytest.raises(TypeError, match=r"argument must be .* string.* number"):
        TableEncoder().fit(X)


def test_quantiles_of_long_columns_come_from_a_seeded_sample():
    X = np.random.default_rng(0).normal(size=(200_001, 1))
    first = TableEncoder(seed=1).fit_transform(X).numeric
    np.testing.assert_array_equal(TableEncoder(seed=1).fit_transform(X).numeric, first)
    other = TableEncoder(seed=2).fit_transform(X).numeric
    np.testing.assert_allclose(other, first, atol=0.01)


def test_rare_values_of_long_columns_are_not_overlooked():
    X = np.zeros((400_000, 8))
    X[-8:] = np.eye(8)
    encoded = TableEncoder().fit_transform(X).numeric
    assert (np.diag(encoded[-8:]) > 0).all()


def test_the_few_values_of_long_columns_are_all_used():
    X = np.full((400_000, 4), np.nan)
    X[-3:] = np.array([[1.0, 2.0, 9.0]]).T
    assert (TableEncoder().fit_transform(X).numeric[-2, :4] == 0).all()


def test_bins_share_out_a_smooth_column_evenly():
    X = np.random.default_rng(0).normal(size=(4800, 1))
    encoder = TableEncoder(n_bins=48).fit(X)
    edges = encoder.bin_edges_[0]
    counts, _ = np.histogram(encoder.transform(X).numeric[:, 0], edges)
    assert len(edges) == 49
    assert edges.dtype == np.float32
    assert counts.min() >= 95
    assert counts.max() <= 105


def test_a_point_mass_takes_one_edge_and_not_the_bins_of_the_rest():
    rng = np.random.default_rng(0)
    X = column(np.r_[np.zeros(9000), rng.normal(size=1000)])
    edges = TableEncoder(n_bins=48).fit(X).bin_edges_[0]
    assert len(edges) >= 48
    assert 0.0 in edges


def test_few_distinct_values_are_all_edges():
    X = column(np.r_[[0.0] * 97, 1.0, 2.0, 3.0])
    encoder = TableEncoder().fit(X)
    expected = np.unique(encoder.transform(X).numeric)
    np.testing.assert_array_equal(encoder.bin_edges_[0], expected)


@given(
    hnp.arrays(
        np.float64,
        st.integers(0, 200),
        elements=st.floats(-3, 3) | st.sampled_from([0.0, 1.0, 1e-30, 3.0]),
    ),
    st.integers(1, 12),
)
def test_edges_are_few_increasing_and_never_too_close(values, n_bins):
    edges = quantile_edges(np.sort(values), n_bins)
    assert edges.dtype == np.float32
    assert 2 <= len(edges) <= n_bins + 1
    assert (np.diff(edges) > 9e-7).all()


@pytest.mark.parametrize("values", [[5.0] * 4, [np.nan] * 4])
def test_a_column_without_two_values_has_trivial_edges(values):
    edges = TableEncoder().fit(column(values)).bin_edges_[0]
    assert edges.tolist() == [-1.0, 1.0]


@pytest.mark.parametrize(("n_bins", "error"), [(0, ValueError), (2.5, TypeError)])
def test_a_wrong_number_of_bins_is_named(n_bins, error):
    with pytest.raises(error, match=rf"n_bins.*got {n_bins}"):
        TableEncoder(n_bins=n_bins).fit(np.eye(2))
