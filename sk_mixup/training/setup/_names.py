"""What an optimizer and callbacks may be given as, beside classes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import torch
from skorch.callbacks import Callback

from sk_mixup.training.recipes import MuonAdamW


def named_optimizer(value: Any) -> Any:
    """Return the class of torch that a name stands for; others as they are.

    Parameters
    ----------
    value : str, class, callable or None
        ``"adam"`` stands for `torch.optim.Adam`.

    Raises
    ------
    ValueError, TypeError
        Naming the parameter, for an unknown name, and for what is no class.
    """
    if isinstance(value, str):
        known = {
            name.lower(): found
            for name, found in vars(torch.optim).items()
            if isinstance(found, type) and issubclass(found, torch.optim.Optimizer)
        }
        known.pop("optimizer", None)
        known["muonadamw"] = MuonAdamW
        return _found(value, known)
    if isinstance(value, torch.optim.Optimizer):
        raise TypeError(
            f"optimizer must be a class, such as {type(value).__name__}, and not an"
            " instance: every fit makes its own, for the weights of its own module."
            " Give its settings as optimizer__NAME."
        )
    if value is not None and not callable(value):
        raise TypeError(
            "optimizer must be None, the name of one of torch.optim, or a class; got"
            f" {value!r} of type {type(value).__name__}."
        )
    return value


def listed_callbacks(value: Any) -> list[Any] | None:
    """Return callbacks as a list; a single one may stand without.

    Raises
    ------
    TypeError
        Naming the parameter, for anything that is no callback.
    """
    if value is None:
        return None
    if _is_callback(value):
        return [value]
    if isinstance(value, (str, Mapping)) or not hasattr(value, "__iter__"):
        raise TypeError(
            "callbacks must be None, a skorch callback or a list of such; got"
            f" {value!r} of type {type(value).__name__}."
        )
    callbacks = list(value)
    for one in callbacks:
        if not _is_callback(one):
            raise TypeError(
                "callbacks must hold skorch callbacks, classes of such, or pairs"
                f" (name, callback); got {one!r} of type {type(one).__name__}."
            )
    return callbacks


def _is_callback(value: Any) -> bool:
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        value = value[1]
    if isinstance(value, Callback):
        return True
    # Others need what skorch calls before any hook.
    return callable(getattr(value, "initialize", None)) or (
        isinstance(value, type) and issubclass(value, Callback)
    )


def _found(value: str, known: dict[str, Any]) -> Any:
    name = value.lower().replace("_", "").replace("-", "").replace(" ", "")
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"optimizer={value!r} is none of torch's: {', '.join(sorted(known))}.{hint}"
        " A class works too: optimizer=torch.optim.AdamW."
    )
