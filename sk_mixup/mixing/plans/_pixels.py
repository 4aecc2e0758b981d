"""Targets that have a value per place: masks of classes, and maps of numbers.

What is done to the places of an image is done to those of its mask: a pasted box brings
the labels of the partner, and a blend gives every pixel two labels with their weights.
A mask may be of another size than the map that is mixed (a layer in the midst of a net,
or outputs coarser than the image): each of its places then asks the nearest one of the
map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from sk_mixup.mixing.plans._given import check_classes

if TYPE_CHECKING:
    from sk_mixup.mixing.plans._places import OfPlaces


class PixelTargets(NamedTuple):
    """One or two targets per place.

    Attributes
    ----------
    y : Tensor of shape (rows, *size) or (rows, channels, *size)
        The own target, or that of whoever the place was taken from.
    y_partner : Tensor or None
        The partner's, at the same places; None: `y` says it all.
    own : Tensor of shape (rows,) or (rows or 1, *size), or None
        Weight of `y`, for a row or for each place.
    """

    y: Tensor
    y_partner: Tensor | None = None
    own: Tensor | None = None


def pixel_targets(plan: OfPlaces, y: Tensor) -> PixelTargets:
    """Return the targets of mixed maps; parameters as for `MixPlan.pixel_targets`."""
    own_y = plan.own_rows(y)
    if plan.is_identity:
        return PixelTargets(own_y)
    places = plan.partner_places(y.shape)
    other_y = plan.partner_pixels(y)
    if places is None:
        return PixelTargets(own_y, other_y, plan.label_weights[0])
    if places.dtype == torch.bool:
        return PixelTargets(torch.where(_fitting(places, y), other_y, own_y))
    return PixelTargets(own_y, other_y, 1.0 - places)


def joined_pixels(parts: Sequence[PixelTargets]) -> PixelTargets:
    """Return the targets of several mixed copies, one below the other."""
    y = torch.cat([part.y for part in parts])
    if all(part.y_partner is None for part in parts):
        return PixelTargets(y)
    # Shares of rows, or of places where any part has some of places.
    size = max((p.own.shape[1:] for p in parts if p.own is not None), key=len)
    partners, shares = [], []
    for part in parts:
        n_rows = len(part.y)
        own = part.y.new_ones(1, dtype=torch.float32) if part.own is None else part.own
        if own.ndim == 1:
            own = own.view(-1, *[1] * len(size))
        shares.append(own.expand(n_rows, *size))
        partners.append(part.y if part.y_partner is None else part.y_partner)
    return PixelTargets(y, torch.cat(partners), torch.cat(shares))


def mixed_masks(
    plan: OfPlaces, masks: Tensor, n_classes: int | None, ignore_index: int | None
) -> Tensor:
    """Return one mixed mask per row; parameters as for `MixPlan.apply_masks`."""
    if masks.ndim < 2 or len(masks) != plan.n_rows:
        raise ValueError(
            f"masks must hold a mask for each of the {plan.n_rows} rows of this plan,"
            " classes of shape (B, height, width) or numbers of shape (B, channels,"
            f" height, width); got shape {tuple(masks.shape)}."
        )
    y, y_partner, own = plan.pixel_targets(masks)
    if y_partner is None:
        return y
    assert own is not None
    if masks.is_floating_point():
        own = _fitting(own, y).to(y.dtype)
        return own * y + (1.0 - own) * y_partner
    if n_classes is None:
        raise ValueError(
            f"{type(plan).__name__} gives a place the classes of both masks: say"
            " n_classes, for a share per class; or use a method that pastes, such as"
            " CutMix."
        )
    check_classes(n_classes)
    own = own.view(-1, *[1] * (y.ndim - 1)) if own.ndim == 1 else own
    mixed = own.new_zeros((len(y), n_classes, *y.shape[1:]))
    for classes, share in ((y, own), (y_partner, 1.0 - own)):
        codes, share = classes.long(), share.expand(classes.shape)
        if ignore_index is not None:
            share = share.masked_fill(codes == ignore_index, 0.0)
            codes = codes.masked_fill(codes == ignore_index, 0)
        if codes.device.type == "cpu" and codes.numel():
            low, high = (int(bound) for bound in torch.aminmax(codes))
            if low < 0 or high >= n_classes:
                raise ValueError(
                    f"masks hold class {low if low < 0 else high}, outside 0 to"
                    f" n_classes - 1 = {n_classes - 1}. Pixels that do not count have"
                    " the class ignore_index."
                )
        mixed.scatter_add_(1, codes.unsqueeze(1), share.unsqueeze(1))
    return mixed


def scaled_places(places: Tensor, size: Sequence[int]) -> Tensor:
    """Return places for a map of another size, each that of the nearest place.

    Parameters
    ----------
    places : Tensor of shape (n, *places)
    size : sequence of int

    Returns
    -------
    places : Tensor of shape (n, *size)
    """
    for axis, n in enumerate(size):
        have = places.shape[1 + axis]
        if have != n:
            index = torch.arange(n, device=places.device)
            index = (2 * index + 1) * have // (2 * n)
            places = places.index_select(1 + axis, index)
    return places


def size_of(shape: Sequence[int], n_axes: int, plan: str) -> tuple[int, ...]:
    """Return the size of the places of targets of some shape.

    Parameters
    ----------
    shape : sequence of int
        Of targets, with their rows, and channels or none.
    n_axes : int
        Axes of the places that are mixed.
    plan : str
        What the message calls the plan.

    Raises
    ------
    ValueError
        If targets have no such axes.
    """
    if len(shape) - n_axes not in (1, 2):
        raise ValueError(
            f"{plan} mixes places along {n_axes} axes, and the targets have shape"
            f" {tuple(shape)}: they must have as many, behind the rows (and channels)."
        )
    return tuple(shape[-n_axes:])


def _fitting(places: Tensor, y: Tensor) -> Tensor:
    """Give places (or a number per row) the axes of targets."""
    if places.ndim == 1:
        return places.view(-1, *[1] * (y.ndim - 1))
    return places if places.ndim == y.ndim else places.unsqueeze(1)
