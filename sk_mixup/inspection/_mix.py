"""Mixed samples as a picture, in the form of scikit-learn's displays.

Whether a mix makes sense is seen at a glance and in no number: pasted boxes that hold
background alone, blends too faint to matter, labels that no longer fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from sk_mixup.inspection._law import check_alphas, draw_law, law_of
from sk_mixup.inspection._matplotlib import new_axes, require_matplotlib
from sk_mixup.inspection._samples import (
    PARTS,
    as_array,
    as_text,
    count_lines,
    draw_sample,
    find_bounds,
    frame_cells,
    new_grid,
    tensor_cells,
)
from sk_mixup.inspection._style import (
    GREY,
    ORANGE,
    SMALL,
    TITLE,
    figure_size,
    foreground,
)
from sk_mixup.inspection._words import heading, target_texts, titles
from sk_mixup.mixing import MixContext, MixPreview, resolve_method

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MixDisplay"]

# Tints, and not colours: the text on them is that of the style in use.
_HEAD, _MIXED = (GREY, 0.25), (ORANGE, 0.22)


class MixDisplay:
    """Samples, their partners and what mixing makes of them; or the law of lambda.

    Use `from_method`, `from_estimator` or `from_alpha` to create one. Images, volumes
    (their middle slice) and sequences are drawn one below the other, rows of a table as
    three lines each.

    Parameters
    ----------
    preview : MixPreview or None, default=None
        What `preview` of a method or an estimator returned.
    labels : array-like of shape (B,) or None, default=None
        Labels of the rows that the preview was given.
    alphas : sequence of float, default=()
        Parameters of the Beta laws that `plot_law` draws.
    fold : bool, default=False
        Whether these laws are those of max(lambda, 1 - lambda).

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        Set by `plot` and `plot_law`: of shape (3, rows) for images and the like (with
        two lines where a hidden layer is mixed), otherwise of shape (1,).
    figure_ : matplotlib Figure

    See Also
    --------
    sk_mixup.MixupClassifier.preview : The same as data.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mixup.inspection import MixDisplay
    >>> from sk_mixup.mixing import CutMix
    >>> images = np.random.default_rng(0).random((4, 3, 16, 16))
    >>> display = MixDisplay.from_method(CutMix(), images, [0, 1, 1, 0])
    >>> display.axes_.shape
    (3, 4)
    >>> MixDisplay.from_alpha([0.2, 1.0]).axes_[0].get_xlabel()
    'λ, share of the own sample'
    """

    axes_: NDArray[Any]
    figure_: Figure | SubFigure | None

    def __init__(
        self,
        preview: MixPreview | None = None,
        *,
        labels: ArrayLike | None = None,
        alphas: Sequence[float] = (),
        fold: bool = False,
    ) -> None:
        self.preview = preview
        self.labels = labels
        self.alphas = alphas
        self.fold = fold

    @classmethod
    def from_method(
        cls,
        method: Any,
        X: Any,
        y: Any = None,
        *,
        n: int = 6,
        random_state: Any = 0,
        n_classes: int | None = None,
        context: MixContext | None = None,
        ax: Axes | None = None,
    ) -> MixDisplay:
        """Draw what a method makes of the first rows.

        Parameters
        ----------
        method : str, Method or list
            As `mix` of the estimators.
        X : array-like or Tensor of shape (n_samples, ...)
            Images as (n_samples, channels, height, width).
        y : array-like or Tensor of shape (n_samples,), default=None
            Class indices or numbers to predict.
        n : int, default=6
            Number of rows.
        random_state : int, RandomState or None, default=0
            Of the draw.
        n_classes : int, default=None
            Number of classes; by default as many as `y` shows.
        context : MixContext, default=None
            For methods that need one.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        MixDisplay
            The display, drawn.
        """
        require_matplotlib("MixDisplay")
        method = resolve_method(method)
        if method is None:
            raise ValueError("method=None does not mix: there is nothing to draw.")
        preview = method.preview(
            X,
            y,
            n=n,
            generator=_generator(random_state),
            n_classes=n_classes,
            context=context,
        )
        display = cls(preview, labels=_first_labels(y, n), **law_of(method))
        return display.plot(ax)

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any, *, n: int = 6, ax: Axes | None = None
    ) -> MixDisplay:
        """Draw what an estimator's net is trained on.

        Parameters
        ----------
        estimator : MixupClassifier or MixupRegressor
            Fitted or not.
        X : {array-like, DataFrame} of shape (n_samples, ...)
            As for `fit`.
        y : array-like of shape (n_samples,)
            As for `fit`.
        n : int, default=6
            Number of rows.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        MixDisplay
            The display, drawn.
        """
        require_matplotlib("MixDisplay")
        if not hasattr(estimator, "preview"):
            raise ValueError(
                f"estimator must have preview; {type(estimator).__name__} has none."
                " Pass a MixupClassifier or MixupRegressor (of a pipeline its last"
                " step, with the transformed X)."
            )
        preview = estimator.preview(X, y, n=n)
        return cls(preview, labels=_first_labels(y, n)).plot(ax)

    @classmethod
    def from_alpha(
        cls,
        alphas: float | Sequence[float],
        *,
        fold: bool = False,
        ax: Axes | None = None,
    ) -> MixDisplay:
        """Draw the density of lambda for Beta(alpha, alpha).

        Parameters
        ----------
        alphas : float or sequence of float
            At least 0; 0 means no mixing.
        fold : bool, default=False
            Draw the law of max(lambda, 1 - lambda), which `Mixup` uses.
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        MixDisplay
            The display, drawn.
        """
        values = np.atleast_1d(np.asarray(alphas)).tolist()
        return cls(alphas=values, fold=fold).plot_law(ax)

    # -- drawing ----------------------------------------------------------------------

    def plot(self, ax: Axes | None = None, *, max_columns: int = 6) -> MixDisplay:
        """Draw the samples, or the law of lambda where there are none.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; it is divided among several samples. By default a new figure
            is created.
        max_columns : int, default=6
            Columns of a table that are drawn.

        Returns
        -------
        MixDisplay
            Itself, with `axes_` and `figure_` set.
        """
        require_matplotlib("MixDisplay")
        preview = self.preview
        if preview is None:
            return self.plot_law(ax)
        if preview.table is not None and "own" in preview.table:
            return self._plot_table(frame_cells(preview.table), ax, max_columns)
        if not isinstance(preview.x, torch.Tensor):
            raise TypeError(
                "MixDisplay draws a preview of one tensor, or one with a table; got"
                f" {type(preview.x).__name__}. Preview the tensors one by one."
            )
        if preview.x.ndim == 2:
            return self._plot_table(tensor_cells(preview), ax, max_columns)
        if not 3 <= preview.x.ndim <= 5:
            raise ValueError(
                "MixDisplay draws rows (B, columns), sequences (B, channels, length),"
                " images (B, channels, height, width) and volumes; got shape"
                f" {tuple(preview.x.shape)}."
            )
        return self._plot_grid(ax)

    def plot_law(self, ax: Axes | None = None) -> MixDisplay:
        """Draw the densities of lambda for `alphas`.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default a new figure is created.

        Returns
        -------
        MixDisplay
            Itself, with `axes_` and `figure_` set.
        """
        require_matplotlib("MixDisplay")
        check_alphas(self.alphas)
        ax = new_axes(figure_size()) if ax is None else ax
        draw_law(ax, self.alphas, self.fold)
        return self._drawn(np.array([ax], dtype=object), ax)

    def _plot_grid(self, ax: Axes | None) -> MixDisplay:
        """Draw own, partner and mixed sample one below the other."""
        preview = self.preview
        assert preview is not None
        arrays = [preview.own, preview.partners, preview.mixed]
        lines = [as_array(t) for t in arrays if t is not None]
        n_columns = len(lines[0])
        axes, title_on = new_grid(ax, len(lines), n_columns)
        low, high = find_bounds(lines[0], lines[1])
        for r, (part, line) in enumerate(zip(PARTS, lines, strict=False)):
            texts = titles(preview, part, self.labels)
            for c in range(n_columns):
                one: Axes = axes[r, c]
                draw_sample(one, line[c], low, high)
                one.set_title(texts[c], fontsize=SMALL, pad=3)
            axes[r, 0].set_ylabel(part)
        if len(lines) == 2:
            lams = titles(preview, "mixed", self.labels)
            for one, text in zip(axes[1], lams, strict=True):
                one.set_xlabel(text, fontsize=SMALL)
        title_on(heading(preview))
        return self._drawn(axes, axes[0, 0])

    def _plot_table(
        self, cells: dict[str, Any], ax: Axes | None, max_columns: int
    ) -> MixDisplay:
        """Draw each mixed row as three lines."""
        preview = self.preview
        assert preview is not None
        names = cells["names"][:max_columns]
        parts = [part for part in PARTS if part in cells]
        head = ["", *map(str, names), "λ"]
        targets = target_texts(preview, self.labels)
        if targets is not None:
            head.append("target")
        text: list[list[str]] = []
        lams = titles(preview, "mixed", self.labels)
        for i in range(len(lams)):
            for part in parts:
                values = [as_text(v) for v in cells[part][i][: len(names)]]
                lam = lams[i].removeprefix("λ = ") if part == parts[-1] else ""
                last = [] if targets is None else [targets[part][i]]
                text.append([part, *values, lam, *last])
        if ax is None:
            lines = sum(count_lines(row) for row in text) + 1
            ax = new_axes((1.7 * len(head), 0.26 * lines + 0.5))
        ax.axis("off")
        table = ax.table(
            [head, *text],
            cellLoc="center",
            # matplotlib takes a list here, its stubs want a Bbox.
            bbox=[0.0, 0.0, 1.0, 1.0],  # type: ignore[arg-type]
        )
        table.auto_set_font_size(False)
        table.set_fontsize(9)
        heights, ink = [1, *map(count_lines, text)], foreground(ax)
        for (r, _), cell in table.get_celld().items():
            cell.set(edgecolor=(GREY, 0.4), facecolor="none")
            cell.get_text().set_color(ink)
            cell.set_height(heights[r] / sum(heights))
            if r == 0:
                cell.set_facecolor(_HEAD)
                cell.set_text_props(weight="bold")
            elif (r - 1) % len(parts) == 2:
                cell.set_facecolor(_MIXED)
        left_out = len(cells["names"]) - len(names)
        more = f" ({left_out} more columns)" if left_out > 0 else ""
        ax.set_title(heading(preview) + more, fontsize=TITLE)
        return self._drawn(np.array([ax], dtype=object), ax)

    def _drawn(self, axes: NDArray[Any], one: Axes) -> MixDisplay:
        self.axes_ = axes
        self.figure_ = one.get_figure()
        return self


def _generator(random_state: Any) -> torch.Generator:
    from sklearn.utils import check_random_state

    generator = torch.Generator()
    if random_state is None:
        generator.seed()
        return generator
    return generator.manual_seed(int(check_random_state(random_state).randint(2**31)))


def _first_labels(y: Any, n: int) -> NDArray[Any] | None:
    if y is None:
        return None
    labels = np.asarray(y.cpu() if isinstance(y, torch.Tensor) else y)
    return labels[:n] if labels.ndim == 1 else None
