"""Regression targets: standardised, restored, and refused when they are none."""

from __future__ import annotations

import decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from sk_mixup.encoding import TargetScaler


def test_targets_get_mean_0_and_deviation_1():
    y = np.random.default_rng(0).normal(5, 3, size=1000)
    scaled = TargetScaler().fit(y).transform(y)
    assert scaled.dtype == np.float32
    assert abs(scaled.mean()) < 1e-6
    assert abs(scaled.std() - 1) < 1e-6


def test_each_output_has_its_own_scale():
    y = np.array([[1.0, 100.0], [3.0, 300.0]])
    scaler = TargetScaler().fit(y)
    assert (scaler.n_outputs_, scaler.ndim_) == (2, 2)
    assert scaler.transform(y).tolist() == [[-1.0, -1.0], [1.0, 1.0]]


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3)])
def test_the_shape_comes_back(shape):
    y = np.arange(np.prod(shape), dtype=float).reshape(shape)
    scaler = TargetScaler().fit(y)
    assert scaler.transform(y).shape == shape
    back = scaler.inverse_transform(scaler.transform(y))
    assert back.dtype == np.float64
    np.testing.assert_allclose(back, y, rtol=1e-6, atol=1e-6)


@given(
    hnp.arrays(
        np.float64,
        st.integers(1, 30),
        elements=st.floats(-1e300, 1e300, allow_subnormal=False),
    )
)
def test_any_finite_target_survives_the_way_there_and_back(y):
    scaler = TargetScaler().fit(y)
    scaled = scaler.transform(y)
    assert np.isfinite(scaled).all()
    back = scaler.inverse_transform(scaled)
    np.testing.assert_allclose(back, y, atol=1e-6 * np.abs(y).max(), rtol=0)


@pytest.mark.parametrize("size", [1e30, 1e-30, 1e200, 1e-200, 1.7e308])
def test_units_do_not_matter(size):
    scaler = TargetScaler().fit(np.array([-1.0, 1.0]) * size)
    assert scaler.scale_ == pytest.approx(size)
    assert scaler.transform(np.array([size])).tolist() == [1.0]


@pytest.mark.parametrize("value", [0.0, 0.1, 7.0, 1e30])
def test_a_constant_target_has_scale_1(value):
    scaler = TargetScaler().fit([value] * 7)
    assert scaler.scale_.tolist() == [1.0]
    assert scaler.mean_.tolist() == [value]
    assert scaler.inverse_transform([0.0]).tolist() == [value]


def test_a_small_spread_around_a_large_mean_is_kept():
    y = 1e6 + np.array([-1e-3, 1e-3])
    np.testing.assert_allclose(TargetScaler().fit(y).transform(y), [-1, 1], rtol=1e-4)


def test_integer_weights_count_as_repeated_rows():
    y, weights = np.array([1.0, 2.0, 7.0]), np.array([3, 1, 2])
    weighted = TargetScaler().fit(y, sample_weight=weights)
    repeated = TargetScaler().fit(np.repeat(y, weights))
    np.testing.assert_allclose(weighted.mean_, repeated.mean_)
    np.testing.assert_allclose(weighted.scale_, repeated.scale_)


def test_rows_of_weight_zero_do_not_count():
    scaler = TargetScaler().fit([1e-100, 1e-100, 1e300], sample_weight=[1, 1, 0])
    assert (scaler.mean_.tolist(), scaler.scale_.tolist()) == ([1e-100], [1.0])


@pytest.mark.parametrize("size", [1e-300, 5e307])
def test_only_the_ratio_of_weights_matters(size):
    scaler = TargetScaler().fit([0.0, 4.0], sample_weight=np.array([1, 3]) * size)
    np.testing.assert_allclose(scaler.mean_, 3.0)


@pytest.mark.parametrize(
    "y",
    [
        pd.Series([1, 3]),
        pd.Series([1, 3], dtype="Int64"),
        pd.Series([1.0, 3.0], dtype="double[pyarrow]"),
        pd.Series([1, 3], dtype=object),
        pd.Series([decimal.Decimal(1), decimal.Decimal(3)]),
        np.array([1, 3], dtype=object),
        [1, 3],
        np.array([1, 3], dtype=np.float16),
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', 'list')}",
)
def test_targets_of_any_number_dtype(y):
    pytest.importorskip("pyarrow")
    scaler = TargetScaler().fit(y)
    assert scaler.mean_.tolist() == [2.0]
    assert scaler.transform(y).tolist() == [-1.0, 1.0]


def test_frames_are_targets_of_several_outputs():
    y = pd.DataFrame({"a": [1, 3], "b": pd.Series([10, 30], dtype="Int64")})
    assert TargetScaler().fit(y).mean_.tolist() == [2.0, 20.0]


def test_polars_targets():
    pl = pytest.importorskip("polars")
    assert TargetScaler().fit(pl.Series([1, 3])).mean_.tolist() == [2.0]
    assert TargetScaler().fit(pl.DataFrame({"a": [1, 3]})).ndim_ == 2


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([], r"0 sample\(s\)"),
        ([1.0, np.nan], r"Input y contains NaN\."),
        (pd.Series([1, None], dtype="Int64"), r"Input y contains NaN\."),
        (np.array([1, None], dtype=object), r"Input y contains NaN\."),
        ([1.0, np.inf], "Input y contains infinity or a value too large for dtype"),
        (["1.5", "2"], r"text '1\.5' in y.*pd\.to_numeric\(y\)"),
        (pd.Series(["a", "b"]), "text 'a' in y"),
        (pd.DataFrame({"a": [1], "b": ["x"]}), "text 'x' in column 'b' of y"),
        (np.array([1j, 2]), "Complex data not supported"),
        (pd.Series([1j, 2]), "Complex data not supported"),
        (pd.Series(pd.to_datetime(["2020", "2021"])), "y holds dates"),
        (np.zeros((2, 2, 2)), "dim 3"),
    ],
)
def test_what_is_no_regression_target_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        TargetScaler().fit(y)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 1, 1], "inconsistent numbers of samples"),
        ([1, -1], r"negative; got -1\.0"),
        ([0, 0], "zero in every row"),
        ([1, np.nan], "sample_weight contains NaN"),
        ([[1], [1]], "sample_weight must be 1-D"),
    ],
)
def test_weights_that_do_not_fit_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        TargetScaler().fit([1.0, 2.0], sample_weight=weights)


@pytest.mark.parametrize("y", [[[1.0, 2.0]], [[1.0, 2.0, 3.0]]])
def test_targets_of_another_form_are_refused(y):
    with pytest.raises(
        ValueError, match=r"y has shape \(1, .\), but in fit it was 1-D"
    ):
        TargetScaler().fit([1.0, 2.0]).transform(y)


def test_targets_far_outside_the_fitted_range_stay_finite():
    assert np.isfinite(TargetScaler().fit([0.0, 1e-300]).transform([1e300])).all()
