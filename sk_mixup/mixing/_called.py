"""What the shorthand call of a method can do: mix the input, with known labels."""

from __future__ import annotations

import torch
from torch import Tensor

from sk_mixup.mixing.plans import MixedTargets, MixPlan, check_width, class_targets

# Of targets with more axes, the further ones are places.
_MOST_AXES = 2


def called_targets(y: Tensor, n_classes: int | None, dtype: torch.dtype) -> Tensor:
    """Return the targets of a call, checked.

    Parameters
    ----------
    y : Tensor of shape (B, ...)
    n_classes : int or None
    dtype : torch.dtype
        Of what indicators become.
    """
    if y.ndim > _MOST_AXES:
        return y
    check_width(y, n_classes)
    return y if n_classes is None else class_targets(y, n_classes, dtype)


def mixed_targets(
    plan: MixPlan, y: Tensor, n_classes: int | None
) -> Tensor | MixedTargets:
    """Return what a call gives for `called_targets`: one tensor, or pairs of labels."""
    if y.ndim > _MOST_AXES:
        return plan.apply_masks(y, n_classes)
    if n_classes is not None or y.is_floating_point():
        return plan.targets(y, n_classes)
    pair = plan.own_rows(y), plan.partner_rows(y)
    return MixedTargets(*pair, plan.own_share)


def check_called(name: str, plan: MixPlan) -> None:
    """Check that a plan is for the input, and knows the weights of the labels.

    Parameters
    ----------
    name : str
        What the message calls the method.
    plan : MixPlan

    Raises
    ------
    ValueError
        If the net must run for either.
    """
    if plan.site is not None:
        raise ValueError(
            f"{name} drew the hidden layer {plan.site!r}, which a call on the input"
            " cannot mix. Use plan = method.draw(x, y, ...) and run the net inside"
            " `with mix_layer(module, plan):`."
        )
    if plan.weighs_late:
        raise ValueError(
            f"{name} learns the weights of labels from the net while it runs, which a"
            " call on the input cannot do. Use plan = method.draw(x, y, ...), run the"
            " net on plan.apply(x) inside `with mix_layer(module, plan) as mixed:`, and"
            " take mixed.plan.targets(y, n_classes)."
        )
