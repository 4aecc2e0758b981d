"""What must be known of all rows of a table that is too long to be held.

Scales are found on a sample. Ranges, missing values and categories are not: a value
that the sample has missed would be refused, clipped or unknown without need.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sk_mixup.encoding import _categorical as categories, _numeric as numeric
from sk_mixup.encoding._categorical import Factor
from sk_mixup.encoding._container import take_column
from sk_mixup.encoding._reading import read_numbers
from sk_mixup.encoding._roles import find_categorical

if TYPE_CHECKING:
    import pandas as pd

# Of a column with more distinct values, those that were seen once are forgotten: they
# are rare, and rare values share a code.
_MOST_VALUES = 1_000_000


class PieceCounts(NamedTuple):
    """What was found in some rows.

    Attributes
    ----------
    n_rows : int
    low, high : ndarray of shape (n_numeric,)
        Range of each number column; NaN for one without values.
    has_missing : ndarray of shape (n_numeric,), dtype bool
    missing : list of int
        Missing values of each category column.
    totals : list of dict
        How often each value of a category column occurs.
    """

    n_rows: int
    low: np.ndarray
    high: np.ndarray
    has_missing: np.ndarray
    missing: list[int]
    totals: list[dict[Any, int]]


class TableCounts:
    """Ranges and categories of a table, gathered piece by piece.

    Parameters
    ----------
    head : DataFrame
        Some rows, which tell the kinds of the columns.
    categorical_features : object
        As for `TableEncoder`.

    Examples
    --------
    >>> import pandas as pd
    >>> from sk_mixup.encoding import TableCounts
    >>> X = pd.DataFrame({"age": [30.0, 40.0, None], "job": ["cook", "cook", "smith"]})
    >>> counts = TableCounts(X)
    >>> for rows in (X[:2], X[2:]):
    ...     counts.add(counts.of(rows))
    >>> counts.n_rows, counts.low, counts.totals
    (3, array([30.]), [Counter({'cook': 2, 'smith': 1})])
    """

    def __init__(
        self, head: pd.DataFrame, categorical_features: Any = "from_dtype"
    ) -> None:
        self.labels = [f"column {str(name)!r}" for name in head.columns]
        is_category = find_categorical(head, categorical_features, self.labels)
        self.numbers = np.flatnonzero(~is_category)
        self.categories = np.flatnonzero(is_category)
        self.n_rows = 0
        self.low, self.high = np.full((2, len(self.numbers)), np.nan)
        self.has_missing = np.zeros(len(self.numbers), dtype=bool)
        self.missing = [0] * len(self.categories)
        self.totals: list[Counter[Any]] = [Counter() for _ in self.categories]

    def of(self, rows: pd.DataFrame) -> PieceCounts:
        """Return what rows say; several threads may ask.

        Raises
        ------
        ValueError, TypeError
            As `TableEncoder.fit`.
        """
        columns = [
            read_numbers(
                take_column(rows, j),
                self.labels[j],
                remedy="Give columns of numbers, or leave this one out.",
            )
            for j in self.numbers.tolist()
        ]
        low, high, has_missing = numeric.find_ranges(columns)
        infinite = np.isinf(low) | np.isinf(high)
        if infinite.any():
            labels = [self.labels[j] for j in self.numbers[infinite]]
            numeric.raise_infinite(labels)
        missing, totals = [], []
        for j in self.categories.tolist():
            factor = categories.factorize(take_column(rows, j), self.labels[j])
            n_missing, counts = categories.count(factor)
            missing.append(n_missing)
            totals.append(
                {v: n for v, n in zip(factor.values, counts.tolist(), strict=True) if n}
            )
        return PieceCounts(len(rows), low, high, has_missing, missing, totals)

    def add(self, piece: PieceCounts) -> None:
        """Take in what a piece says."""
        self.n_rows += piece.n_rows
        self.low = np.fmin(self.low, piece.low)
        self.high = np.fmax(self.high, piece.high)
        self.has_missing |= piece.has_missing
        for k, totals in enumerate(piece.totals):
            self.missing[k] += piece.missing[k]
            known = self.totals[k]
            for value, count in totals.items():
                known[value] += count
            if len(known) > _MOST_VALUES:
                self.totals[k] = Counter({v: n for v, n in known.items() if n > 1})

    def factors(self) -> list[Factor]:
        """Return the distinct values of the category columns, without positions."""
        none = np.empty(0, dtype=np.int64)
        return [Factor(none, list(totals)) for totals in self.totals]

    def levels(self) -> list[categories.Levels]:
        """Return the levels of the category columns."""
        return [
            categories.levels_of(totals, n_missing)
            for totals, n_missing in zip(self.totals, self.missing, strict=True)
        ]
