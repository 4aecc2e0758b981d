"""Outputs of a trained module in bounded memory.

A matrix product may round differently for another number of rows, so that the
prediction of a row would depend on its neighbours. Rows therefore run in blocks of one
fixed size, the last one padded; inputs of a few rows run in small blocks, since one row
should not pay for a large block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from sk_mixup.inputs import DatasetRows
from sk_mixup.training.feeds import (
    Input,
    LoadedBatches,
    as_is,
    first_input,
    move,
    select,
)
from sk_mixup.training.objectives import main_output

SMALL_BLOCK = 16
LARGE_BLOCK = 1024
_SMALL_INPUT = 512
# Wide rows (images) run in small blocks always.
_WIDE_ROW_BYTES = 16_384


@torch.inference_mode()
def predict_outputs(
    module: torch.nn.Module,
    x: Input,
    device: str,
    read: Callable[[Any], Tensor] = main_output,
    loader: Mapping[str, Any] | None = None,
) -> Tensor:
    """Return the outputs of all rows on the CPU.

    Parameters
    ----------
    module : torch.nn.Module
        Runs in evaluation mode, and stays in it.
    x : Tensor of shape (n, ...), dict or tuple of such, or rows to be read
    device : str
        Where `module` is.
    read : callable
        Makes one tensor of what the module returns.
    loader : mapping or None
        Arguments of the `DataLoader` that reads the rows of a data set.

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
        rows = select(x, slice(None))
        return _run(module, _padded(rows, block - n_rows), target, read)[:n_rows]
    outputs = []
    for rows in _blocks(x, n_rows, block, loader):
        missing = block - len(first_input(rows))
        if missing > 0:
            outputs.append(
                _run(module, _padded(rows, missing), target, read)[:-missing]
            )
        else:
            outputs.append(_run(module, rows, target, read))
    return torch.cat(outputs)


@torch.inference_mode()
def predict_stream(
    module: torch.nn.Module,
    batches: Callable[[int], Iterable[Any]],
    device: str,
    read: Callable[[Any], Tensor] = main_output,
) -> Tensor:
    """Return the outputs of rows of which nobody knows how many will come.

    Parameters
    ----------
    module, device, read :
        As for `predict_outputs`.
    batches : callable
        Gives the inputs in batches of so many rows, the last one smaller.

    Raises
    ------
    ValueError
        If there is no row.
    """
    if module.training:
        module.eval()
    outputs = []
    for rows in batches(SMALL_BLOCK):
        missing = SMALL_BLOCK - len(first_input(rows))
        output = _run(module, _padded(rows, missing), torch.device(device), read)
        outputs.append(output[:-missing] if missing else output)
    if not outputs:
        raise ValueError(
            "X: the iterable gave no rows. One that can be run through only once has"
            " been used up by an earlier pass."
        )
    return torch.cat(outputs)


def block_size(x: Input, n_rows: int) -> int:
    """Return the fixed number of rows that run together."""
    row = _row_bytes(x)
    if n_rows <= _SMALL_INPUT or row > _WIDE_ROW_BYTES:
        return SMALL_BLOCK
    return LARGE_BLOCK


def call_module(module: torch.nn.Module, x: Any, *, casts: bool = True) -> Any:
    """Return what the module returns.

    A dict is passed by name, a tuple by position; uint8 as float32, and floats as
    float64 where those are the module's weights.
    """
    x = pixels_to_floats(x)
    if casts and is_double(module):
        x = to_double(x)
    if isinstance(x, Mapping):
        return module(**x)
    return module(*x) if isinstance(x, tuple) else module(x)


def is_double(module: torch.nn.Module) -> bool:
    """Whether the first floating weights of a module are float64."""
    for parameter in module.parameters():
        if parameter.is_floating_point():
            return parameter.dtype == torch.float64
    return False


def to_double(x: Any) -> Any:
    """Return floats as float64, in dicts and tuples too."""
    if isinstance(x, Tensor):
        return x.double() if x.is_floating_point() else x
    if isinstance(x, Mapping):
        return {key: to_double(value) for key, value in x.items()}
    return tuple(map(to_double, x)) if isinstance(x, tuple) else x


