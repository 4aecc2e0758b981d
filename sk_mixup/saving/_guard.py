"""A module built of what a file says, in memory that the file itself could fill.

Constructors of nets make tensors of sizes that they are told. Here no operation may
make one with more entries than a budget, found out before anything is allocated, and no
module may register more parameters than the file has weights for.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn.modules import module as modules
from torch.nn.parameter import is_lazy
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

#: Entries that an operation may always make: 64 MiB of float32.
ALWAYS = 2**24
_SLACK_TENSORS, _MODULES_PER_TENSOR = 64, 16
# What makes tensors of integers alone, and of which arguments.
_SIZED = {"empty", "zeros", "ones", "rand", "randn", "full", "eye", "new_empty"}
_SIZED |= {"new_zeros", "new_ones", "new_full", "empty_strided", "randint", "randperm"}
_COUNTED = {"arange", "range", "linspace", "logspace"}
# What may make more of tensors than their shapes, laid over each other, have.
_GROWING = {"repeat", "repeat_interleave", "tile", "one_hot", "pad", "interpolate"}
_GROWING |= {"unfold", "outer", "ger", "kron", "cdist", "einsum", "tensordot", "vander"}
_GROWING |= {"meshgrid", "cartesian_prod", "combinations", "diag", "diag_embed"}
_GROWING |= {"block_diag", "tril_indices", "triu_indices", "index_select", "take"}
_GROWING |= {"__getitem__", "scaled_dot_product_attention", "bilinear"}
_GROWING |= {"multi_head_attention_forward", "fold", "upsample", "broadcast_to"}
# A convolution may pad its input, or step over it.
_PADDED = 2
_PRODUCTS = {"matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "baddbmm", "addmm"}
_CONVOLUTIONS = {f"conv{n}d" for n in (1, 2, 3)}
_CONVOLUTIONS |= {f"conv_transpose{n}d" for n in (1, 2, 3)}


class _SizeGuard(TorchFunctionMode):
    """Refuses operations whose result would be larger than a budget."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name[-1:] != "_" or name[:2] == "__":
            leaves = pytree.tree_leaves((args, kwargs))
            if _bound(name, leaves) > self.most:
                self._look_closer(func, args, kwargs)
        return func(*args, **kwargs)

    def _look_closer(self, func: Any, args: Any, kwargs: Any) -> None:
        """Ask torch for the size of the result, on its device without memory."""
        leaves, tree = pytree.tree_flatten((args, kwargs))
        if any(isinstance(leaf, Tensor) for leaf in leaves):
            args, kwargs = pytree.tree_unflatten(map(_without_data, leaves), tree)
        else:
            kwargs = kwargs | {"device": "meta"}
        made = func(*args, **kwargs)
        for result in pytree.tree_leaves(made):
            if isinstance(result, Tensor) and result.numel() > self.most:
                raise ValueError(
                    f"the net would need a tensor of shape {tuple(result.shape)}, which"
                    " the file has no weights for"
                )


def _bound(name: str, leaves: list[Any]) -> float:
    """Return how many entries the result of an operation has at most."""
    tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    if any(map(is_lazy, tensors)):
        return 0
    shapes = [tensor.shape for tensor in tensors]
    numbers = [n for n in leaves if isinstance(n, (int, float)) and n is not True]
    if name in _COUNTED:
        return sum(map(abs, numbers)) / min([1, *(abs(n) for n in numbers[2:] if n)])
    sizes = [max(int(n), 1) for n in numbers if n == n and abs(n) < math.inf]
    if name in _SIZED:
        return math.prod(sizes)
    if not shapes:
        return math.prod(sizes) if name in _GROWING else 0
    entries = list(map(math.prod, shapes))
    if name == "linear" and len(shapes) > 1:
        return entries[0] // max(shapes[0][-1], 1) * shapes[1][0]
    if name == "embedding":
        return entries[0] * max((shape[-1] for shape in shapes[1:]), default=1)
    if name in _CONVOLUTIONS and len(shapes) > 1:
        per_channel = entries[0] // max(shapes[0][1 if len(shapes[0]) > 1 else 0], 1)
        return _PADDED * per_channel * max(shapes[1][:2])
    if name in _PRODUCTS and len(shapes) > 1:
        return entries[-2] * entries[-1] // max(shapes[-2][-1], 1)
    if name in _GROWING:
        return math.prod(max(n, 1) for n in entries) * math.prod(sizes)
    return max(sum(entries), _laid_over(shapes))


def _laid_over(shapes: list[Any]) -> int:
    """Return the entries of shapes that are broadcast, whether they can be or not."""
    depth = max(map(len, shapes))
    return math.prod(
        max((shape[-k] for shape in shapes if len(shape) >= k), default=1)
        for k in range(1, depth + 1)
    )


def _without_data(leaf: Any) -> Any:
    return leaf.to("meta") if isinstance(leaf, Tensor) else leaf


@contextmanager
def guarded(n_tensors: int, n_elements: int, extra: int = 0) -> Iterator[None]:
    """Bound what is built inside by what a file holds.

    Parameters
    ----------
    n_tensors, n_elements : int
        Tensors in the file, and their entries together.
    extra : int, default=0
        Entries that an operation may make beyond.
    """
    thread = threading.get_ident()
    left = {
        "tensors": 2 * n_tensors + _SLACK_TENSORS,
        "entries": 2 * n_elements + ALWAYS,
        "modules": _MODULES_PER_TENSOR * (n_tensors + _SLACK_TENSORS),
    }

    def spend(what: str, number: int) -> None:
        left[what] -= number
        if left[what] < 0:
            raise ValueError(f"the net would have more {what} than the file")

    def on_parameter(owner: Any, name: str, parameter: Any) -> None:
        if threading.get_ident() != thread or parameter is None:
            return
        spend("tensors", 1)
        if not is_lazy(parameter):
            spend("entries", parameter.numel())

    def on_module(owner: Any, name: str, part: Any) -> None:
        if threading.get_ident() == thread:
            spend("modules", 1)

    hooks = [
        modules.register_module_parameter_registration_hook(on_parameter),
        modules.register_module_module_registration_hook(on_module),
    ]
    try:
        with _SizeGuard(2 * n_elements + ALWAYS + extra):
            yield
    finally:
        for hook in hooks:
            hook.remove()
