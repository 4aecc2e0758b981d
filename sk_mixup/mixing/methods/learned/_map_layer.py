"""Feature maps of any net for images: those of convolutions, and tokens on a grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing.layers import Call, quiet, run_and_record
from sk_mixup.mixing.looks import is_map, last_map_layer, only_map
from sk_mixup.mixing.methods.attention import grid_of

Size = tuple[int, int]


def found_layer(net: nn.Module, call: Call, x: Tensor, who: str) -> str:
    """Return the last layer that returns a map of the images.

    A map has the proportions of the image, which what attention heads make of tokens,
    and maps with channels last, have not; tokens are a map where they make such a grid.

    Parameters
    ----------
    net : torch.nn.Module
    call : callable
        Runs it on rows.
    x : Tensor of shape (rows, channels, height, width)
    who : str
        What messages call the method.

    Raises
    ------
    ValueError
        If there is none.
    """
    size = (x.shape[2], x.shape[3])
    with quiet(net):
        runs = run_and_record(net, call, x.clone())
    ran = [(run.end, name, run.shapes[0]) for name, run in runs.items() if run.shapes]
    once = {name for name, run in runs.items() if run.calls == len(run.shapes) == 1}
    widths = {shape[1] for _, _, shape in ran if len(shape) == 3}
    maps = [
        (end, name)
        for end, name, shape in ran
        if name in once and len(shape) in (3, 4) and _is_map(shape, size, widths)
    ]
    if maps:
        return max(maps)[1]
    # Of one place, or an error that says what is missing.
    return last_map_layer(MixContext(module=net, call=call), x, who=who)


def as_map(who: str, layer: str, seen: list[Any], x: Tensor) -> Tensor:
    """Return what a layer returned as (B, channels, h, w), float32.

    Parameters
    ----------
    who, layer : str
    seen : list
        What it returned in one pass.
    x : Tensor of shape (B, channels, height, width)

    Raises
    ------
    ValueError
        If it is no map.
    """
    if len(seen) == 1 and isinstance(seen[0], (Mapping, tuple, list)):
        parts = seen[0].values() if isinstance(seen[0], Mapping) else seen[0]
        wide = [t for t in parts if isinstance(t, Tensor) and t.ndim in (3, 4)]
        seen = wide if len(wide) == 1 else seen
    tokens = seen[0] if len(seen) == 1 and isinstance(seen[0], Tensor) else None
    if tokens is not None and tokens.ndim == 3 and len(tokens) == len(x):
        grid = grid_of(tokens.shape[1], (x.shape[2], x.shape[3]), who)
        patches = tokens[:, grid.prefix :].mT
        return patches.reshape(len(x), -1, *grid.shape).float()
    return only_map(who, layer, seen, len(x)).to(torch.float32)


def _is_map(shape: tuple[int, ...], size: Size, widths: set[int]) -> bool:
    if len(shape) == 3:
        try:
            grid_of(shape[1], size, "")
        except ValueError:
            return False
        return True
    return is_map(shape[2:], size, widths)
