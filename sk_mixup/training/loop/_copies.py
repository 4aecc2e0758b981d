"""Copies and pickles of modules that hold more than their weights.

torch refuses to copy a tensor with a history: an activation that a module keeps, or a
weight that is computed of others before every call (`weight_norm`, pruning). A copy has
its values, and computes them anew when it runs. torch refuses to pickle parametrized
modules, since their class is made at run time; here it is made again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

_T = TypeVar("_T")


def copied(value: _T, memo: dict[int, Any] | None = None) -> _T:
    """Return a deep copy in which tensors with a history are plain values.

    Parameters
    ----------
    value : object
    memo : dict or None
        As of `copy.deepcopy`.
    """
    with detached_copies():
        return copy.deepcopy(value, memo)


class detached_copies(TorchFunctionMode):
    """Context in which tensors that are no leaves are copied by their values."""

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func is Tensor.__deepcopy__ and not args[0].is_leaf:
            tensor, memo = args
            if id(tensor) not in memo:
                memo[id(tensor)] = tensor.detach().clone()
            return memo[id(tensor)]
        return func(*args, **(kwargs or {}))


def let_pickle(module: nn.Module) -> nn.Module:
    """Let the parametrized parts of a module be pickled; return the module.

    Each gets a class of its own, so that other modules stay as they are.
    """
    for part in list(module.modules()):
        if parametrize.is_parametrized(part) and not hasattr(part, "_sk_mixup_made"):
            base = type(part).__bases__[0]
            _parametrize(part, base, _names(part))
    return module


def _parametrize(part: nn.Module, base: type[nn.Module], names: list[str]) -> None:
    part.__class__ = base
    # torch has no public name for what makes the class of a module with weights that
    # are there already.
    parametrize._inject_new_class(part)
    own: Any = type(part)
    for name in names:
        parametrize._inject_property(part, name)
    own.__reduce_ex__ = _reduce
    own._sk_mixup_made = True


def _reduce(part: nn.Module, protocol: Any) -> tuple[Any, ...]:
    names = _names(part)
    state = dict(vars(part))
    # `weight_norm` reads checkpoints of its predecessor by a function that has no name
    # to be found by.
    hooks = state["_load_state_dict_pre_hooks"]
    kept = {k: hook for k, hook in hooks.items() if not _is_local(hook)}
    state["_load_state_dict_pre_hooks"] = type(hooks)(kept)
    return _rebuilt, (type(part).__bases__[0], names), state, None, None, _restore


def _is_local(hook: Any) -> bool:
    function = getattr(hook, "hook", hook)
    is_torch = getattr(function, "__module__", "").startswith("torch.nn.utils")
    return is_torch and "<locals>" in getattr(function, "__qualname__", "")


def _names(part: Any) -> list[str]:
    return list(part.parametrizations)


def _rebuilt(base: type[nn.Module], names: list[str]) -> nn.Module:
    part = base.__new__(base)
    _parametrize(part, base, names)
    return part


def _restore(part: nn.Module, state: dict[str, Any]) -> None:
    vars(part).update(state)
