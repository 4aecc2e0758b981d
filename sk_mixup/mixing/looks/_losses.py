"""Losses of a look: of clean rows, and one whose gradients are known already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def plain_criterion(output: Any, y: Tensor) -> Tensor:
    """Return one loss per row, where nobody says what the training minimises.

    Parameters
    ----------
    output : Tensor of shape (B, ...), or a mapping or tuple that holds it
    y : Tensor of shape (B,) or (B, k)
        Class indices or, of the shape of the output, shares of classes: cross-entropy.
        Floats of one number per row: the squared error.
    """
    scores = main_tensor(output)
    y = y.to(scores.device)
    if y.is_floating_point() and (y.ndim == 1 or y.shape[1] == 1):
        return (scores.reshape(y.shape) - y).square().flatten()
    target = y.to(scores.dtype) if y.shape == scores.shape else y.long()
    return functional.cross_entropy(scores, target, reduction="none")


def main_tensor(output: Any) -> Tensor:
    """Return the logits of a mapping, or the first tensor of a tuple."""
    if isinstance(output, Mapping):
        output = output.get("logits", next(iter(output.values())))
    elif isinstance(output, (tuple, list)):
        output = output[0]
    assert isinstance(output, Tensor)
    return output


def ready_loss(
    value: Tensor, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> Tensor:
    """Return a scalar whose gradients in some parameters are known already.

    A look that has come as far back as the input has passed the weights on its way:
    what it found there can be added to a training at the price of an addition.

    Parameters
    ----------
    value : Tensor, scalar
    parameters : sequence of Tensor
    gradients : sequence of Tensor or None
        None: no part in it.

    Returns
    -------
    loss : Tensor, scalar
        With `value`, and with `gradients` behind ``loss.backward()``, times what the
        loss is multiplied by.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing.looks import ready_loss
    >>> weight = torch.ones(2, requires_grad=True)
    >>> loss = ready_loss(torch.tensor(3.0), [weight], [torch.tensor([1.0, 2.0])])
    >>> (2 * loss).backward()
    >>> weight.grad
    tensor([2., 4.])
    """
    pairs = [
        (parameter, gradient)
        for parameter, gradient in zip(parameters, gradients, strict=True)
        if gradient is not None and parameter.requires_grad
    ]
    if not pairs:
        return value.detach()
    known = [gradient.detach() for _, gradient in pairs]
    apply: Callable[..., Tensor] = _Ready.apply
    return apply(value.detach(), known, *(p for p, _ in pairs))


class _Ready(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, value: Tensor, known: list[Tensor], *parameters: Tensor
    ) -> Tensor:
        ctx.known = known
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> Any:
        return None, None, *(gradient * outer[0] for gradient in ctx.known)
