"""What can be said of an input before a module or a method fails on it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing import MixPlan

_CHANNELS = (1, 3, 4)


def check_arguments_of_forward(module: nn.Module, sample: Any) -> None:
    """Hold the entries of a dict or tuple against the signature of ``forward``.

    Raises
    ------
    ValueError
        For entries that it does not take, and arguments that the input lacks.
    """
    if isinstance(sample, Tensor):
        return
    try:
        parameters = inspect.signature(module.forward).parameters.values()
    except (TypeError, ValueError):
        return
    name = type(module).__name__
    named = [
        p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    if isinstance(sample, tuple):
        ordered = [
            p
            for p in parameters
            if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        if any(p.kind is p.VAR_POSITIONAL for p in parameters):
            return
        needed = [p for p in ordered if p.default is p.empty]
        if not len(needed) <= len(sample) <= len(ordered):
            raise ValueError(
                f"X holds {len(sample)} arrays by position, and {name}.forward takes"
                f" {_counted(len(needed), len(ordered))}: {[p.name for p in ordered]}."
            )
        return
    known = [p.name for p in named]
    unknown = [key for key in sample if key not in known]
    if unknown and not takes_any:
        raise ValueError(
            f"X has entries {unknown}, which {name}.forward does not take; it takes"
            f" {known}. Entries are passed by name."
        )
    missing = [p.name for p in named if p.default is p.empty and p.name not in sample]
    if missing:
        raise ValueError(
            f"{name}.forward needs {missing}, which X lacks; it has {list(sample)}."
        )


def described(sample: Any) -> str:
    """Return shapes and dtypes for a message."""
    if isinstance(sample, Tensor):
        return f"{tuple(sample.shape)} and dtype {sample.dtype}"
    items = sample.items() if isinstance(sample, dict) else enumerate(sample)
    return str({key: f"{tuple(value.shape)} {value.dtype}" for key, value in items})


def hints(sample: Any) -> str:
    """Return what may be wrong with an input that a module failed on."""
    found = ""
    for name, part in parts(sample):
        if (
            part.ndim == 4
            and part.shape[3] in _CHANNELS
            and (part.shape[1] not in _CHANNELS)
        ):
            found += (
                f". {name} seems to hold images with their channels last; torch wants"
                f" them first: {name}.transpose(0, 3, 1, 2) of an array, .permute(0, 3,"
                " 1, 2) of a tensor"
            )
        elif part.dtype == torch.int64:
            found += (
                f". {name} holds integers ({part.dtype}), which are passed on as they"
                f" are; if they are measurements, convert {name} to float32"
            )
        elif part.dtype == torch.uint8:
            found += (
                f". {name} holds uint8, which a module gets as float32, as pixels are;"
                f" if these are ids, convert {name} to int64"
            )
    return f"{found}." if found else ""


def try_plan(plan: MixPlan, sample: Any) -> None:
    """Apply a plan, and name the entry that cannot be mixed.

    Raises
    ------
    TypeError, ValueError
        As the plan does; a TypeError about integers names their entry and the remedy.
    """
    try:
        plan.apply(sample)
    except TypeError as error:
        if isinstance(sample, Tensor):
            raise
        whole = [
            (key, part)
            for key, part in _items(sample)
            if not part.is_floating_point() and part.dtype != torch.uint8
        ]
        if not whole:
            raise
        listed = ", ".join(f"{key!r} ({part.dtype})" for key, part in whole)
        first = whole[0][0]
        raise TypeError(
            f"mix: the entries {listed} of X cannot be blended: ids, codes and masks"
            " have no meaningful average. Say what to do with them, for example"
            f" mix=PerKey(Mixup(), how={{{first!r}: 'keep'}}) ('majority' and 'union'"
            " are others), or mix the embedding:"
            " mix=ManifoldMixup(layers=[name of the embedding layer])."
        ) from error


def parts(sample: Any) -> Iterator[tuple[str, Tensor]]:
    """Return the tensors of an input, each as a message calls it."""
    if isinstance(sample, Tensor):
        yield "X", sample
        return
    for key, part in _items(sample):
        yield f"X[{key!r}]", part


def _items(sample: Any) -> Iterator[tuple[Any, Tensor]]:
    yield from sample.items() if isinstance(sample, dict) else enumerate(sample)


def _counted(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
