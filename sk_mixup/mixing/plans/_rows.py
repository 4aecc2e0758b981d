"""Rows gathered, and what of them can be blended."""

from __future__ import annotations

import torch
from torch import Tensor


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
