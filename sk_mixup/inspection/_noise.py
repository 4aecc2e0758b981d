"""How a classifier bears wrong labels among its training rows: a small study.

A net that learns every label by heart predicts wrong ones too. Mixed labels are harder
to learn by heart; how much that is worth depends on the data, and is quickly tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from sk_mixup.inspection._matplotlib import new_axes, require_matplotlib
from sk_mixup.inspection._style import dress, figure_size, next_color

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["NoiseDisplay", "NoiseStudy", "noise_study", "wrong_labels"]

SHARES = (0.0, 0.2, 0.4, 0.6)


@dataclass(frozen=True, eq=False)
class NoiseStudy:
    """Accuracies after trainings with wrong labels.

    Attributes
    ----------
    share : ndarray of shape (n_shares,)
        Share of the training rows with a wrong label.
    accuracy : ndarray of shape (n_shares, n_repeats)
        On rows with right labels.
    memorized : ndarray of shape (n_shares, n_repeats)
        Share of the wrong labels that the classifier predicts for their own training
        rows; NaN where there are none.
    """

    share: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    memorized: NDArray[np.float64]


def wrong_labels(y: ArrayLike, share: float, *, random_state: Any = 0) -> NDArray[Any]:
    """Return labels of which a share is wrong.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels.
    share : float
        Between 0 and 1. Each of these rows gets another label of `y`, all alike likely.
    random_state : int or sequence of int, default=0
        Draws rows and labels. Of equal seeds the rows of a small share are among those
        of a large one.

    Returns
    -------
    labels : ndarray of shape (n_samples,)
        A copy.

    Examples
    --------
    >>> from sk_mixup.inspection import wrong_labels
    >>> y = ["no", "yes"] * 50
    >>> int((wrong_labels(y, 0.2) != y).sum())
    20
    """
    if not isinstance(share, Real) or not 0.0 <= float(share) <= 1.0:
        raise ValueError(f"share must be a number between 0 and 1; got {share!r}.")
    labels = np.array(y)
    if labels.ndim != 1:
        raise ValueError(
            f"y must have one dimension, a label per row; got shape {labels.shape}."
        )
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError("y must hold two labels or more, or none can be wrong.")
    random = np.random.default_rng(random_state)
    order = random.permutation(len(labels))
    steps = random.integers(1, len(classes), size=len(labels))
    rows = order[: round(float(share) * len(labels))]
    labels[rows] = classes[(codes[rows] + steps[rows]) % len(classes)]
    return labels


def noise_study(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    X_test: Any,
    y_test: ArrayLike,
    *,
    shares: Sequence[float] = SHARES,
    n_repeats: int = 1,
    random_state: int = 0,
) -> NoiseStudy:
    """Fit a classifier to more and more wrong labels.

    Parameters
    ----------
    estimator : classifier
        Cloned for every fit, so that it stays as it is; any one of scikit-learn.
    X, y : like in `fit`
        Training rows, one label each.
    X_test, y_test : like in `score`
        Rows with right labels, which no fit sees.
    shares : sequence of float, default=(0, 0.2, 0.4, 0.6)
        Shares of the training labels that are wrong, see `wrong_labels`.
    n_repeats : int, default=1
        Draws of wrong labels per share.
    random_state : int, default=0
        Draws the labels: equal seeds draw equal ones, so that two classifiers are
        compared on the same.

    Returns
    -------
    NoiseStudy
        Accuracies, and how many wrong labels were learnt by heart.

    See Also
    --------
    NoiseDisplay : The same as a picture.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sk_mixup.inspection import noise_study
    >>> X, y = load_iris(return_X_y=True)
    >>> one = KNeighborsClassifier(n_neighbors=1)
    >>> study = noise_study(one, X[::2], y[::2], X[1::2], y[1::2], shares=[0, 0.4])
    >>> study.accuracy[:, 0].round(2), study.memorized[:, 0]
    (array([0.96, 0.61]), array([nan,  1.]))
    """
    if not isinstance(n_repeats, Integral) or n_repeats < 1:
        raise ValueError(f"n_repeats must be an integer >= 1; got {n_repeats!r}.")
    right = np.asarray(y)
    seeds = [[random_state, repeat] for repeat in range(int(n_repeats))]
    # All of them before the first fit: a share that is none should cost no training.
    drawn = [
        [wrong_labels(right, share, random_state=seed) for seed in seeds]
        for share in shares
    ]
    accuracy, memorized = np.full((2, len(drawn), len(seeds)), np.nan)
    for i, row in enumerate(drawn):
        for j, labels in enumerate(row):
            fitted = clone(estimator).fit(X, labels)
            accuracy[i, j] = np.mean(fitted.predict(X_test) == np.asarray(y_test))
            wrong = labels != right
            if wrong.any():
                memorized[i, j] = np.mean((fitted.predict(X) == labels)[wrong])
    return NoiseStudy(np.asarray(shares, dtype=float), accuracy, memorized)


class NoiseDisplay:
    """Accuracy against the share of wrong training labels.

    Use `from_estimator` to create one, and give `ax` to draw another one beside it. The
    dashed line says how many of the wrong labels were learnt by heart.

    Parameters
    ----------
    study : NoiseStudy
        What `noise_study` returned.
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
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sk_mixup.inspection import NoiseDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> display = NoiseDisplay.from_estimator(
    ...     KNeighborsClassifier(), X[::2], y[::2], X[1::2], y[1::2], shares=[0, 0.4]
    ... )
    >>> display.ax_.get_xlabel()
    'Share of wrong training labels'
    """

    ax_: Axes
    figure_: Figure | SubFigure | None

    def __init__(self, study: NoiseStudy, *, estimator_name: str | None = None) -> None:
        self.study = study
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: ArrayLike,
        X_test: Any,
        y_test: ArrayLike,
        *,
        shares: Sequence[float] = SHARES,
        n_repeats: int = 1,
        random_state: int = 0,
        name: str | None = None,
        ax: Axes | None = None,
    ) -> NoiseDisplay:
        """Fit a classifier to more and more wrong labels, and draw how it went.

        Parameters
        ----------
        estimator, X, y, X_test, y_test, shares, n_repeats, random_state :
            As of `noise_study`.
        name : str, default=None
            Shown in the legend; the estimator's class by default.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        NoiseDisplay
            The display, drawn.
        """
        require_matplotlib("NoiseDisplay")
        study = noise_study(
            estimator,
            X,
            y,
            X_test,
            y_test,
            shares=shares,
            n_repeats=n_repeats,
            random_state=random_state,
        )
        name = type(estimator).__name__ if name is None else name
        return cls(study, estimator_name=name).plot(ax)

    def plot(self, ax: Axes | None = None, *, name: str | None = None) -> NoiseDisplay:
        """Draw the accuracies, with their spread over repeats.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.
        name : str, default=None
            Shown in the legend instead of `estimator_name`.

        Returns
        -------
        NoiseDisplay
            Itself, with `ax_` and `figure_` set.
        """
        require_matplotlib("NoiseDisplay")
        ax = new_axes(figure_size()) if ax is None else ax
        study = self.study
        name = self.estimator_name if name is None else name
        prefix = "" if name is None else f"{name}: "
        spread, color = study.accuracy.std(axis=1), next_color(ax)
        ax.errorbar(
            study.share,
            study.accuracy.mean(axis=1),
            yerr=spread if study.accuracy.shape[1] > 1 else None,
            marker="o",
            capsize=3,
            color=color,
            label=f"{prefix}accuracy on right labels",
        )
        some = study.share > 0
        ax.plot(
            study.share[some],
            study.memorized[some].mean(axis=1),
            "--",
            color=color,
            label=f"{prefix}wrong labels learnt by heart",
        )
        ax.set(
            ylim=(0, 1.02),
            xlabel="Share of wrong training labels",
            ylabel="Share of rows",
        )
        dress(ax)
        self.ax_, self.figure_ = ax, ax.get_figure()
        return self
