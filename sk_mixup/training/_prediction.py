"""Outputs of a trained module in bounded memory.

A matrix product may round differently for another number of rows, so that the
prediction of a row would depend on its neighbours. Rows therefore run in blocks of one
fixed size, the last one padded; inputs of a few rows run in small blocks, since one row
should not pay for a large block.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from sk_mixup.training._batches import Input, first_input, move, select
from sk_mixup.training._objective import main_output

SMALL_BLOCK = 32
LARGE_BLOCK = 1024
_SMALL_INPUT = 512
# Wide rows (images) run in small blocks always.
_WIDE_ROW_BYTES = 16_384


@torch.inference_mode()
def predict_outputs(module: torch.nn.Module, x: Input, device: str) -> Tensor:
    """Return the outputs of all rows on the CPU.

    Parameters
    ----------
    module : torch.nn.Module
        Runs in evaluation mode, and stays in it.
    x : Tensor of shape (n, ...) or dict of such
    device : str
        Where `module` is.

    Returns
    -------
    output : Tensor of shape (n, ...)
    """
    if module.training:
        module.eval()
    n_rows = len(first_input(x))
    block = block_size(x, n_rows)
    target = torch.device(device)
    if n_rows <= block:
        return _run(module, _padded(x, block - n_rows), target)[:n_rows]
    outputs = []
    for start in range(0, n_rows, block):
        rows = select(x, slice(start, start + block))
        missing = start + block - n_rows
        if missing > 0:
            outputs.append(_run(module, _padded(rows, missing), target)[:-missing])
        else:
            outputs.append(_run(module, rows, target))
    return torch.cat(outputs)


def block_size(x: Input, n_rows: int) -> int:
    """Return the fixed number of rows that run together."""
    tensors = [x] if isinstance(x, Tensor) else list(x.values())
    row = sum(t[:1].numel() * t.element_size() for t in tensors)
    if n_rows <= _SMALL_INPUT or row > _WIDE_ROW_BYTES:
        return SMALL_BLOCK
    return LARGE_BLOCK


def call_module(module: torch.nn.Module, x: Input) -> Any:
    """Return what the module returns: a dict is passed by name, uint8 as float32."""
    if isinstance(x, Mapping):
        return module(**x)
    return module(x.float() if x.dtype == torch.uint8 else x)


def _run(module: torch.nn.Module, x: Any, device: torch.device) -> Tensor:
    return main_output(call_module(module, move(x, device))).cpu()


def _padded(x: Any, missing: int) -> Any:
    if isinstance(x, Mapping):
        return {key: _padded(value, missing) for key, value in x.items()}
    # Rows, not zeros: a module may not take a row of zeros.
    return torch.cat([x, x[:1].expand(missing, *x.shape[1:])]) if missing else x
