"""The plan of one mixed batch: everything random about it, drawn once.

Applying a plan is pure, so the same plan can mix a tensor, a dict of tensors, a hidden
layer and the targets, can be replayed, looked at and tested.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sk_mixup.mixing.plans._given import as_targets, class_targets

# Up to this width a blend of one-hot rows takes fewer calls than two lookups; beyond
# it takes more memory.
_FEW_CLASSES = 64


@dataclass(frozen=True, eq=False, repr=False)
class MixPlan:
    """What happens to one batch. This plan itself leaves the batch as it is.

    Compiled code takes a plan as an argument and draws outside: with
    ``step = torch.compile(lambda plan, x: plan.apply(x), fullgraph=True)`` one graph
    serves every lambda, partner, box and mask of plans of the same class.

    Parameters
    ----------
    partner : Tensor of shape (B,), int64
        Index of each row's partner.
    lam : Tensor of shape (B,), float32 or wider
        Share of the own sample really present in the mixed row.
    lam_host : float or None
        The same number, where all rows share it and the host knows it. Lets eager code
        blend with a scalar; compiled code reads `lam`.
    site : str or None
        Name of the layer whose output is to be mixed; None: the input.
    label_lam : Tensor of shape (B,) or None
        Weight of the own target where a method's rule makes it differ from `lam`.
    pool : (x, y) or None
        Rows kept from earlier batches. Partners from B on are rows of the pool.
    joined : tuple of str
        For a hidden layer: the masks beside the input that `mix_layer` joins.

    Attributes
    ----------
    rows : Tensor or None
        Source row of every mixed row; None: the rows of the batch in order.
    pastes : bool
        Whether whole values move and none are blended, so that the plan can mix raw
        columns and category codes.
    unites_targets : bool
        Whether a mixed row has all labels of both, which `targets` gives and a weighted
        pair does not.
    """

    partner: Tensor
    lam: Tensor
    lam_host: float | None = None
    site: str | None = None
    label_lam: Tensor | None = None
    pool: tuple[Tensor, Tensor | None] | None = None
    joined: tuple[str, ...] = ()

    rows = None
    # Properties for the checker: a plan of plans asks its parts.
    if TYPE_CHECKING:

        @property
        def pastes(self) -> bool:
            """Whether values are taken and not blended."""

        @property
        def unites_targets(self) -> bool:
            """Whether a mixed row has all labels of both."""
    else:
        pastes = False
        unites_targets = False

    @property
    def n_rows(self) -> int:
        """Rows of the batch that the plan was drawn for."""
        return self.partner.shape[0]

    @property
    def label_weights(self) -> tuple[Tensor, Tensor]:
        """Weights of the own and the partner's target, each of shape (rows,)."""
        own = self.lam if self.label_lam is None else self.label_lam
        return own, 1.0 - own

    @property
    def label_lam_host(self) -> float | None:
        """The label weight as a number, where all rows share it and the host knows."""
        return self.lam_host if self.label_lam is None else None

    @property
    def n_counted(self) -> int:
        """Rows of the batch that are learnt from."""
        return self.n_rows

    def of_member(self, k: int) -> MixPlan:
        """Return what the plan is for member `k` of a net: for all of them the same."""
        return self

    def own_rows(self, t: Tensor) -> Tensor:
        """Return the own entries of targets or row weights, one per mixed row."""
        return t if self.rows is None else t.index_select(0, self.rows)

    def partner_rows(self, y: Tensor) -> Tensor:
        """Return the partners' entries of targets or row weights.

        Raises
        ------
        ValueError
            If partners come from a pool that has no targets.
        """
        if self.pool is None:
            return y.index_select(0, self.partner)
        if self.pool[1] is None:
            raise ValueError(
                "This plan takes partners from memory, and their targets were not kept:"
                " give y to every draw."
            )
        kept = self.pool[1]
        if y.shape[1:] != kept.shape[1:] or (
            y.is_floating_point() != kept.is_floating_point()
        ):
            raise ValueError(
                "This plan takes partners from memory, and their targets are of another"
                f" form: {kept.dtype} with rows of shape {tuple(kept.shape[1:])}, and"
                f" here {y.dtype} with rows of shape {tuple(y.shape[1:])}. Give draw"
                " the targets that are to be mixed."
            )
        return torch.cat((y, kept)).index_select(0, self.partner)

    @property
    def _blends_targets(self) -> bool:
        """Whether floats as targets are blended by one number, in fewer calls."""
        if torch.compiler.is_compiling():  # must not look at lam_host
            return False
        return self.label_lam_host is not None and self.pool is None

    @property
    def is_identity(self) -> bool:
        """Whether the plan is known to leave every row as it is."""
        return self.lam_host == 1.0

    def apply(self, x: Any) -> Any:
        """Mix a tensor, or every tensor of a dict, tuple or list.

        Parameters
        ----------
        x : Tensor of shape (B, ...), or dict, tuple or list of such
            Never changed in place.

        Returns
        -------
        mixed : like `x`

        Raises
        ------
        TypeError
            If integers other than uint8 would be blended: mix their embedding.
        ValueError
            If the number of rows is not the plan's.
        """
        if isinstance(x, Tensor):
            self._check_rows(x, "a tensor")
            return self._apply(x)
        if self.pool is not None:
            raise TypeError(
                "A plan with partners from memory mixes one tensor; got"
                f" {type(x).__name__}."
            )
        if isinstance(x, Mapping):
            return {key: self._apply_entry(key, value) for key, value in x.items()}
        if isinstance(x, (tuple, list)):
            parts = [self.apply(value) for value in x]
            # A named tuple takes its fields one by one.
            return type(x)(*parts) if hasattr(x, "_fields") else type(x)(parts)
        raise TypeError(
            "A plan mixes tensors, and dicts, tuples and lists of them; got"
            f" {type(x).__name__}."
        )

    def _apply_entry(self, key: Any, value: Any) -> Any:
        if torch.compiler.is_compiling():
            return self.apply(value)
        try:
            return self.apply(value)
        except TypeError as error:
            raise TypeError(f"Entry {key!r} of the input: {error}") from error

    def _apply(self, x: Tensor) -> Tensor:
        return x

    def targets(self, y: Any, n_classes: int | None = None) -> Tensor:
        """Mix targets with the weights of the plan.

        Parameters
        ----------
        y : Tensor, array or list of shape (B,) or (B, k)
            Class indices (integers or bools of shape (B,)), indicators (integers or
            bools of shape (B, n_classes)), or floats: numbers to predict or soft
            labels.
        n_classes : int or None
            Width of the result for class indices.

        Returns
        -------
        targets : Tensor of shape (rows, n_classes) for classes, otherwise like `y`

        Raises
        ------
        ValueError
            If class indices come without `n_classes` or do not fit it.
        """
        y = as_targets(y, self.lam.device)
        self._check_rows(y, "targets")
        y = class_targets(y, n_classes, self.lam.dtype)
        if y.is_floating_point() and self._blends_targets:
            return self._blend_targets(y)
        if y.is_floating_point():
            own, other = self.label_weights
            y_own, y_other = self.own_rows(y), self.partner_rows(y)
            shape = (-1,) + (1,) * (y.ndim - 1)
            return (own.view(shape) * y_own + other.view(shape) * y_other).to(y.dtype)
        assert n_classes is not None
        if self._blends_targets and n_classes <= _FEW_CLASSES:
            size = (y.shape[0], n_classes)
            one_hot = torch.zeros(size, dtype=self.lam.dtype, device=y.device)
            return self._blend_targets(one_hot.scatter_(1, y.long().unsqueeze(1), 1.0))
        own, other = self.label_weights
        y_own, y_other = self.own_rows(y), self.partner_rows(y)
        mixed = torch.zeros((len(y_own), n_classes), dtype=own.dtype, device=own.device)
        mixed.scatter_(1, y_own.long().unsqueeze(1), own.unsqueeze(1))
        return mixed.scatter_add_(1, y_other.long().unsqueeze(1), other.unsqueeze(1))

    def _blend_targets(self, y: Tensor) -> Tensor:
        return take_rows(y, self.partner).lerp_(y, self.lam_host or 0.0)

    def take_partners(self, x: Tensor) -> Tensor:
        """Return the partners' rows in a new tensor."""
        return take_rows(self.all_rows(x), self.partner)

    def all_rows(self, x: Tensor) -> Tensor:
        """Return the rows of the batch, followed by those of the pool."""
        if self.pool is None:
            return x
        kept = self.pool[0]
        if x.shape[1:] != kept.shape[1:]:
            raise ValueError(
                "This plan takes partners from memory, which keeps rows of shape"
                f" {tuple(kept.shape[1:])}; got rows of shape {tuple(x.shape[1:])}. A"
                " memory serves the input alone, not what a net makes of it."
            )
        return torch.cat((x, kept.to(x.dtype)))

    def with_pool(self, pool: tuple[Tensor, Tensor | None]) -> MixPlan:
        """Return the plan with rows kept from earlier batches."""
        return dataclasses.replace(self, pool=pool)

    def _check_rows(self, t: Tensor, what: str) -> None:
        if t.shape[0] != self.n_rows:
            raise ValueError(
                f"This plan was drawn for {self.n_rows} rows; got {what} of shape"
                f" {tuple(t.shape)}."
            )

    def __repr__(self) -> str:
        """Name the kind, the size and the mean share."""
        place = "" if self.site is None else f", site={self.site!r}"
        return (
            f"{type(self).__name__}(rows={len(self.partner)},"
            f" mean_lam={float(self.lam.mean()):.3f}{place})"
        )


