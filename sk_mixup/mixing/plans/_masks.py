"""Plans that take some places from the partner: boxes, masks and soft masks.

Places are the axes behind the channels: 1 for sequences, 2 for images, 3 for volumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sk_mixup.mixing._batch import sent
from sk_mixup.mixing.plans._boxes import covered
from sk_mixup.mixing.plans._pixels import scaled_places, size_of
from sk_mixup.mixing.plans._plan import MixPlan
from sk_mixup.mixing.plans._rows import to_blendable

_KINDS = {
    1: "sequences (B, channels, length)",
    2: "images (B, channels, height, width)",
    3: "volumes (B, channels, depth, height, width)",
}


@dataclass(frozen=True, eq=False, repr=False)
class BoxPlan(MixPlan):
    """Paste ``x[partner]`` inside one box that all rows share.

    Parameters
    ----------
    box : tuple of (start, stop), one per spatial axis
    size : tuple of int
        Spatial shape that the plan was drawn for.
    outside : bool, default=False
        Paste outside the box, and not inside.
    spans : Tensor of shape (1, n_axes, 2), int64, or None
        The box again: code compiled for a tensor serves every box. None: made of it.
    """

    box: tuple[tuple[int, int], ...] = ()
    size: tuple[int, ...] = ()
    outside: bool = False
    spans: Tensor | None = None

    def __post_init__(self) -> None:
        """Keep the box as a tensor too."""
        if self.spans is None:
            spans = torch.tensor(self.box).view(1, -1, 2)
            object.__setattr__(self, "spans", sent(spans, self.lam.device))

    @property
    def inside(self) -> Tensor:
        """The places of the box, of shape (1, *size), bool."""
        assert self.spans is not None
        return covered(self.spans, self.size)

    @property
    def places_size(self) -> tuple[int, ...]:
        """Spatial shape that the plan was drawn for."""
        return self.size

    def partner_places(self, shape: Sequence[int]) -> Tensor:
        """Return the places that are pasted, bool; see `MixPlan.partner_places`."""
        mask = self.inside ^ self.outside
        return scaled_places(mask, size_of(shape, len(self.size), "BoxPlan"))

    def _apply(self, x: Tensor) -> Tensor:
        check_size(x, self.size)
        if torch.compiler.is_compiling():
            mask = self.inside.unsqueeze(1)
            return torch.where(mask ^ self.outside, self.take_partners(x), x)
        places = (slice(None), slice(None), *(slice(a, b) for a, b in self.box))
        if self.outside:
            mixed = self.take_partners(x)
            mixed[places] = x[places]
            return mixed
        mixed = x.clone()
        if self.pool is None:
            mixed[places] = x[places].index_select(0, self.partner)
        else:
            mixed[places] = self.take_partners(x)[places]
        return mixed


@dataclass(frozen=True, eq=False, repr=False)
class MaskPlan(MixPlan):
    """Take ``x[partner]`` where a mask is set.

    Parameters
    ----------
    mask : Tensor of shape (B or 1, *spatial), bool
        One mask per row, or one that all rows share.
    """

    mask: Tensor | None = None

    @property
    def places_size(self) -> tuple[int, ...]:
        """Spatial shape that the plan was drawn for."""
        assert self.mask is not None
        return tuple(self.mask.shape[1:])

    def partner_places(self, shape: Sequence[int]) -> Tensor:
        """Return the mask; see `MixPlan.partner_places`."""
        assert self.mask is not None
        size = size_of(shape, self.mask.ndim - 1, type(self).__name__)
        return scaled_places(self.mask, size)

    def _apply(self, x: Tensor) -> Tensor:
        assert self.mask is not None
        check_size(x, self.mask.shape[1:])
        return torch.where(self.mask.unsqueeze(1), self.take_partners(x), x)


@dataclass(frozen=True, eq=False, repr=False)
class SoftMaskPlan(MixPlan):
    """Blend ``(1 - mask) * x + mask * x[partner]``, place by place.

    Parameters
    ----------
    mask : Tensor of shape (B or 1, *spatial), float
        The partner's share in [0, 1].
    """

    mask: Tensor | None = None

    @property
    def places_size(self) -> tuple[int, ...]:
        """Spatial shape that the plan was drawn for."""
        assert self.mask is not None
        return tuple(self.mask.shape[1:])

    def partner_places(self, shape: Sequence[int]) -> Tensor:
        """Return the mask; see `MixPlan.partner_places`."""
        assert self.mask is not None
        size = size_of(shape, self.mask.ndim - 1, type(self).__name__)
        return scaled_places(self.mask, size)

    def _apply(self, x: Tensor) -> Tensor:
        assert self.mask is not None
        check_size(x, self.mask.shape[1:])
        x = to_blendable(x)
        own = (1.0 - self.mask).unsqueeze(1).to(x.dtype)
        # In the gathered copy. A lerp leaves places of mask 0 bit for bit alone.
        return self.take_partners(x).lerp_(x, own)


def check_spatial(
    name: str, x: Tensor, n_axes: Sequence[int] = (1, 2, 3)
) -> tuple[int, ...]:
    """Return the spatial shape of a batch.

    Parameters
    ----------
    name : str
        What the message calls the method.
    x : Tensor
    n_axes : sequence of int, default=(1, 2, 3)
        Numbers of spatial axes that the method can mix.

    Raises
    ------
    ValueError
        If `x` has no such axes, or an axis of no places.
    """
    if x.ndim - 2 not in n_axes:
        kinds = " or ".join(_KINDS[n] for n in n_axes)
        raise ValueError(
            f"{name} mixes places and needs {kinds}; got shape {tuple(x.shape)}. For"
            " tables and vectors use Mixup or FeatureSwap; a single channel needs an"
            " axis of its own, x.unsqueeze(1)."
        )
    size = tuple(x.shape[2:])
    if 0 in size:
        raise ValueError(f"{name} cannot mix places of shape {size}: an axis is empty.")
    return size


def check_size(x: Tensor, size: Sequence[int]) -> None:
    """Raise unless `x` has the spatial shape of the plan."""
    if tuple(x.shape[2:]) != tuple(size):
        raise ValueError(
            f"This plan was drawn for places of shape {tuple(size)}; got a tensor of"
            f" shape {tuple(x.shape)}."
        )


def mask_lam(mask: Tensor, n_rows: int, dtype: torch.dtype) -> Tensor:
    """Return the own share that a partner mask leaves, of shape (n_rows,).

    Parameters
    ----------
    mask : Tensor of shape (B or 1, *spatial), bool or float
    n_rows : int
    dtype : torch.dtype
    """
    return (1.0 - partner_share(mask)).to(dtype).expand(n_rows).contiguous()


def partner_share(mask: Tensor) -> Tensor:
    """Return the mean of each mask, of shape (B or 1,), float64."""
    rows = mask.flatten(1)
    if mask.dtype == torch.bool:
        return rows.count_nonzero(1).double() / rows.shape[1]
    # A float32 sum over many places would lose the last digits.
    return rows.mean(1, dtype=torch.float64)
