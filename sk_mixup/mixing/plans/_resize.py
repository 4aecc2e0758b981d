"""The plan of ResizeMix and SnapMix: the partner, or a box of it, resized into a box.

Resizing along one axis is a small matrix, (places of the box) x (places of the
partner), so that one product per axis resizes every row to a size of its own, along
any number of axes. Places outside a row's box get the weights of its border and are
masked: the shapes stay the same whatever was drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sk_mixup.mixing.plans._boxes import covered
from sk_mixup.mixing.plans._masks import check_size
from sk_mixup.mixing.plans._pixels import size_of
from sk_mixup.mixing.plans._plan import MixPlan


@dataclass(frozen=True, eq=False, repr=False)
class ResizePlan(MixPlan):
    """Paste ``x[partner]``, or a box of it, resized to a box, into that box.

    Floats and uint8 pixels are interpolated linearly along each axis with a filter as
    wide as the reduction (antialiasing), uint8 rounded after it; of other integers and
    bools the nearest place is taken. The result has the dtype of the input.

    Parameters
    ----------
    spans : Tensor of shape (B or 1, n_axes, 2), int64
        Start and stop of the box of every row, or of one that all rows share.
    open_rows : Tensor of shape (B,), bool, or None
        Rows to be mixed; None: all.
    box : tuple of (start, stop), one per spatial axis, or None
        The shared box on the host. Lets eager code work on the box alone.
    size : tuple of int
        Spatial shape that the plan was drawn for.
    sources : Tensor of shape (B or 1, n_axes, 2), int64, or None
        Start and stop of the box of the partner that is taken, of at least one place
        along each axis; None: all of it.
    """

    spans: Tensor | None = None
    open_rows: Tensor | None = None
    box: tuple[tuple[int, int], ...] | None = None
    size: tuple[int, ...] = ()
    sources: Tensor | None = None

    def _apply(self, x: Tensor) -> Tensor:
        check_size(x, self.size)
        assert self.spans is not None
        # Compiled code must not look at the box: it would be compiled per box.
        box = None if torch.compiler.is_compiling() else self.box
        ranges = box or tuple((0, n) for n in self.size)
        resized = self._resize(self.take_partners(x).contiguous(), ranges)
        if box is not None:
            mixed = x.clone()
            places = (slice(None), slice(None), *(slice(a, b) for a, b in box))
            mixed[places] = resized
            return mixed
        mask = covered(self.spans, self.size)
        if self.open_rows is not None:
            mask = mask & self.open_rows.view((-1,) + (1,) * len(self.size))
        return torch.where(mask.unsqueeze(1), _in_layout(resized, x), x)

    @property
    def places_size(self) -> tuple[int, ...]:
        """Spatial shape that the plan was drawn for."""
        return self.size

    def partner_places(self, shape: Sequence[int]) -> Tensor:
        """Return the places of the boxes, bool; see `MixPlan.partner_places`."""
        if size_of(shape, len(self.size), "ResizePlan") != tuple(self.size):
            raise ValueError(
                f"This plan resizes partners into boxes of a map of shape {self.size};"
                f" targets of shape {tuple(shape)} must have that size."
            )
        assert self.spans is not None
        mask = covered(self.spans, self.size)
        if self.open_rows is not None:
            mask = mask & self.open_rows.view((-1,) + (1,) * len(self.size))
        return mask

    def partner_pixels(self, y: Tensor) -> Tensor:
        """Return the partners' maps resized into the boxes, classes by the nearest."""
        rows = self.partner_rows(y)
        has_channels = y.ndim > 1 + len(self.size)
        rows = rows if has_channels else rows.unsqueeze(1)
        # Bytes are classes here, and no pixels to be interpolated.
        rows = rows.short() if rows.dtype == torch.uint8 else rows
        whole = tuple((0, n) for n in self.size)
        rows = self._resize(rows.contiguous(), whole).to(y.dtype)
        return rows if has_channels else rows.squeeze(1)

    def moved_boxes(self, row: int, boxes: Tensor) -> Tensor:
        """Return the partner's boxes, scaled as its image is."""
        assert self.spans is not None
        spans = self.spans[min(row, len(self.spans) - 1)].to(boxes)
        start = spans[:, 0].flip(0).repeat(2)
        side = (spans[:, 1] - spans[:, 0]).flip(0).repeat(2)
        whole = boxes.new_tensor(self.size).flip(0).repeat(2)
        return start + boxes * (side / whole)

    def _resize(self, x: Tensor, ranges: tuple[tuple[int, int], ...]) -> Tensor:
        assert self.spans is not None
        dtype = x.dtype
        interpolates = dtype.is_floating_point or dtype.is_complex
        if not interpolates and dtype != torch.uint8:
            for axis, span in enumerate(ranges):
                source = _nearest(self.spans[:, axis], self._taken(axis), span)
                source = source.view(_along(source, axis, len(self.size)))
                x = x.take_along_dim(source, 2 + axis)
            return x
        if dtype in (torch.uint8, torch.float16, torch.bfloat16):
            x = x.float()
        for axis, span in enumerate(ranges):
            exact = torch.float64 if x.dtype == torch.float64 else torch.float32
            weights = _weights(
                self.spans[:, axis], self._taken(axis), self.size[axis], span, exact
            )
            x = _product(x, weights.to(x.dtype), 2 + axis)
        if dtype == torch.uint8:
            x = x.round().clamp(0, 255)
        return x.to(dtype)

    def _taken(self, axis: int) -> Tensor:
        """Return start and stop, along an axis, of what is taken from the partner."""
        assert self.spans is not None
        if self.sources is not None:
            return self.sources[:, axis]
        n = self.size[axis]
        # [[0, n]], without a number of the host that has to be sent.
        return torch.arange(0, n + 1, n, device=self.spans.device).unsqueeze(0)


