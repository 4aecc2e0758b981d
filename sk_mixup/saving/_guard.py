"""A module built of what a file says, in memory that the file itself could fill.

Constructors of nets make tensors of sizes that they are told. Here no operation may
make one with more entries than a budget, found out on torch's "meta" device before
anything is allocated, and no module may register more parameters than the file has
weights for.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.nn.modules import module as modules
from torch.nn.parameter import UninitializedParameter
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

#: Entries that an operation may always make: 64 MiB of float32.
ALWAYS = 2**24
_SLACK_TENSORS, _MODULES_PER_TENSOR = 64, 16
# What makes nothing larger than it is given.
_SMALL = {
    *("__get__", "size", "dim", "item", "tolist", "numel", "__len__", "__bool__"),
    *("__int__", "__index__", "__float__", "is_floating_point", "is_complex"),
    *("requires_grad_", "stride", "data_ptr", "element_size", "type", "detach"),
}


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
        if name not in _SMALL and not name.endswith("_"):
            self._check(func, args, kwargs)
        return func(*args, **kwargs)

    def _check(self, func: Any, args: Any, kwargs: Any) -> None:
        leaves, tree = pytree.tree_flatten((args, kwargs))
        has_tensors = any(isinstance(leaf, Tensor) for leaf in leaves)
        try:
            if has_tensors:
                args, kwargs = pytree.tree_unflatten(map(_without_data, leaves), tree)
            elif "device" not in kwargs or kwargs["device"] is None:
                kwargs = kwargs | {"device": "meta"}
            made = func(*args, **kwargs)
        except Exception:
            # Not to be told beforehand; what is wrong the call itself will say.
            return
        for result in pytree.tree_leaves(made):
            if isinstance(result, Tensor) and result.numel() > self.most:
                raise ValueError(
                    f"the net would need a tensor of shape {tuple(result.shape)}, which"
                    " the file has no weights for"
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
        if not isinstance(parameter, UninitializedParameter):
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