@dataclass(frozen=True, eq=False, repr=False)
class LinearPlan(MixPlan):
    """Blend ``lam * x + (1 - lam) * x[partner]``."""

    def _apply(self, x: Tensor) -> Tensor:
        x = to_blendable(x)
        # Compiled code must not look at lam_host: it would be compiled per lambda.
        lam_host = None if torch.compiler.is_compiling() else self.lam_host
        if lam_host == 1.0:
            return x
        # The gathered copy is the result: one pass to gather, one to blend. A lerp, and
        # not mixed + lam * (x - mixed), leaves a row with lam = 1 bit for bit alone.
        mixed = self.take_partners(x)
        if lam_host is not None:
            return mixed.lerp_(x, lam_host)
        return mixed.lerp_(x, self.lam.to(x.dtype).view((-1,) + (1,) * (x.ndim - 1)))

    def of_first_rows(self, n_rows: int) -> LinearPlan:
        """Return the plan of the first rows alone, with partners from all of them.

        Several processes that train one net mix their own rows each, and may take
        partners from those of the others, which follow them.

        Parameters
        ----------
        n_rows : int
        """
        of_them: dict[str, Any] = {
            "partner": self.partner[:n_rows],
            "lam": self.lam[:n_rows],
            "lam_host": self.lam_host,
            "label_lam": None if self.label_lam is None else self.label_lam[:n_rows],
        }
        if self.is_identity:
            return LinearPlan(**of_them)
        return FirstRowsPlan(**of_them, n_all=self.n_rows)


