"""Columns of a sparse matrix: brought to one size, and left sparse.

What is not stored is zero and must stay zero, so that nothing is centred: each column
is divided by the median size of its entries other than zero, and clipped smoothly as
the numbers of a dense table are. Marks of 0 and 1 stay alike, counts and weights of
words get the size of marks, and a value of 1e30 harms neither its column nor the net.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Entries on which medians are found; of more, a choice with repetition.
_SAMPLE_ENTRIES = 2**22
_FAR = 1e15


@dataclass(frozen=True)
class SparseScale:
    """What the entries of each column are divided by.

    Attributes
    ----------
    scale : ndarray of shape (n_columns,), dtype float64
        Median size of the entries other than zero; 0 for a column without any, of which
        the net learns nothing: it is encoded as 0 whatever comes later.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mixup.encoding import SparseScale
    >>> columns, values = np.array([0, 0, 0, 2]), np.array([1.0, 2.0, -4.0, 0.5])
    >>> scale = SparseScale.fit(columns, values, n_columns=3)
    >>> scale.scale
    array([2. , 0. , 0.5])
    >>> scale.apply(columns, values).round(2)
    array([ 0.49,  0.95, -1.66,  0.95], dtype=float32)
    """

    scale: np.ndarray

    @classmethod
    def fit(
        cls, columns: np.ndarray, values: np.ndarray, n_columns: int, *, seed: int = 0
    ) -> SparseScale:
        """Learn the scales.

        Parameters
        ----------
        columns : ndarray of shape (n_entries,)
            Column of each stored entry.
        values : ndarray of shape (n_entries,)
            Finite entries.
        n_columns : int
        seed : int, default=0
            Of the choice among many entries.
        """
        chosen_columns, chosen = columns, values
        if len(values) > _SAMPLE_ENTRIES:
            rng = np.random.default_rng(seed)
            entries = rng.integers(0, len(values), _SAMPLE_ENTRIES)
            chosen_columns, chosen = columns[entries], values[entries]
        scale = _medians(chosen_columns, chosen, n_columns)
        if chosen is not values:
            # Rare columns of which nothing was chosen.
            sizes = np.abs(values.astype(np.float64))
            sums = np.bincount(columns, sizes, n_columns)
            counts = np.bincount(columns, sizes > 0, n_columns)
            missed = (scale == 0.0) & (counts > 0)
            scale[missed] = sums[missed] / counts[missed]
        return cls(scale)

    def apply(self, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return scaled and clipped entries, float32.

        Parameters
        ----------
        columns, values : ndarray of shape (n_entries,)
        """
        with np.errstate(all="ignore"):
            factor = np.where(self.scale > 0.0, 1.0 / self.scale, 0.0)
            scaled = values * factor[columns]
            np.clip(scaled, -_FAR, _FAR, out=scaled)
            scaled /= np.sqrt(1.0 + (scaled / 3.0) ** 2)
        found: np.ndarray = scaled.astype(np.float32)
        return found


def _medians(columns: np.ndarray, values: np.ndarray, n_columns: int) -> np.ndarray:
    """Return the (lower) median size of the entries of each column; 0 without any."""
    sizes = np.abs(values.astype(np.float64))
    kept = sizes > 0.0
    columns, sizes = columns[kept], sizes[kept]
    ordered = sizes[np.lexsort((sizes, columns))]
    counts = np.bincount(columns, minlength=n_columns)
    starts = np.cumsum(counts) - counts
    medians = np.zeros(n_columns)
    filled = counts > 0
    medians[filled] = ordered[(starts + (counts - 1) // 2)[filled]]
    return medians
