"""Gradients at a layer: a graph that begins in the middle of a net."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing.layers import find_layer, run_and_record, some_rows, unwrapped
from sk_mixup.mixing.looks._asking import asked, device_of, module_of
from sk_mixup.mixing.looks._losses import plain_criterion

# Of each net, as long as it lives.
_FOUND: weakref.WeakKeyDictionary[nn.Module, str] = weakref.WeakKeyDictionary()


@contextmanager
def leaf_at(module: nn.Module, layer: str) -> Iterator[list[Any]]:
    """Record a graph from the output of a layer on, and none before it.

    Parameters
    ----------
    module : torch.nn.Module
    layer : str

    Yields
    ------
    seen : list
        What the layer returned, once the net has run: a leaf of the graph where it is
        a tensor of floats.
    """
    seen: list[Any] = []

    def hook(part: nn.Module, inputs: Any, output: Any) -> Any:
        seen.append(output)
        if not isinstance(output, Tensor) or not output.is_floating_point():
            return output
        # Whoever runs the net puts the switch back.
        torch.set_grad_enabled(True)
        seen[-1] = output.detach().requires_grad_()
        return seen[-1].clone()

    handle = find_layer(module, layer).register_forward_hook(hook)
    try:
        yield seen
    finally:
        handle.remove()


def embedding_layer(context: MixContext | None, x: Any, ids: Tensor, who: str) -> str:
    """Return the name of the first layer that makes vectors of token ids.

    Parameters
    ----------
    context : MixContext or None
    x : Tensor, or dict of such
        Rows as the net takes them; two are run, once for each net.
    ids : Tensor of shape (B, length)
        Those of `x`.
    who : str
        What messages call the method.

    Raises
    ------
    ValueError
        If no layer returns one tensor of shape (B, length, width).
    """
    net = module_of(context, who)
    known = unwrapped(net)
    if known not in _FOUND:
        with asked(context, who) as call:
            runs = run_and_record(net, call, some_rows(x, (0, len(ids) - 1)))
        shape = (2, ids.shape[1])
        fitting = [
            (run.end, name)
            for name, run in runs.items()
            if run.calls == 1
            and len(run.shapes) == 1
            and len(run.shapes[0]) == 3
            and run.shapes[0][:2] == shape
        ]
        if not fitting:
            raise ValueError(
                f"{who} looks at the vectors of tokens, and no layer of"
                f" {type(net).__name__} returns one tensor of shape (B,"
                f" {ids.shape[1]}, width) for token ids. Name a layer that does"
                " (layer=...), or mix hidden layers with ManifoldMixup."
            )
        _FOUND[known] = min(fitting)[1]
    return _FOUND[known]


def layer_gradients(
    context: MixContext | None,
    x: Any,
    y: Tensor | None,
    layer: str,
    *,
    who: str = "the method",
    evaluates: bool = True,
) -> Tensor:
    """Return the gradient of each row's loss in what a layer returns.

    Parameters
    ----------
    context : MixContext or None
    x : Tensor, or dict of such
        Rows as the net takes them.
    y : Tensor of shape (B,) or (B, k)
    layer : str
        Its name in the net.
    who, evaluates :
        As for `input_gradients`.

    Returns
    -------
    gradient : Tensor
        Of the shape of the layer's output, on the device of the net.

    Raises
    ------
    ValueError
        As for `input_gradients`, and if the layer does not return one tensor of floats.
    """
    net = module_of(context, who)
    assert context is not None
    if y is None:
        raise ValueError(f"{who} looks at the loss, and got y=None. Give y to draw.")
    criterion = context.criterion or plain_criterion
    place = device_of(net)
    with (
        asked(context, who, evaluates=evaluates) as call,
        leaf_at(net, layer) as seen,
    ):
        output = call(x)
        if len(seen) != 1 or not isinstance(seen[0], Tensor) or not seen[0].is_leaf:
            raise ValueError(
                f"{who} looks at layer {layer!r}, which must run once and return one"
                f" tensor of floats; it ran {len(seen)} times. Name another layer."
            )
        loss = criterion(output, y if place is None else y.to(place))
        slope = None
        if loss.requires_grad:
            (slope,) = torch.autograd.grad(loss.sum(), seen, allow_unused=True)
    if slope is None:
        raise ValueError(
            f"{who} looks at the gradient of the loss at layer {layer!r}, and"
            f" {type(net).__name__} gives none: what comes behind is cut off, by detach"
            " or by torch.no_grad. Name another layer, or let the gradient through."
        )
    return slope
