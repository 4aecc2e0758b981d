"""A net asked about rows while it trains: what must hold before and after.

Parameters, their gradients, buffers, the mode of every part, random states and hooks
are as they were. What the training calls the net with (precision, an `infer` of its
own) holds here too, through `MixContext.call`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing.layers import Call, plain_call, quiet, uncompiled


def module_of(context: MixContext | None, who: str) -> nn.Module:
    """Return the net that a method is to ask.

    Parameters
    ----------
    context : MixContext or None
    who : str
        What the message calls the method.

    Raises
    ------
    ValueError
        If nobody says which net it is.
    """
    if context is None or context.module is None:
        raise ValueError(
            f"{who} looks at what the net makes of the batch, and no net is known. Give"
            " draw, preview or the call on the batch context=MixContext(module=net);"
            " the estimators do it by themselves."
        )
    return context.module


@contextmanager
def asked(
    context: MixContext | None,
    who: str,
    *,
    module: nn.Module | None = None,
    evaluates: bool = True,
    gradients: bool = False,
) -> Iterator[Call]:
    """Give what runs the net on rows, inside a time that leaves no trace in it.

    Parameters
    ----------
    context : MixContext or None
    who : str
        What messages call the method.
    module : torch.nn.Module or None
        Another net than that of the training, called as ``module(x)``.
    evaluates : bool, default=True
        In evaluation mode: no dropout, and BatchNorm by its statistics. Otherwise in
        the mode that each part is in; statistics come back as they were either way.
    gradients : bool, default=False
        Whether operations are recorded for gradients.

    Yields
    ------
    call : callable
        Takes rows as the net does, on any device.

    Raises
    ------
    ValueError
        If no net is known, or it cannot take the rows.
    """
    net = module_of(context, who) if module is None else module
    given = None if module is not None or context is None else context.call
    run = plain_call(net) if given is None else given

    def call(x: Any) -> Any:
        x = copy_for(net, x)
        if module is not None and isinstance(x, Tensor) and x.is_floating_point():
            # Nobody has fitted the rows to a net that is not the one that trains.
            x = x.to(_precision_of(net) or x.dtype)
        return run(x)

    with (
        torch.inference_mode(False),
        quiet(net, evaluates=evaluates),
        # Compiled code knows no hooks, and would be compiled anew for this mode.
        uncompiled(net),
        _without_cast_cache(),
        torch.set_grad_enabled(gradients),
    ):
        yield call


@contextmanager
def _without_cast_cache() -> Iterator[None]:
    """Let autocast keep no weights that were cast without gradients.

    A training step inside the same autocast would find them, and learn nothing.
    """
    enabled = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(enabled)


def copy_for(module: nn.Module, x: Any) -> Any:
    """Return a copy of rows where a net is: it may work in place on what it gets."""
    if isinstance(x, Tensor):
        return x.to(device_of(module) or x.device, copy=True)
    if isinstance(x, Mapping):
        return {key: copy_for(module, value) for key, value in x.items()}
    if isinstance(x, (tuple, list)):
        return type(x)(copy_for(module, value) for value in x)
    return x


def device_of(module: nn.Module) -> torch.device | None:
    """Return where a net is; None for one without parameters."""
    first = next(module.parameters(), None)
    return None if first is None else first.device


def _precision_of(module: nn.Module) -> torch.dtype | None:
    floats = (p.dtype for p in module.parameters() if p.is_floating_point())
    return next(floats, None)


def in_rows(
    function: Callable[..., Tensor], chunk: int | None, *tensors: Tensor | None
) -> Tensor:
    """Call a function with some rows at a time, and join what it returns.

    Parameters
    ----------
    function : callable
    chunk : int or None
        Rows at a time, for less memory; None: all at once.
    *tensors : Tensor of shape (B, ...) or None
    """
    n_rows = next(len(t) for t in tensors if t is not None)
    if chunk is None or chunk >= n_rows:
        return function(*tensors)
    parts = [
        function(*(None if t is None else t[start : start + chunk] for t in tensors))
        for start in range(0, n_rows, chunk)
    ]
    return torch.cat(parts)


def check_images(
    who: str, x: Any, remedy: str = "Use CutMix or Mixup for it"
) -> Tensor:
    """Return a batch of images as it is.

    Parameters
    ----------
    who : str
        What the message calls the method.
    x : object
    remedy : str
        What to do instead, without its full stop.

    Raises
    ------
    ValueError, TypeError
        If it is no tensor of shape (B, channels, height, width) with pixels.
    """
    if not isinstance(x, Tensor):
        raise ValueError(
            f"{who} looks at images, one tensor of shape (B, channels, height, width);"
            f" got an input of type {type(x).__name__}. {remedy}, or PerKey around a"
            " method that does not look."
        )
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise ValueError(
            f"{who} looks at images of shape (B, channels, height, width); got shape"
            f" {tuple(x.shape)}. {remedy}; a single channel needs an axis of its own,"
            " x.unsqueeze(1)."
        )
    if not (x.is_floating_point() or x.dtype == torch.uint8):
        raise TypeError(
            f"{who} looks at images of floats or uint8; got dtype {x.dtype}. Convert"
            " them to float32."
        )
    return x
