"""What `MixMonitor` has recorded, as a picture.

Above the losses, in the middle how sure the net is beside how often it is right, below
what was mixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from sk_mixup.inspection._history import last_step
from sk_mixup.inspection._matplotlib import new_axes, require_matplotlib
from sk_mixup.inspection._style import (
    BLUE,
    GREEN,
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

__all__ = ["MonitorDisplay"]

_MIXED, _CLEAN, _VALID = BLUE, GREEN, ORANGE
_LOSSES = {
    "train_loss": ("Training, mixed rows", _MIXED),
    "clean_loss": ("Training, clean rows", _CLEAN),
    "valid_loss": ("Validation, clean rows", _VALID),
}
_SHARES = {
    "clean_acc": ("Accuracy, clean training rows", _CLEAN),
    "clean_confidence": ("Confidence in them", GREY),
    "valid_acc": ("Accuracy, validation", _VALID),
}


class MonitorDisplay:
    """Losses, confidence and mixing of a training with `MixMonitor`.

    Use `from_estimator` to create one.

    Parameters
    ----------
    frame : DataFrame
        As `history_frame` of an estimator returns it.
    estimator_name : str, default=None
        Shown in the title.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        Those of the losses, of accuracy and confidence, of lambda and the entropy of
        targets; parts of which nothing was recorded are left out. Set by `plot`.
    figure_ : matplotlib Figure
        Figure of all.

    See Also
    --------
    sk_mixup.callbacks.MixMonitor : Records what is drawn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mixup import MixupClassifier
    >>> from sk_mixup.callbacks import MixMonitor
    >>> from sk_mixup.inspection import MonitorDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MixupClassifier(
    ...     "mlp", alpha=0.2, max_epochs=12, callbacks=[MixMonitor()], random_state=0
    ... )
    >>> display = MonitorDisplay.from_estimator(model.fit(X, y))
    >>> [ax.get_ylabel() for ax in display.axes_]
    ['Loss', 'Share of rows', 'λ']
    """

    axes_: list[Axes]
    figure_: Figure | SubFigure | None

    def __init__(
        self, frame: pd.DataFrame, *, estimator_name: str | None = None
    ) -> None:
        self.frame = frame
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, name: str | None = None, ax: Axes | None = None
    ) -> MonitorDisplay:
        """Draw what was recorded while an estimator was trained.

        Parameters
        ----------
        estimator : MixupClassifier, MixupRegressor, pipeline or search
            Fitted with ``callbacks=[MixMonitor()]``.
        name : str, default=None
            Shown in the title; the estimator's class by default.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        MonitorDisplay
            The display, drawn.
        """
        require_matplotlib("MonitorDisplay")
        shown = last_step(estimator)
        frame = shown.history_frame() if hasattr(shown, "history_frame") else None
        if frame is None or "clean_loss" not in frame:
            raise ValueError(
                f"estimator: {type(shown).__name__} was not watched. Fit a"
                " MixupClassifier or MixupRegressor with callbacks=[MixMonitor()], of"
                " sk_mixup.callbacks."
            )
        name = type(shown).__name__ if name is None else name
        return cls(frame, estimator_name=name).plot(ax)

    def plot(
        self, ax: Axes | None = None, *, name: str | None = None
    ) -> MonitorDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; it is divided. By default a new figure is created.
        name : str, default=None
            Shown in the title instead of `estimator_name`.

        Returns
        -------
        MonitorDisplay
            Itself, with `axes_` and `figure_` set.
        """
        require_matplotlib("MonitorDisplay")
        draws = [self._draw_losses]
        if "clean_confidence" in self.frame:
            draws.append(self._draw_shares)
        if "lam_mean" in self.frame:
            draws.append(self._draw_mixing)
        ax = new_axes(figure_size(rows=0.8 * len(draws))) if ax is None else ax
        self.axes_ = stacked(ax, (1.0,) * len(draws))
        self.axes_[-1].set_xlabel("Epoch")
        for draw, part in zip(draws, self.axes_, strict=True):
            draw(part)
            dress(part)
        name = self.estimator_name if name is None else name
        if name is not None:
            ax.set_title(name, fontsize=TITLE)
        self.figure_ = ax.get_figure()
        return self

    def _draw_losses(self, ax: Axes) -> None:
        self._draw_lines(ax, _LOSSES)
        ax.set_ylabel("Loss")

    def _draw_shares(self, ax: Axes) -> None:
        self._draw_lines(ax, _SHARES)
        ax.set_ylabel("Share of rows")

    def _draw_lines(self, ax: Axes, names: dict[str, tuple[str, str]]) -> None:
        marker = "o" if len(self.frame) == 1 else ""
        for name, (label, color) in names.items():
            if name in self.frame:
                # Epochs that nobody looked at have none.
                known = self.frame[self.frame[name].notna()]
                ax.plot(
                    known["epoch"],
                    known[name],
                    marker=marker,
                    color=color,
                    linestyle="--" if name == "clean_confidence" else "-",
                    label=label,
                )

    def _draw_mixing(self, ax: Axes) -> None:
        frame = self.frame[self.frame["lam_mean"].notna()]
        ax.fill_between(
            frame["epoch"],
            frame["lam_low"],
            frame["lam_high"],
            color=_MIXED,
            alpha=0.2,
            linewidth=0,
            label="λ, the middle 80 %",
        )
        ax.plot(frame["epoch"], frame["lam_mean"], color=_MIXED, label="λ, mean")
        if "target_entropy" in frame:
            ax.plot(
                frame["epoch"],
                frame["target_entropy"],
                color=GREY,
                linestyle="--",
                label="Entropy of targets (nats)",
            )
        ax.set_ylabel("λ")
