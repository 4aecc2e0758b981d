"""Learning curves: how loss and accuracy went, epoch by epoch.

Training losses are those of mixed batches and lie above the validation loss, which is
on clean rows: the distance between both is no sign of underfitting, and their accuracy
is not the same accuracy. The legend says which is which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sk_mixup.inspection._matplotlib import new_axes, require_matplotlib
from sk_mixup.inspection._style import (
    BLUE,
    GREY,
    ORANGE,
    TITLE,
    dress,
    figure_size,
    stacked,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["HistoryDisplay"]

_LABELS = {
    "train_loss": "Training, mixed rows",
    "valid_loss": "Validation, clean rows",
    "train_acc_mixed": "Training, mixed rows",
    "valid_acc": "Validation, clean rows",
}
_COLORS = {"train": BLUE, "valid": ORANGE}


class HistoryDisplay:
    """Learning curves of a fitted estimator.

    Use `from_estimator` to create one.

    Parameters
    ----------
    frame : DataFrame
        As `history_frame` of an estimator returns it.
    estimator_name : str, default=None
        Shown in the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the losses, set by `plot`.
    ax_score_ : matplotlib Axes or None
        Axes of the accuracies below it; None for numbers to predict.
    figure_ : matplotlib Figure
        Figure of both.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mixup import MixupClassifier
    >>> from sk_mixup.inspection import HistoryDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MixupClassifier(max_epochs=5, random_state=0).fit(X, y)
    >>> display = HistoryDisplay.from_estimator(model)
    >>> display.ax_.get_ylabel(), len(display.frame)
    ('Loss', 5)
    """

    ax_: Axes
    ax_score_: Axes | None
    figure_: Figure | SubFigure | None

    def __init__(
        self, frame: pd.DataFrame, *, estimator_name: str | None = None
    ) -> None:
        self.frame = frame
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, name: str | None = None, ax: Axes | None = None
    ) -> HistoryDisplay:
        """Draw the learning curves of a fitted estimator.

        Parameters
        ----------
        estimator : MixupClassifier, MixupRegressor, pipeline or search
            Fitted; of a pipeline the last step is shown, of a search its best one.
        name : str, default=None
            Shown in the title; the estimator's class by default.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        HistoryDisplay
            The display, drawn.
        """
        require_matplotlib("HistoryDisplay")
        shown = last_step(estimator)
        if not hasattr(shown, "history_frame"):
            raise ValueError(
                f"estimator must have history_frame; {type(shown).__name__} has none."
                " Pass a fitted MixupClassifier or MixupRegressor, or a pipeline that"
                " ends with one."
            )
        name = type(shown).__name__ if name is None else name
        return cls(shown.history_frame(), estimator_name=name).plot(ax)

    def plot(
        self, ax: Axes | None = None, *, name: str | None = None
    ) -> HistoryDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; the lower half is given to accuracies, where there are some.
            By default a new figure is created.
        name : str, default=None
            Shown in the title instead of `estimator_name`.

        Returns
        -------
        HistoryDisplay
            Itself, with `ax_`, `ax_score_` and `figure_` set.
        """
        require_matplotlib("HistoryDisplay")
        losses = self._known("train_loss", "valid_loss")
        scores = self._known("train_acc_mixed", "valid_acc")
        if ax is None:
            ax = new_axes(figure_size(rows=1.6 if scores else 1.0))
        panels = stacked(ax, (1.0, 0.9)) if scores else [ax]
        panels[-1].set_xlabel("Epoch")
        self._draw(ax, losses, "Loss")
        below = panels[1] if scores else None
        if below is not None:
            self._draw(below, scores, "Accuracy")
        name = self.estimator_name if name is None else name
        if name is not None:
            ax.set_title(name, fontsize=TITLE)
        self.ax_, self.ax_score_ = ax, below
        self.figure_ = ax.get_figure()
        return self

    def _known(self, *names: str) -> list[str]:
        return [name for name in names if name in self.frame]

    def _draw(self, ax: Axes, names: list[str], label: str) -> None:
        for name in names:
            color = _COLORS[name.partition("_")[0]]
            marker = "o" if len(self.frame) == 1 else ""
            values = self.frame[name]
            ax.plot(
                self.frame["epoch"],
                values,
                marker=marker,
                color=color,
                label=_LABELS[name],
            )
        if "valid_loss" in self.frame:
            best = int(np.nanargmin(self.frame["valid_loss"].to_numpy(float)))
            epoch = float(self.frame["epoch"].iloc[best])
            ax.axvline(epoch, color=GREY, linestyle=":", label="Least validation loss")
        ax.set_ylabel(label)
        dress(ax)


def last_step(estimator: Any) -> Any:
    """Return the estimator that was trained, inside searches and pipelines."""
    while True:
        if hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        elif hasattr(estimator, "steps"):
            estimator = estimator.steps[-1][1]
        else:
            return estimator
