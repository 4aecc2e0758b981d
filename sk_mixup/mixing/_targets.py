"""Targets that stay a pair of hard labels, and the loss of such a pair.

Soft targets and the weighted pair agree for cross-entropy. They differ for
class-weighted means and for L1 and Huber losses, and a criterion that takes hard labels
alone has no soft form at all; the pair form is the one that is meant everywhere.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class MixedTargets(NamedTuple):
    """A pair of targets per row and the weight of the first.

    Attributes
    ----------
    y, y_partner : Tensor of shape (rows, ...)
        Own and partner's target.
    lam : Tensor of shape (rows,)
        Weight of the own target.
    """

    y: Tensor
    y_partner: Tensor
    lam: Tensor


def mixed_loss(
    criterion: Callable[..., Tensor], output: Tensor, targets: MixedTargets | Tensor
) -> Tensor:
    """Return the mean over rows of ``lam * loss(y) + (1 - lam) * loss(y_partner)``.

    Parameters
    ----------
    criterion : callable
        A loss module or function. A module with a `reduction` is called unreduced; any
        other criterion may return one value per row, or a scalar if all rows share
        their lambda.
    output : Tensor of shape (rows, ...)
        What the net returned.
    targets : MixedTargets or Tensor
        A plain tensor goes to the criterion as it is.

    Returns
    -------
    loss : Tensor, scalar

    Raises
    ------
    ValueError
        If the criterion returns a scalar and the rows differ in lambda.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import Mixup, mixed_loss
    >>> x, y = torch.randn(8, 3), torch.randint(0, 3, (8,))
    >>> x_mixed, targets = Mixup(alpha=0.2)(x, y)
    >>> loss = mixed_loss(torch.nn.CrossEntropyLoss(), x_mixed, targets)
    >>> loss.shape
    torch.Size([])
    """
    if not isinstance(targets, MixedTargets):
        return criterion(output, targets)
    criterion = unreduced(criterion)
    own = criterion(output, targets.y)
    other = criterion(output, targets.y_partner)
    lam = targets.lam
    if own.ndim == 0:
        if bool((lam != lam[0]).any()):
            raise ValueError(
                f"{criterion!r} returned a scalar, but rows differ in lambda. Give a"
                " criterion with reduction='none', or draw one lambda per batch"
                " (per='batch')."
            )
        return lam[0] * own + (1 - lam[0]) * other
    own, other = row_means(own), row_means(other)
    return (lam * own + (1 - lam) * other).mean()


def unreduced(criterion: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a copy of a loss module with ``reduction="none"``; others as they are."""
    if getattr(criterion, "reduction", "none") == "none":
        return criterion
    criterion = copy.copy(criterion)
    criterion.reduction = "none"  # type: ignore[attr-defined]
    return criterion


def row_means(loss: Tensor) -> Tensor:
    """Average unreduced losses over everything but rows."""
    return loss if loss.ndim == 1 else loss.flatten(1).mean(1)
