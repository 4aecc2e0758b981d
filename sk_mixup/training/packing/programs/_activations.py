"""Activations: layers and functions that treat every number by itself, in one table.

What a module calls may be a layer, a function or a method of a tensor; all three mean
the same, and the gradient of some is known without autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.training.packing.programs._tape import ElementLink

_aten: Any = torch.ops.aten


@dataclass(frozen=True)
class Activation:
    """An activation in all its forms.

    Attributes
    ----------
    layer : type
    functions : tuple of callable
        What does the same as the layer with its defaults.
    link : callable or None
        Makes the link of a `Tape` from a layer; None: its gradient is autograd's.
    """

    layer: type[nn.Module]
    functions: tuple[Callable[..., Any], ...] = ()
    link: Callable[[Any], ElementLink] | None = None


def _gelu(module: Any) -> ElementLink:
    how = module.approximate

    def derive(grad: Tensor, x: Tensor) -> Tensor:
        result: Tensor = _aten.gelu_backward(grad, x, approximate=how)
        return result

    return ElementLink(
        lambda x: nn.functional.gelu(x, approximate=how), derive, keeps_output=False
    )


def _leaky(module: Any) -> ElementLink:
    slope = module.negative_slope
    return ElementLink(
        lambda x: nn.functional.leaky_relu(x, slope),
        lambda grad, x: _aten.leaky_relu_backward(grad, x, slope, False),
        keeps_output=False,
    )


def _simple(
    forth: Callable[..., Tensor], back: Callable[..., Tensor], keeps_output: bool
) -> Callable[[Any], ElementLink]:
    return lambda module: ElementLink(forth, back, keeps_output)


ACTIVATIONS: tuple[Activation, ...] = (
    # Its link is in the tape itself, as it may write where a linear layer wrote.
    Activation(nn.ReLU, (functional.relu, torch.relu, Tensor.relu)),
    Activation(nn.GELU, (functional.gelu,), _gelu),
    Activation(nn.LeakyReLU, (functional.leaky_relu,), _leaky),
    Activation(
        nn.SiLU,
        (functional.silu,),
        _simple(functional.silu, _aten.silu_backward, False),
    ),
    Activation(
        nn.Tanh,
        (torch.tanh, functional.tanh, Tensor.tanh),
        _simple(torch.tanh, _aten.tanh_backward, True),
    ),
    Activation(
        nn.Sigmoid,
        (torch.sigmoid, functional.sigmoid, Tensor.sigmoid),
        _simple(torch.sigmoid, _aten.sigmoid_backward, True),
    ),
    Activation(nn.CELU),
    Activation(nn.ELU, (functional.elu,)),
    Activation(nn.Hardsigmoid),
    Activation(nn.Hardswish),
    Activation(nn.Hardtanh, (functional.hardtanh,)),
    Activation(nn.Identity),
    Activation(nn.LogSigmoid, (functional.logsigmoid,)),
    Activation(nn.Mish, (functional.mish,)),
    Activation(nn.ReLU6),
    Activation(nn.SELU, (functional.selu,)),
    Activation(nn.Softplus, (functional.softplus,)),
    Activation(nn.Softsign),
)
_BY_LAYER = {known.layer: known for known in ACTIVATIONS}
_BY_FUNCTION = {one: known for known in ACTIVATIONS for one in known.functions}

#: Layers without weights that treat every number by itself.
ELEMENTWISE: tuple[type[nn.Module], ...] = tuple(_BY_LAYER)
#: Functions that do so.
FUNCTIONS = frozenset(_BY_FUNCTION)


def element_link(module: nn.Module) -> ElementLink | None:
    """Return the link of an activation; None: its gradient is not known here."""
    known = _BY_LAYER.get(type(module))
    return None if known is None or known.link is None else known.link(module)


def module_of(function: Any) -> nn.Module | None:
    """Return the activation layer that does what a function does."""
    known = _BY_FUNCTION.get(function)
    return None if known is None else known.layer()
