"""A sweep over alpha as a picture: what it costs and what it buys.

Accuracy and log-loss alone hide half of what mixing does. Mixed training is the less
sure the larger alpha, which one number, the temperature, repairs; a sweep should be
looked at before and after that repair, with the calibration beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sk_mixup.inspection._matplotlib import new_axes, require_matplotlib
from sk_mixup.inspection._style import BLUE, GREY, ORANGE, dress, figure_size
from sk_mixup.inspection._sweep_curves import (
    AFTER,
    RAW,
    SweepCurve,
    SweepCurves,
    curves_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import NDArray

__all__ = ["AlphaSweepDisplay"]

_COLORS = {RAW: BLUE, AFTER: ORANGE}
#: More alphas than these get the ticks of the axis.
_MOST_TICKS = 12
#: Largest over smallest value from which on the axis is logarithmic.
_DECADES = 30


class AlphaSweepDisplay:
    """Score against alpha, raw and after temperature, with the calibration beside it.

    Use `from_search` to create one.

    Parameters
    ----------
    curves : SweepCurves
        With `alpha`, `scores`, `score_name`, `calibration`, `calibration_name` and
        `best_alpha`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the scores, set by `plot`.
    ax_calibration_ : matplotlib Axes or None
        Axes of the calibration.
    figure_ : matplotlib Figure
        Figure of both.

    See Also
    --------
    sk_mixup.MixupSearchCV : Trains a whole sweep at once.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sk_mixup import MixupClassifier, MixupSearchCV
    >>> from sk_mixup.inspection import AlphaSweepDisplay
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> search = MixupSearchCV(
    ...     MixupClassifier(max_epochs=5, random_state=0),
    ...     {"alpha": [0, 0.1, 0.4]},
    ...     scoring="neg_log_loss",
    ...     cv=3,
    ...     store_oof=True,
    ... )
    >>> display = AlphaSweepDisplay.from_search(search.fit(X, y))
    >>> display.ax_.get_ylabel()
    'Log loss'
    >>> sorted(display.curves.calibration)
    ['after temperature', 'as predicted']
    """

    ax_: Axes
    ax_calibration_: Axes | None
    figure_: Figure | SubFigure | None

    def __init__(self, curves: SweepCurves) -> None:
        self.curves = curves

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        parameter: str | None = None,
        metric: str | None = None,
        ax: Axes | None = None,
    ) -> AlphaSweepDisplay:
        """Draw the sweep of a fitted search.

        Parameters
        ----------
        search : MixupSearchCV, GridSearchCV or another search
            Fitted, with alphas among its parameters. With ``store_oof=True`` the
            calibration is the expected calibration error of the out-of-fold
            predictions; otherwise, with both ``"neg_log_loss"`` and
            ``"refined_log_loss"`` among the metrics, it is the part of the log-loss
            that a temperature repairs.
        parameter : str, default=None
            Name of the swept parameter; by default the one that ends with "alpha".
        metric : str, default=None
            One of several metrics; by default that of the refit, or the first.
        ax : matplotlib Axes, default=None
            Where to draw; its right half is given to the calibration. By default a
            new figure is created.

        Returns
        -------
        AlphaSweepDisplay
            The display, drawn. Where other parameters vary too, each alpha is shown
            with the best of them.

        Raises
        ------
        ValueError
            If the search is not fitted, or has no such parameter or metric.
        """
        require_matplotlib("AlphaSweepDisplay")
        return cls(curves_of(search, parameter, metric)).plot(ax)

    def plot(self, ax: Axes | None = None) -> AlphaSweepDisplay:
        """Draw the sweep.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        AlphaSweepDisplay
            Itself, with `ax_`, `ax_calibration_` and `figure_` set.
        """
        require_matplotlib("AlphaSweepDisplay")
        curves = self.curves
        if ax is None:
            ax = new_axes(figure_size(1 if curves.calibration is None else 2))
        beside = None
        if curves.calibration is not None:
            beside = _split_off_right(ax)
            self._draw(beside, curves.calibration, curves.calibration_name)
        self._draw(ax, curves.scores, curves.score_name)
        self.ax_, self.ax_calibration_ = ax, beside
        self.figure_ = ax.get_figure()
        return self

    def _draw(self, ax: Axes, drawn: dict[str, SweepCurve], name: str) -> None:
        alpha, best = self.curves.alpha, self.curves.best_alpha
        for label, curve in drawn.items():
            ax.errorbar(
                alpha,
                curve.mean,
                curve.error,
                fmt="o-",
                markersize=4,
                capsize=3,
                color=_COLORS[label],
                label=label if curve.error is None else f"{label} (± standard error)",
            )
        if best is not None:
            ax.axvline(best, linestyle=":", color=GREY, label=f"chosen: {best:g}")
        _scale(ax, alpha)
        if len(alpha) <= _MOST_TICKS:
            ax.set_xticks(alpha, [f"{value:g}" for value in alpha], fontsize="small")
            ax.minorticks_off()
        ax.set(xlabel=self.curves.alpha_name, ylabel=name)
        dress(ax)


def _scale(ax: Axes, values: NDArray[np.float64]) -> None:
    """Spread values that lie the closer the smaller they are."""
    if values.min() > 0 and values.max() >= _DECADES * values.min():
        ax.set_xscale("log")
        return

    # 0 is in every good sweep, and has no logarithm.
    def forth(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sign(x) * np.sqrt(np.abs(x))

    def back(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sign(x) * np.square(x)

    ax.set_xscale("function", functions=(forth, back))
    low, high = forth(np.array([values.min(), values.max()]))
    margin = 0.05 * (high - low)
    if margin > 0:
        ax.set_xlim(*back(np.array([low - margin, high + margin])))


def _split_off_right(ax: Axes) -> Axes:
    """Give the right half of `ax` to new axes."""
    place = ax.get_subplotspec()
    if place is None:
        # Axes put anywhere by hand have no cell that could be divided.
        from mpl_toolkits.axes_grid1 import make_axes_locatable

        return make_axes_locatable(ax).append_axes("right", size="100%", pad=0.6)
    columns = place.subgridspec(1, 2)
    ax.set_subplotspec(columns[0])
    return ax.figure.add_subplot(columns[1])