@dataclass(frozen=True, eq=False, repr=False)
class FirstRowsPlan(LinearPlan):
    """Blend ``lam * x[:B] + (1 - lam) * x[partner]``.

    Parameters
    ----------
    partner, lam, lam_host, label_lam :
        As for `MixPlan`, of the first `B` rows.
    n_all : int, default=0
        Rows of the batch, those that are partners alone included.
    """

    n_all: int = 0

    @property
    def n_rows(self) -> int:
        """Rows of the batch that the plan was drawn for."""
        return self.n_all

    @property
    def n_counted(self) -> int:
        """Rows of the batch that are learnt from."""
        return self.partner.shape[0]

    @property
    def _blends_targets(self) -> bool:
        return False

    def own_rows(self, t: Tensor) -> Tensor:
        """Return the own entries of targets or row weights, one per mixed row."""
        return t[: self.n_counted]

    def _apply(self, x: Tensor) -> Tensor:
        x = to_blendable(x)
        lam = self.lam.to(x.dtype).view((-1,) + (1,) * (x.ndim - 1))
        return take_rows(x, self.partner).lerp_(self.own_rows(x), lam)


def to_blendable(x: Tensor) -> Tensor:
    """Return floats; refuse integers that are no pixels."""
    if x.is_floating_point() or x.is_complex():
        return x
    if x.dtype == torch.uint8:
        return x.float()
    masks = ""
    if x.dtype == torch.bool:
        masks = (
            ". Masks are joined, with PerKey(method, how={'mask': 'union'}) at the"
            " input or with union='mask' of ManifoldMixup"
        )
    raise TypeError(
        f"Cannot blend an input of dtype {x.dtype}: token ids and category codes have"
        " no meaningful average. Mix their embedding instead, with"
        " ManifoldMixup(layers=[name of the embedding layer]); if the values are"
        f" measurements, convert them to float32{masks}."
    )


def take_rows(x: Tensor, index: Tensor) -> Tensor:
    """Gather rows into a new tensor, keeping channels_last."""
    # index_select returns rows packed in the order of the axes: give it that order.
    if x.ndim in (4, 5) and not x.is_contiguous():
        layout = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
        if x.is_contiguous(memory_format=layout):
            return x.movedim(1, -1).index_select(0, index).movedim(-1, 1)
    return x.index_select(0, index)
