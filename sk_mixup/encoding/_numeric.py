"""Numbers: scale robustly and clip smoothly.

Centre at the median, divide by the interquartile range, then x / sqrt(1 + (x / 3)**2),
which is close to x near zero and bounded by 3 (RealMLP, Holzmueller et al., NeurIPS
2024). Quantiles ignore outliers when the scale is found, and the smooth clip bounds
them when it is applied, so that one value of 1e30 harms neither its column nor the
net, and order is kept all the same.

NOTE[DIFF] RealMLP falls back to half the range where the interquartile range is zero,
so that a zero-inflated column with one huge outlier is flattened to nothing. Here half
the range is used too, but never more than ten times the median distance of the values
that differ from the median.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sk_mixup.encoding._known import KnownNumbers
from sk_mixup.encoding._reading import TOO_LARGE

SAMPLE_ROWS = 200_000
"""Quantiles are exact up to this number of rows; beyond it they are of a sample."""

_ENOUGH = 20_000
_BLOCK_ROWS = 4096
_FAR = 1e15


@dataclass(frozen=True)
class RobustScale:
    """Centre and scale of every number column.

    Attributes
    ----------
    center, scale : ndarray of shape (n_numeric,), dtype float64
    constant : ndarray of shape (n_numeric,), dtype bool
        Columns without two different values. They are encoded as 0 whatever comes
        later: the net learnt nothing about them.
    """

    center: np.ndarray
    scale: np.ndarray
    constant: np.ndarray

    def apply(self, block: np.ndarray) -> None:
        """Scale and clip `block`, of shape (n_numeric, n_rows), in place."""
        with np.errstate(all="ignore"):
            block -= self.center[:, None]
            block /= self.scale[:, None]
            np.clip(block, -_FAR, _FAR, out=block)
            spread = block / 3.0
            spread *= spread
            spread += 1.0
            np.sqrt(spread, out=spread)
            block /= spread
        block[self.constant] = 0.0

    def apply_to_column(self, values: np.ndarray, position: int) -> np.ndarray:
        """Return one column, scaled and clipped."""
        part = slice(position, position + 1)
        one = RobustScale(self.center[part], self.scale[part], self.constant[part])
        block = values[None, :].copy()
        one.apply(block)
        found: np.ndarray = block[0]
        return found


def fit_column(values: np.ndarray) -> tuple[float, float, bool]:
    """Return centre, scale and constancy of a column from its sorted sample.

    Parameters
    ----------
    values : ndarray of shape (n_values,), dtype float64
        Sorted, without missing values; may be empty.
    """
    if values.size == 0:
        return 0.0, 1.0, True
    low, high = float(values[0]), float(values[-1])
    if low == high:
        return low, 1.0, True
    q25, center, q75 = (_quantile(values, q) for q in (0.25, 0.5, 0.75))
    # Halves first: the range of a column of both signs can exceed the largest float.
    scale = min(2.0 * min(q75 / 2 - q25 / 2, np.finfo(float).max / 4), 1e308)
    if scale == 0.0:
        half_distance = np.sort(np.abs(values[values != center] / 2 - center / 2))
        typical = 20.0 * min(_quantile(half_distance, 0.5), 1e306)
        scale = min(high / 2 - low / 2, typical)
    if scale == 0.0:
        # Halving the smallest denormal gave zero.
        scale = float(np.finfo(float).smallest_subnormal)
    return center, scale, False


def find_ranges(
    columns: Sequence[np.ndarray],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the least and the largest value of each column, and whether any is NaN.

    Columns without any value have NaN for both.
    """
    low, high = np.full((2, len(columns)), np.nan)
    has_missing = np.zeros(len(columns), dtype=bool)
    for _, block in _blocks(columns):
        least, largest = block.min(axis=1), block.max(axis=1)
        missing = np.isnan(least)
        if missing.any():
            has_missing |= missing
            least = np.fmin.reduce(block, axis=1)
            largest = np.fmax.reduce(block, axis=1)
        low, high = np.fmin(low, least), np.fmax(high, largest)
    return low, high, has_missing


