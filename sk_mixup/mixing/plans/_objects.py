"""Boxes around objects, for images that are mixed.

A pasted region brings the partner's objects that lie in it, and hides own ones. What is
seen of an object is measured exactly, also where corners lie between pixels: the area
of its box on the places that come from its image, as a share of the whole box.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sk_mixup.mixing._params import check_number

if TYPE_CHECKING:
    from sk_mixup.mixing.plans._places import OfPlaces

#: Boxes, labels and weights of one image.
Objects = tuple[Tensor, Tensor, Tensor]


def mixed_boxes(
    plan: OfPlaces,
    boxes: Sequence[Tensor],
    labels: Sequence[Tensor],
    min_visible: float,
    size: tuple[int, int] | None,
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Mix the objects of a batch; parameters as for `MixPlan.apply_boxes`."""
    check_number("min_visible", min_visible, low=0.0, high=1.0)
    _check(plan, boxes, labels)
    size = _size_of(plan, size)
    found = [
        _image(plan, row, boxes, labels, float(min_visible), size)
        for row in range(plan.n_rows)
    ]
    return (
        [image[0] for image in found],
        [image[1] for image in found],
        [image[2] for image in found],
    )


def _size_of(plan: OfPlaces, size: tuple[int, int] | None) -> tuple[int, int] | None:
    """Return height and width of the images, where anybody knows them."""
    known = plan.places_size
    if known is None:
        return None if size is None else (int(size[0]), int(size[1]))
    if plan.site is not None:
        raise ValueError(
            f"{type(plan).__name__} mixes places of the layer {plan.site!r}, and boxes"
            " are those of images. Mix the input, or blend (ManifoldMixup)."
        )
    if len(known) != 2:
        raise ValueError(
            f"{type(plan).__name__} was drawn for places of shape {known}; boxes are"
            " for images, (height, width)."
        )
    if size is not None and tuple(size) != known:
        raise ValueError(
            f"size={tuple(size)}: this plan was drawn for images of shape {known}."
        )
    return known[0], known[1]


def _check(plan: OfPlaces, boxes: Sequence[Tensor], labels: Sequence[Tensor]) -> None:
    for name, values in (("boxes", boxes), ("labels", labels)):
        if len(values) != plan.n_rows:
            raise ValueError(
                f"{name} must hold one tensor for each of the {plan.n_rows} rows of"
                f" this plan; got {len(values)}."
            )
    for row, (corners, names) in enumerate(zip(boxes, labels, strict=True)):
        if corners.ndim != 2 or corners.shape[1] != 4:
            raise ValueError(
                f"boxes[{row}] must have shape (k, 4), the corners x1, y1, x2, y2; got"
                f" {tuple(corners.shape)}. An image without objects has shape (0, 4)."
            )
        if len(names) != len(corners):
            raise ValueError(
                f"labels[{row}] has {len(names)} entries, and boxes[{row}]"
                f" {len(corners)} boxes."
            )
        if not bool((corners[:, :2] <= corners[:, 2:]).all()):
            raise ValueError(
                f"boxes[{row}] must hold corners in order, x1 <= x2 and y1 <= y2; got"
                f" {corners.tolist()[:3]}."
            )


def _image(
    plan: OfPlaces,
    row: int,
    boxes: Sequence[Tensor],
    labels: Sequence[Tensor],
    min_visible: float,
    size: tuple[int, int] | None,
) -> Objects:
    """Return the objects of one mixed image."""
    own = _clipped(_as_floats(boxes[row]), labels[row], size)
    partner = int(plan.partner[row])
    if plan.is_identity or partner == row:
        return _weighted(own, 1.0)
    if partner >= plan.n_rows:
        raise ValueError(
            "This plan takes partners from memory, whose boxes were not kept. Choose a"
            " pairing within the batch."
        )
    other = _clipped(_as_floats(boxes[partner]), labels[partner], size)
    places = plan.partner_places((plan.n_rows, *(size or ())))
    if places is None:
        share = float(plan.label_weights[0][row])
        return _joined(_weighted(own, share), _weighted(other, 1.0 - share))
    taken = places[min(row, len(places) - 1)].to(own[0].device)
    rest = ~taken if taken.dtype == torch.bool else 1.0 - taken
    moved = plan.moved_boxes(row, other[0]), other[1]
    return _joined(_seen(*own, rest, min_visible), _seen(*moved, taken, min_visible))


