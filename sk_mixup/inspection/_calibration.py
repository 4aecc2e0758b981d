"""Whether a predicted probability of 0.8 is right in 8 of 10 cases.

Mixup is often chosen for its probabilities and not for its accuracy, so their quality
has to be measurable with the tools at hand. scikit-learn's ``calibration_curve`` looks
at one class against the rest; the question here is about the label that would be
predicted, with any number of classes ("top-label" calibration), as in Guo et al.
(ICML 2017). These are plain NumPy functions: they judge the output of any classifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_mixup.metrics import check_proba

__all__ = ["ReliabilityCurve", "expected_calibration_error", "reliability_curve"]

BinStrategy = Literal["uniform", "quantile"]

N_BINS = 15
"""As in Guo et al.; one number for functions and displays."""

# A probability at an edge stays below it in single precision.
_EDGE_SLACK = 2.0**-22


# eq=False: comparing arrays gives arrays, which have no truth value.
@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """Confidence against accuracy in bins of the confidence.

    Attributes
    ----------
    confidence : ndarray of shape (n_bins,)
        Mean predicted probability of the predicted label; NaN in an empty bin.
    accuracy : ndarray of shape (n_bins,)
        Share of correct predictions; NaN in an empty bin.
    count : ndarray of shape (n_bins,)
        Number of samples.
    edges : ndarray of shape (n_bins + 1,)
        Bin ``b`` holds the samples with ``edges[b] < confidence <= edges[b + 1]``; the
        first bin holds its lower edge too.
    """

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]
    edges: NDArray[np.float64]

    @property
    def expected_error(self) -> float:
        """Mean gap between confidence and accuracy, weighted by the samples per bin."""
        filled = self.count > 0
        gap = np.abs(self.accuracy[filled] - self.confidence[filled])
        return float(np.average(gap, weights=self.count[filled]))


def reliability_curve(
    y_true: ArrayLike,
    proba: ArrayLike,
    *,
    n_bins: int = N_BINS,
    strategy: BinStrategy = "uniform",
    classes: ArrayLike | None = None,
) -> ReliabilityCurve:
    """Compare the confidence of predictions with how often they are right.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities, as `predict_proba` returns them. One dimension means
        two classes and the probability of the second.
    n_bins : int, default=15
        Number of bins.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width over [0, 1], or bins of about equally many samples.
        Quantile bins with equal edges are merged, so there may be fewer than `n_bins`.
    classes : array-like of shape (n_classes,), default=None
        The label of each column of `proba`: a classifier's `classes_`. By default the
        sorted labels of `y_true`, which needs each class to occur there.

    Returns
    -------
    ReliabilityCurve
        Mean confidence, accuracy and number of samples per bin, and the bins' edges.

    See Also
    --------
    expected_calibration_error : The curve's distance from the diagonal, as one number.
    ReliabilityDisplay : The curve as a picture.

    Examples
    --------
    >>> from sk_mixup.inspection import reliability_curve
    >>> proba = [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]
    >>> curve = reliability_curve(["no", "no", "yes", "yes"], proba, n_bins=2)
    >>> curve.confidence
    array([ nan, 0.75])
    >>> curve.accuracy
    array([ nan, 0.75])
    >>> curve.count
    array([0, 4])
    """
    confidence, correct = _top_label(y_true, proba, classes)
    edges, index = _binned(confidence, n_bins, strategy)
    used = edges.size - 1
    count = np.bincount(index, minlength=used)
    # 0 / 0 is the NaN that an empty bin promises.
    with np.errstate(invalid="ignore"):
        mean_confidence = np.bincount(index, confidence, minlength=used) / count
        accuracy = np.bincount(index, correct, minlength=used) / count
    return ReliabilityCurve(mean_confidence, accuracy, count, edges)


def expected_calibration_error(
    y_true: ArrayLike,
    proba: ArrayLike,
    *,
    n_bins: int = N_BINS,
    strategy: BinStrategy = "uniform",
    classes: ArrayLike | None = None,
    classwise: bool = False,
) -> float:
    """Mean gap between the confidence of predictions and their accuracy (ECE).

    Samples are put in bins by the probability of their predicted label. The error is
    the mean over the bins of `|accuracy - mean confidence|`, weighted by the number of
    samples: 0 is perfect, 1 is certain and always wrong.

    The probabilities of the other classes do not count, unless `classwise` is True.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True labels.
    proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Predicted probabilities, as `predict_proba` returns them. One dimension means
        two classes and the probability of the second.
    n_bins : int, default=15
        Number of bins. Few samples need few bins: noise within a bin counts as error.
    strategy : {"uniform", "quantile"}, default="uniform"
        Bins of equal width over [0, 1], or bins of about equally many samples.
    classes : array-like of shape (n_classes,), default=None
        The label of each column of `proba`: a classifier's `classes_`. By default the
        sorted labels of `y_true`, which needs each class to occur there.
    classwise : bool, default=False
        Whether each class is judged against the rest, by its own probability and in
        bins of its own, and the errors of the classes are averaged [2]_ [3]_. With
        many classes it is small, since most probabilities are near 0 and right.

    Returns
    -------
    float
        The error, between 0 and 1.

    See Also
    --------
    reliability_curve : The values per bin.
    calibration_error_interval : How far chance may have moved the error.

    Notes
    -----
    The estimate is biased upwards on small samples and depends on `n_bins`: compare
    only values from the same samples and the same bins, and look at the log-loss too.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural
       Networks", ICML 2017.
    .. [2] M. Kull et al., "Beyond temperature scaling: Obtaining well-calibrated
       multiclass probabilities with Dirichlet calibration", NeurIPS 2019.
    .. [3] J. Nixon et al., "Measuring Calibration in Deep Learning", CVPR Workshops
       2019.

    Examples
    --------
    >>> from sk_mixup.inspection import expected_calibration_error
    >>> proba = [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]
    >>> round(expected_calibration_error([0, 0, 0, 1], proba, n_bins=1), 3)
    0.25
    """
    if classwise:
        parts = binned_gaps(
            y_true,
            proba,
            n_bins=n_bins,
            strategy=strategy,
            classes=classes,
            classwise=True,
        )
        return float(np.mean([part.error() for part in parts]))
    curve = reliability_curve(
        y_true, proba, n_bins=n_bins, strategy=strategy, classes=classes
    )
    return curve.expected_error


@dataclass(frozen=True, eq=False)
class BinnedGaps:
    """What one error is made of: the gap of each sample, and the bin it falls in.

    Attributes
    ----------
    bin : ndarray of shape (n_samples,)
    sure : ndarray of shape (n_samples,)
        Probability of a class.
    column : ndarray of shape (n_samples,)
        Which class that is.
    happened : ndarray of shape (n_samples,)
        Whether it is the true one.
    """

    bin: NDArray[np.int64]
    sure: NDArray[np.float64]
    column: NDArray[np.int64]
    happened: NDArray[np.bool_]

    def error(self, rows: NDArray[np.int64] | None = None) -> float:
        """Return the mean gap, of these rows alone if some are given."""
        gap, index = self.happened - self.sure, self.bin
        if rows is not None:
            gap, index = gap[rows], index[rows]
        return float(np.abs(np.bincount(index, gap)).sum() / len(gap))

    def error_with(self, codes: NDArray[np.int64]) -> float:
        """Return the mean gap if these were the true classes."""
        gap = (self.column == codes) - self.sure
        return float(np.abs(np.bincount(self.bin, gap)).sum() / len(gap))


def binned_gaps(
    y_true: ArrayLike,
    proba: ArrayLike,
    *,
    n_bins: int,
    strategy: BinStrategy,
    classes: ArrayLike | None,
    classwise: bool,
) -> list[BinnedGaps]:
    """Return the gaps of the predicted labels, or those of each class.

    Parameters
    ----------
    y_true, proba, n_bins, strategy, classes, classwise :
        As of `expected_calibration_error`, which is the mean of their errors.
    """
    p, y, labels = checked_labels(y_true, proba, classes)
    if classwise:
        columns = [np.full(len(p), c) for c in range(len(labels))]
    else:
        columns = [p.argmax(axis=1)]
    parts = []
    for column in columns:
        sure = p[np.arange(len(p)), column]
        index = _binned(sure, n_bins, strategy)[1]
        parts.append(BinnedGaps(index, sure, column, labels[column] == y))
    return parts


def _binned(
    confidence: NDArray[np.float64], n_bins: int, strategy: BinStrategy
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the edges of the bins, and the bin of each sample."""
    if isinstance(n_bins, bool) or not isinstance(n_bins, Integral) or n_bins < 1:
        raise ValueError(f"n_bins must be an integer >= 1; got {n_bins!r}.")
    if strategy == "uniform":
        edges = np.linspace(0.0, 1.0, int(n_bins) + 1)
    elif strategy == "quantile":
        edges = np.unique(np.quantile(confidence, np.linspace(0.0, 1.0, n_bins + 1)))
        if edges.size == 1:
            edges = np.repeat(edges, 2)
    else:
        raise ValueError(f"strategy must be 'uniform' or 'quantile'; got {strategy!r}.")
    return edges, np.searchsorted(edges[1:-1] + _EDGE_SLACK, confidence, side="left")