def sorted_sample(
    values: np.ndarray,
    rows: np.ndarray | None,
    low: float,
    high: float,
    has_missing: bool,
) -> np.ndarray:
    """Return the sorted values of a column, missing ones left out.

    Parameters
    ----------
    values : ndarray of shape (n_rows,)
        Real numbers of any dtype.
    rows : ndarray of int or None
        Rows of the sample; None takes all.
    low, high : float
        Range of all values. The sample gets these as its ends: it may have missed the
        only values that make the column vary.
    has_missing : bool
        Whether any value is NaN.
    """
    sample = values if rows is None else values[rows]
    if has_missing:
        sample = sample[~np.isnan(sample)]
        if rows is not None and sample.size < _ENOUGH:
            # The sampled rows are missing here for the most part; take what there is.
            present = values[~np.isnan(values)]
            sample = present[:: max(1, present.size // SAMPLE_ROWS)]
    sample = np.sort(sample.astype(np.float64, copy=False))
    if rows is not None and sample.size:
        sample[0], sample[-1] = low, high
    return sample


def raise_infinite(labels: Sequence[str]) -> None:
    """Raise the error for infinite values in the columns called `labels`."""
    shown = ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "")
    raise ValueError(
        f"{TOO_LARGE}, in {shown}. Replace these values, for example by missing ones:"
        " X.replace([numpy.inf, -numpy.inf], numpy.nan)."
    )


def encode_numbers(
    columns: Sequence[np.ndarray],
    scale: RobustScale,
    indicators: np.ndarray,
    labels: Sequence[str],
    known: Mapping[int, KnownNumbers],
) -> np.ndarray:
    """Scale columns, impute missing values by 0 and append the indicators.

    Parameters
    ----------
    columns : sequence of ndarray of shape (n_rows,)
        Real numbers of any dtype.
    scale : RobustScale
    indicators : ndarray of int
        Which of `columns` get an indicator.
    labels : sequence of str
        What messages call each column.
    known : mapping of int to KnownNumbers
        Of those columns that repeat values.

    Returns
    -------
    numeric : ndarray of shape (n_rows, n_numeric + n_indicators), dtype float32
        C-contiguous.
    """
    n_rows, n_values = len(columns[0]), len(columns)
    out = np.empty((n_rows, n_values + len(indicators)), dtype=np.float32)
    for rows, block in _blocks(columns):
        missing = None if np.isfinite(block).all() else np.isnan(block)
        if missing is not None and np.isinf(block).any():
            _refuse_infinite(columns, labels)
        for j, numbers in known.items():
            numbers.snap(block[j])
        scale.apply(block)
        if missing is not None:
            block[missing] = 0.0
        out[rows, :n_values] = block.T
        if len(indicators):
            out[rows, n_values:] = 0.0 if missing is None else missing[indicators].T
    return out


def _blocks(columns: Sequence[np.ndarray]) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield row slices with their values, of shape (n_columns, n_rows), as float64.

    A block stays in the cache: one pass over memory, not one per operation. Columns are
    the rows of a block, since that is how frames keep them. The same memory is used for
    every block and may be written to.
    """
    n_rows = len(columns[0]) if columns else 0
    memory = np.empty((len(columns), min(n_rows, _BLOCK_ROWS)))
    for start in range(0, n_rows, _BLOCK_ROWS):
        rows = slice(start, min(start + _BLOCK_ROWS, n_rows))
        block = memory[:, : rows.stop - start]
        for row, column in zip(block, columns, strict=True):
            row[:] = column[rows]
        yield rows, block


def _refuse_infinite(columns: Sequence[np.ndarray], labels: Sequence[str]) -> None:
    raise_infinite(
        [
            label
            for label, column in zip(labels, columns, strict=True)
            if np.isinf(column).any()
        ]
    )


def _quantile(ordered: np.ndarray, q: float) -> float:
    """Linear quantile of sorted values, safe against overflow of a difference."""
    place = q * (ordered.size - 1)
    below = int(place)
    above = min(below + 1, ordered.size - 1)
    weight = place - below
    low, high = float(ordered[below]), float(ordered[above])
    # An exact tie must stay exact: it decides whether the interquartile range is 0.
    return low if low == high else (1.0 - weight) * low + weight * high
