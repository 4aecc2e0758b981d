"""Sequential nets of common layers, computed for all members at once by hand.

One batched product with its bias per linear layer, and one kernel per normalisation:
what a loop would write, times the members. The order of the operations is that of the
module, so results differ from those of a lone module by rounding alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.training.packing._call import DROPOUTS, Call

Weights = dict[str, Tensor]
Layer = Callable[[Weights, Weights, Tensor, Call], Tensor]

#: Layers without weights that treat every number by itself.
ELEMENTWISE: tuple[type[nn.Module], ...] = (
    nn.CELU, nn.ELU, nn.GELU, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.Identity,
    nn.LeakyReLU, nn.LogSigmoid, nn.Mish, nn.ReLU, nn.ReLU6, nn.SELU, nn.SiLU,
    nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Tanh,
)  # fmt: skip


class LayerProgram:
    """The forward pass of a net of known layers.

    Parameters
    ----------
    module : nn.Module
        One of the members, for which `is_layered` holds.
    """

    def __init__(self, module: nn.Module) -> None:
        self.transposed: frozenset[str] = frozenset()
        self._layers: list[Layer] = []
        self._n_dropouts = 0
        self._add("", module)

    def __call__(self, params: Weights, buffers: Weights, x: Any, call: Call) -> Tensor:
        """Return the outputs, of shape (members, rows, ...)."""
        if x.dtype == torch.uint8:
            x = x.float()
        for layer in self._layers:
            x = layer(params, buffers, x, call)
        return x

    def _add(self, name: str, module: nn.Module) -> None:
        if type(module) is nn.Sequential:
            for key, child in module.named_children():
                self._add(f"{name}.{key}" if name else key, child)
            return
        prefix = f"{name}." if name else ""
        if type(module) is nn.Linear:
            self.transposed |= {prefix + "weight"}
            self._layers.append(_linear(prefix, module))
        elif isinstance(module, nn.Dropout):
            self._layers.append(_dropout(self._n_dropouts, type(module)))
            self._n_dropouts += 1
        elif type(module) is nn.LayerNorm:
            self._layers.append(_layer_norm(prefix, module))
        elif type(module) is nn.BatchNorm1d:
            self._layers.append(_batch_norm(prefix, module))
        elif type(module) is nn.Flatten:
            self._layers.append(lambda p, b, x, call: x.flatten(2))
        elif type(module) is nn.ReLU and self._layers:
            # What comes before is a fresh tensor that no gradient reads.
            before = getattr(self._layers[-1], "is_linear", False)
            function = functional.relu_ if before else functional.relu
            self._layers.append(lambda p, b, x, call: function(x))
        else:
            self._layers.append(lambda p, b, x, call: module(x))


def is_layered(module: nn.Module, x: Any) -> bool:
    """Whether `LayerProgram` knows a module.

    Parameters
    ----------
    module : nn.Module
    x : Tensor, dict or tuple
        Some rows of its input.
    """
    if not isinstance(x, Tensor) or not any(True for _ in module.parameters()):
        return False
    flat = x.ndim == 2
    parameters = list(module.parameters())
    shared = sum(1 for _ in module.named_parameters(remove_duplicate=False))
    if shared != len(parameters):
        return False  # one layer in two places
    for part in module.modules():
        hooks = part._forward_hooks or part._forward_pre_hooks or part._backward_hooks
        if hooks or type(part) not in _KNOWN:
            return False
        if isinstance(part, nn.Flatten):
            if part.start_dim != 1 or part.end_dim != -1:
                return False
            flat = True
        elif not isinstance(part, nn.Sequential) and not flat:
            return False
        if isinstance(part, nn.LayerNorm) and len(part.normalized_shape) != 1:
            return False
        if isinstance(part, nn.BatchNorm1d) and part.momentum is None:
            return False
    return True


_KNOWN = {
    nn.Sequential, nn.Linear, nn.LayerNorm, nn.BatchNorm1d, nn.Flatten,
    *DROPOUTS, *ELEMENTWISE,
}  # fmt: skip


def _linear(prefix: str, module: nn.Linear) -> Layer:
    weight, bias = prefix + "weight", prefix + "bias"
    has_bias = module.bias is not None

    def layer(p: Weights, b: Weights, x: Tensor, call: Call) -> Tensor:
        if has_bias:
            return torch.baddbmm(p[bias].unsqueeze(1), x, p[weight])
        return torch.bmm(x, p[weight])

    layer.is_linear = True  # type: ignore[attr-defined]
    return layer


def _dropout(number: int, kind: type[nn.Dropout]) -> Layer:
    def layer(p: Weights, b: Weights, x: Tensor, call: Call) -> Tensor:
        return call.drop(x, number, kind)

    return layer


def _layer_norm(prefix: str, module: nn.LayerNorm) -> Layer:
    weight, bias = prefix + "weight", prefix + "bias"
    shape, eps = module.normalized_shape, module.eps
    scales, shifts = module.weight is not None, module.bias is not None

    def layer(p: Weights, b: Weights, x: Tensor, call: Call) -> Tensor:
        x = functional.layer_norm(x, shape, eps=eps)
        if scales and shifts:
            return torch.addcmul(p[bias].unsqueeze(1), x, p[weight].unsqueeze(1))
        return x * p[weight].unsqueeze(1) if scales else x

    return layer


def _batch_norm(prefix: str, module: nn.BatchNorm1d) -> Layer:
    names = [prefix + key for key in ("running_mean", "running_var", "weight", "bias")]
    tracks, affine = module.running_mean is not None, module.affine
    eps, momentum = module.eps, module.momentum or 0.0
    counter = prefix + "num_batches_tracked"

    def layer(p: Weights, b: Weights, x: Tensor, call: Call) -> Tensor:
        n_members, n_rows, width = x.shape
        # Features of all members side by side; the views of the running statistics
        # are updated in place.
        mean, var = (b[key].view(-1) if tracks else None for key in names[:2])
        weight, bias = (p[key].reshape(-1) if affine else None for key in names[2:])
        if tracks and call.training:
            b[counter].add_(1)
        flat = x.transpose(0, 1).reshape(n_rows, n_members * width)
        flat = functional.batch_norm(
            flat, mean, var, weight, bias, call.training or not tracks, momentum, eps
        )
        return flat.view(n_rows, n_members, width).transpose(0, 1)

    return layer
