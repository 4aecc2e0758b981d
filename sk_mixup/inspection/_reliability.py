"""The reliability diagram, in the form of scikit-learn's displays.

An expected calibration error hides its direction: mixed training tends to make a net
less sure than it should be, plain training more sure. The diagram shows which of them
happened and where, and the histogram below it how many samples each point rests on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sk_mixup.inspection._calibration import (
    N_BINS,
    BinStrategy,
    ReliabilityCurve,
    reliability_curve,
)
from sk_mixup.inspection._matplotlib import new_axes, require_matplotlib
from sk_mixup.inspection._style import (
    BLUE,
    GREY,
    RED,
    TITLE,
    background,
    dress,
    figure_size,
    foreground,
    legend_below,
    stacked,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ReliabilityDisplay"]

_BAR, _GAP = BLUE, RED


class ReliabilityDisplay:
    """Reliability diagram: accuracy against confidence, with a histogram.

    Use `from_estimator` or `from_predictions` to create one. Bars below the diagonal
    mean a classifier that is surer than it is right; bars above it, one that is more
    often right than it claims. Dots within the grey ranges are as close to the diagonal
    as so few samples allow.

    Parameters
    ----------
    curve : ReliabilityCurve
        What `reliability_curve` returned.
    estimator_name : str, default=None
        Shown in the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the diagram, set by `plot`.
    ax_count_ : matplotlib Axes
        Axes of the histogram below it.
    figure_ : matplotlib Figure
        Figure of both.

    See Also
    --------
    sklearn.calibration.CalibrationDisplay : The same for the positive of two classes.

    Examples
    --------
    >>> from sk_mixup.inspection import ReliabilityDisplay, reliability_curve
    >>> proba = [[0.9, 0.1], [0.8, 0.2], [0.6, 0.4], [0.3, 0.7]]
    >>> curve = reliability_curve([0, 0, 1, 1], proba, n_bins=5)
    >>> display = ReliabilityDisplay(curve).plot()
    >>> display.ax_.get_title()
    'ECE 0.300'
    """

    ax_: Axes
    ax_count_: Axes
    figure_: Figure | SubFigure | None

    def __init__(
        self, curve: ReliabilityCurve, *, estimator_name: str | None = None
    ) -> None:
        self.curve = curve
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        n_bins: int = N_BINS,
        strategy: BinStrategy = "uniform",
        name: str | None = None,
        ax: Axes | None = None,
    ) -> ReliabilityDisplay:
        """Draw the diagram of a fitted classifier on data it was not trained on.

        Parameters
        ----------
        estimator : classifier
            Fitted, with `predict_proba` and `classes_`; a pipeline will do.
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Held-out samples.
        y : array-like of shape (n_samples,)
            Their labels.
        n_bins : int, default=15
            Number of bins, as of `expected_calibration_error`.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or of about equally many samples.
        name : str, default=None
            Shown in the title; the estimator's class by default.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        ReliabilityDisplay
            The display, drawn.
        """
        if not hasattr(estimator, "predict_proba"):
            raise ValueError(
                f"estimator must have predict_proba; {type(estimator).__name__} has "
                "none. Pass a fitted classifier that predicts probabilities, or use "
                "from_predictions."
            )
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            n_bins=n_bins,
            strategy=strategy,
            classes=estimator.classes_,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: ArrayLike,
        proba: ArrayLike,
        *,
        n_bins: int = N_BINS,
        strategy: BinStrategy = "uniform",
        classes: ArrayLike | None = None,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> ReliabilityDisplay:
        """Draw the diagram of given probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,)
            True labels.
        proba : array-like of shape (n_samples, n_classes) or (n_samples,)
            Predicted probabilities; one dimension means two classes and the
            probability of the second.
        n_bins : int, default=15
            Number of bins, as of `expected_calibration_error`.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or of about equally many samples.
        classes : array-like of shape (n_classes,), default=None
            The label of each column of `proba`; the sorted labels of `y_true` by
            default.
        name : str, default=None
            Shown in the title.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        ReliabilityDisplay
            The display, drawn.
        """
        require_matplotlib("ReliabilityDisplay")
        curve = reliability_curve(
            y_true, proba, n_bins=n_bins, strategy=strategy, classes=classes
        )
        return cls(curve, estimator_name=name).plot(ax)

    def plot(
        self, ax: Axes | None = None, *, name: str | None = None
    ) -> ReliabilityDisplay:
        """Draw the diagram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; a part at the bottom is given to the histogram. By default a
            new figure is created.
        name : str, default=None
            Shown in the title instead of `estimator_name`.

        Returns
        -------
        ReliabilityDisplay
            Itself, with `ax_`, `ax_count_` and `figure_` set.
        """
        require_matplotlib("ReliabilityDisplay")
        ax = new_axes(figure_size(rows=1.65)) if ax is None else ax
        _, below = stacked(ax, (3.6, 1.0))
        self._draw_curve(ax)
        self._draw_counts(below)
        dress(ax, legend=False)
        dress(below, legend=False)
        legend_below(below, ax)
        title = f"ECE {self.curve.expected_error:.3f}"
        name = self.estimator_name if name is None else name
        ax.set_title(title if name is None else f"{name}\n{title}", fontsize=TITLE)
        self.ax_, self.ax_count_ = ax, below
        self.figure_ = ax.get_figure()
        return self

    def _draw_curve(self, ax: Axes) -> None:
        """Draw one bar per bin that holds samples, and its gap to the diagonal."""
        curve = self.curve
        left, width = curve.edges[:-1], np.diff(curve.edges)
        filled = curve.count > 0
        ax.bar(
            left[filled],
            curve.accuracy[filled],
            width[filled],
            align="edge",
            color=_BAR,
            alpha=0.75,
            edgecolor=background(ax),
            label="Accuracy in the bin",
        )
        low, high = self._chance_range()
        ax.vlines(
            curve.confidence[filled],
            low[filled],
            high[filled],
            color=GREY,
            alpha=0.45,
            linewidth=9,
            label="95 % range if calibrated",
        )
        ax.vlines(
            curve.confidence[filled],
            curve.accuracy[filled],
            curve.confidence[filled],
            color=_GAP,
            linewidth=2.5,
            label="Gap to the confidence",
        )
        ax.plot([0, 1], [0, 1], "--", color=GREY, label="Perfectly calibrated")
        ax.plot(
            curve.confidence[filled],
            curve.accuracy[filled],
            "o",
            color=foreground(ax),
            markersize=4,
            # Whole dots at an accuracy of 1 too.
            clip_on=False,
            zorder=3,
        )
        ax.set(xlim=(0, 1), ylim=(0, 1), ylabel="Accuracy")

    def _chance_range(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where 95 % of a calibrated classifier's accuracies would lie.

        The binomial's normal approximation around the mean confidence: rough for the
        few samples of a nearly empty bin, where "very wide" is all one needs to see.
        """
        p = self.curve.confidence
        half = 1.96 * np.sqrt(p * (1 - p) / np.maximum(self.curve.count, 1))
        return np.clip(p - half, 0, 1), np.clip(p + half, 0, 1)

    def _draw_counts(self, ax: Axes) -> None:
        """Draw how many samples each bin holds."""
        curve = self.curve
        ax.bar(
            curve.edges[:-1],
            curve.count,
            np.diff(curve.edges),
            align="edge",
            color=GREY,
            edgecolor=background(ax),
        )
        ax.set(xlabel="Confidence (probability of the predicted label)")
        ax.set_ylabel("Samples")
