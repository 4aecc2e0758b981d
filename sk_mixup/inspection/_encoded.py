"""Rows as `encode` returns them, and a module that is called with such rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


def called(module: nn.Module, x: Any, **further: Any) -> Any:
    """Return what a module makes of encoded rows.

    Parameters
    ----------
    module : nn.Module
    x : Tensor, dict (passed by name) or tuple (by position)
    **further : object
        Passed by name too.
    """
    if isinstance(x, Mapping):
        return module(**x, **further)
    return module(*x, **further) if isinstance(x, tuple) else module(x, **further)


def mapped(function: Callable[..., Tensor], *inputs: Any) -> Any:
    """Call a function on the tensors of inputs of one form."""
    first = inputs[0]
    if isinstance(first, Mapping):
        return {key: function(*(x[key] for x in inputs)) for key in first}
    if isinstance(first, (tuple, list)):
        return tuple(function(*parts) for parts in zip(*inputs, strict=True))
    return function(*inputs)


def first_tensor(x: Any) -> Tensor:
    """Return the first tensor of encoded rows."""
    if isinstance(x, Mapping):
        return first_tensor(next(iter(x.values())))
    return first_tensor(x[0]) if isinstance(x, (tuple, list)) else x


@contextmanager
def in_evaluation(module: nn.Module) -> Iterator[None]:
    """Put a module in evaluation mode, and afterwards each part in its own again."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
