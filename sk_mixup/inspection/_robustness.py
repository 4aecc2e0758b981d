"""How soon a classifier errs when its rows are moved, as numbers and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sk_mixup.inspection._attacks import (
    ATTACKS,
    Attack,
    Ball,
    check_radius,
    moved_by,
)
from sk_mixup.inspection._matplotlib import new_axes, require_matplotlib
from sk_mixup.inspection._open_net import OpenNet
from sk_mixup.inspection._style import dress, figure_size, next_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["RobustnessCurve", "RobustnessDisplay", "robustness_curve"]

RADII = (0.0, 0.05, 0.1, 0.2, 0.4)
_LABELS = {"fgsm": "FGSM", "pgd": "PGD", "noise": "Gaussian noise"}


@dataclass(frozen=True, eq=False)
class RobustnessCurve:
    """Accuracy at several radii.

    Attributes
    ----------
    attack : {"fgsm", "pgd", "noise"}
    radius : ndarray of shape (n_radii,)
    accuracy : ndarray of shape (n_radii,)
        Share of rows that are still predicted right.
    n_rows : int
    unit : float
        What a radius of 1 is, in the numbers that were moved.
    space : {"input", "embedding"}
    """

    attack: str
    radius: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    n_rows: int
    unit: float
    space: str

    @property
    def standard_error(self) -> NDArray[np.float64]:
        """What chance in the choice of rows does to each accuracy."""
        found: NDArray[np.float64] = np.sqrt(
            self.accuracy * (1.0 - self.accuracy) / self.n_rows
        )
        return found


def robustness_curve(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    radii: Sequence[float] = RADII,
    attack: Attack = "fgsm",
    norm: Literal["inf", "l2"] = "inf",
    space: Literal["auto", "input", "embedding"] = "auto",
    n_steps: int = 10,
    bounds: tuple[float, float] | None = None,
    batch_size: int = 256,
    random_state: int = 0,
) -> RobustnessCurve:
    """Return the accuracy of a fitted classifier at rows that are moved by radii.

    Parameters
    ----------
    estimator : MixupClassifier
        Fitted; or a pipeline or search with one.
    X : like in `fit`
        Rows that it was not trained on.
    y : array-like of shape (n_samples,)
        Their labels.
    radii : sequence of float, default=(0, 0.05, 0.1, 0.2, 0.4)
        How far rows are moved. For tables in the units of the standardized input.
    attack : {"fgsm", "pgd", "noise"}, default="fgsm"
        What moves them.
    norm, space, n_steps, bounds, batch_size, random_state :
        As of `perturbed_rows`, where the units of a radius are explained too.

    Returns
    -------
    RobustnessCurve
        Accuracy per radius; 0 gives that of the rows themselves.

    See Also
    --------
    RobustnessDisplay : Several of them as a picture.
    perturbed_rows : The moved rows themselves.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mixup import MixupClassifier
    >>> from sk_mixup.inspection import robustness_curve
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MixupClassifier(max_epochs=20, random_state=0).fit(X, y)
    >>> curve = robustness_curve(model, X, y, radii=[0, 1])
    >>> bool(curve.accuracy[0] == model.score(X, y) > curve.accuracy[1])
    True
    """
    ball = Ball(attack, norm, n_steps, bounds=bounds)
    return _curves(estimator, X, y, [ball], radii, space, batch_size, random_state)[0]


class RobustnessDisplay:
    """Accuracy against the radius by which rows are moved.

    Use `from_estimator` to create one, and give `ax` to draw a second model beside it.

    Parameters
    ----------
    curves : sequence of RobustnessCurve
        What `robustness_curve` returned.
    estimator_name : str, default=None
        Shown in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Set by `plot`.
    figure_ : matplotlib Figure
        Its figure.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mixup import MixupClassifier
    >>> from sk_mixup.inspection import RobustnessDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MixupClassifier(max_epochs=20, random_state=0).fit(X, y)
    >>> display = RobustnessDisplay.from_estimator(model, X, y, radii=[0, 0.2])
    >>> [curve.attack for curve in display.curves]
    ['fgsm', 'pgd', 'noise']
    """

    ax_: Axes
    figure_: Figure | SubFigure | None

    def __init__(
        self, curves: Sequence[RobustnessCurve], *, estimator_name: str | None = None
    ) -> None:
        self.curves = list(curves)
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        *,
        radii: Sequence[float] = RADII,
        attacks: Sequence[Attack] = ("fgsm", "pgd", "noise"),
        norm: Literal["inf", "l2"] = "inf",
        space: Literal["auto", "input", "embedding"] = "auto",
        n_steps: int = 10,
        bounds: tuple[float, float] | None = None,
        batch_size: int = 256,
        random_state: int = 0,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> RobustnessDisplay:
        """Move rows that a fitted classifier has not seen, and draw its accuracy.

        Parameters
        ----------
        estimator, X, y, radii, norm, space, n_steps, bounds, batch_size, random_state :
            As of `robustness_curve`.
        attacks : sequence of {"fgsm", "pgd", "noise"}, default=all of them
            What moves the rows: a curve each.
        name : str, default=None
            Shown in the legend; the estimator's class by default.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        RobustnessDisplay
            The display, drawn.
        """
        require_matplotlib("RobustnessDisplay")
        if isinstance(attacks, str) or not attacks:
            raise ValueError(
                f"attacks must be a list of some of {list(ATTACKS)}; got {attacks!r}."
            )
        balls = [Ball(attack, norm, n_steps, bounds=bounds) for attack in attacks]
        curves = _curves(estimator, X, y, balls, radii, space, batch_size, random_state)
        name = type(estimator).__name__ if name is None else name
        return cls(curves, estimator_name=name).plot(ax)

    def plot(
        self, ax: Axes | None = None, *, name: str | None = None
    ) -> RobustnessDisplay:
        """Draw a curve per attack.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created. What is drawn there later
            gets other colours.
        name : str, default=None
            Shown in the legend instead of `estimator_name`.

        Returns
        -------
        RobustnessDisplay
            Itself, with `ax_` and `figure_` set.
        """
        require_matplotlib("RobustnessDisplay")
        ax = new_axes(figure_size()) if ax is None else ax
        name = self.estimator_name if name is None else name
        prefix = "" if name is None else f"{name}, "
        styles = {"fgsm": "-", "pgd": "--", "noise": ":"}
        color = next_color(ax)
        for curve in self.curves:
            ax.errorbar(
                curve.radius,
                curve.accuracy,
                yerr=curve.standard_error,
                linestyle=styles[curve.attack],
                marker="o",
                markersize=3.5,
                capsize=2,
                color=color,
                label=f"{prefix}{_LABELS[curve.attack]}",
            )
        what = {"input": "the standardized input", "embedding": "the embedding"}
        spaces = {curve.space for curve in self.curves}
        where = what[spaces.pop()] if len(spaces) == 1 else "what was moved"
        ax.set(ylim=(0, 1.02), ylabel="Accuracy", xlabel=f"Radius, in units of {where}")
        dress(ax)
        self.ax_, self.figure_ = ax, ax.get_figure()
        return self


def _curves(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    balls: Sequence[Ball],
    radii: Sequence[float],
    space: str,
    batch_size: int,
    random_state: int,
) -> list[RobustnessCurve]:
    """Return a curve per way of moving rows, which are encoded once."""
    for radius in radii:
        check_radius(radius)
    for ball in balls:
        ball.check()
    net = OpenNet(estimator, X, y, space, batch_size)
    codes = net.codes.numpy()
    curves = []
    with net.opened():
        for ball in balls:
            accuracy = [
                float(
                    np.mean(
                        moved_by(net, ball, radius, random_state).proba.argmax(axis=1)
                        == codes
                    )
                )
                for radius in radii
            ]
            curves.append(
                RobustnessCurve(
                    ball.attack,
                    np.asarray(radii, dtype=float),
                    np.asarray(accuracy),
                    net.n_rows,
                    net.unit,
                    net.space,
                )
            )
    return curves
