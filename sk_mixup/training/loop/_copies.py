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
from torch.jit import ScriptModule
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


def is_parametrized(value: Any) -> bool:
    """Whether a module computes weights of others, as torch's `parametrize` does it."""
    return isinstance(value, nn.Module) and parametrize.is_parametrized(value)


def holds_parametrized(template: Any) -> bool:
    """Whether a module, or that of a skorch net, has parts that pickle would refuse."""
    if not isinstance(template, nn.Module):
        template = getattr(template, "module", None)
    if not isinstance(template, nn.Module) or isinstance(template, ScriptModule):
        return False
    return any(map(is_parametrized, template.modules()))


def reduced_parametrized(part: nn.Module) -> tuple[Any, ...]:
    """Return how a parametrized module is pickled: as `__reduce__` says it."""
    state = dict(vars(part))
    # `weight_norm` reads checkpoints of its predecessor by a function that has no name
    # to be found by.
    hooks = state["_load_state_dict_pre_hooks"]
    kept = {k: hook for k, hook in hooks.items() if not _is_local(hook)}
    state["_load_state_dict_pre_hooks"] = type(hooks)(kept)
    assert isinstance(part.parametrizations, nn.ModuleDict)
    names = list(part.parametrizations)
    return _rebuilt, (type(part).__bases__[0], names), state, None, None, _restore


def _is_local(hook: Any) -> bool:
    function = getattr(hook, "hook", hook)
    is_torch = getattr(function, "__module__", "").startswith("torch.nn.utils")
    return is_torch and "<locals>" in getattr(function, "__qualname__", "")


def _rebuilt(base: type[nn.Module], names: list[str]) -> nn.Module:
    part: nn.Module = base.__new__(base)
    # torch has no public name for what makes the class of a module with weights that
    # are there already.
    parametrize._inject_new_class(part)
    for name in names:
        parametrize._inject_property(part, name)
    return part


def _restore(part: nn.Module, state: dict[str, Any]) -> None:
    vars(part).update(state)
