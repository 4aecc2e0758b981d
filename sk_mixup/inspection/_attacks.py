"""Rows moved a little: by noise, or to where a classifier errs."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from sk_mixup.inspection._open_net import OpenNet

Attack = Literal["fgsm", "pgd", "noise"]
ATTACKS = ("fgsm", "pgd", "noise")
# Of the radius, all steps together: far enough to cross the ball from any start.
_REACH = 2.5


@dataclass(frozen=True, eq=False)
class PerturbedRows:
    """What a classifier says of moved rows.

    Attributes
    ----------
    proba : ndarray of shape (n_samples, n_classes)
    shift : list of Tensor of shape (n_samples, ...)
        What was added to each input that can be moved (or to the embedding), on the
        CPU.
    unit : float
        The shift has `radius` times `unit` as its size.
    space : {"input", "embedding"}
    """

    proba: NDArray[np.float64]
    shift: list[Tensor]
    unit: float
    space: str


@dataclass(frozen=True)
class Ball:
    """How far rows are moved, and how.

    Attributes
    ----------
    attack : {"fgsm", "pgd", "noise"}
    norm : {"inf", "l2"}
    n_steps : int
    step : float or None
    random_start : bool
    bounds : (float, float) or None
    """

    attack: str = "fgsm"
    norm: str = "inf"
    n_steps: int = 10
    step: float | None = None
    random_start: bool = True
    bounds: tuple[float, float] | None = None

    def check(self) -> None:
        """Raise a ValueError that names what is wrong."""
        if self.attack not in ATTACKS:
            raise ValueError(
                f"attack must be one of {list(ATTACKS)}; got {self.attack!r}."
            )
        if self.norm not in ("inf", "l2"):
            raise ValueError(f"norm must be 'inf' or 'l2'; got {self.norm!r}.")
        if not isinstance(self.n_steps, Integral) or self.n_steps < 1:
            raise ValueError(f"n_steps must be an integer >= 1; got {self.n_steps!r}.")
        if self.step is not None and not self.step > 0:
            raise ValueError(f"step must be a number above 0; got {self.step!r}.")
        if self.bounds is not None and not self.bounds[0] < self.bounds[1]:
            raise ValueError(f"bounds must be (low, high); got {self.bounds!r}.")


def perturbed_rows(
    estimator: Any,
    X: Any,
    y: ArrayLike,
    *,
    radius: float,
    attack: Attack = "fgsm",
    norm: Literal["inf", "l2"] = "inf",
    space: Literal["auto", "input", "embedding"] = "auto",
    n_steps: int = 10,
    step: float | None = None,
    random_start: bool = True,
    bounds: tuple[float, float] | None = None,
    batch_size: int = 256,
    random_state: int = 0,
) -> PerturbedRows:
    """Move rows by a radius, and ask a fitted classifier about them.

    The classifier stays as it was: weights, mode, hooks, gradients, and the global
    random states.

    Parameters
    ----------
    estimator : MixupClassifier
        Fitted; or a pipeline or search with one, whose other steps come before rows are
        moved.
    X : like in `fit`
    y : array-like of shape (n_samples,)
        Labels, away from which rows are moved.
    radius : float
        How far. In the units of what the module sees: for tables the encoded numbers,
        which the middle half of a column spreads over one unit; for arrays and images
        as they are. In an embedding, in standard deviations of its entries.
    attack : {"fgsm", "pgd", "noise"}, default="fgsm"
        One step along the gradient of the loss [1]_; many of them, within the radius
        [2]_; or Gaussian noise with the radius as its standard deviation per entry.
    norm : {"inf", "l2"}, default="inf"
        Whether each entry is moved by at most the radius, or a whole row. Noise has
        none.
    space : {"auto", "input", "embedding"}, default="auto"
        What is moved. "input": numbers, as which tables hold yes and no too; categories
        and missing indicators stay. "embedding": the vectors of everything, for nets
        that mix there, such as all of the library for tables and texts. "auto": the
        input where it holds numbers.
    n_steps : int, default=10
        Steps of "pgd".
    step : float, default=None
        Size of each, in the units of `radius`; by default ``2.5 * radius / n_steps``.
    random_start : bool, default=True
        Whether "pgd" starts at a random place within the radius.
    bounds : (float, float), default=None
        What inputs may be, such as (0, 255) for pixels; None: anything.
    batch_size : int, default=256
        Rows per call of the module.
    random_state : int, default=0
        Draws noise and starts.

    Returns
    -------
    PerturbedRows
        Probabilities, and what was added to the rows.

    Raises
    ------
    ValueError
        If nothing can be moved there, or the outputs of the module have no gradient
        that is known.

    Notes
    -----
    Where a net is so sure that its gradient rounds to zero, "fgsm" and "pgd" find
    nothing, and it looks more robust than it is: compare with "noise", which a real
    attack is worse than.

    References
    ----------
    .. [1] I. Goodfellow, J. Shlens, C. Szegedy, "Explaining and Harnessing Adversarial
       Examples", ICLR 2015.
    .. [2] A. Madry et al., "Towards Deep Learning Models Resistant to Adversarial
       Attacks", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mixup import MixupClassifier
    >>> from sk_mixup.inspection import perturbed_rows
    >>> X = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> y = X[:, 0] > 0
    >>> model = MixupClassifier(max_epochs=20, random_state=0).fit(X, y)
    >>> moved = perturbed_rows(model, X, y, radius=0.25)
    >>> bool(moved.shift[0].abs().max() == 0.25)
    True
    """
    check_radius(radius)
    if not isinstance(batch_size, Integral) or batch_size < 1:
        raise ValueError(f"batch_size must be an integer >= 1; got {batch_size!r}.")
    ball = Ball(attack, norm, n_steps, step, random_start, bounds)
    ball.check()
    net = OpenNet(estimator, X, y, space, int(batch_size))
    if bounds is not None and net.space == "embedding":
        raise ValueError("bounds are of inputs, and embeddings have none.")
    with net.opened():
        return moved_by(net, ball, radius, random_state)


def check_radius(radius: Any) -> None:
    """Raise a ValueError if it is none."""
    if not isinstance(radius, Real) or not 0.0 <= float(radius) < np.inf:
        raise ValueError(f"radius must be a finite number >= 0; got {radius!r}.")


def moved_by(net: OpenNet, ball: Ball, radius: float, seed: int) -> PerturbedRows:
    """Return what an opened net says of rows moved by a radius."""
    generator = torch.Generator().manual_seed(seed)
    found, shifts = [], []
    size = float(radius) * net.unit
    for rows in net.blocks():
        parts = net.parts(rows)
        if ball.attack == "noise" or (ball.attack == "pgd" and ball.random_start):
            # Drawn at any radius: rows move the same way at all of them.
            drawn = [torch.randn(x.shape, generator=generator) for x, _ in parts]
        else:
            drawn = [torch.zeros(x.shape) for x, _ in parts]
        moves = _Moves(net, ball, rows, parts, size)
        deltas = moves.found([d.to(x) for d, (x, _) in zip(drawn, parts, strict=True)])
        found.append(net.proba(rows, deltas))
        shifts.append([delta.cpu() for delta in deltas])
    shift = [torch.cat(of_part) for of_part in zip(*shifts, strict=True)]
    return PerturbedRows(np.concatenate(found), shift, net.unit, net.space)


class _Moves:
    """The moves of some rows."""

    def __init__(
        self,
        net: OpenNet,
        ball: Ball,
        rows: slice,
        parts: list[tuple[Tensor, Tensor]],
        size: float,
    ) -> None:
        self.net = net
        self.ball = ball
        self.rows = rows
        self.parts = parts
        self.size = size

    def found(self, drawn: list[Tensor]) -> list[Tensor]:
        """Return what is added to the rows."""
        ball = self.ball
        if ball.attack == "noise":
            return self._within_bounds([self.size * d for d in drawn])
        if ball.attack == "fgsm" or self.size == 0:
            start = [torch.zeros_like(x) for x, _ in self.parts]
            if self.size == 0:
                return start
            return self._within_bounds(self._scaled(self._steepest(start), self.size))
        step = _REACH * self.size / ball.n_steps
        if ball.step is not None:
            step = ball.step * self.net.unit
        deltas = self._within_bounds(self._start(drawn))
        for _ in range(ball.n_steps):
            moves = self._scaled(self._steepest(deltas), step)
            deltas = [d + move for d, move in zip(deltas, moves, strict=True)]
            deltas = self._within_bounds(self._projected(deltas))
        return deltas

    def _steepest(self, deltas: list[Tensor]) -> list[Tensor]:
        return self.net.gradient(self.rows, deltas)

    def _scaled(self, directions: list[Tensor], size: float) -> list[Tensor]:
        """Return moves of a size along gradients."""
        directions = self._masked(directions)
        if self.ball.norm == "inf":
            return [size * d.sign() for d in directions]
        norms = _row_norms(directions)
        return [size * d / _beside(norms.clamp(min=1e-30), d) for d in directions]

    def _start(self, drawn: list[Tensor]) -> list[Tensor]:
        drawn = self._masked(drawn)
        if self.ball.norm == "inf":
            # Uniform in the ball: normal numbers sent through their distribution.
            return self._masked([self.size * torch.erf(d / 2**0.5) for d in drawn])
        return self._projected([self.size * d for d in self._scaled(drawn, 1.0)])

    def _projected(self, deltas: list[Tensor]) -> list[Tensor]:
        if self.ball.norm == "inf":
            return [d.clamp(-self.size, self.size) for d in deltas]
        norms = _row_norms(deltas)
        shrink = (self.size / norms.clamp(min=1e-30)).clamp(max=1.0)
        return [d * _beside(shrink, d) for d in deltas]

    def _within_bounds(self, deltas: list[Tensor]) -> list[Tensor]:
        deltas = self._masked(deltas)
        if self.ball.bounds is None:
            return deltas
        low, high = self.ball.bounds
        return [
            (x + d).clamp(low, high) - x
            for (x, _), d in zip(self.parts, deltas, strict=True)
        ]

    def _masked(self, values: list[Tensor]) -> list[Tensor]:
        return [v * mask for v, (_, mask) in zip(values, self.parts, strict=True)]


def _row_norms(parts: list[Tensor]) -> Tensor:
    squares = [part.flatten(1).square().sum(1) for part in parts]
    return torch.stack(squares).sum(0).sqrt()


def _beside(per_row: Tensor, like: Tensor) -> Tensor:
    return per_row.view((-1,) + (1,) * (like.ndim - 1))