def is_narrow(x: Any) -> bool:
    """Whether all inputs are of two dimensions at most."""
    if isinstance(x, Mapping):
        return all(map(is_narrow, x.values()))
    return all(map(is_narrow, x)) if isinstance(x, tuple) else x.ndim <= 2


def place_of(net: Any) -> torch.device:
    """Return where the batches of a net go: where its module is, if it says nothing."""
    if net.device is not None:
        return torch.device(net.device)
    module = getattr(net, "module_", None)
    weights = iter(()) if module is None else module.parameters()
    return next((p.device for p in weights), torch.device("cpu"))


def without_mapping(output: Any) -> Any:
    """Return the main output, where skorch does not know what holds it."""
    if isinstance(output, Mapping):
        return main_output(output)
    if isinstance(output, tuple):
        # skorch moves every entry to a device, and some may be None.
        known = tuple(part for part in output if part is not None)
        return output if len(known) == len(output) else known
    return output


def mark_batches(x: Any) -> None:
    """Tell the compiler that batches differ in their number of rows.

    It would compile for the first one, again for the last of the epoch, and once more
    for those of a prediction.
    """
    if isinstance(x, Tensor):
        torch._dynamo.maybe_mark_dynamic(x, 0)
        return
    for part in x.values() if isinstance(x, Mapping) else x:
        mark_batches(part)


def has_pixels(x: Any) -> bool:
    """Whether a mapping holds bytes."""
    return isinstance(x, Mapping) and any(
        isinstance(value, Tensor) and value.dtype == torch.uint8 for value in x.values()
    )


def pixels_to_floats(x: Any) -> Any:
    """Return uint8 as float32, in dicts and tuples too."""
    if isinstance(x, Tensor):
        return x.float() if x.dtype == torch.uint8 else x
    if isinstance(x, Mapping):
        return {key: pixels_to_floats(value) for key, value in x.items()}
    return tuple(map(pixels_to_floats, x)) if isinstance(x, tuple) else x


def _blocks(
    x: Any, n_rows: int, block: int, loader: Mapping[str, Any] | None
) -> Iterator[Any]:
    if not isinstance(x, DatasetRows):
        for start in range(0, n_rows, block):
            yield select(x, slice(start, start + block))
        return
    options = dict(loader or {})
    data = LoadedBatches(x, collate=options.pop("collate_fn", None))
    # Every row, and in order, whatever a loader for validation does.
    for name in ("batch_size", "shuffle", "sampler", "batch_sampler", "drop_last"):
        options.pop(name, None)
    # A loader draws a seed for its workers, by default from the global state.
    options.setdefault("generator", torch.Generator().manual_seed(0))
    yield from DataLoader(data, batch_size=block, collate_fn=as_is, **options)


def _row_bytes(x: Any) -> int:
    if isinstance(x, Mapping):
        return sum(map(_row_bytes, x.values()))
    if isinstance(x, tuple):
        return sum(map(_row_bytes, x))
    row = x if isinstance(x, Tensor) else x.read(slice(0, 1))
    if not isinstance(row, Tensor):
        return _row_bytes(row)
    return row[:1].numel() * row.element_size()


def _run(
    module: torch.nn.Module,
    x: Any,
    device: torch.device,
    read: Callable[[Any], Tensor],
) -> Tensor:
    x = move(x, device)
    if not hasattr(module, "_orig_mod"):
        return read(call_module(module, x)).cpu()
    # Compiled code is tied to the mode: that of validation serves here too.
    with torch.inference_mode(False), torch.no_grad():
        x = ordinary(x)
        mark_batches(x)
        return read(call_module(module, x)).cpu()


def ordinary(x: Any) -> Any:
    """Return tensors that are no views and were not made in inference mode.

    The compiler makes code of its own for either.
    """
    if isinstance(x, Tensor):
        return x.clone() if x.is_inference() or x._is_view() else x
    if isinstance(x, Mapping):
        return {key: ordinary(value) for key, value in x.items()}
    return tuple(map(ordinary, x))


def _padded(x: Any, missing: int) -> Any:
    if isinstance(x, Mapping):
        return {key: _padded(value, missing) for key, value in x.items()}
    if isinstance(x, tuple):
        return tuple(_padded(value, missing) for value in x)
    # Rows, not zeros: a module may not take a row of zeros.
    return torch.cat([x, x[:1].expand(missing, *x.shape[1:])]) if missing else x