def _box_places(spans: Tensor, span: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the number of each place inside its box, and the side of the box.

    Parameters
    ----------
    spans : Tensor of shape (n, 2), int64
        Start and stop of the boxes along one axis.
    span : (start, stop)
        Places wanted; those outside a box stand for its border.

    Returns
    -------
    place : Tensor of shape (n, stop - start), int64
    side : Tensor of shape (n, 1), int64
    """
    start, stop = spans[:, :1], spans[:, 1:]
    place = torch.arange(*span, device=spans.device) - start
    return torch.minimum(place.clamp(min=0), stop - start - 1), stop - start


def _weights(
    spans: Tensor,
    taken: Tensor,
    length: int,
    span: tuple[int, int],
    dtype: torch.dtype,
) -> Tensor:
    """Return the partner's weights for each place: (n, wanted, length).

    A triangle around the place of the partner that lies under the centre, as wide as
    a reduction, and one place wide where the partner is made larger.
    """
    place, side = _box_places(spans, span)
    start, stop = taken[:, :1], taken[:, 1:]
    n_taken = stop - start
    # In whole numbers up to one division, which keeps the centres exact.
    centre = ((2 * place + 1) * n_taken).to(dtype) / (2 * side) + start
    source = torch.arange(length, device=spans.device)
    shrinks = (side.to(dtype) / n_taken).clamp(max=1.0)
    away = (source + 0.5 - centre.unsqueeze(2)).abs() * shrinks.unsqueeze(2)
    weights = (1.0 - away).clamp(min=0.0)
    inside = (source >= start) & (source < stop)
    weights = weights * inside.unsqueeze(1)
    return weights / weights.sum(2, keepdim=True)


def _nearest(spans: Tensor, taken: Tensor, span: tuple[int, int]) -> Tensor:
    """Return the partner's nearest place for each place: (n, wanted)."""
    place, side = _box_places(spans, span)
    start, stop = taken[:, :1], taken[:, 1:]
    return start + (2 * place + 1) * (stop - start) // (2 * side)


def _in_layout(t: Tensor, x: Tensor) -> Tensor:
    """Return `t` as channels_last where `x` is: a result takes the first operand's."""
    if x.ndim in (4, 5) and not x.is_contiguous():
        layout = torch.channels_last if x.ndim == 4 else torch.channels_last_3d
        if x.is_contiguous(memory_format=layout):
            return t.contiguous(memory_format=layout)
    return t.contiguous()


def _along(values: Tensor, axis: int, n_axes: int) -> list[int]:
    shape = [len(values), 1] + [1] * n_axes
    shape[2 + axis] = values.shape[1]
    return shape


def _product(x: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Multiply along one axis, by one matrix per row or one for all."""
    moved = x.movedim(axis, -1)
    if len(weights) == 1:
        return (moved @ weights[0].T).movedim(-1, axis)
    rows = moved.reshape(len(x), -1, x.shape[axis])
    rows = rows @ weights.transpose(1, 2)
    return rows.view(*moved.shape[:-1], rows.shape[-1]).movedim(-1, axis)
