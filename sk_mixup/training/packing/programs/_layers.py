"""Nets of common layers, computed for all members at once by hand.

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

from sk_mixup.training.packing.programs._activations import element_link, module_of
from sk_mixup.training.packing.programs._call import Call, dropouts_of
from sk_mixup.training.packing.programs._graph import Place, Step
from sk_mixup.training.packing.programs._tape import (
    DropoutLink,
    LinearLink,
    Link,
    ReluLink,
    Tape,
)

Weights = dict[str, Tensor]
Layer = Callable[..., Tensor]


class LayerProgram:
    """The forward pass of a net of known layers.

    Parameters
    ----------
    module : nn.Module
        One of the members.
    steps : list of Step
        The calls that it makes, as `read_graph` returns them.
    """

    def __init__(self, module: nn.Module, steps: list[Step]) -> None:
        self.transposed = frozenset(
            f"{step.layer}.weight" if step.layer else "weight"
            for step in steps
            if step.layer is not None and _is_wide(module.get_submodule(step.layer))
        )
        self._chain = _chain_of(module, steps)
        self._dropouts = [name for name, _ in dropouts_of(module)]
        self._steps: list[tuple[Layer, tuple[Any, ...]]] = []
        fresh = {0: False}
        for number, step in enumerate(steps, 1):
            part = None if step.layer is None else module.get_submodule(step.layer)
            source = step.inputs[0]
            # What a linear layer returns is read by no gradient of its own.
            may_write = (
                step.owns_input
                and isinstance(source, Place)
                and fresh[source.number]
                and len(step.inputs) == 1
            )
            self._steps.append((self._layer(step, part, may_write), step.inputs))
            fresh[number] = type(part) is nn.Linear

    def __call__(self, params: Weights, buffers: Weights, x: Any, call: Call) -> Tensor:
        """Return the outputs, of shape (members, rows, ...)."""
        values = [x.float() if x.dtype == torch.uint8 else x]
        for layer, inputs in self._steps:
            given = [values[v.number] if isinstance(v, Place) else v for v in inputs]
            values.append(layer(params, buffers, call, *given))
        return values[-1]

    def tape(
        self, params: Weights, n_rows: int, other: Tape | None = None
    ) -> Tape | None:
        """Return what computes gradients without autograd; None: autograd is to.

        Parameters
        ----------
        params : dict of str to Tensor
            Of the members; the tape reads them at every step.
        n_rows : int
            Rows of a batch.
        other : Tape or None
            Of the same members: gradients are written to the same memory.
        """
        if self._chain is None or len({p.dtype for p in params.values()}) > 1:
            return None
        links: list[Link] = []
        grads = {} if other is None else other.grads
        for name, part in self._chain:
            prefix = f"{name}." if name else ""
            if type(part) is nn.Linear:
                links.append(self._linear_link(prefix, params, grads, n_rows, links))
            elif isinstance(part, nn.Dropout):
                number = self._dropouts.index(str(name))
                links.append(DropoutLink(number, type(part)))
            elif type(part) is nn.ReLU:
                links.append(ReluLink())
            elif (activation := element_link(part)) is not None:
                links.append(activation)
        return Tape(links, grads)

    def _linear_link(
        self,
        prefix: str,
        params: Weights,
        grads: Weights,
        n_rows: int,
        before: list[Link],
    ) -> LinearLink:
        weight, bias = prefix + "weight", prefix + "bias"
        for name in (weight, bias):
            if name in params and name not in grads:
                grads[name] = torch.empty_like(params[name], requires_grad=False)
        return LinearLink(
            (params[weight], grads[weight]),
            (params[bias], grads[bias]) if bias in params else None,
            n_rows,
            transposed=weight in self.transposed,
            is_first=not before,
        )

    def _layer(self, step: Step, part: nn.Module | None, may_write: bool) -> Layer:
        if part is None:
            function, kwargs = step.function, step.kwargs
            assert function is not None
            if may_write and not kwargs and type(module_of(function)) is nn.ReLU:
                function = functional.relu_
            return lambda p, b, call, *x: function(*x, **kwargs)
        prefix = f"{step.layer}." if step.layer else ""
        if type(part) is nn.Linear:
            return _linear(prefix, part, prefix + "weight" in self.transposed)
        if isinstance(part, nn.Dropout):
            assert step.layer is not None
            return _dropout(self._dropouts.index(step.layer), type(part))
        if type(part) is nn.LayerNorm:
            return _layer_norm(prefix, part)
        if type(part) is nn.BatchNorm1d:
            return _batch_norm(prefix, part)
        if type(part) is nn.Flatten:
            return lambda p, b, call, x: x.flatten(2)
        if type(part) is nn.ReLU:
            relu = functional.relu_ if may_write else functional.relu
            return lambda p, b, call, x: relu(x)
        return lambda p, b, call, x: part(x)


def _is_wide(module: nn.Module) -> bool:
    """Whether a weight is kept as (in, out): slow for products with few columns."""
    return type(module) is nn.Linear and module.out_features >= _WIDE


def _chain_of(
    module: nn.Module, steps: list[Step]
) -> list[tuple[str | None, nn.Module]] | None:
    """Return names and layers of a chain that a `Tape` can be made of."""
    chain: list[tuple[str | None, nn.Module]] = []
    for number, step in enumerate(steps):
        if step.inputs != (Place(number),) or step.kwargs:
            return None
        if step.layer is not None:
            part: nn.Module | None = module.get_submodule(step.layer)
        else:
            part = module_of(step.function)
        if type(part) is nn.Identity:
            continue
        after_linear = bool(chain) and type(chain[-1][1]) is nn.Linear
        known = (
            type(part) is nn.Linear
            or (isinstance(part, nn.Dropout) and not part.inplace and bool(chain))
            or (type(part) is nn.ReLU and after_linear)
            or (part is not None and bool(chain) and element_link(part) is not None)
        )
        if part is None or not known:
            return None
        chain.append((step.layer, part))
    names = [name for name, part in chain if type(part) is nn.Linear]
    frozen = any(not p.requires_grad for p in module.parameters())
    return None if frozen or len(set(names)) < len(names) or not names else chain


# Columns from which on the layout of a weight does not matter to the product.
_WIDE = 16


def _linear(prefix: str, module: nn.Linear, transposed: bool) -> Layer:
    name, bias = prefix + "weight", prefix + "bias"
    has_bias = module.bias is not None

    def layer(p: Weights, b: Weights, call: Call, x: Tensor) -> Tensor:
        weight = p[name] if transposed else p[name].transpose(1, 2)
        if has_bias:
            return torch.baddbmm(p[bias].unsqueeze(1), x, weight)
        return torch.bmm(x, weight)

    return layer


def _dropout(number: int, kind: type[nn.Dropout]) -> Layer:
    def layer(p: Weights, b: Weights, call: Call, x: Tensor) -> Tensor:
        return call.drop(x, number, kind)

    return layer


def _layer_norm(prefix: str, module: nn.LayerNorm) -> Layer:
    weight, bias = prefix + "weight", prefix + "bias"
    shape, eps = module.normalized_shape, module.eps
    scales, shifts = module.weight is not None, module.bias is not None

    def layer(p: Weights, b: Weights, call: Call, x: Tensor) -> Tensor:
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

    def layer(p: Weights, b: Weights, call: Call, x: Tensor) -> Tensor:
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
