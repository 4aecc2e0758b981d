"""Targets that stay a pair of hard labels, and the loss of such a pair.

Soft targets and the weighted pair agree for cross-entropy. They differ for
class-weighted means and for L1 and Huber losses, and a criterion that takes hard labels
alone has no soft form at all; the pair form is the one that is meant everywhere.

A criterion that is not linear in the target has no pair form, and says what it takes
instead. The attribute `mixed_targets`, read by :func:`mixed_loss` and the estimators:

========  ============================================================================
absent    ``criterion(output, y)`` is called for either target (the pair form)
"soft"    ``criterion(output, targets)``, targets as :meth:`MixPlan.targets` returns
"pair"    ``criterion(output, MixedTargets(y, y_partner, lam))``
"plan"    ``criterion(output, y, plan)`` with the targets of the unmixed rows
========  ============================================================================

A method ``check_plan(plan)`` of the last kind, where it has one, is called before
training, and raises a ValueError for plans that the criterion cannot use.

On clean batches the form stays: one-hot labels, a pair with ``lam = 1``, a plan that is
None. With the weights of rows, a mixed row has one loss and so one weight, ``lam * w_i
+ (1 - lam) * w_j``. A second attribute, `output_activation`, says what makes
probabilities of the outputs: "softmax" (where absent), "sigmoid" or "none"; and "exp",
what makes numbers of them: the exponential of the output is what is predicted.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sk_mixup.mixing.plans._given import check_classes, class_targets

FORMS = ("soft", "pair", "plan")
ACTIVATIONS = ("softmax", "sigmoid", "none", "exp")


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

    def soft(self, n_classes: int | None = None) -> Tensor:
        """Return one blended target per row.

        Parameters
        ----------
        n_classes : int or None
            Width of the result for class indices; floats blend as they are.

        Returns
        -------
        targets : Tensor of shape (rows, n_classes), or like `y`

        Raises
        ------
        ValueError
            If class indices come without `n_classes` or do not fit it.
        """
        if n_classes is not None:
            check_classes(n_classes)
        if self.y.is_floating_point():
            lam = self.lam.view((-1,) + (1,) * (self.y.ndim - 1))
            return (lam * self.y + (1 - lam) * self.y_partner).to(self.y.dtype)
        if n_classes is None:
            raise ValueError(
                f"The targets are class indices (dtype {self.y.dtype}): say n_classes."
            )
        mixed = self.lam.new_zeros((len(self.y), n_classes))
        for y, share in ((self.y, self.lam), (self.y_partner, 1 - self.lam)):
            y = class_targets(y, n_classes, mixed.dtype)
            if y.is_floating_point():
                mixed.add_(share.unsqueeze(1) * y)
            else:
                mixed.scatter_add_(1, y.long().unsqueeze(1), share.unsqueeze(1))
        return mixed


def target_form(criterion: Any) -> str | None:
    """Return what a criterion takes as mixed targets; None: the pair form.

    Raises
    ------
    ValueError
        For an unknown value of its attribute `mixed_targets`.
    """
    return _declared(criterion, "mixed_targets", FORMS)


def output_activation(criterion: Any) -> str | None:
    """Return what makes probabilities of outputs; None: the criterion does not say.

    Raises
    ------
    ValueError
        For an unknown value of its attribute `output_activation`.
    """
    return _declared(criterion, "output_activation", ACTIVATIONS)


def _declared(criterion: Any, name: str, known: tuple[str, ...]) -> str | None:
    value = getattr(criterion, name, None)
    if value is None or (isinstance(value, str) and value in known):
        return value
    label = getattr(criterion, "__name__", None) or type(criterion).__name__
    raise ValueError(f"{label}.{name} must be one of {known} or None; got {value!r}.")


def mixed_loss(
    criterion: Callable[..., Tensor], output: Tensor, targets: MixedTargets | Tensor
) -> Tensor:
    """Return the mean over rows of ``lam * loss(y) + (1 - lam) * loss(y_partner)``.

    Parameters
    ----------
    criterion : callable
        A loss module or function. A module with a `reduction` is called unreduced; any
        other criterion may return one value per row, or a scalar if all rows share
        their lambda. One with an attribute `mixed_targets` ("soft" or "pair") is called
        once, with targets of that form, and its values are averaged.
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
    TypeError
        If the criterion needs the plan itself.

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
    form = target_form(criterion)
    if form == "plan":
        raise TypeError(
            f"{criterion!r} needs the plan of the batch: draw one with method.draw, and"
            " call criterion(output, y, plan)."
        )
    if form == "soft":
        n_classes = output.shape[1] if output.ndim > 1 else None
        soft = targets.soft(n_classes)
        wide = torch.promote_types(output.dtype, soft.dtype)
        return criterion(output, soft.to(wide)).mean()
    if form == "pair":
        return criterion(output, targets).mean()
    own = criterion(output, _as_losses_take(targets.y, output))
    other = criterion(output, _as_losses_take(targets.y_partner, output))
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


def _as_losses_take(y: Tensor, output: Tensor) -> Tensor:
    """Return labels of any dtype as losses of torch take them."""
    if y.is_floating_point() or y.is_complex():
        return y
    if y.shape == output.shape:
        # A value per output: yes and no. Class indices lack an axis.
        return y.to(output.dtype)
    return y.long()


def unreduced(criterion: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a copy of a loss module with ``reduction="none"``; others as they are."""
    if getattr(criterion, "reduction", "none") == "none":
        return criterion
    criterion = copy.copy(criterion)
    # A loss of torch, as the line above has found.
    criterion.reduction = "none"  # type: ignore[attr-defined]
    return criterion


def row_means(loss: Tensor) -> Tensor:
    """Average unreduced losses over everything but rows."""
    return loss if loss.ndim == 1 else loss.flatten(1).mean(1)
