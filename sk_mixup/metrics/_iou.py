"""How well masks cover masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike


def mean_iou(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Any = None,
    ignore_index: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> float:
    """Return the mean over classes of intersection over union.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples, ...)
        Classes of pixels.
    labels : array-like of shape (n_classes,), default=None
        Classes to be averaged; None: all that occur in either.
    ignore_index : int or None, default=None
        Class in `y_true` of pixels that count nowhere.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the images.

    Returns
    -------
    score : float
        From 0 to 1, with intersections and unions summed over all images. A class that
        occurs in neither is left out of the mean; without any class it is 1.

    Raises
    ------
    ValueError
        If shapes do not fit.

    Examples
    --------
    >>> from sk_mixup.metrics import mean_iou
    >>> truth = [[[0, 0], [1, 1]]]
    >>> round(mean_iou(truth, [[[0, 1], [1, 1]]]), 3)
    0.583
    """
    truth, found = (
        _masks(name, y) for name, y in (("y_true", y_true), ("y_pred", y_pred))
    )
    if truth.shape != found.shape:
        raise ValueError(
            f"y_true has shape {truth.shape} and y_pred {found.shape}; both must hold"
            " the same pixels."
        )
    weight = np.ones(len(truth))
    if sample_weight is not None:
        weight = np.asarray(sample_weight, dtype=np.float64)
        if weight.shape != (len(truth),) or not bool((weight >= 0).all()):
            raise ValueError(
                f"sample_weight must hold a number of at least 0 for each of the"
                f" {len(truth)} images; got shape {weight.shape}."
            )
    counts = np.ones(truth.shape, bool)
    if ignore_index is not None:
        counts = truth != ignore_index
    if labels is None:
        labels = np.union1d(truth[counts], found[counts])
    scores = []
    for label in np.asarray(labels).tolist():
        here, there = (truth == label) & counts, (found == label) & counts
        both, either = (
            float(weight @ pixels.reshape(len(truth), -1).sum(1))
            for pixels in (here & there, here | there)
        )
        if either > 0:
            scores.append(both / either)
    return float(np.mean(scores)) if scores else 1.0


def _masks(name: str, y: Any) -> np.ndarray:
    if hasattr(y, "cpu"):
        y = y.detach().cpu().numpy()
    masks = np.asarray(y)
    if masks.ndim < 2 or masks.dtype.kind not in "biu":
        raise ValueError(
            f"{name} must hold classes of pixels, integers of shape (n_samples, height,"
            f" width); got shape {masks.shape} of {masks.dtype}."
        )
    return masks
