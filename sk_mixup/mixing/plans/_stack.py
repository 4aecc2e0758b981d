"""Several mixed copies of one batch, one below the other."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing.plans._linear import LinearPlan
from sk_mixup.mixing.plans._pixels import PixelTargets, joined_pixels
from sk_mixup.mixing.plans._plan import MixPlan
from sk_mixup.mixing.plans._rows import to_blendable


@dataclass(frozen=True, eq=False, repr=False)
class StackPlan(MixPlan):
    """Apply several plans to a batch and put their rows one below the other.

    Parameters
    ----------
    partner, lam, label_lam, label_partner : Tensor of shape (rows,)
        Those of the parts, joined.
    parts : tuple of MixPlan
    """

    parts: tuple[MixPlan, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[MixPlan]) -> StackPlan:
        """Join plans of the same batch and site."""
        late = any(part.weighs_late for part in parts)
        weights = [] if late else [part.label_weights[0] for part in parts]
        differ = not late and any(part.label_lam is not None for part in parts)
        others = [] if late else [part.label_weights[1] for part in parts]
        are_free = not late and any(part.label_partner is not None for part in parts)
        extras = [part.extra_loss for part in parts if part.extra_loss is not None]
        # Draws for one batch see one pool.
        pools = [part.pool for part in parts if part.pool is not None]
        return cls(
            partner=torch.cat([part.partner for part in parts]),
            lam=torch.cat([part.lam for part in parts]),
            label_lam=torch.cat(weights) if differ else None,
            label_partner=torch.cat(others) if are_free else None,
            # The loss is a mean over the copies, too.
            extra_loss=_Mean(extras, len(parts)) if extras else None,
            label_sources=_joined_sources(parts),
            site=parts[0].site,
            joined=parts[0].joined,
            pool=pools[0] if pools else None,
            parts=tuple(parts),
        )

    @property
    def n_rows(self) -> int:
        """Rows of the batch that the plan was drawn for."""
        return self.parts[0].n_rows

    # A field of the base, which follows from the parts here.
    @property
    def rows(self) -> Tensor:  # type: ignore[override]
        """Source row of every mixed row."""
        return torch.cat(
            [
                torch.arange(part.n_rows, device=self.partner.device)
                if part.rows is None
                else part.rows
                for part in self.parts
            ]
        )

    @property
    def is_identity(self) -> bool:
        """More rows than the batch had: never the identity."""
        return False

    @property
    def weighs_late(self) -> bool:
        """Whether the label weights of any part follow from the pass of the net."""
        return any(part.weighs_late for part in self.parts)

    def settled(self, features: Tensor) -> StackPlan:
        """Settle the parts; parameters as for `MixPlan.settled`."""
        joined = StackPlan.of([part.settled(features) for part in self.parts])
        return dataclasses.replace(joined, site=self.site)

    def watched(
        self, module: nn.Module
    ) -> contextlib.AbstractContextManager[Callable[[], MixPlan]]:
        """Refuse to watch a net that sees several copies of a batch at once."""
        if not self.weighs_late:
            return super().watched(module)
        kinds = sorted({type(p).__name__ for p in self.parts if p.weighs_late})
        raise ValueError(
            f"mix: the label weights of {', '.join(kinds)} follow from what a net shows"
            " of one copy of the batch; give this method without Repeat or RegMixup"
            " around it."
        )

    @property
    def pastes(self) -> bool:
        """Whether all parts move whole values."""
        return all(part.pastes or part.is_identity for part in self.parts)

    def with_pool(self, pool: tuple[Tensor, Tensor | None]) -> StackPlan:
        """Return the plan, and its parts, with rows kept from earlier batches."""
        parts = tuple(part.with_pool(pool) for part in self.parts)
        return dataclasses.replace(self, pool=pool, parts=parts)

    def pixel_targets(self, y: Tensor) -> PixelTargets:
        """Return those of each part; parameters as for `MixPlan.pixel_targets`."""
        return joined_pixels([part.pixel_targets(y) for part in self.parts])

    def apply_boxes(
        self,
        boxes: Sequence[Tensor],
        labels: Sequence[Tensor],
        *,
        min_visible: float = 0.1,
        size: tuple[int, int] | None = None,
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Mix by each part; parameters as for `MixPlan.apply_boxes`."""
        found: tuple[list[Tensor], list[Tensor], list[Tensor]] = ([], [], [])
        for part in self.parts:
            mixed = part.apply_boxes(boxes, labels, min_visible=min_visible, size=size)
            for rows, more in zip(found, mixed, strict=True):
                rows += more
        return found

    def apply(self, x: Any) -> Any:
        """Mix by each part; parameters as for `MixPlan.apply`."""
        linear = all(type(part) is LinearPlan for part in self.parts)
        if linear and isinstance(x, Tensor) and not torch.compiler.is_compiling():
            return self._blend_in_place(x)
        return _join([part.apply(x) for part in self.parts])

    def _blend_in_place(self, x: Tensor) -> Tensor:
        """Gather the partners of all parts at once and blend each part where it lies.

        Joining finished parts would write every row once more.
        """
        self._check_rows(x, "a tensor")
        x = to_blendable(x)
        mixed, start = self.take_partners(x), 0
        for part in self.parts:
            rows = mixed.narrow(0, start, part.n_rows)
            start += part.n_rows
            if part.lam_host == 1.0:
                continue  # its partners are the rows themselves
            if part.lam_host is not None:
                rows.lerp_(x, part.lam_host)
            else:
                rows.lerp_(x, part.lam.to(x.dtype).view((-1,) + (1,) * (x.ndim - 1)))
        return mixed


class _Mean:
    """The mean of what several plans add to the loss; plans without count as 0."""

    def __init__(self, extras: Sequence[Callable[[], Tensor]], n: int) -> None:
        self._extras, self._n = extras, n

    def __call__(self) -> Tensor:
        return torch.stack([extra() for extra in self._extras]).sum() / self._n


def _joined_sources(
    parts: Sequence[MixPlan],
) -> tuple[tuple[Tensor, Tensor], ...] | None:
    """Return rows and label weights of all parts; None where all are pairs."""
    if all(part.label_sources is None for part in parts):
        return None
    each = []
    for part in parts:
        number = torch.arange(part.n_rows, device=part.partner.device)
        # Which rows they are: label_parts of the numbers of rows.
        each.append([(row, share) for share, row in part.label_parts(number)])
    n_most = max(map(len, each))
    for sources in each:
        row, share = sources[0]
        sources += [(row, torch.zeros_like(share))] * (n_most - len(sources))
    return tuple(
        (torch.cat([row for row, _ in same]), torch.cat([share for _, share in same]))
        for same in zip(*each, strict=True)
    )


def _join(parts: list[Any]) -> Any:
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(parts)
    if isinstance(first, dict):
        return {key: _join([part[key] for part in parts]) for key in first}
    joined = [_join(list(values)) for values in zip(*parts, strict=True)]
    return type(first)(*joined) if hasattr(first, "_fields") else type(first)(joined)
