"""What nets compute otherwise while they are exported, with the same result.

An export keeps one program for any number of rows, in operations that other runtimes
know. Questions about the number of rows would be answered once and for all, and a
search in sorted values is no operation of ONNX.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def is_exported() -> bool:
    """Whether `torch.export` looks at the module; never before torch 2.7."""
    asked = getattr(torch.compiler, "is_exporting", None)
    return asked is not None and bool(asked())


def is_traced() -> bool:
    """Whether a transform runs the module: a compiler, an export, `torch.func.vmap`."""
    if torch.compiler.is_compiling():
        return True
    level = getattr(torch._C._functorch, "maybe_current_level", None)
    return level is not None and level() is not None


def places_in(ordered: Tensor, values: Tensor) -> Tensor:
    """Return how many of the sorted numbers of its row each value exceeds.

    Parameters
    ----------
    ordered : Tensor of shape (n_columns, n)
        Increasing in each row; infinite where there are fewer.
    values : Tensor of shape (n_columns, B)
        Of the same dtype.

    Returns
    -------
    places : Tensor of shape (n_columns, B), int64
        From 0 to `n`; anything for NaN.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.nets import places_in
    >>> places_in(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.5, 1.0, 1.5, 3.0]]))
    tensor([[0, 0, 1, 2]])
    """
    return _counted(ordered, values) if is_exported() else _searched(ordered, values)


def add_columns(tokens: Tensor, columns: Tensor, values: Tensor) -> Tensor:
    """Add values to some columns.

    Parameters
    ----------
    tokens : Tensor of shape (B, n_columns, d)
    columns : Tensor of shape (n,), int64
        Without repetition.
    values : Tensor of shape (B, n, d)
    """
    if not is_exported():
        return tokens.index_add(1, columns, values)
    # What torch 2.13 writes for index_add is a graph of ONNX with other results.
    every = torch.arange(tokens.shape[1], device=columns.device).unsqueeze(1)
    return tokens + (every == columns).to(values.dtype) @ values


def _searched(ordered: Tensor, values: Tensor) -> Tensor:
    return torch.searchsorted(ordered, values)


def _counted(ordered: Tensor, values: Tensor) -> Tensor:
    """Count in two steps, among blocks and in one: memory as of the square root."""
    n_columns, n = ordered.shape
    width = max(math.isqrt(max(n - 1, 0)) + 1, 1)
    blocks = functional.pad(ordered, (0, width * width - n), value=math.inf)
    blocks = blocks.view(n_columns, width, width)
    values = values.unsqueeze(2)
    before = (blocks[:, :, -1].unsqueeze(1) < values).sum(2).clamp(max=width - 1)
    start = torch.arange(n_columns, device=ordered.device).unsqueeze(1) * width
    inside = blocks.flatten(0, 1)[before + start]
    return before * width + (inside < values).sum(2)
