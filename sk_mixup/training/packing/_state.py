"""What a module keeps in Python, described so that two looks can be compared.

A pack runs the forward pass of one module for all members, or runs layers in its
place. What that pass writes to plain attributes, to objects that they lead to, to its
class, or to variables around it, belongs to one net: a module that does so trains
alone. Parameters and buffers are stacked, and are no such state.
"""

from __future__ import annotations

import functools
import hashlib
import types
from collections.abc import Mapping, Set
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

# What nn.Module keeps for itself.
_OWN = frozenset(vars(nn.Module()))
_PLAIN = (bool, int, complex, str, bytes, Enum, type(None), type(...))
_PLAIN_OF_TORCH = (torch.dtype, torch.device, torch.layout, torch.memory_format)
# Code that is known to keep nothing of a forward pass.
_LIBRARIES = frozenset(("torch", "numpy", "scipy", "sklearn", "skorch", "sk_mixup"))
# An attribute may lead to everything there is: a trainer, a data set, a logger.
_MOST_OBJECTS = 20_000


def plain_state(module: nn.Module) -> dict[str, Any]:
    """Return what a module keeps beside parameters and buffers, to be compared.

    Parameters
    ----------
    module : nn.Module

    Returns
    -------
    state : dict of str to object
        By the name of the attribute. Equal to that of an earlier look if nothing was
        written in between: to attributes and what they lead to, to those of the class,
        and to the variables that its methods read from outside.
    """
    walk, state = _Walk(), {}
    for name, part in module.named_modules():
        prefix = f"{name}." if name else ""
        for key, value in walk.attributes_of(part):
            state[prefix + key] = value
        for key, value in walk.class_of(type(part)):
            state.setdefault(key, value)
    return state


def written_attribute(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    """Return the first name under which two looks differ; None: they are equal."""
    for name in (*before, *(after.keys() - before.keys())):
        if name not in after or name not in before or before[name] != after[name]:
            return name
    return None


def describe(value: Any) -> Any:
    """Return a hashable description of a value: its content, not its place."""
    return _Walk().describe(value)


def digest(data: Any) -> bytes:
    """Return what stands for the bytes of a long value."""
    return hashlib.blake2b(data, digest_size=16).digest()


class _Walk:
    """One look at everything that can be reached."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        # Objects made on the way would be freed, and others get their ids.
        self._kept: list[Any] = []

    def describe(self, value: Any) -> Any:
        """Describe anything."""
        if isinstance(value, (*_PLAIN, *_PLAIN_OF_TORCH)):
            return value
        if isinstance(value, (float, np.generic)):
            return repr(value)
        if isinstance(value, types.ModuleType):
            return value.__name__
        if isinstance(value, type):
            return value, tuple(self.class_of(value))
        known = self._seen.get(id(value))
        if known is not None:
            return "seen", known
        if len(self._seen) >= _MOST_OBJECTS:
            return "too much"
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        try:
            return type(value).__qualname__, self._content(value)
        except Exception:
            # Code of users runs on the way, and may raise anything.
            return type(value).__qualname__, id(value)

    def _content(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return tensor_content(value), self._attributes(value)
        if isinstance(value, torch.Generator):
            return tensor_content(value.get_state())
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, nn.Module):
            return self._module(value)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return self.describe(value.__self__), self.describe(value.__func__)
        if isinstance(value, functools.partial):
            parts = value.func, value.args, value.keywords
            return tuple(map(self.describe, parts))
        if isinstance(value, Mapping):
            pairs = [(self.describe(k), self.describe(v)) for k, v in value.items()]
            return tuple(pairs), self._attributes(value)
        if isinstance(value, Set):
            return tuple(sorted(repr(self.describe(one)) for one in value))
        if isinstance(value, (list, tuple)):
            return tuple(map(self.describe, value)), self._attributes(value)
        return self._object(value)

    def _attributes(self, value: Any, skipped: frozenset[str] = frozenset()) -> Any:
        found = dict(getattr(value, "__dict__", {}))
        for kind in type(value).__mro__:
            slots = kind.__dict__.get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if hasattr(value, name):
                    found[name] = getattr(value, name)
        return tuple(
            (name, self.describe(one))
            for name, one in sorted(found.items())
            if name not in skipped and name not in ("__dict__", "__weakref__")
        )

    def _array(self, value: np.ndarray[Any, Any]) -> Any:
        if value.dtype.hasobject:
            return value.shape, tuple(map(self.describe, value.ravel().tolist()))
        return value.dtype.str, value.shape, digest(np.ascontiguousarray(value).data)

    def _object(self, value: Any) -> Any:
        """Describe an object by its attributes, and what a pickle of it would hold."""
        attributes = self._attributes(value)
        reduced = value.__reduce_ex__(4)
        if isinstance(reduced, str):
            return attributes, reduced, *self.class_of(type(value))
        _, arguments, *states = (*reduced, None, None, None)[:5]
        state, *items = states
        parts = [self.describe(one) for one in (arguments, state)]
        parts += [self.describe(list(one)) for one in items if one is not None]
        return attributes, tuple(parts), *self.class_of(type(value))

    def _module(self, module: nn.Module) -> Any:
        parts = tuple(
            (name, self.describe(part)) for name, part in module._modules.items()
        )
        return (*self.attributes_of(module), *parts, *self.class_of(type(module)))

    def attributes_of(self, module: nn.Module) -> list[tuple[str, Any]]:
        """Describe the attributes of a module by itself, and its hooks."""
        hooks = (module._forward_pre_hooks, module._forward_hooks)
        described = tuple(self.describe(list(one.values())) for one in hooks)
        return [*self._attributes(module, _OWN), ("a hook", described)]

    def class_of(self, kind: type) -> list[tuple[str, Any]]:
        """Describe what classes of users hold, and what their methods read."""
        found: list[tuple[str, Any]] = []
        for one in kind.__mro__:
            if _is_known(one.__module__) or id(one) in self._seen:
                continue
            self._seen[id(one)] = len(self._seen)
            for name, value in sorted(vars(one).items()):
                if isinstance(value, (staticmethod, classmethod)):
                    value = value.__func__
                # Other things between underscores are Python's.
                if not name.startswith("__") or isinstance(value, types.FunctionType):
                    found.append((f"{one.__name__}.{name}", self.describe(value)))
        return found

    def _function(self, function: types.FunctionType) -> Any:
        if _is_known(function.__module__):
            return function.__qualname__
        cells = [self._cell(cell) for cell in function.__closure__ or ()]
        outside = [
            (name, self.describe(function.__globals__[name]))
            for name in _names(function.__code__)
            if name in function.__globals__
        ]
        defaults = function.__defaults__, function.__kwdefaults__
        return (
            tuple(cells),
            tuple(outside),
            tuple(map(self.describe, defaults)),
            self._attributes(function),
        )

    def _cell(self, cell: types.CellType) -> Any:
        try:
            value = cell.cell_contents
        except ValueError:
            return "empty"
        return self.describe(value)


def tensor_content(value: Tensor) -> Any:
    """Return dtype, shape and a digest of the numbers of a tensor."""
    data = value.detach().cpu().contiguous()
    content = (
        digest(data.view(-1).view(torch.uint8).numpy().data) if data.numel() else b""
    )
    return value.dtype, tuple(value.shape), content


def _names(code: types.CodeType) -> list[str]:
    """Return the names that a function and those within it read from outside."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names.update(_names(constant))
    return sorted(names)


def _is_known(module: str | None) -> bool:
    return module == "builtins" or str(module).partition(".")[0] in _LIBRARIES
