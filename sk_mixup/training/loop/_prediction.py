"""Outputs of a trained module in bounded memory.

A matrix product may round differently for another number of rows, so that the
prediction of a row would depend on its neighbours. Rows therefore run in blocks of one
fixed size, the last one padded; inputs of a few rows run in small blocks, since one row
should not pay for a large block. The bundled nets for tables say the same of a row, bit
for bit, wherever it stands and however many come with it, but for one thing: members
that share wide matrices (module="tabm", and the default net that leaves no folds out,
with more than 2000 training rows) fold their scales into the matrices for large blocks,
and into the rows for small ones, so that outputs of up to 512 rows and of more differ
by rounding, at most 1e-6 of their size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from sk_mixup.inputs import DatasetRows, holds_sparse
from sk_mixup.training.feeds import (
    Input,
    LoadedBatches,
    as_is,
    first_input,
    map_tensors,
    move,
    own_copy,
    select,
    tensors_of,
)
from sk_mixup.training.loop._fetching import fetched
from sk_mixup.training.loop._overrides import OwnInfer
from sk_mixup.training.objectives import main_output

SMALL_BLOCK = 16
LARGE_BLOCK = 1024
_SMALL_INPUT = 512
# Wide rows (images) run in small blocks always.
_WIDE_ROW_BYTES = 16_384
# Blocks of an accelerator have so many times as many rows, up to so many bytes of wide
# ones.
_FASTER, _FEW_BYTES = 16, 2**28
# Dense, of sparse rows that run together.
_SPARSE_BYTES = 2**25
# Wide outputs too: thousands of classes, of each member of a net.
_BLOCK_VALUES = 2**22


@torch.inference_mode()
def predict_outputs(
    module: torch.nn.Module | OwnInfer,
    x: Input,
    device: torch.device,
    read: Callable[[Any], Tensor] = main_output,
    loader: Mapping[str, Any] | None = None,
    width: int = 1,
) -> Tensor:
    """Return the outputs of all rows on the CPU.

    Parameters
    ----------
    module : torch.nn.Module
        Runs in evaluation mode, and stays in it.
    x : Tensor of shape (n, ...), dict or tuple of such, or rows to be read
    device : torch.device
        Where `module` is.
    read : callable
        Makes one tensor of what the module returns.
    loader : mapping or None
        Arguments of the `DataLoader` that reads the rows of a data set.
    width : int, default=1
        Values that the module computes for a row, those of all members.

    Returns
    -------
    output : Tensor of shape (n, ...)
    """
    if module.training:
        module.eval()
    n_rows = len(first_input(x))
    block = block_size(x, n_rows, width, device)
    if n_rows <= block:
        rows = select(x, slice(None))
        missing = block - n_rows
        rows = _padded(rows, missing)
        return _run(module, rows, device, read, copies=not missing)[:n_rows].cpu()
    # Written into one tensor: small ones kept per block would split the memory that
    # large blocks leave behind.
    outputs: Tensor | None = None
    done = 0
    for output in fetched(_outputs(module, x, n_rows, block, device, read, loader)):
        if outputs is None:
            outputs = output.new_empty((n_rows, *output.shape[1:]))
        outputs[done : done + len(output)] = output
        done += len(output)
    assert outputs is not None
    return outputs


def _outputs(
    module: torch.nn.Module | OwnInfer,
    x: Input,
    n_rows: int,
    block: int,
    device: torch.device,
    read: Callable[[Any], Tensor],
    loader: Mapping[str, Any] | None,
) -> Iterator[Tensor]:
    """Yield the outputs of blocks of rows, where the module is."""
    for rows in _blocks(x, n_rows, block, loader):
        n_own = len(first_input(rows))
        yield _run(module, _padded(rows, block - n_own), device, read)[:n_own]


@torch.inference_mode()
def predict_stream(
    module: torch.nn.Module | OwnInfer,
    batches: Callable[[int], Iterable[Any]],
    device: torch.device,
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
    block = SMALL_BLOCK if device.type == "cpu" else _FASTER * SMALL_BLOCK

    def blocks() -> Iterator[Tensor]:
        for rows in batches(block):
            missing = block - len(first_input(rows))
            output = _run(module, _padded(rows, missing), device, read)
            yield output[:-missing] if missing else output

    outputs = list(fetched(blocks()))
    if not outputs:
        raise ValueError(
            "X: the iterable gave no rows. One that can be run through only once has"
            " been used up by an earlier pass."
        )
    return torch.cat(outputs)


def block_size(
    x: Input, n_rows: int, width: int = 1, device: torch.device | None = None
) -> int:
    """Return the fixed number of rows that run together.

    Parameters
    ----------
    x : Tensor of shape (n, ...), dict or tuple of such, or rows to be read
    n_rows : int
    width : int, default=1
        As for `predict_outputs`.
    device : torch.device or None
        None: the CPU. Others have more to do at a time.
    """
    row = _row_bytes(x)
    is_sparse = holds_sparse(x)
    many = 1 if device is None or device.type == "cpu" else _FASTER
    if n_rows <= _SMALL_INPUT or (row > _WIDE_ROW_BYTES and not is_sparse):
        block = many * SMALL_BLOCK
        while block > SMALL_BLOCK and block * row > _FEW_BYTES:
            block //= 2
        return block
    block = many * LARGE_BLOCK
    # Wide sparse rows meet wide weights, which small blocks would read again and again.
    while is_sparse and block > SMALL_BLOCK and block * row > _SPARSE_BYTES:
        block //= 2
    while block > SMALL_BLOCK and block * width > _BLOCK_VALUES:
        block //= 2
    return block


def module_input(x: Input, device: torch.device) -> Any:
    """Return all rows as a module gets them, on its device.

    Parameters
    ----------
    x : Tensor of shape (n, ...), dict or tuple of such, or rows to be read
    device : torch.device

    Returns
    -------
    x : Tensor, dict or tuple
        In memory of its own: who gets it may write into it.
    """
    return own_copy(pixels_to_floats(move(select(x, slice(None)), device)))


def call_module(
    module: torch.nn.Module | OwnInfer,
    x: Any,
    *,
    casts: bool = True,
    copies: bool = True,
) -> Any:
    """Return what the module returns.

    A dict is passed by name, a tuple by position; uint8 as float32, and floats as
    float64 where those are the module's weights. The module gets copies, which it may
    write into, unless `copies` is false: then it is given what nobody else has. A
    wrapped net may have its own way.
    """
    if copies:
        x = own_copy(x)
    if isinstance(module, OwnInfer):
        return module.infer(x)
    n_rows = len(first_input(x))
    x = pixels_to_floats(x)
    if casts and is_double(module):
        x = to_double(x)
    if is_compiled(module):
        mark_batches(x)
    if isinstance(x, Mapping):
        return with_rows(module(**x), n_rows)
    return with_rows(module(*x) if isinstance(x, tuple) else module(x), n_rows)


def with_rows(output: Any, n_rows: int) -> Any:
    """Return the output of one row with its first axis, if the module squeezed it.

    Parameters
    ----------
    output : Tensor, or a tuple that starts with one
    n_rows : int
        That the module was given.
    """
    if n_rows != 1:
        return output
    if isinstance(output, tuple) and not hasattr(output, "_fields"):
        return (with_rows(output[0], 1), *output[1:]) if output else output
    if not isinstance(output, Tensor) or (output.ndim and len(output) == 1):
        return output
    return output.unsqueeze(0)


def is_double(module: torch.nn.Module) -> bool:
    """Whether the first floating weights of a module are float64."""
    first = _first_weight(module, floating=True)
    return first is not None and first.dtype == torch.float64


def _first_weight(module: torch.nn.Module, *, floating: bool) -> Tensor | None:
    # By hand: `parameters` walks through four generators, a part of the time of a row.
    for parameter in module._parameters.values():
        if parameter is not None and (parameter.is_floating_point() or not floating):
            return parameter
    for child in module._modules.values():
        if child is not None:
            first = _first_weight(child, floating=floating)
            if first is not None:
                return first
    return None


def to_double(x: Any) -> Any:
    """Return floats as float64, in dicts and tuples too."""
    return map_tensors(lambda t: t.double() if t.is_floating_point() else t, x)


def is_narrow(x: Any) -> bool:
    """Whether all inputs are of two dimensions at most."""
    if isinstance(x, Mapping):
        return all(map(is_narrow, x.values()))
    return all(map(is_narrow, x)) if isinstance(x, tuple) else x.ndim <= 2


def place_of(net: Any) -> torch.device:
    """Return where the rows of a net go: to its weights, or where it says they are."""
    module = getattr(net, "module_", None)
    first = None if module is None else _first_weight(module, floating=False)
    if first is not None:
        return first.device
    return torch.device("cpu" if net.device is None else net.device)


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
    for tensor in tensors_of(x):
        torch._dynamo.maybe_mark_dynamic(tensor, 0)


def has_pixels(x: Any) -> bool:
    """Whether a mapping holds bytes."""
    return isinstance(x, Mapping) and any(
        isinstance(value, Tensor) and value.dtype == torch.uint8 for value in x.values()
    )


def pixels_to_floats(x: Any) -> Any:
    """Return uint8 as float32, in dicts and tuples too."""
    return map_tensors(lambda t: t.float() if t.dtype == torch.uint8 else t, x)


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
    module: torch.nn.Module | OwnInfer,
    x: Any,
    device: torch.device,
    read: Callable[[Any], Tensor],
    *,
    copies: bool = True,
) -> Tensor:
    x = move(x, device)
    if not is_compiled(module):
        # What was padded is nobody's but ours.
        return read(call_module(module, x, copies=copies))
    # Compiled code is tied to the mode: that of validation serves here too. What a
    # CUDA graph returns is written over by its next run.
    with torch.inference_mode(False), torch.no_grad():
        return read(call_module(module, x)).cpu()


def is_compiled(module: torch.nn.Module | OwnInfer) -> bool:
    called = module.call if isinstance(module, OwnInfer) else module
    return hasattr(called, "_orig_mod")


def ordinary(x: Any) -> Any:
    """Return tensors that are no views and were not made in inference mode.

    The compiler makes code of its own for either.
    """
    return map_tensors(
        lambda t: t.clone() if t.is_inference() or t._is_view() else t, x
    )


def _padded(x: Any, missing: int) -> Any:
    if not missing:
        return x
    # Rows, not zeros: a module may not take a row of zeros.
    return map_tensors(lambda t: torch.cat([t, t[:1].expand(missing, *t.shape[1:])]), x)
