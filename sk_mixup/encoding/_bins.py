"""Bin edges for piecewise-linear embeddings of numbers.

Plain quantiles waste bins on point masses: of 48 quantiles of a column that is zero in
90 % of the rows, 43 are the same edge, and five are left for everything else. Here a
value too frequent for a bin of its own share becomes one edge and leaves the count;
the other edges are quantiles of what remains.
"""

from __future__ import annotations

import numpy as np

_NARROWEST = 1e-6
"""Narrower bins would overflow float32 when a net divides by their width."""


def quantile_edges(ordered: np.ndarray, n_bins: int) -> np.ndarray:
    """Return at most ``n_bins + 1`` edges that share out the values evenly.

    Parameters
    ----------
    ordered : ndarray of shape (n_values,)
        Encoded training values, sorted, without missing ones.
    n_bins : int
        Largest number of bins.

    Returns
    -------
    edges : ndarray of shape (2,) to (n_bins + 1,), dtype float32
        Strictly increasing, at least 1e-6 apart. ``[-1, 1]`` where all values are the
        same.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mixup.encoding._bins import quantile_edges
    >>> quantile_edges(np.repeat([0.0, 1.0, 2.0, 3.0], [97, 1, 1, 1]), n_bins=3)
    array([0., 1., 2., 3.], dtype=float32)
    """
    ordered = ordered.astype(np.float32)
    values, counts = np.unique(ordered, return_counts=True)
    if len(values) > n_bins + 1:
        values = _share_out(values, counts, n_bins)
    edges = widened(values)
    return edges if len(edges) > 1 else np.array([-1.0, 1.0], dtype=np.float32)


def _share_out(values: np.ndarray, counts: np.ndarray, n_bins: int) -> np.ndarray:
    """Choose edges among distinct `values`: the heavy ones, then quantiles."""
    heavy = np.zeros(len(values), dtype=bool)
    while True:
        n_left = n_bins - int(heavy.sum())
        light = counts[~heavy]
        too_heavy = ~heavy & (counts * n_left > light.sum())
        if n_left < 2 or not too_heavy.any():
            break
        heavy |= too_heavy
    # Quantiles that are values of the column, by their place in the sorted rest.
    ends = np.cumsum(light)
    places = np.linspace(0, ends[-1] - 1, max(n_left, 1) + 1)
    chosen = np.searchsorted(ends, np.rint(places), side="right")
    return np.unique(np.concatenate([values[heavy], values[~heavy][chosen]]))


def widened(edges: np.ndarray) -> np.ndarray:
    """Drop edges too close to the one before; the outer two are kept."""
    if len(edges) < 2 or np.all(np.diff(edges) >= _NARROWEST):
        return edges
    kept = [edges[0]]
    for edge in edges[1:-1]:
        if edge - kept[-1] >= _NARROWEST and edges[-1] - edge >= _NARROWEST:
            kept.append(edge)
    if edges[-1] - kept[-1] >= _NARROWEST:
        kept.append(edges[-1])
    return np.array(kept, dtype=edges.dtype)
