"""Bin edges that know the target.

A decision tree of one column puts its thresholds where the target changes, and none
where it does not (the target-aware bins of Gorishniy et al.: On Embeddings for
Numerical Features in Tabular Deep Learning, NeurIPS 2022). On small tables that is
fewer bins, and less noise to learn, than quantiles make.
"""

from __future__ import annotations

import numpy as np

from sk_mixup.encoding._bins import widened

MAX_CLASSES = 100
"""A tree weighs every class at every split; with more, quantiles have to do."""

_TREE_ROWS = 50_000


def target_edges(
    values: np.ndarray,
    y: np.ndarray,
    n_bins: int,
    *,
    min_rows: int,
    weight: np.ndarray | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Return at most ``n_bins + 1`` edges at which the target changes most.

    Parameters
    ----------
    values : ndarray of shape (n_rows,), float32
        Encoded training values of one column, without missing ones.
    y : ndarray of shape (n_rows,) or (n_rows, k)
        Integers are classes, floats are numbers.
    n_bins : int
    min_rows : int
        Fewest rows in a bin.
    weight : ndarray of shape (n_rows,) or None
    seed : int
        Of the choice among more than 50 000 rows.

    Returns
    -------
    edges : ndarray of shape (2,) to (n_bins + 1,), dtype float32
        Strictly increasing; ``[-1, 1]`` where all values are the same.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mixup.encoding import target_edges
    >>> x = np.linspace(0, 10, 101, dtype=np.float32)
    >>> target_edges(x, (x > 3).astype(int), n_bins=8, min_rows=5)
    array([ 0.  ,  3.05, 10.  ], dtype=float32)
    """
    # Not above: it takes longer to import than all the rest.
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if not len(values) or values.min() == values.max():
        return np.array([-1.0, 1.0], dtype=np.float32)
    low, high = values.min(), values.max()
    if len(values) > _TREE_ROWS:
        rows = np.random.default_rng(seed).choice(len(values), _TREE_ROWS, False)
        values, y = values[rows], y[rows]
        weight = None if weight is None else weight[rows]
    tree_class = (
        DecisionTreeRegressor if y.dtype.kind == "f" else DecisionTreeClassifier
    )
    tree = tree_class(
        max_leaf_nodes=max(2, n_bins),
        min_samples_leaf=max(1, min(min_rows, len(values) // 10)),
        random_state=seed,
    )
    found = tree.fit(values[:, None], y, sample_weight=weight).tree_
    thresholds = found.threshold[found.feature >= 0].astype(np.float32)
    inner = thresholds[(thresholds > low) & (thresholds < high)]
    edges = widened(np.unique(np.r_[low, inner, high]).astype(np.float32))
    return edges if len(edges) > 1 else np.array([-1.0, 1.0], dtype=np.float32)
