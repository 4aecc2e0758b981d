"""What a classifier says of rows between rows: the picture of what mixing does.

Trained on single rows alone, a net jumps from one class to the other somewhere on the
way, or names a third one; trained on mixed rows it passes over in proportion.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sk_mixup.inspection._matplotlib import new_axes, require_matplotlib
from sk_mixup.inspection._style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    TITLE,
    dress,
    figure_size,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["InterpolationCurve", "InterpolationDisplay", "interpolation_curve"]


@dataclass(frozen=True, eq=False)
class InterpolationCurve:
    """Probabilities along the segments between pairs of rows.

    Attributes
    ----------
    lam : ndarray of shape (n_points,)
        Share of the own row, from 0 (the partner) to 1.
    proba : ndarray of shape (n_pairs, n_points, n_classes)
        What the classifier says of each blend.
    rows : ndarray of shape (n_pairs, 2)
        Which rows each pair is made of: the own one, the partner.
    columns : ndarray of shape (n_pairs, 2)
        The columns of `proba` that are the classes of both.
    """

    lam: NDArray[np.float64]
    proba: NDArray[np.float64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    @property
    def own(self) -> NDArray[np.float64]:
        """Probability of the own row's class: (n_pairs, n_points)."""
        return self._of(0)

    @property
    def partner(self) -> NDArray[np.float64]:
        """Probability of the partner's class: (n_pairs, n_points)."""
        return self._of(1)

    @property
    def neither(self) -> NDArray[np.float64]:
        """Probability of all other classes together: (n_pairs, n_points)."""
        return np.clip(1.0 - self.own - self.partner, 0.0, 1.0)

    @property
    def nonlinearity(self) -> float:
        """Mean distance of the own class from the straight line between its ends."""
        ends = self.own[:, [0, -1]]
        straight = np.outer(ends[:, 0], 1.0 - self.lam) + np.outer(ends[:, 1], self.lam)
        return float(np.abs(self.own - straight).mean())

    def _of(self, side: int) -> NDArray[np.float64]:
        index = self.columns[:, side][:, None, None]
        found: NDArray[np.float64] = np.take_along_axis(self.proba, index, 2)[..., 0]
        return found


def interpolation_curve(
    estimator: Any,
    X: Any,
    y: ArrayLike | None = None,
    *,
    n_pairs: int = 200,
    n_points: int = 21,
    random_state: int = 0,
) -> InterpolationCurve:
    """Follow the predictions of a classifier from rows to rows of other classes.

    Parameters
    ----------
    estimator : classifier
        Fitted, with `predict_proba` and `classes_`; any one of scikit-learn, a pipeline
        or a search too.
    X : {array-like, DataFrame} of shape (n_samples, n_features) or (n_samples, ...)
        Rows of numbers alone: between two categories or two texts there is nothing.
    y : array-like of shape (n_samples,), default=None
        Labels of the rows; by default the predicted ones.
    n_pairs : int, default=200
        Pairs of rows with different labels, drawn at random.
    n_points : int, default=21
        Blends of each pair, its ends among them.
    random_state : int, default=0
        Draws the pairs: equal seeds draw equal pairs, so that two models are compared
        on the same ones.

    Returns
    -------
    InterpolationCurve
        Probabilities of every blend.

    Raises
    ------
    TypeError
        If a column cannot be blended.
    ValueError
        If all rows have one label, or a label is unknown to the classifier.

    See Also
    --------
    InterpolationDisplay : The same as a picture.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sk_mixup.inspection import interpolation_curve
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=500).fit(X, y)
    >>> curve = interpolation_curve(model, X, y, n_pairs=50, n_points=5)
    >>> curve.own.shape
    (50, 5)
    >>> bool(curve.own[:, 0].mean() < curve.own[:, -1].mean())
    True
    """
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"estimator must have predict_proba; {type(estimator).__name__} has none."
            " Pass a fitted classifier that predicts probabilities."
        )
    for name, count, least in (("n_pairs", n_pairs, 1), ("n_points", n_points, 2)):
        if not isinstance(count, Integral) or count < least:
            raise ValueError(f"{name} must be an integer >= {least}; got {count!r}.")
    values, like = _numbers(X)
    classes = np.asarray(estimator.classes_)
    labels = np.asarray(estimator.predict(X) if y is None else y)
    if labels.shape != (len(values),) or classes.ndim != 1:
        raise ValueError(
            f"y must hold one label for each of the {len(values)} rows; got shape"
            f" {labels.shape}."
        )
    order = np.argsort(classes)
    places = np.searchsorted(classes[order], labels).clip(max=len(classes) - 1)
    codes = order[places]
    unknown = labels[classes[codes] != labels].tolist()
    if unknown:
        raise ValueError(
            f"y holds the label {unknown[0]!r}, which the classifier does not"
            " know; drop these rows."
        )
    rows = _pairs(codes, int(n_pairs), random_state)
    lam = np.linspace(0.0, 1.0, int(n_points))
    own, partner = values[rows[:, 0]], values[rows[:, 1]]
    proba = [
        np.asarray(estimator.predict_proba(like(_blend(own, partner, share))))
        for share in lam.tolist()
    ]
    return InterpolationCurve(lam, np.stack(proba, 1), rows, codes[rows])


