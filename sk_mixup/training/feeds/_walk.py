"""One walk over the tensors of an input: a tensor, or dicts and tuples of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor


def map_tensors(function: Callable[..., Any], *inputs: Any) -> Any:
    """Call a function with every tensor of inputs of one form.

    Parameters
    ----------
    function : callable
    *inputs : Tensor, or dicts or tuples of such
        Anything else stays as it is.
    """
    first = inputs[0]
    if isinstance(first, Tensor):
        return function(*inputs)
    if isinstance(first, Mapping):
        return {key: map_tensors(function, *(x[key] for x in inputs)) for key in first}
    if isinstance(first, tuple):
        return tuple(
            map_tensors(function, *parts) for parts in zip(*inputs, strict=True)
        )
    return first


def tensors_of(x: Any) -> list[Tensor]:
    """Return the tensors of an input in order."""
    if isinstance(x, Tensor):
        return [x]
    values = x.values() if isinstance(x, Mapping) else x
    return [tensor for value in values for tensor in tensors_of(value)]
