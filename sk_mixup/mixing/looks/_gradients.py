"""How the loss of clean rows changes with their input."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing.looks._asking import asked, device_of, in_rows, module_of
from sk_mixup.mixing.looks._losses import plain_criterion


class InputLook(NamedTuple):
    """What one pass forth and back has shown.

    Attributes
    ----------
    gradient : Tensor of shape (B, ...)
        Of the loss of each row in its input, on the device of the input.
    loss : Tensor of shape (B,)
        Or a scalar, of a criterion that returns no more.
    parameters : list of Tensor
        Those of the net that are trained, where their gradients were asked for.
    parameter_gradients : list of Tensor or None
        Of the mean loss over rows; see `ready_loss`.
    """

    gradient: Tensor
    loss: Tensor
    parameters: list[nn.Parameter]
    parameter_gradients: list[Tensor | None]


def input_gradients(
    context: MixContext | None,
    x: Tensor,
    y: Tensor | None,
    *,
    who: str = "the method",
    evaluates: bool = True,
    chunk: int | None = None,
) -> Tensor:
    """Return the gradient of each row's loss in its input.

    Nothing of it stays in the net: see `asked`. In evaluation mode rows do not meet,
    and chunks give what the whole gives.

    Parameters
    ----------
    context : MixContext
        With `module`; `call` and `criterion` where they are known.
    x : Tensor of shape (B, ...)
        Floats or uint8.
    y : Tensor of shape (B,) or (B, k)
        Targets.
    who : str
        What messages call the method.
    evaluates : bool, default=True
        In evaluation mode.
    chunk : int or None
        Rows at a time, for less memory; None: all at once.

    Returns
    -------
    gradient : Tensor of shape (B, ...)
        On the device of `x`; float32, or float64 for a float64 `x`.

    Raises
    ------
    ValueError
        If no net is known, there are no targets, or no gradient comes back.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import MixContext
    >>> from sk_mixup.mixing.looks import input_gradients
    >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3))
    >>> images, y = torch.rand(5, 1, 2, 2), torch.tensor([0, 1, 2, 0, 1])
    >>> input_gradients(MixContext(module=net), images, y).shape
    torch.Size([5, 1, 2, 2])
    """

    def look(rows: Tensor, targets: Tensor) -> Tensor:
        return look_back(context, rows, targets, who=who, evaluates=evaluates).gradient

    if y is None:
        raise ValueError(f"{who} looks at the loss, and got y=None. Give y to draw.")
    return in_rows(look, chunk, x, y)


def look_back(
    context: MixContext | None,
    x: Tensor,
    y: Tensor | None,
    *,
    who: str = "the method",
    evaluates: bool = True,
    with_parameters: bool = False,
) -> InputLook:
    """Run rows forth and back; parameters and errors as for `input_gradients`.

    Parameters
    ----------
    context, x, y, who, evaluates :
        As for `input_gradients`.
    with_parameters : bool, default=False
        Return the gradients of the mean loss in the parameters too, of the same pass.
    """
    module = module_of(context, who)
    if y is None:
        raise ValueError(f"{who} looks at the loss, and got y=None. Give y to draw.")
    criterion = (context.criterion if context else None) or plain_criterion
    trained = [p for p in module.parameters() if p.requires_grad and with_parameters]
    with asked(context, who, evaluates=evaluates, gradients=True) as call:
        leaf = _as_floats(x).detach().clone().requires_grad_()
        place = device_of(module)
        loss = criterion(call(leaf), y if place is None else y.to(place))
        wanted = [leaf, *trained]
        found: list[Tensor | None] = [None] * len(wanted)
        if loss.requires_grad:
            total = loss.sum() if loss.ndim else loss * len(x)
            found = list(torch.autograd.grad(total, wanted, allow_unused=True))
    if found[0] is None:
        raise ValueError(
            f"{who} looks at the gradient of the loss in the input, and"
            f" {type(module).__name__} gives none: its input is cut off, by detach, by"
            " torch.no_grad or by integers. Use a method that needs no gradient, such"
            " as saliency_mix or cutmix, or let the gradient through."
        )
    return InputLook(
        found[0].to(x.device),
        loss.detach(),
        trained,
        [None if g is None else g / len(x) for g in found[1:]],
    )


def _as_floats(x: Tensor) -> Tensor:
    """Return a batch that can have a gradient."""
    wide = x.dtype in (torch.float32, torch.float64)
    return x if wide else x.float()
