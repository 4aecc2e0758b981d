"""Medians with intervals that assume nothing about the law of the noise.

Times on a shared machine are skewed and have outliers, so means and their standard
errors mislead. The order statistics of a sample bound its median whatever the law: the
number of values below the median is Binomial(n, 1/2).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class MedianInterval:
    """A median and the interval that covers it.

    Attributes
    ----------
    median, low, high : float
        Of the sample, and the order statistics around it.
    coverage : float
        Probability that the interval covers the true median; below the one asked for
        only where the whole sample is too small (less than 6 values for 95 %).
    n : int
        Number of values.
    """

    median: float
    low: float
    high: float
    coverage: float
    n: int

    def format(self, digits: int = 2, unit: str = "", scale: float = 1.0) -> str:
        """Return ``median [low, high] unit``."""
        low, high = self.low * scale, self.high * scale
        text = f"{self.median * scale:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"
        return f"{text} {unit}".rstrip()

    def as_dict(self) -> dict[str, float]:
        """Return the numbers by name, for JSON."""
        return asdict(self)


def median_interval(
    values: Sequence[float], confidence: float = 0.95
) -> MedianInterval:
    """Return the median and its distribution-free interval.

    Parameters
    ----------
    values : sequence of float
        Independent repeats, at least one.
    confidence : float
        Wanted coverage; the narrowest symmetric pair of order statistics that
        reaches it is taken.

    Raises
    ------
    ValueError
        If there are no values.
    """
    n = len(values)
    if n == 0:
        raise ValueError("A median needs at least one value; got none.")
    ordered = sorted(values)
    # The interval from the k-th smallest to the k-th largest misses the median when
    # fewer than k values fall on one side of it.
    k = 1
    while k < (n + 1) // 2 and _coverage(n, k + 1) >= confidence:
        k += 1
    return MedianInterval(
        statistics.median(ordered), ordered[k - 1], ordered[n - k], _coverage(n, k), n
    )


def grouped_interval(groups: Sequence[Sequence[float]]) -> MedianInterval:
    """Return the median over several processes, and how far the processes differ.

    Rounds of one process share its luck (where memory lay, which pages were there), so
    pooled rounds would promise too narrow an interval. It is taken over the medians of
    the processes instead; that of a single process over its rounds.

    Parameters
    ----------
    groups : sequence of sequences of float
        The rounds of each process.

    Raises
    ------
    ValueError
        If there are no values.
    """
    if len(groups) == 1:
        return median_interval(groups[0])
    pooled = statistics.median(value for group in groups for value in group)
    between = median_interval([statistics.median(group) for group in groups])
    return MedianInterval(
        pooled, between.low, between.high, between.coverage, len(groups)
    )


def grouped_ratio(
    numerators: Sequence[Sequence[float]], denominators: Sequence[Sequence[float]]
) -> MedianInterval:
    """Return the median of ratios within a round, over several processes."""
    return grouped_interval(
        [
            [above / below for above, below in zip(tops, bottoms, strict=True)]
            for tops, bottoms in zip(numerators, denominators, strict=True)
        ]
    )


def paired_ratio(
    numerators: Sequence[float], denominators: Sequence[float]
) -> MedianInterval:
    """Return the median of ratios of values taken side by side.

    A ratio of two medians would keep the drift of the machine between the two; the
    ratio of neighbours cancels it.

    Raises
    ------
    ValueError
        If the sequences differ in length.
    """
    pairs = zip(numerators, denominators, strict=True)
    return median_interval([above / below for above, below in pairs])


def paired_difference(
    minuends: Sequence[float], subtrahends: Sequence[float]
) -> MedianInterval:
    """Return the median of differences of values taken side by side."""
    pairs = zip(minuends, subtrahends, strict=True)
    return median_interval([more - less for more, less in pairs])


def _coverage(n: int, k: int) -> float:
    """Probability that the k-th smallest and k-th largest enclose the median."""
    outside = sum(math.comb(n, below) for below in range(k))
    return max(0.0, 1.0 - 2.0 * outside / 2.0**n)
