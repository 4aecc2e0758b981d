"""Maps of features: what a layer in the middle of a net makes of images."""

from __future__ import annotations

import weakref
from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing.layers import find_layer, run_and_record, unwrapped
from sk_mixup.mixing.looks._asking import asked, in_rows, module_of

# Of each net, as long as it lives: the layer and the shape of the rows it was found by.
_FOUND: weakref.WeakKeyDictionary[nn.Module, dict[tuple[int, ...], str]]
_FOUND = weakref.WeakKeyDictionary()


def last_map_layer(
    context: MixContext | None,
    x: Tensor,
    *,
    who: str = "the method",
    module: nn.Module | None = None,
) -> str:
    """Return the name of the last layer that returns a map of features.

    The last one of the image's proportions and with more than one place, where there is
    one: attention heads return four axes too, of tokens.

    Parameters
    ----------
    context : MixContext or None
    x : Tensor of shape (B, channels, height, width)
        Two of its rows are run, once for each net and size.
    who : str
        What messages call the method.
    module : torch.nn.Module or None
        Another net than that of the context.

    Raises
    ------
    ValueError
        If no layer returns one tensor of shape (B, channels, height, width).

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from sk_mixup.mixing import MixContext
    >>> from sk_mixup.mixing.looks import last_map_layer
    >>> pool = nn.AdaptiveAvgPool2d(1)
    >>> net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), pool, nn.Flatten())
    >>> last_map_layer(MixContext(module=net), torch.rand(2, 1, 8, 8))
    '1'
    """
    net = module_of(context, who) if module is None else module
    known = _FOUND.setdefault(unwrapped(net), {})
    size = tuple(x.shape[1:])
    if size not in known:
        with asked(context, who, module=module) as call:
            runs = run_and_record(net, call, x[:2])
        tokens = {s[1] for run in runs.values() for s in run.shapes if len(s) == 3}
        # One of a single place is what pooling makes, or all that a tiny image has.
        maps = [
            (is_map(shape[2:], size[1:], tokens), shape[2:] != (1, 1), run.end, name)
            for name, run in runs.items()
            if run.calls == 1
            for shape in run.shapes
            if len(run.shapes) == 1 and len(shape) == 4
        ]
        if not maps:
            raise ValueError(
                f"{who} looks at a map of features, and no layer of"
                f" {type(net).__name__} returns one of shape (B, channels, height,"
                " width). Name a layer that does (layer=...), or use a method that"
                " needs none, such as saliency_mix or cutmix."
            )
        known[size] = max(maps)[3]
    return known[size]


def feature_map(
    context: MixContext | None,
    x: Tensor,
    layer: str = "auto",
    *,
    who: str = "the method",
    module: nn.Module | None = None,
    evaluates: bool = True,
    chunk: int | None = None,
) -> Tensor:
    """Return what a layer makes of images; nothing of it stays in the net.

    Parameters
    ----------
    context : MixContext or None
    x : Tensor of shape (B, channels, height, width)
    layer : str, default="auto"
        Its name in the net; "auto": the last one that returns a map.
    who : str
        What messages call the method.
    module : torch.nn.Module or None
        Another net than that of the context, called as ``module(x)``.
    evaluates : bool, default=True
        In evaluation mode.
    chunk : int or None
        Rows at a time, for less memory; None: all at once.

    Returns
    -------
    features : Tensor of shape (B, channels, height, width), float
        On the device of `x`.

    Raises
    ------
    ValueError
        If no net is known, it has no such layer, or the layer returns no map.
    """
    net = module_of(context, who) if module is None else module
    if layer == "auto":
        layer = last_map_layer(context, x, who=who, module=module)

    def look(rows: Tensor) -> Tensor:
        seen: list[Any] = []
        hooked = find_layer(net, layer).register_forward_hook(
            lambda part, inputs, output: seen.append(output)
        )
        try:
            with asked(context, who, module=module, evaluates=evaluates) as call:
                call(rows)
        finally:
            hooked.remove()
        return only_map(who, layer, seen, len(rows)).detach().to(x.device)

    return in_rows(look, chunk, x)


def only_map(who: str, layer: str, seen: list[Any], n_rows: int) -> Tensor:
    """Return the one map that a layer returned; raise if it did something else."""
    if len(seen) != 1:
        raise ValueError(
            f"{who} looks at layer {layer!r}, which ran {len(seen)} times in one"
            " forward pass; it must run once. Name another layer."
        )
    output = seen[0]
    fits = isinstance(output, Tensor) and output.ndim == 4 and len(output) == n_rows
    if not fits or not output.is_floating_point():
        what = (
            f"shape {tuple(output.shape)}"
            if isinstance(output, Tensor)
            else type(output).__name__
        )
        raise ValueError(
            f"{who} looks at a map of features of shape (B, channels, height, width),"
            f" and layer {layer!r} returns {what} for {n_rows} rows. Name another"
            " layer, or use a method that needs none, such as saliency_mix or cutmix."
        )
    assert isinstance(output, Tensor)
    half = output.dtype in (torch.float16, torch.bfloat16)
    return output.float() if half else output


def is_map(
    places: tuple[int, ...], image: tuple[int, ...], tokens: Collection[int]
) -> bool:
    """Whether a layer's output may be a map of an image.

    A map has the proportions of the image, which what attention heads make of tokens,
    and maps with channels last, have not.

    Parameters
    ----------
    places : (int, int)
        Its last two axes.
    image : (int, int)
        Height and width.
    tokens : collection of int
        Numbers of tokens that layers of the net return.
    """
    rows, columns = places
    if rows * columns == 1 or rows > image[0] or columns > image[1]:
        return False
    # As many rows and columns as tokens: what these pay to each other.
    pays = rows == columns and rows in tokens
    # Convolutions without padding lose a few places.
    return not pays and abs(rows * image[1] - columns * image[0]) <= 2 * max(image)
