"""What `criterion` stands for: a class, a module, a function, or a name.

A loss is used unreduced where it can be: mixed and weighted rows need one value each.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.mixing import unreduced

# Losses of torch that take more than outputs and targets have no name here.
_OTHERS = ("Triplet", "Cosine", "MarginRanking", "CTC", "GaussianNLL", "Adaptive")
# Losses as other libraries call them.
_SYNONYMS = {
    "mae": nn.L1Loss,
    "bcelogits": nn.BCEWithLogitsLoss,
    "binarycrossentropy": nn.BCELoss,
    "binarycrossentropywithlogits": nn.BCEWithLogitsLoss,
    "log": nn.CrossEntropyLoss,
}
# What a class says of outputs and targets, a function does not.
_CLASSES: dict[Any, type[nn.Module]] = {
    functional.binary_cross_entropy: nn.BCELoss,
    functional.binary_cross_entropy_with_logits: nn.BCEWithLogitsLoss,
    functional.cross_entropy: nn.CrossEntropyLoss,
    functional.huber_loss: nn.HuberLoss,
    functional.kl_div: nn.KLDivLoss,
    functional.l1_loss: nn.L1Loss,
    functional.mse_loss: nn.MSELoss,
    functional.multi_margin_loss: nn.MultiMarginLoss,
    functional.nll_loss: nn.NLLLoss,
    functional.poisson_nll_loss: nn.PoissonNLLLoss,
    functional.smooth_l1_loss: nn.SmoothL1Loss,
}


def named_criterion(value: Any) -> Any:
    """Return the class of torch that a name stands for; others as they are.

    Parameters
    ----------
    value : str, class, callable, module or None
        ``"mse"`` and ``"MSELoss"`` stand for `torch.nn.MSELoss`.

    Raises
    ------
    ValueError, TypeError
        Naming the parameter, for an unknown name, and for what is no loss.
    """
    if isinstance(value, str):
        return _by_name(value)
    if value is not None and not callable(value):
        raise TypeError(
            "criterion must be None, a loss class, module or function, or the name of a"
            f" loss of torch, such as 'cross_entropy'; got {value!r} of type"
            f" {type(value).__name__}."
        )
    return value


def resolved_criterion(
    criterion: Any, parameters: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """Return a loss module, or what makes a loss; and with which arguments.

    Parameters
    ----------
    criterion : object
        As the user gives it.
    parameters : dict
        What is given as ``criterion__x``.

    Raises
    ------
    ValueError, TypeError
        For an unknown name, and parameters that it cannot take.
    """
    criterion = named_criterion(criterion)
    criterion, parameters = _as_class(criterion, parameters)
    _refuse(criterion)
    if isinstance(criterion, nn.Module):
        if parameters:
            raise ValueError(
                f"criterion__{next(iter(parameters))} was given, but criterion is an"
                f" instance, which is used as it is. Give the class"
                f" {type(criterion).__name__} instead."
            )
        return unreduced(criterion), {}
    given = {key: _as_tensor(key, value) for key, value in parameters.items()}
    if _takes_reduction(criterion):
        wanted = given.get("reduction", "mean")
        if wanted not in ("mean", "none"):
            raise ValueError(
                f"criterion__reduction={wanted!r}: the loss of a batch is the mean over"
                " its rows; remove the parameter or say 'mean'."
            )
        given["reduction"] = "none"
    if _makes_losses(criterion):
        return criterion, given
    if given:
        return Constant(functools.partial(criterion, **given)), {}
    is_object = not inspect.isroutine(criterion)
    return Constant(unreduced(criterion) if is_object else criterion), {}


class Constant:
    """Returns a loss function where skorch calls a class.

    Parameters
    ----------
    function : callable
    """

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self.function = function

    def __call__(self) -> Callable[..., Tensor]:
        return self.function


def criterion_name(criterion: Any) -> str:
    """Return what a message calls a criterion."""
    while isinstance(criterion, functools.partial):
        criterion = criterion.func
    return getattr(criterion, "__name__", None) or type(criterion).__name__


def plain_function(criterion: Any) -> Any:
    """Return the class or function inside a ``functools.partial``."""
    while isinstance(criterion, functools.partial):
        criterion = criterion.func
    return criterion


def _as_class(criterion: Any, parameters: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the class of one of torch's loss functions; others as they are."""
    given: dict[str, Any] = {}
    found = criterion
    while isinstance(found, functools.partial) and not found.args:
        given = found.keywords | given
        found = found.func
    if not inspect.isroutine(found) or found not in _CLASSES:
        return criterion, parameters
    # The mean over rows is ours to take.
    given.pop("reduction", None)
    return _CLASSES[found], given | parameters


def _refuse(criterion: Any) -> None:
    """Refuse losses of torch that take more than outputs and targets."""
    found = plain_function(criterion)
    found = found if isinstance(found, type) else type(found)
    if found.__module__ != "torch.nn.modules.loss":
        return
    name = found.__name__
    if name == "GaussianNLLLoss":
        raise ValueError(
            "criterion: GaussianNLLLoss takes a variance beside the output. Leave"
            " criterion out and say head='gaussian', which learns both."
        )
    if name.startswith(_OTHERS):
        raise ValueError(
            f"criterion: {name} takes more than outputs and targets. Give a criterion"
            " of these two."
        )


def _makes_losses(criterion: Any) -> bool:
    """Whether calling it gives a loss function, and not a loss."""
    if isinstance(plain_function(criterion), type):
        return True
    try:
        signature = inspect.signature(criterion)
        signature.bind(None, None)
    except ValueError:
        return False
    except TypeError:
        # No function of outputs and targets.
        return True
    return False


def _takes_reduction(criterion: Any) -> bool:
    try:
        return "reduction" in inspect.signature(criterion).parameters
    except (TypeError, ValueError):
        return False


def _as_tensor(name: str, value: Any) -> Any:
    """Return the weights of classes as the tensor that losses of torch want."""
    if name in ("weight", "pos_weight") and isinstance(
        value, (list, tuple, np.ndarray)
    ):
        return torch.as_tensor(value, dtype=torch.get_default_dtype())
    return value


def _by_name(name: str) -> type[nn.Module]:
    known: dict[str, type[nn.Module]] = {
        _bare(key): value
        for key, value in vars(nn).items()
        if key.endswith("Loss") and not key.startswith(_OTHERS)
    }
    known |= _SYNONYMS
    found = known.get(_bare(name))
    if found is not None:
        return found
    near = difflib.get_close_matches(_bare(name), known, n=1)
    hint = f" Did you mean {known[near[0]].__name__!r}?" if near else ""
    names = sorted({loss.__name__ for loss in known.values()})
    raise ValueError(
        f"criterion={name!r} is no loss of torch; known are {names}, also written as"
        f" 'cross_entropy' or 'mse'.{hint}"
    )


def _bare(name: str) -> str:
    for sign in "_- ":
        name = name.replace(sign, "")
    return name.lower().removesuffix("loss")