def _seen(
    corners: Tensor, labels: Tensor, shown: Tensor, min_visible: float
) -> Objects:
    """Return the objects of which enough is seen, cut to what is seen.

    Parameters
    ----------
    corners : Tensor of shape (k, 4)
    labels : Tensor of shape (k,)
    shown : Tensor of shape (height, width), bool or float
        How much of each place is of the image of these objects.
    min_visible : float
    """
    cover = [
        _overlap(corners[:, axis], corners[:, axis + 2], shown.shape[1 - axis])
        for axis in (0, 1)
    ]
    amount = torch.einsum("kh,hw,kw->k", cover[1], shown.to(corners.dtype), cover[0])
    sides = (corners[:, 2:] - corners[:, :2]).to(torch.float64)
    area = sides.prod(1)
    share = amount.double() / area.clamp(min=torch.finfo(torch.float64).tiny)
    share = share.clamp(0.0, 1.0).masked_fill(area == 0, 0.0)
    kept = (share >= min_visible) & (share > 0)
    corners, labels, share = corners[kept], labels[kept], share[kept]
    if shown.dtype == torch.bool:
        corners = _cut(corners, shown, cover[0][kept], cover[1][kept])
    height, width = shown.shape
    inside = corners.new_tensor([width, height, width, height])
    corners = torch.minimum(corners.clamp(min=0), inside)
    return corners, labels, share.to(corners.dtype)


def _overlap(start: Tensor, stop: Tensor, n: int) -> Tensor:
    """Return how much of each place along an axis lies in boxes, (k, n)."""
    place = torch.arange(n, device=start.device, dtype=start.dtype)
    low = torch.maximum(start.unsqueeze(1), place)
    high = torch.minimum(stop.unsqueeze(1), place + 1)
    return (high - low).clamp(min=0.0)


def _cut(corners: Tensor, shown: Tensor, across: Tensor, down: Tensor) -> Tensor:
    """Shrink boxes to the places that are seen of them."""
    seen = (down > 0).unsqueeze(2) & (across > 0).unsqueeze(1) & shown
    sides = []
    for axis, there in ((0, seen.any(1)), (1, seen.any(2))):
        n = there.shape[1]
        place = torch.arange(n, device=corners.device)
        first = place.expand_as(there).masked_fill(~there, n).amin(1)
        last = place.expand_as(there).masked_fill(~there, -1).amax(1) + 1
        sides.append(torch.maximum(corners[:, axis], first.to(corners.dtype)))
        sides.append(torch.minimum(corners[:, axis + 2], last.to(corners.dtype)))
    x1, x2, y1, y2 = sides
    return torch.stack((x1, y1, x2, y2), 1)


def _clipped(
    corners: Tensor, labels: Tensor, size: tuple[int, int] | None
) -> tuple[Tensor, Tensor]:
    """Cut boxes at the borders of the image, and drop those outside."""
    if size is None:
        return corners, labels
    height, width = size
    inside = corners.new_tensor([width, height, width, height])
    corners = torch.minimum(corners.clamp(min=0), inside)
    kept = (corners[:, 2:] > corners[:, :2]).all(1)
    return corners[kept], labels[kept]


def _weighted(objects: tuple[Tensor, Tensor], weight: float) -> Objects:
    corners, labels = objects
    if weight <= 0:
        corners, labels = corners[:0], labels[:0]
    return corners, labels, torch.full_like(corners[:, 0], weight)


def _joined(own: Objects, other: Objects) -> Objects:
    corners, labels, weights = (
        torch.cat(pair) for pair in zip(own, other, strict=True)
    )
    return corners, labels, weights


def _as_floats(corners: Tensor) -> Tensor:
    return corners if corners.is_floating_point() else corners.float()
