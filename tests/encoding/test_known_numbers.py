"""The same number is the same, however it was stored and computed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sk_mixup.encoding import TableEncoder
from sk_mixup.encoding._known import KnownNumbers, one_of_each

STEPS = np.repeat(np.arange(1, 10), 20)
COLUMNS = {
    "tenths": STEPS / 10,
    "thirds": STEPS / 3,
    "prices": STEPS + 0.99,
    "months": 2019 + STEPS / 12,
    "around zero": (STEPS - 5) * 0.1,
    "skewed": 10.0**STEPS / 3,
    "whole": STEPS * 1.0,
}


def fit(values):
    return TableEncoder().fit(pd.DataFrame({"x": values}))


def encoded(encoder, values):
    return encoder.transform(pd.DataFrame({"x": values})).numeric[:, 0]


def six_digits(values):
    return np.array([float(f"{value:.6g}") for value in values])


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize(
    "again",
    [
        lambda v: v.astype(np.float32),
        lambda v: v.astype(np.float16) if v.max() < 6e4 and v.max() < 2000 else v,
        lambda v: v * 3 / 3,
        lambda v: v * (1 + 1e-7),
        lambda v: v * (1 - 1e-6),
        lambda v: v.astype(object),
        six_digits,
    ],
    ids=["float32", "float16", "computed", "1e-7", "1e-6", "objects", "six digits"],
)
def test_a_repeated_number_is_encoded_to_the_same_bits(name, again):
    encoder = fit(COLUMNS[name])
    expected = encoded(encoder, COLUMNS[name])
    values = again(COLUMNS[name])
    np.testing.assert_array_equal(encoded(encoder, values), expected)
    # A few rows are read in another way.
    np.testing.assert_array_equal(encoded(encoder, values[:20]), expected[:20])


@pytest.mark.parametrize("name", COLUMNS)
def test_fitted_on_single_precision_and_asked_in_double(name):
    encoder = fit(COLUMNS[name].astype(np.float32))
    expected = encoded(encoder, COLUMNS[name].astype(np.float32))
    np.testing.assert_array_equal(encoded(encoder, COLUMNS[name]), expected)


def test_known_values_are_those_of_the_training_rows():
    values = COLUMNS["tenths"]
    encoder = fit(values)
    known = encoder.frequent_values_[0].values
    np.testing.assert_array_equal(np.unique(encoded(encoder, values)), known)


@pytest.mark.parametrize("other", [0.15, 0.11, 0.104, 0.97, -0.1, 1e9])
def test_another_number_is_another(other):
    encoder = fit(COLUMNS["tenths"])
    near = fit(COLUMNS["tenths"])
    near._known = {}
    assert encoded(encoder, [other]) == encoded(near, [other])
    assert encoded(encoder, [other]) not in encoder.frequent_values_[0].values


def test_a_small_amount_is_not_none():
    amounts = np.repeat([0.0, 100.0, 250.0, 400.0], [60, 20, 20, 20])
    encoder = fit(amounts)
    zero, three, left_over = encoded(encoder, [0.0, 3.0, 0.3 - 3 * 0.1])
    assert three != zero
    assert left_over == zero


def test_a_rare_value_beside_a_frequent_one_stays_itself():
    values = np.r_[np.repeat([0.1, 0.2, 0.3], 30), 0.2001]
    encoder = fit(values)
    expected = encoded(encoder, values)
    assert expected[-1] != expected[30]
    assert encoded(encoder, np.float32([0.2])) == expected[30]


def test_identifiers_that_single_precision_joins_stay_apart():
    ids = 1e9 + STEPS
    encoder = fit(ids)
    assert len(np.unique(encoded(encoder, ids))) == 9
    np.testing.assert_array_equal(
        encoded(encoder, ids * (1 + 1e-12)), encoded(encoder, ids)
    )


def test_rows_of_both_precisions_are_one_value():
    double = np.repeat(np.arange(1, 10) / 10, 4)
    both = np.r_[double, double.astype(np.float32)]
    encoder = fit(both)
    # Of either alone there are too few to be known.
    assert encoder.frequent_values_[0].counts.tolist() == [0, *[8] * 9]
    np.testing.assert_array_equal(
        encoded(encoder, double), encoded(encoder, double.astype(np.float32))
    )


def test_values_of_a_running_sum_are_those_that_they_stand_for():
    steps = np.cumsum(np.full(60, 0.1))
    values = np.repeat(steps, 6)
    encoder = fit(values)
    asked = np.arange(1, 61) / 10
    np.testing.assert_array_equal(encoded(encoder, asked), encoded(encoder, steps))


def test_missing_and_largest_numbers_pass():
    encoder = fit(np.r_[np.repeat([-1.7e308, 0.5, 1.7e308], 20), np.nan])
    row = encoder.transform(pd.DataFrame({"x": [np.nan, 1.7e308, 0.5]})).numeric
    assert np.isfinite(row).all()
    assert row[:, 1].tolist() == [1.0, 0.0, 0.0]


def test_one_of_each_keeps_whole_numbers_and_lone_pairs():
    whole = 1e9 + np.arange(5.0)
    assert one_of_each(whole, np.ones(5)) is whole
    pair = np.array([0.1, 0.1 + 1e-9])
    assert one_of_each(pair, np.ones(2)) is pair
    chain = 1.7e9 + np.arange(40) * 0.25
    np.testing.assert_array_equal(one_of_each(chain, np.ones(40)), chain)


def test_tolerances_never_reach_the_next_value():
    values = np.sort(np.random.default_rng(0).lognormal(size=200))
    known = KnownNumbers.among(values, np.ones(200, dtype=bool))
    assert (known.values[:-1] + known.tolerances[:-1] < known.values[1:]).all()
    assert known.nearest(values).tolist() == list(range(200))
