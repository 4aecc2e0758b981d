"""`MixupResampler`: how many rows, of which labels, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from sk_mixup.resampling import MixupResampler
from tests.resampling.recorder import every_kind


def blobs(counts, seed=0):
    random = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(counts)), counts)
    return y[:, None] + 0.1 * random.standard_normal((len(y), 2)), y


@pytest.mark.parametrize(("ratio", "n_mixed"), [(0, 0), (0.25, 5), (1, 20), (2.5, 50)])
def test_ratio_says_how_many_rows_are_mixed(ratio, n_mixed):
    X, y = blobs([10, 10])
    X_mixed, y_mixed = MixupResampler(ratio=ratio).fit_resample(X, y)
    assert len(X_mixed) == len(y_mixed) == 20 + n_mixed


def test_alpha_zero_mixes_nothing():
    X, y = blobs([10, 10])
    assert len(MixupResampler(alpha=0).fit_resample(X, y)[0]) == 20


def test_every_row_is_used_once_before_any_is_used_again():
    X = np.eye(40)
    resampler = MixupResampler(alpha=0.5, ratio=1.5, random_state=0)
    mixed = resampler.fit_resample(X, np.arange(40) % 2)[0][40:]
    assert set(np.bincount(mixed.argmax(1), minlength=40)) <= {1, 2}


def test_equal_seeds_give_equal_rows(unchanged_random_state):
    X, y = every_kind()
    one, other = (MixupResampler(random_state=3).fit_resample(X, y) for _ in range(2))
    pd.testing.assert_frame_equal(one[0], other[0])
    np.testing.assert_array_equal(one[1], other[1])


def test_labels_are_drawn_by_the_share():
    X = np.repeat([[0.0], [1.0]], 3000, axis=0)
    y = X.ravel().astype(int)
    resampler = MixupResampler(alpha=1.0, random_state=0)
    X_mixed, y_mixed = (part[6000:] for part in resampler.fit_resample(X, y))
    middle = (X_mixed.ravel() > 0.7) & (X_mixed.ravel() < 0.8)
    assert y_mixed[middle].mean() == pytest.approx(0.75, abs=0.06)


def test_targets_that_are_numbers_are_blended():
    X = np.arange(40.0).reshape(-1, 1)
    y = pd.Series(2 * X.ravel() + 0.5, name="price")
    X_mixed, y_mixed = MixupResampler(1.0, random_state=0).fit_resample(X, y)
    np.testing.assert_allclose(y_mixed, 2 * X_mixed.ravel() + 0.5)
    assert y_mixed.name == "price"


def test_a_series_of_labels_keeps_its_name_and_type():
    X, _ = blobs([5, 5])
    y = pd.Series(pd.Categorical(["a", "b"] * 5), name="kind", index=range(10, 20))
    found = MixupResampler(random_state=0).fit_resample(X, y)[1]
    assert (found.dtype, found.name, list(found.index)) == (
        y.dtype,
        "kind",
        list(range(20)),
    )


@pytest.mark.parametrize(
    ("ratio", "counts"), [(1.0, [30, 30, 30]), (0.5, [30, 20, 16])]
)
def test_the_focus_on_minorities_balances_the_classes(ratio, counts):
    X, y = blobs([30, 10, 2])
    resampler = MixupResampler(ratio=ratio, focus="minority", random_state=0)
    found = resampler.fit_resample(X, y)[1]
    np.testing.assert_array_equal(np.bincount(found), counts)


def test_the_focus_on_minorities_mixes_within_classes():
    X, y = blobs([30, 10, 5])
    resampler = MixupResampler(1.0, focus="minority", random_state=0)
    X_mixed, y_mixed = resampler.fit_resample(X, y)
    assert np.abs(X_mixed - y_mixed[:, None]).max() < 0.5


def test_a_class_of_one_row_is_left_as_it_is():
    X, y = blobs([10, 1])
    found = MixupResampler(focus="minority").fit_resample(X, y)[1]
    np.testing.assert_array_equal(np.bincount(found), [10, 1])


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"alpha": -1}, ValueError, "alpha must be a number of at least 0; got -1"),
        ({"alpha": "x"}, TypeError, "alpha must be a number.*'x' of type str"),
        ({"alpha": np.nan}, ValueError, "alpha must be"),
        ({"ratio": -0.5}, ValueError, "ratio must be a number of at least 0; got -0.5"),
        ({"ratio": None}, TypeError, "ratio must be"),
        ({"focus": "majority"}, ValueError, "focus must be 'minority' or None"),
        ({"random_state": "x"}, ValueError, "random_state must be"),
    ],
)
def test_parameters_are_checked_by_name(params, error, message):
    X, y = blobs([5, 5])
    with pytest.raises(error, match=message):
        MixupResampler(**params).fit_resample(X, y)


def test_the_focus_needs_classes():
    X = np.arange(10.0).reshape(-1, 1)
    with pytest.raises(ValueError, match=r"one class per row.*'continuous'"):
        MixupResampler(focus="minority").fit_resample(X, X.ravel() + 0.5)


@pytest.mark.parametrize("missing", [np.nan, None])
def test_targets_that_are_missing_are_counted(missing):
    X, y = blobs([5, 5])
    y = y.astype(object)
    y[[3, 4]] = missing
    with pytest.raises(ValueError, match="NaN or None in 2 rows, the first of them 3"):
        MixupResampler().fit_resample(X, y)


def test_targets_must_be_as_many_as_rows():
    X, y = blobs([5, 5])
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[10, 9\]"):
        MixupResampler().fit_resample(X, y[1:])