class InterpolationDisplay:
    """Predictions on the way from a row to a row of another class.

    Use `from_estimator` to create one. Lines are means over pairs of rows, and the band
    holds the middle 80 % of them; the dashed line is what mixed targets ask for.

    Parameters
    ----------
    curve : InterpolationCurve
        What `interpolation_curve` returned.
    estimator_name : str, default=None
        Shown in the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Set by `plot`.
    figure_ : matplotlib Figure
        Its figure.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sk_mixup.inspection import InterpolationDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegression(max_iter=500).fit(X, y)
    >>> display = InterpolationDisplay.from_estimator(model, X, y, n_pairs=20)
    >>> display.ax_.get_ylabel()
    'Probability'
    """

    ax_: Axes
    figure_: Figure | SubFigure | None

    def __init__(
        self, curve: InterpolationCurve, *, estimator_name: str | None = None
    ) -> None:
        self.curve = curve
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike | None = None,
        *,
        n_pairs: int = 200,
        n_points: int = 21,
        random_state: int = 0,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> InterpolationDisplay:
        """Draw what a fitted classifier says between the rows of `X`.

        Parameters
        ----------
        estimator, X, y, n_pairs, n_points, random_state :
            As of `interpolation_curve`.
        name : str, default=None
            Shown in the title; the estimator's class by default.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        InterpolationDisplay
            The display, drawn.
        """
        require_matplotlib("InterpolationDisplay")
        curve = interpolation_curve(
            estimator,
            X,
            y,
            n_pairs=n_pairs,
            n_points=n_points,
            random_state=random_state,
        )
        name = type(estimator).__name__ if name is None else name
        return cls(curve, estimator_name=name).plot(ax)

    def plot(
        self, ax: Axes | None = None, *, name: str | None = None
    ) -> InterpolationDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.
        name : str, default=None
            Shown in the title instead of `estimator_name`.

        Returns
        -------
        InterpolationDisplay
            Itself, with `ax_` and `figure_` set.
        """
        require_matplotlib("InterpolationDisplay")
        ax = new_axes(figure_size()) if ax is None else ax
        curve = self.curve
        parts = [
            (curve.own, BLUE, "Class of the row"),
            (curve.partner, ORANGE, "Class of its partner"),
        ]
        if curve.proba.shape[2] > 2:
            parts.append((curve.neither, GREEN, "Any other class"))
        for values, color, label in parts:
            low, high = np.quantile(values, [0.1, 0.9], axis=0)
            ax.fill_between(curve.lam, low, high, color=color, alpha=0.15, linewidth=0)
            ax.plot(curve.lam, values.mean(axis=0), color=color, label=label)
        ax.plot([0, 1], [0, 1], "--", color=GREY, label="In proportion")
        ax.set(
            xlim=(0, 1),
            ylim=(0, 1),
            xlabel="Share λ of the row in its blend with a partner",
            ylabel="Probability",
        )
        dress(ax)
        title = f"distance from a straight line {curve.nonlinearity:.3f}"
        name = self.estimator_name if name is None else name
        ax.set_title(title if name is None else f"{name}\n{title}", fontsize=TITLE)
        self.ax_, self.figure_ = ax, ax.get_figure()
        return self


def _pairs(codes: NDArray[np.int64], n_pairs: int, seed: int) -> NDArray[np.int64]:
    """Return pairs of rows with different labels, drawn alike."""
    n_classes = int(codes.max()) + 1
    counts = np.bincount(codes, minlength=n_classes)
    if (counts > 0).sum() < 2:
        raise ValueError(
            "y must hold two labels or more: pairs are of rows with different labels."
        )
    random = np.random.default_rng(seed)
    # A row of a common class has few partners of another one.
    chance = (len(codes) - counts[codes]).astype(float)
    own = random.choice(len(codes), size=n_pairs, p=chance / chance.sum())
    by_class = np.argsort(codes, kind="stable")
    first = (counts.cumsum() - counts)[codes[own]]
    partner = (random.random(n_pairs) * chance[own]).astype(np.int64)
    partner[partner >= first] += counts[codes[own]][partner >= first]
    return np.stack([own, by_class[partner]], 1)


def _blend(own: NDArray[Any], partner: NDArray[Any], share: float) -> NDArray[Any]:
    # The ends are the rows themselves, whatever a sum would round or spread.
    if share in (0.0, 1.0):
        return own if share else partner
    blended: NDArray[Any] = share * own + (1.0 - share) * partner
    return blended.astype(own.dtype)


def _numbers(X: Any) -> tuple[NDArray[Any], Any]:
    """Return rows as floats, and what makes rows of the old kind of them."""
    if isinstance(X, pd.DataFrame):
        for j, dtype in enumerate(X.dtypes):
            if not _can_blend(dtype):
                raise TypeError(
                    f"X: column {X.columns[j]!r} is of dtype {dtype}, and between two"
                    " of its values there is nothing. Leave it out of the model, or use"
                    " RobustnessDisplay with space='embedding'."
                )
        columns = X.columns
        return (
            X.to_numpy(dtype=np.float64, na_value=np.nan),
            lambda values: pd.DataFrame(values, columns=columns),
        )
    if hasattr(X, "toarray"):
        raise TypeError("X must be dense to be blended; give X.toarray().")
    values = np.asarray(X)
    if not _can_blend(values.dtype) or values.ndim < 2:
        raise TypeError(
            f"X must hold rows of numbers to be blended; got dtype {values.dtype} and"
            f" shape {values.shape}. Texts and categories have nothing between them:"
            " use RobustnessDisplay with space='embedding'."
        )
    if values.dtype.kind != "f":
        small = values.dtype == np.uint8
        values = values.astype(np.float32 if small else np.float64)
    return values, lambda blended: blended


def _can_blend(dtype: Any) -> bool:
    is_bool = pd.api.types.is_bool_dtype(dtype)
    return bool(
        pd.api.types.is_integer_dtype(dtype) or pd.api.types.is_float_dtype(dtype)
    ) and not (is_bool or isinstance(dtype, pd.CategoricalDtype))
