"""What two modules have in common when one program can compute both."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from sk_mixup.training.packing._state import describe, digest, tensor_content
from sk_mixup.training.packing.programs import DROPOUTS

# What nn.Module keeps for itself.
_OWN = frozenset(vars(nn.Module()))
# Texts of more characters are kept as a digest.
_LONG = 256


def module_signature(module: nn.Module) -> Any:
    """Return a hashable description: structure, shapes and plain attributes.

    Weights, buffers and the rates of dropout layers may differ between modules of one
    signature; everything else that a forward pass could read may not.
    """
    parts: list[Any] = []
    for name, part in module.named_modules():
        skipped = {"p"} if type(part) in DROPOUTS else set()
        attributes = tuple(
            (key, value_signature(value))
            for key, value in sorted(vars(part).items())
            if key not in _OWN and key not in skipped
        )
        hooks = (part._forward_pre_hooks, part._forward_hooks)
        around = tuple(describe(list(one.values())) for one in hooks if one)
        parts.append((name, type(part), attributes, around))
    tensors = [
        (name, tuple(t.shape), t.dtype, getattr(t, "requires_grad", False))
        for items in (module.named_parameters(), module.named_buffers())
        for name, t in items
    ]
    return tuple(parts), tuple(tensors)


def value_signature(value: Any, within: tuple[int, ...] = ()) -> Any:
    """Return what makes two values the same, hashable.

    Parameters
    ----------
    value : object
    within : tuple of int
        Ids of the containers that it is in: one may hold itself.
    """
    if isinstance(value, Tensor):
        return tensor_content(value)
    if isinstance(value, np.ndarray):
        return describe(value)
    if isinstance(value, (str, bytes)) and len(value) > _LONG:
        return digest(value.encode() if isinstance(value, str) else value)
    if id(value) in within:
        return type(value), within.index(id(value))
    if isinstance(value, Mapping):
        path = (*within, id(value))
        return tuple((k, value_signature(v, path)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        path = (*within, id(value))
        return type(value), tuple(value_signature(one, path) for one in value)
    if isinstance(value, nn.Module):
        return type(value)
    try:
        hash(value)
    except TypeError:
        # Two texts may be alike where the contents are not.
        return type(value), describe(value)
    known_by: Any = type(value).__hash__
    if known_by is object.__hash__:
        # Known by its place; to keep the object would keep all that it holds.
        return type(value), id(value), describe(value)
    return value


def bytes_of(signature: Any) -> int:
    """Return the memory of a signature, roughly; objects in it count by themselves."""
    inner = sum(map(bytes_of, signature)) if isinstance(signature, tuple) else 0
    return sys.getsizeof(signature) + inner


def criterion_signature(criterion: Any) -> Any:
    """Return what members whose losses are computed together have in common.

    Label smoothing and class weights may differ, if all have class weights.
    """
    if not isinstance(criterion, nn.Module):
        return None
    parts = []
    for key, value in sorted(vars(criterion).items()):
        if key not in _OWN and key != "label_smoothing":
            parts.append((key, value_signature(value)))
    buffers = tuple(
        (k, None if v is None else tuple(v.shape))
        for k, v in criterion._buffers.items()
    )
    return type(criterion), tuple(parts), buffers


def input_signature(x: Any) -> Any:
    """Return form, dtypes and shapes of the rows of an input."""
    if isinstance(x, Tensor):
        return x.dtype, tuple(x.shape[1:])
    if isinstance(x, Mapping):
        return tuple((key, input_signature(value)) for key, value in x.items())
    return tuple(map(input_signature, x))
