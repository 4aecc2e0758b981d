"""The classes that a file can name, and no others.

The table is written here, of names that are imported here: no name of a file is ever
looked up in a module.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

import skorch
import torch
from torch import nn

from sk_mixup import mixing
from sk_mixup.mixing import draws
from sk_mixup.training import MuonAdamW

# The old names of `reduction`.
_FORMER = ("size_average", "reduce")


@functools.cache
def known_classes() -> dict[str, type]:
    """Return the classes that can stand as values, by name.

    Optimizers, losses and layers of torch, skorch's nets, and all of our mixing.
    """
    found: dict[str, type] = {
        f"torch.optim.{name}": value
        for name, value in vars(torch.optim).items()
        if isinstance(value, type) and issubclass(value, torch.optim.Optimizer)
    }
    found["training.MuonAdamW"] = MuonAdamW
    found |= {
        f"torch.nn.{name}": value
        for name, value in vars(nn).items()
        if isinstance(value, type) and issubclass(value, nn.Module)
    }
    found |= {
        f"skorch.{name}": getattr(skorch, name)
        for name in (
            "NeuralNetClassifier",
            "NeuralNetBinaryClassifier",
            "NeuralNetRegressor",
        )
    }
    return found | _of_mixing()


@functools.cache
def known_objects() -> dict[str, type]:
    """Return the classes whose objects are made of their parameters, by name."""
    losses = {
        name: value
        for name, value in known_classes().items()
        if name.startswith("torch.nn.") and name.endswith("Loss")
    }
    return losses | _of_mixing()


def _of_mixing() -> dict[str, type]:
    found: dict[str, type] = {}
    for room, module in (("mixing", mixing), ("mixing.draws", draws)):
        for name in module.__all__:
            value = getattr(module, name)
            makes = isinstance(value, type) and (
                issubclass(value, nn.Module) or hasattr(value, "get_params")
            )
            if makes and not inspect.isabstract(value):
                found.setdefault(f"{room}.{name}", value)
    return found


@functools.cache
def _names() -> dict[type, str]:
    return {value: name for name, value in reversed(known_classes().items())}


def name_of(value: Any) -> str | None:
    """Return the name of a known class; None for any other."""
    return _names().get(value) if isinstance(value, type) else None


def object_name(value: Any) -> str | None:
    """Return the name of the class of a known object; None for any other."""
    name = _names().get(type(value))
    return name if name in known_objects() else None


def parameters_of(value: Any) -> dict[str, Any] | None:
    """Return what an object of a known class was made of; None where that is more."""
    if not isinstance(value, nn.Module):
        found: dict[str, Any] = value.get_params(deep=False)
        return found
    if next(value.parameters(), None) is not None:
        return None
    names = [n for n in inspect.signature(type(value)).parameters if n not in _FORMER]
    if not all(hasattr(value, name) for name in names):
        return None
    return {name: getattr(value, name) for name in names}
