"""Numbers that are categories as well."""

import numpy as np
import pandas as pd
import pytest

from sk_mixup.encoding import TableEncoder
from sk_mixup.encoding._values import frequent_values


def found(values):
    return TableEncoder().fit(pd.DataFrame({"x": values})).frequent_values_[0]


def test_values_seen_five_times_are_known():
    values = found(np.repeat([1.0, 2.0, 3.0, 4.0], [5, 6, 7, 4]))
    assert len(values.values) == 3
    assert values.counts.tolist() == [4, 5, 6, 7]


def test_known_values_are_those_that_the_encoder_gives():
    X = pd.DataFrame({"x": np.repeat([0.1, 7.3, 1e6, -4.0], 10)})
    encoder = TableEncoder().fit(X)
    encoded = np.unique(encoder.transform(X).numeric)
    np.testing.assert_array_equal(encoder.frequent_values_[0].values, encoded)


def test_a_short_table_is_encoded_to_the_same_values():
    X = pd.DataFrame({"x": np.repeat([0.1, 7.3, 1e6, -4.0], 40)})
    encoder = TableEncoder().fit(X)
    one = encoder.transform(X.iloc[[50]]).numeric[0, 0]
    assert one in encoder.frequent_values_[0].values


@pytest.mark.parametrize(
    "values",
    [
        np.repeat([0.0, 1.0], 50),
        np.arange(500.0),
        np.repeat(np.arange(300.0), 6),
        np.r_[np.repeat([1.0, 2.0, 3.0], 6), np.arange(10.0, 50.0)],
        np.full(10, np.nan),
        np.zeros(20),
    ],
    ids=["two values", "all different", "too many", "too rare", "missing", "constant"],
)
def test_a_column_that_is_only_a_number(values):
    assert len(found(values).values) == 0


def test_counts_cover_all_rows():
    ordered = np.sort(np.random.default_rng(0).poisson(3.0, 1000)).astype(float)
    values = frequent_values(ordered)
    assert values.counts.sum() == 1000
