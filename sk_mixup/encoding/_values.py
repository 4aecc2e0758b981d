"""Values that a number column takes again and again.

Ages, hours a week, an amount that is zero for most people: such a number is a category
as well, and a function that is smooth in it misses what one value stands for. A net may
then give each frequent value a vector of its own beside the number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sk_mixup.encoding._known import KnownNumbers

MAX_VALUES = 256
"""A column with more frequent values is a number and nothing else."""

_LEAST_ROWS = 5
_LEAST_SHARE = 0.5
_LEAST_VALUES = 3


class FrequentValues(NamedTuple):
    """What a column repeats.

    Attributes
    ----------
    values : ndarray of shape (n_values,), dtype float32
        Encoded, strictly increasing; empty for a column that is only a number.
    counts : ndarray of shape (n_values + 1,), dtype int64
        Training rows of all other values, then of each of `values`.
    """

    values: np.ndarray
    counts: np.ndarray


def frequent_values(ordered: np.ndarray) -> FrequentValues:
    """Return the values seen at least 5 times, if they tell the column.

    Parameters
    ----------
    ordered : ndarray of shape (n_rows,)
        Encoded training values, sorted, without missing ones.

    Returns
    -------
    found : FrequentValues
        Empty if there are fewer than 3 (an indicator says as much as the number), more
        than 256, or if they cover less than half of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mixup.encoding._values import frequent_values
    >>> ordered = np.repeat([0.0, 0.5, 1.0, 2.0], [50, 20, 10, 1])
    >>> frequent_values(ordered)
    FrequentValues(values=array([0. , 0.5, 1. ], dtype=float32),
                   counts=array([ 1, 50, 20, 10]))
    """
    values, counts = np.unique(ordered.astype(np.float32), return_counts=True)
    often = counts >= _LEAST_ROWS
    n_often, n_rows = int(often.sum()), int(counts[often].sum())
    tells = _LEAST_VALUES <= n_often <= MAX_VALUES
    if not tells or n_rows < _LEAST_SHARE * len(ordered):
        return FrequentValues(values[:0], np.zeros(1, dtype=np.int64))
    others = len(ordered) - n_rows
    return FrequentValues(values[often], np.r_[others, counts[often]].astype(np.int64))


def known_numbers(
    ordered: np.ndarray, encoded: np.ndarray, found: FrequentValues
) -> KnownNumbers:
    """Return the frequent values of a column before they were encoded.

    Parameters
    ----------
    ordered : ndarray of shape (n_rows,), dtype float64
        Training values, sorted, without missing ones.
    encoded : ndarray of shape (n_rows,)
        The same, encoded.
    found : FrequentValues
        Of `encoded`.
    """
    # Values that are one to the net are one here: the first stands for all of them.
    codes, first = np.unique(encoded.astype(np.float32), return_index=True)
    return KnownNumbers.among(ordered[first], np.isin(codes, found.values))
