"""Products with few columns, as heads have them, and their gradients.

Libraries compute a product with a matrix of one column, or five, at a twentieth of
their speed. Its transpose is the same numbers at several times the speed, and of the
gradients too one order of the factors is faster than the one that torch takes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sk_mixup.nets._exporting import is_traced


class _NarrowProduct(torch.autograd.Function):
    # Without `setup_context`, for which torch reads a signature at every call.
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.baddbmm(bias.mT, weight.mT, x.mT)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        of_x = of_weight = of_bias = None
        if needs_x:
            is_outer = weight.shape[2] == 1
            rows, columns = gradient.mT, weight.mT
            of_x = rows * columns if is_outer else torch.bmm(rows, columns)
        if needs_weight:
            of_weight = torch.bmm(gradient, x).mT
        if needs_bias:
            of_bias = gradient.sum(2, keepdim=True).mT
        return of_x, of_weight, of_bias


def may_go_narrow(x: Tensor) -> bool:
    """Whether nothing that follows the operations of a product runs around it.

    Parameters
    ----------
    x : Tensor
        One of its factors.
    """
    is_plain = not (is_traced() or torch.is_autocast_enabled("cpu"))
    return x.device.type == "cpu" and is_plain


def narrow_product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Compute ``x @ weight + bias`` of k matrices each, transposed.

    Parameters
    ----------
    x : Tensor of shape (k, B, n_in)
    weight : Tensor of shape (k, n_in, n_out)
        `n_out` is small.
    bias : Tensor of shape (k, 1, n_out)

    Returns
    -------
    product : Tensor of shape (k, n_out, B)
    """
    apply: Any = _NarrowProduct.apply
    product: Tensor = apply(x, weight, bias)
    return product
