"""What scores are given, row by row, checked."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Rows of float32 or rounded probabilities may miss 1 by a little, logits by far.
SUM_TOLERANCE = 1e-3


def check_weight(
    name: str, weight: ArrayLike | None, n_rows: int
) -> NDArray[np.float64]:
    """Return row weights that sum to one.

    Raises
    ------
    ValueError
        If they are of another length, negative, not finite or all zero.
    """
    if weight is None:
        return np.full(n_rows, 1.0 / n_rows)
    share = np.asarray(weight, dtype=np.float64)
    if share.shape != (n_rows,):
        raise ValueError(
            f"{name} must have shape ({n_rows},), one per row; got {share.shape}."
        )
    if not (np.isfinite(share).all() and (share >= 0).all() and share.any()):
        raise ValueError(
            f"{name} must hold finite numbers of at least 0, and one above 0; got"
            f" values from {share.min():.4g} to {share.max():.4g}."
        )
    found: NDArray[np.float64] = share / share.sum()
    return found


def check_proba(proba: ArrayLike) -> NDArray[np.float64]:
    """Return probabilities of shape (n_samples, n_classes), or say what is wrong."""
    p = np.asarray(proba, dtype=np.float64)
    if p.ndim == 1:
        p = np.column_stack([1.0 - p, p])
    if p.ndim != 2 or p.shape[1] < 2:
        raise ValueError(
            "proba must have shape (n_samples,) or (n_samples, n_classes) with two "
            f"classes or more; got shape {np.shape(proba)}."
        )
    check_range(p)
    off = np.abs(p.sum(axis=1) - 1.0).max()
    if off > SUM_TOLERANCE:
        raise ValueError(
            f"Each row of proba must sum to 1; one misses it by {off:.4g}. Pass the "
            "output of predict_proba."
        )
    return np.clip(p, 0.0, 1.0)


def check_range(p: NDArray[np.float64]) -> None:
    """Check that there are rows, and numbers between 0 and 1 in them."""
    if len(p) == 0:
        raise ValueError("proba has 0 samples; at least 1 is needed.")
    # Written so that NaN fails too.
    if not ((p >= -SUM_TOLERANCE) & (p <= 1 + SUM_TOLERANCE)).all():
        raise ValueError(
            f"proba must lie in [0, 1]; got values from {p.min():.4g} to "
            f"{p.max():.4g}. Pass the output of predict_proba, not logits."
        )