def _top_label(
    y_true: ArrayLike, proba: ArrayLike, classes: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return each sample's highest probability and whether its label is the true one.

    Shapes: both (n_samples,).
    """
    p, y, labels = checked_labels(y_true, proba, classes)
    return p.max(axis=1), np.asarray(labels[p.argmax(axis=1)] == y)


def checked_labels(
    y_true: ArrayLike, proba: ArrayLike, classes: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[Any]]:
    """Return probabilities, labels, and the label of each column."""
    p = check_proba(proba)
    y = np.asarray(y_true)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]  # a column vector, as scikit-learn's scores take it
    if y.ndim != 1:
        raise ValueError(
            f"y_true must have one dimension; got shape {y.shape}. Pass labels, not "
            "one-hot rows."
        )
    if len(y) != len(p):
        raise ValueError(
            f"y_true has {len(y)} samples and proba has {len(p)}; both must come from "
            "the same rows."
        )
    if classes is None:
        labels = np.unique(y)
        if len(labels) != p.shape[1]:
            raise ValueError(
                f"y_true holds {len(labels)} distinct labels and proba has "
                f"{p.shape[1]} columns; pass classes=estimator.classes_ to say which "
                "label each column belongs to."
            )
    else:
        labels = np.asarray(classes)
        if labels.shape != (p.shape[1],):
            raise ValueError(
                f"classes must name the {p.shape[1]} columns of proba; got shape "
                f"{labels.shape}. Pass the classifier's classes_."
            )
        unknown = np.setdiff1d(y, labels)
        if unknown.size:
            raise ValueError(
                f"y_true holds the label {unknown[0]!r}, which is not in classes; "
                "drop these rows or pass the classes_ of a classifier that knows them."
            )
    return p, y, labels
