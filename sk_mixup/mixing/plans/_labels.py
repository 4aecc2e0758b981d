"""What pairings and label rules read of the rows of a batch: classes and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from sk_mixup.mixing._batch import sent

if TYPE_CHECKING:
    from sk_mixup.mixing._context import MixContext


def class_labels(who: str, y: Tensor | None, n_rows: int) -> Tensor:
    """Return the class index of each row, int64.

    Parameters
    ----------
    who : str
        What the message calls the method or pairing.
    y : Tensor of shape (n_rows,), or None
    n_rows : int

    Raises
    ------
    ValueError
        If there is no `y`, or not one label per row.
    TypeError
        If `y` holds floats.
    """
    if y is None:
        raise ValueError(
            f"{who} needs class labels; got y=None. Give y to draw, or use"
            " pairing='shuffle'."
        )
    if y.is_floating_point() or y.is_complex():
        raise TypeError(
            f"{who} needs class labels, integers of shape (B,); got y of dtype"
            f" {y.dtype} and shape {tuple(y.shape)}. For targets that are numbers use"
            " CMixup or pairing='similar'; turn soft labels into y.argmax(1)."
        )
    if y.shape != (n_rows,):
        raise ValueError(
            f"{who} needs one class label per row, shape ({n_rows},); got y of shape"
            f" {tuple(y.shape)}."
        )
    return y.long()


def row_class_counts(who: str, y: Tensor, context: MixContext | None) -> Tensor:
    """Return for each row how many rows its class has: float64, at least 1.

    Parameters
    ----------
    who : str
        What the message calls the method or pairing.
    y : Tensor of shape (B,), int64
    context : MixContext or None
        Its `class_counts` count; without them the rows of `y` do.

    Raises
    ------
    ValueError
        If a label is outside `class_counts`.
    """
    counts = None if context is None else context.class_counts
    if counts is None:
        # Not bincount, whose size a GPU would have to report first.
        ordered = y.sort().values
        below = torch.searchsorted(ordered, y)
        return (torch.searchsorted(ordered, y, right=True) - below).double()
    if y.device.type == "cpu" and len(y):
        low, high = (int(bound) for bound in torch.aminmax(y))
        if low < 0 or high >= len(counts):
            raise ValueError(
                f"{who}: y holds class index {low if low < 0 else high}, and"
                f" context.class_counts has entries for 0 to {len(counts) - 1}."
            )
    counts = sent(counts, y.device)
    return counts.index_select(0, y).double().clamp_(min=1.0)


def row_groups(n_rows: int, context: MixContext | None) -> Tensor | None:
    """Return the group of each row, or None.

    Raises
    ------
    ValueError
        If there is not one group per row.
    """
    groups = None if context is None else context.groups
    if groups is not None and groups.shape != (n_rows,):
        raise ValueError(
            f"context.groups must hold one group per row, shape ({n_rows},); got shape"
            f" {tuple(groups.shape)}."
        )
    return groups
