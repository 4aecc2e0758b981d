"""A soft mask of two images whose blocks have moved to where they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sk_mixup.mixing.plans._masks import SoftMaskPlan, check_size
from sk_mixup.mixing.plans._rows import to_blendable


@dataclass(frozen=True, eq=False, repr=False)
class PuzzlePlan(SoftMaskPlan):
    """Move blocks within both images of a pair, then blend them by a mask.

    Parameters
    ----------
    mask : Tensor of shape (B, height, width), float
        The partner's share of every place, after the blocks have moved.
    own_blocks, partner_blocks : Tensor of shape (B, rows, columns), int64, or None
        Which block, counted along rows, comes to each place of the grid of blocks:
        each exactly once. None: all stay.
    """

    own_blocks: Tensor | None = None
    partner_blocks: Tensor | None = None

    def partner_places(self, shape: Sequence[int]) -> Tensor:
        """Return the mask, where no block has moved; see `MixPlan.partner_places`."""
        if self.own_blocks is not None:
            raise ValueError(
                "PuzzlePlan cannot be applied to masks or boxes: it moves blocks of"
                " both images. Use PuzzleMix(transport=None), or mix__transport=None."
            )
        return super().partner_places(shape)

    def _apply(self, x: Tensor) -> Tensor:
        assert self.mask is not None
        check_size(x, self.mask.shape[1:])
        x = to_blendable(x)
        own = move_blocks(x, self.own_blocks)
        mixed = self.take_partners(x)
        if self.partner_blocks is not None:
            mixed = move_blocks(mixed, self.partner_blocks)
        return mixed.lerp_(own, (1.0 - self.mask).unsqueeze(1).to(x.dtype))


def move_blocks(x: Tensor, blocks: Tensor | None) -> Tensor:
    """Return images whose blocks have changed places, in a new tensor.

    Parameters
    ----------
    x : Tensor of shape (B, channels, height, width)
    blocks : Tensor of shape (B, rows, columns), int64, or None
        Which block comes to each place; height and width are multiples of rows and
        columns. None: the images as they are.

    Returns
    -------
    moved : Tensor, like `x`
    """
    if blocks is None:
        return x
    n_rows, n_columns = blocks.shape[1:]
    height, width = x.shape[2] // n_rows, x.shape[3] // n_columns
    row = torch.arange(height, device=x.device).view(1, 1, -1, 1, 1)
    column = torch.arange(width, device=x.device)
    blocks = blocks.to(x.device)[:, :, None, :, None]
    place = (blocks // n_columns * height + row) * x.shape[3]
    place = (place + blocks % n_columns * width + column).reshape(len(x), -1)
    if not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last):
        # Whole pixels, one behind the other.
        pixels = x.movedim(1, -1).reshape(-1, x.shape[1])
        start = torch.arange(len(x), device=x.device).unsqueeze(1) * place.shape[1]
        moved = pixels.index_select(0, (place + start).flatten())
        return moved.view(len(x), *x.shape[2:], x.shape[1]).movedim(-1, 1)
    index = place.unsqueeze(1).expand(-1, x.shape[1], -1)
    return x.flatten(2).gather(2, index).view_as(x)
