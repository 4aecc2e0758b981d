"""The plan of one mixed batch: everything random about it, drawn once.

Applying a plan is pure, so the same plan can mix a tensor, a dict of tensors, a hidden
layer and the targets, can be replayed, looked at and tested.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing.plans._given import as_targets, class_targets
from sk_mixup.mixing.plans._places import OfPlaces
from sk_mixup.mixing.plans._rows import take_rows

# Up to this width a blend of one-hot rows takes fewer calls than two lookups; beyond
# it takes more memory.
_FEW_CLASSES = 64


@dataclass(frozen=True, eq=False, repr=False)
class MixPlan(OfPlaces):
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
    label_partner : Tensor of shape (B,) or None
        Weight of the partner's target where it is not ``1 - label_lam``; beside
        `label_lam` alone. The two need not sum to 1.
    extra_loss : callable or None
        Returns a scalar that the training adds to the loss of the mixed batch, such as
        a regulariser on what a method saw while it looked at the net. It is called once
        per backward pass, behind the forward pass; in a plain loop,
        ``loss = loss + plan.extra_loss()``.
    label_sources : tuple of (Tensor of shape (rows,), Tensor of shape (rows,)), or None
        Rows of the batch and the weights of their targets, where a mixed row may have
        more than two; None: its own and its partner's, see `label_weights`.

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
    weighs_late : bool
        Whether the label weights follow from what the net shows while it runs on the
        mixed rows. Run it inside `mix_layer`, which hands over the plan that knows
        them; until then they are not there to be read.
    """

    partner: Tensor
    lam: Tensor
    lam_host: float | None = None
    site: str | None = None
    label_lam: Tensor | None = None
    pool: tuple[Tensor, Tensor | None] | None = None
    joined: tuple[str, ...] = ()
    label_partner: Tensor | None = None
    extra_loss: Callable[[], Tensor] | None = None
    label_sources: tuple[tuple[Tensor, Tensor], ...] | None = None

    rows = None
    # Properties for the checker: a plan of plans asks its parts.
    if TYPE_CHECKING:

        @property
        def pastes(self) -> bool:
            """Whether values are taken and not blended."""

        @property
        def unites_targets(self) -> bool:
            """Whether a mixed row has all labels of both."""

        @property
        def weighs_late(self) -> bool:
            """Whether the label weights follow from the pass of the net."""
    else:
        pastes = False
        unites_targets = False
        weighs_late = False

    @property
    def n_rows(self) -> int:
        """Rows of the batch that the plan was drawn for."""
        return self.partner.shape[0]

    @property
    def label_weights(self) -> tuple[Tensor, Tensor]:
        """Weights of the own and the partner's target, each of shape (rows,).

        Raises
        ------
        ValueError
            If they are known only after the forward pass, see `weighs_late`.
        """
        if self.weighs_late:
            raise ValueError(
                f"The label weights of this {type(self).__name__} follow from what the"
                " net shows while it runs. Run it inside `with mix_layer(module, plan)"
                " as mixed:`, and take mixed.plan for the targets."
            )
        own = self.lam if self.label_lam is None else self.label_lam
        return own, 1.0 - own if self.label_partner is None else self.label_partner

    @property
    def own_share(self) -> Tensor:
        """Weight of the own target, for those who give the partner's the rest.

        Raises
        ------
        ValueError
            If the two need not sum to 1, or there are more than two.
        """
        self._check_pairs()
        if self.label_partner is not None:
            raise ValueError(
                "The weights of the two targets of this plan need not sum to 1, and one"
                " number per row cannot say them. Mix soft targets (give n_classes, or"
                " plan.targets(y, n_classes)), or use a criterion that is called for"
                " either target."
            )
        return self.label_weights[0]

    @property
    def label_lam_host(self) -> float | None:
        """The label weight as a number, where all rows share it and the host knows."""
        return self.lam_host if self.label_lam is None else None

    def settled(self, features: Tensor) -> MixPlan:
        """Return the plan for a layer whose output is there, with its label weights.

        Plans that weigh late and have a site replace this.

        Parameters
        ----------
        features : Tensor of shape (B, ...)
            What the layer of the plan returned for the unmixed rows; of several
            tensors the first.

        Returns
        -------
        plan : MixPlan
            What mixes the output. It no longer weighs late.
        """
        return self

    def watched(
        self, module: nn.Module
    ) -> contextlib.AbstractContextManager[Callable[[], MixPlan]]:
        """Watch the net in the forward pass on the mixed input.

        Plans that weigh late and have no site replace this.

        Parameters
        ----------
        module : torch.nn.Module
            It has no hook left after the context.

        Returns
        -------
        watching : context manager
            Gives a function that, called when the pass is over, returns the plan with
            its label weights, which no longer weighs late.
        """
        return contextlib.nullcontext(lambda: self)

    @property
    def n_counted(self) -> int:
        """Rows of the batch that are learnt from."""
        return self.n_rows

    def of_member(self, k: int) -> MixPlan:
        """Return what the plan is for member `k` of a net: for all of them the same."""
        return self

    def partner_places(self, shape: Sequence[int]) -> Tensor | None:
        """Return the partner's share of every place; see `OfPlaces.partner_places`."""
        # This plan mixes nothing; what others do to a place they say themselves.
        return None if type(self) is MixPlan else super().partner_places(shape)

    def own_rows(self, t: Tensor) -> Tensor:
        """Return the own entries of targets or row weights, one per mixed row."""
        return t if self.rows is None else t.index_select(0, self.rows)

    def partner_rows(self, y: Tensor) -> Tensor:
        """Return the partners' entries of targets or row weights.

        Raises
        ------
        ValueError
            If partners come from a pool that has no targets, or are more than one.
        """
        self._check_pairs()
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

    def label_parts(self, t: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the label weights of every row, and the entries that they are for.

        Parameters
        ----------
        t : Tensor of shape (B, ...)
            Targets or row weights.

        Returns
        -------
        parts : list of (Tensor of shape (rows,), Tensor of shape (rows, ...))
            The own and the partner's, or those of all `label_sources`.
        """
        if self.label_sources is not None:
            return [
                (share, t.index_select(0, row)) for row, share in self.label_sources
            ]
        own, other = self.label_weights
        return [(own, self.own_rows(t)), (other, self.partner_rows(t))]

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
            shape = (-1,) + (1,) * (y.ndim - 1)
            first, *rest = (
                share.view(shape) * part for share, part in self.label_parts(y)
            )
            return sum(rest, first).to(y.dtype)
        assert n_classes is not None
        if self._blends_targets and n_classes <= _FEW_CLASSES:
            size = (y.shape[0], n_classes)
            one_hot = torch.zeros(size, dtype=self.lam.dtype, device=y.device)
            return self._blend_targets(one_hot.scatter_(1, y.long().unsqueeze(1), 1.0))
        (own, y_own), *others = self.label_parts(y)
        mixed = torch.zeros((len(y_own), n_classes), dtype=own.dtype, device=own.device)
        mixed.scatter_(1, y_own.long().unsqueeze(1), own.unsqueeze(1))
        for other, y_other in others:
            mixed.scatter_add_(1, y_other.long().unsqueeze(1), other.unsqueeze(1))
        return mixed

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

    def _check_pairs(self) -> None:
        if self.label_sources is not None:
            raise ValueError(
                "Rows of this plan are put together from up to"
                f" {len(self.label_sources)} rows, and not from pairs. Mix soft targets"
                " (give n_classes, or plan.targets(y, n_classes)), take"
                " plan.label_parts(y), or use a criterion that is called for every"
                " target."
            )

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
