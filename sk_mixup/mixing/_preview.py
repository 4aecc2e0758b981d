"""A look at what a method makes of some samples, without a training loop."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._params import check_integer
from sk_mixup.mixing._preview_html import preview_html
from sk_mixup.mixing.draws import MixStreams
from sk_mixup.mixing.plans import MixPlan


class Draws(Protocol):
    """What a preview asks of a method; methods themselves stand a floor higher."""

    @property
    def short_name(self) -> str:
        """Name of the method in lists of methods."""

    def draw(
        self,
        x: Any,
        y: Any = None,
        *,
        generator: Any = None,
        context: MixContext | None = None,
    ) -> MixPlan:
        """Draw the plan of a batch."""


@dataclass(frozen=True, eq=False, repr=False)
class MixPreview:
    """Some samples, who they are mixed with, and what comes out.

    Attributes
    ----------
    name : str
        Short name of the method.
    method : str
        The method with its parameters.
    plan : MixPlan
        What was drawn.
    x : Tensor of shape (B, ...), or dict, tuple or list of such
        The samples as they are.
    own, partners : like `x`
        Own and partner's sample of each mixed row; `own` is `x` unless the method makes
        more rows than it gets.
    mixed : like `x`, or None
        What the net gets. None where it mixes inside, at `site` or after embedding a
        table: then there is no mixed input.
    targets : Tensor or None
        Mixed targets; None without `y`.
    table : pandas.DataFrame or None
        Rows for reading, where an estimator made the preview.

    Examples
    --------
    >>> from sk_mixup.mixing import FixedLaw, Mixup
    >>> preview = Mixup(law=FixedLaw(0.75)).preview([[0.0], [10.0]], [0, 1])
    >>> preview
    MixPreview(Mixup(alpha=0.2, law=FixedLaw(lam=0.75)), rows=2, mean_lam=0.750)
    >>> preview.mixed, preview.targets
    (tensor([[2.5000],
            [7.5000]]), tensor([[0.7500, 0.2500],
            [0.2500, 0.7500]]))
    """

    name: str
    method: str
    plan: MixPlan
    x: Any
    own: Any
    partners: Any
    mixed: Any = None
    targets: Tensor | None = None
    table: Any = None

    @classmethod
    def of(
        cls,
        method: Draws,
        plan: MixPlan,
        x: Any,
        y: Tensor | None = None,
        *,
        n_classes: int | None = None,
        mixes_inside: bool = False,
    ) -> MixPreview:
        """Show what a plan does to a batch.

        Parameters
        ----------
        method : Method
            The one that drew the plan.
        plan : MixPlan
        x : Tensor of shape (B, ...), or dict, tuple or list of such
        y : Tensor of shape (B, ...) or None
        n_classes : int or None
            Number of classes, for class indices.
        mixes_inside : bool, default=False
            Whether the net mixes what it makes of `x`, and not `x`.
        """
        hidden = plan.site is not None or mixes_inside
        return cls(
            name=method.short_name,
            method=repr(method),
            plan=plan,
            x=x,
            own=_each(plan.own_rows, x),
            partners=_each(plan.take_partners, x),
            mixed=None if hidden else plan.apply(x),
            targets=None if y is None else _shown(plan).targets(y, n_classes),
        )

    @property
    def lam(self) -> Tensor:
        """Share of the own sample in each mixed row."""
        return self.plan.lam

    @property
    def label_weights(self) -> tuple[Tensor, Tensor]:
        """Weights of the own and the partner's target.

        Where these follow from what a net shows, the shares that were drawn.
        """
        return _shown(self.plan).label_weights

    @property
    def site(self) -> str | None:
        """Name of the layer that is mixed; None: the input."""
        return self.plan.site

    def __repr__(self) -> str:
        """Name the method, the number of mixed rows and the mean share."""
        place = "" if self.site is None else f", site={self.site!r}"
        mean = float(self.lam.mean())
        return (
            f"MixPreview({self.method}, rows={len(self.lam)}, mean_lam={mean:.3f}"
            f"{place})"
        )

    def _repr_html_(self) -> str:
        """Show the samples in a notebook."""
        return preview_html(self)


def preview_method(
    method: Draws,
    x: Any,
    y: Any = None,
    *,
    n: int = 8,
    generator: torch.Generator | MixStreams | None = None,
    n_classes: int | None = None,
    context: MixContext | None = None,
) -> MixPreview:
    """Mix the first rows of `x`; parameters as for `Method.preview`."""
    check_integer("n", n, low=1)
    x = read_rows("x", x, n)
    if y is not None:
        if n_classes is None:
            n_classes = _count_classes(y)
        y = read_rows("y", y, n)
    # A copy: a pairing with a memory must not keep samples that were only looked at.
    plan = copy.deepcopy(method).draw(x, y, generator=generator, context=context)
    return MixPreview.of(method, plan, x, y, n_classes=n_classes)


def read_rows(name: str, value: Any, n: int) -> Any:
    """Return the first `n` rows as tensors; NumPy arrays and lists are copied.

    Raises
    ------
    TypeError
        If the values are no numbers.
    ValueError
        If there are no rows.
    """
    if isinstance(value, Mapping):
        return {key: read_rows(name, part, n) for key, part in value.items()}
    if _holds_arrays(value):
        parts = [read_rows(name, part, n) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if not isinstance(value, Tensor):
        # Without an import of NumPy; DataFrames and Series have it too.
        if hasattr(value, "__array__"):
            value = value.__array__()
        try:
            rows = value[:n]
            # Copies: arrays may be read-only, or run backwards.
            value = torch.tensor(rows.copy() if hasattr(rows, "strides") else rows)
        except (TypeError, ValueError, IndexError) as error:
            raise TypeError(
                f"{name} must hold numbers, as a tensor, an array or a list; got"
                f" {type(value).__name__}: {error}. Tables with text are for the"
                " preview of MixupClassifier and MixupRegressor."
            ) from error
    if value.ndim == 0 or len(value) == 0:
        raise ValueError(
            f"{name} needs a first axis of rows, one at least; got shape"
            f" {tuple(value.shape)}."
        )
    return value[:n]


def _shown(plan: MixPlan) -> MixPlan:
    """Return a plan that knows the label weights; no net has run."""
    if not plan.weighs_late:
        return plan
    return MixPlan(plan.partner, plan.lam, pool=plan.pool)


def _holds_arrays(value: Any) -> bool:
    """Whether a sequence holds several inputs, and not the rows of one."""
    return (
        isinstance(value, (tuple, list))
        and len(value) > 0
        and all(
            isinstance(part, (Mapping, Tensor)) or getattr(part, "ndim", 0) > 0
            for part in value
        )
    )


def _count_classes(y: Any) -> int | None:
    """Return the largest class index of all of `y`, plus one; None for floats."""
    labels = read_rows("y", y, len(y))
    if labels.is_floating_point():
        return None
    return int(labels.max()) + 1


def _each(function: Callable[[Tensor], Tensor], x: Any) -> Any:
    if isinstance(x, Tensor):
        return function(x)
    if isinstance(x, Mapping):
        return {key: _each(function, value) for key, value in x.items()}
    assert isinstance(x, Sequence)
    parts: Any = [_each(function, value) for value in x]
    # A Sequence has no constructor that a checker knows.
    return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)  # type: ignore[call-arg]
