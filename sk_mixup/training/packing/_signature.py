"""What two modules have in common when one program can compute both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.training.packing.programs import DROPOUTS

# What nn.Module keeps for itself.
_OWN = frozenset(vars(nn.Module()))


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
        parts.append((name, type(part), attributes))
    tensors = [
        (name, tuple(t.shape), t.dtype, getattr(t, "requires_grad", False))
        for items in (module.named_parameters(), module.named_buffers())
        for name, t in items
    ]
    return tuple(parts), tuple(tensors)


def value_signature(value: Any) -> Any:
    """Return what makes two values the same, hashable."""
    if isinstance(value, Tensor):
        data = value.detach().cpu().contiguous()
        content = data.view(torch.uint8).numpy().tobytes() if data.numel() else b""
        return value.dtype, tuple(value.shape), content
    if isinstance(value, Mapping):
        return tuple((k, value_signature(v)) for k, v in value.items())
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(value_signature, value))
    if isinstance(value, nn.Module):
        return type(value)
    try:
        hash(value)
    except TypeError:
        return type(value), repr(value)
    return value


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
