"""Categories that are numbers, in other widths and as text."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from sk_mixup.encoding import TableEncoder

FIT = [0.1, 0.2, 0.3, 1.0] * 20
CODES = [2, 3, 4, 5] * 20


def frame(values):
    return pd.DataFrame({"a": values})


def codes(encoder, values):
    many = encoder.transform(frame(values)).categorical[:, 0].tolist()
    few = encoder.transform(frame(values).iloc[:4]).categorical[:, 0].tolist()
    assert few == many[:4]
    return many


def fitted(values):
    return TableEncoder(["a"]).fit(frame(values))


WIDTHS = {
    "float64": lambda v: pd.Series(v, dtype="float64"),
    "float32": lambda v: pd.Series(v, dtype="float32"),
    "float16": lambda v: pd.Series(np.array(v, dtype=np.float16)),
    "Float32": lambda v: pd.Series(v, dtype="Float32"),
    "category": lambda v: pd.Series(np.float32(v)).astype("category"),
    "objects": lambda v: pd.Series([np.float32(x) for x in v], dtype=object),
    "decimals": lambda v: pd.Series([Decimal(str(x)) for x in v], dtype=object),
    "fractions": lambda v: pd.Series([Fraction(str(x)) for x in v], dtype=object),
    "texts": lambda v: pd.Series([str(x) for x in v], dtype=object),
    "computed": lambda v: pd.Series(np.array(v) * 3 / 3),
}


@pytest.mark.parametrize("at_predict", WIDTHS)
@pytest.mark.parametrize("in_fit", WIDTHS)
def test_codes_of_numbers_do_not_depend_on_their_width(in_fit, at_predict):
    encoder = fitted(WIDTHS[in_fit](FIT))
    assert codes(encoder, WIDTHS[at_predict](FIT)) == CODES


def test_other_numbers_are_unseen():
    encoder = fitted(FIT)
    assert codes(encoder, [0.15, 0.11, 2.0, -0.1, np.nan]) == [1, 1, 1, 1, 0]


def test_integers_and_their_texts():
    encoder = fitted([3, 7, 11] * 5)
    assert codes(encoder, ["3", "7.0", "11", "5", "03", "x"]) == [2, 3, 4, 1, 1, 1]
    encoder = fitted(["3", "7", "11"] * 5)
    assert codes(encoder, [3, 7, 11, 5]) == [3, 4, 2, 1]
    assert codes(encoder, [3.0, np.nan, 7.0]) == [3, 0, 4]


def test_truths_and_their_texts():
    encoder = fitted(np.array([True, False] * 5))
    assert codes(encoder, ["False", "True", "no"]) == [2, 3, 1]
    encoder = fitted(["True", "False"] * 5)
    assert codes(encoder, np.array([False, True])) == [2, 3]


def test_texts_are_compared_as_texts():
    encoder = fitted(["1", "2", "007"] * 5)
    assert codes(encoder, ["1.0", "7", "007"]) == [1, 1, 2]
    # Two texts of one number: no number is one of them.
    encoder = fitted(["1", "1.0", "2"] * 5)
    assert codes(encoder, [1, 2]) == [1, 4]


def test_a_column_of_both_keeps_numbers_and_texts_apart():
    encoder = fitted(pd.Series([1, "2", 3.5] * 5, dtype=object))
    assert codes(encoder, pd.Series(["1", 2, "3.5"], dtype=object)) == [1, 1, 1]


def test_large_integers_stay_apart():
    encoder = fitted(pd.Series([2**53, 2**53 + 1] * 5, dtype=object))
    asked = pd.Series([2**53, 2**53 + 1, 2**53 + 2], dtype=object)
    assert codes(encoder, asked) == [2, 3, 1]


def test_levels_of_both_precisions_are_one():
    double = [0.1, 0.2, 0.3] * 3
    encoder = fitted(np.r_[double, np.float32(double)])
    assert encoder.n_levels_ == [5]
    assert encoder.level_counts_[0].tolist() == [0, 0, 6, 6, 6]
    assert codes(encoder, np.float32(double)) == codes(encoder, double)
