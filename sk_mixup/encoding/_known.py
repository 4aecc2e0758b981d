"""Which number is meant: values that a column repeats, however they were stored.

0.7 in single precision is another number than 0.7 in double, ``0.7 * 3 / 3`` may be a
third one, and a file of six digits holds ``0.333333`` for a third. To whoever keeps the
table these are one value, and so they must be to a net that gives the value a vector of
its own. A number near a known one therefore becomes that one, before anything else is
made of it: the same value gives the same bits from there on.

How near is a matter of the column. What rounds a number moves it by a share of itself,
two thousandths at most (half precision, or three digits in a file), and what tells two
values apart is the distance between them: a value takes in at most a twentieth of the
distance to the next one of the training rows, rare ones included. Nothing is so near to
zero but what a subtraction leaves behind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# What rounding moves a number by, as a share of it: single precision, and the coarsest.
_SINGLE = 2.0**-23
_COARSE = 2.0**-9
# Of the distance to the next value: what a known one takes in, and never more than.
_NEAR = 0.05
_MOST = 0.49
# What a subtraction leaves of zero, as a share of the distance to the next value.
_LEFT_OVER = 1e-6
# Values that are one: how many at most, how close, and how far away the others are.
_VARIANTS = 8
_CLOSE = 2.0**-22
_APART = 1e3


@dataclass(frozen=True)
class KnownNumbers:
    """Known values of a column, and how far around them the same is meant.

    Attributes
    ----------
    values : ndarray of shape (n_values,), dtype float64
        Strictly increasing.
    tolerances : ndarray of shape (n_values,), dtype float64
        Less than half the distance to the next value.
    """

    values: np.ndarray
    tolerances: np.ndarray

    @classmethod
    def among(cls, distinct: np.ndarray, is_known: np.ndarray) -> KnownNumbers:
        """Learn the tolerances of known values.

        Parameters
        ----------
        distinct : ndarray of shape (n,), dtype float64
            All values of the training rows, strictly increasing.
        is_known : ndarray of shape (n,), dtype bool

        Examples
        --------
        >>> import numpy as np
        >>> from sk_mixup.encoding._known import KnownNumbers
        >>> tenths = np.array([0.1, 0.2, 0.3])
        >>> known = KnownNumbers.among(tenths, np.array([True, True, False]))
        >>> known.nearest(np.array([0.1, np.float32(0.2), 0.3, 0.15])).tolist()
        [0, 1, -1, -1]
        """
        with np.errstate(over="ignore"):
            gaps = np.diff(distinct)
        gap = np.minimum(np.r_[np.inf, gaps], np.r_[gaps, np.inf])[is_known]
        values = distinct[is_known]
        size = np.abs(values)
        # A column of one value has no distances; its size has to do.
        gap = np.where(np.isfinite(gap), gap, size)
        rounded = np.maximum(_COARSE * size, _LEFT_OVER * gap)
        tolerance = np.maximum(np.minimum(_NEAR * gap, rounded), _SINGLE * size)
        return cls(values, np.minimum(tolerance, _MOST * gap))

    def nearest(self, numbers: np.ndarray) -> np.ndarray:
        """Return the position of the value that each number is; -1 for no known one."""
        if not len(self.values):
            return np.full(len(numbers), -1)
        place = self._place(numbers)
        return np.where(self._is_same(numbers, place), place, -1)

    def snap(self, numbers: np.ndarray) -> None:
        """Make numbers near a known value that value, in place."""
        if not len(self.values):
            return
        place = self._place(numbers)
        same = self._is_same(numbers, place)
        np.copyto(numbers, self.values[place], where=same)

    def _place(self, numbers: np.ndarray) -> np.ndarray:
        # Middles by halves: the sum of two values can exceed the largest float.
        return np.searchsorted(self.values[:-1] / 2 + self.values[1:] / 2, numbers)

    def _is_same(self, numbers: np.ndarray, place: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", over="ignore"):
            distance = np.abs(numbers - self.values[place])
        same: np.ndarray = distance <= self.tolerances[place]
        return same


def one_of_each(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return what each value is to be counted as: itself, or a near one that it is.

    A column of rows from two sources can hold 0.7 in both precisions. A few values
    that only rounding tells apart, and that lie a thousand times closer to each other
    than to any other value, are the most frequent of them.

    Parameters
    ----------
    values : ndarray of shape (n,), dtype float64
        Strictly increasing.
    counts : ndarray of shape (n,)
        Rows of each.

    Returns
    -------
    meant : ndarray of shape (n,), dtype float64
        Increasing; `values` itself where no two are one.
    """
    if len(values) < 3:
        return values
    with np.errstate(over="ignore"):
        gaps = np.diff(values)
    size = np.maximum(np.abs(values[:-1]), np.abs(values[1:]))
    close = gaps <= _CLOSE * size
    if not close.any() or (values == np.floor(values)).all():
        # Whole numbers are never rounded: near ones are neighbours, as of ids.
        return values
    meant = values.copy()
    starts = np.flatnonzero(~np.r_[False, close])
    ends = np.r_[starts[1:], len(values)]
    several = (ends - starts > 1) & (ends - starts <= _VARIANTS)
    apart = np.r_[np.inf, gaps, np.inf]
    for start, end in zip(starts[several], ends[several], strict=True):
        width = values[end - 1] - values[start]
        nearest = min(apart[start], apart[end])
        if np.isfinite(nearest) and _APART * width <= nearest:
            meant[start:end] = values[start + int(np.argmax(counts[start:end]))]
    return meant


def without_variants(ordered: np.ndarray) -> np.ndarray:
    """Return sorted numbers with each as what it is to be counted as."""
    if not len(ordered):
        return ordered
    is_new = np.r_[True, ordered[1:] != ordered[:-1]]
    first = np.flatnonzero(is_new)
    values, counts = ordered[first], np.diff(np.r_[first, len(ordered)])
    meant = one_of_each(values, counts)
    return ordered if meant is values else np.repeat(meant, counts)
