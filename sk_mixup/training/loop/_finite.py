"""Where a loss that is no number comes from: the data, the module, or the steps.

Arrays and tables are looked at before training. Items of a data set, and what a module
makes of rows, are not; a loss that is infinite or NaN asks them in turn, and blames the
learning rate only where steps have been taken and everything that they were given was
finite.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from skorch.dataset import unpack_data
from torch import Tensor

from sk_mixup.inputs import DatasetRows
from sk_mixup.training.feeds import (
    ArrayData,
    LoadedBatches,
    LoaderBatches,
    StreamData,
    TensorBatches,
    select,
    split_weight,
)
from sk_mixup.training.objectives import main_output

# Rows of a data set that are read together in search of a bad one.
_BLOCK = 64


def is_finite(x: Any) -> bool:
    """Whether all floats of a tensor, or of all tensors of a container, are finite."""
    if isinstance(x, Tensor):
        return not x.is_floating_point() or bool(x.isfinite().all())
    if isinstance(x, Mapping):
        return all(map(is_finite, x.values()))
    return not isinstance(x, (tuple, list)) or all(map(is_finite, x))


def explain_loss(
    net: Any, iterator: Any, output: Any, *, training: bool, first: bool
) -> None:
    """Raise for a loss that is infinite or NaN, and say where that comes from.

    Parameters
    ----------
    net : skorch net
        In a step on ``run_.mixed``.
    iterator : iterable
        Of the batches.
    output : Tensor or tuple
        What the module returned.
    training : bool
        A loss on validation rows is explained by bad rows alone.
    first : bool
        Whether no step has been taken.

    Raises
    ------
    ValueError
        For data that are not finite.
    FloatingPointError
        For a module, a criterion, or steps that are too large.
    """
    run = net.run_
    x, y = unpack_data(run.mixed.batch)
    if not is_finite(x):
        check_rows(iterator)
        if run.augment and training:
            raise ValueError(
                "augment: made infinite or NaN values of finite rows of X."
            )
    if not is_finite(split_weight(y)[0]):
        raise ValueError("y: the targets of a batch hold infinite or NaN values.")
    if not training:
        return
    if not first:
        raise FloatingPointError(too_large(net))
    values = main_output(output)
    if isinstance(values, Tensor) and not is_finite(values):
        raise FloatingPointError(
            f"module: {type(net.module_).__name__} returned"
            f" {_where(values)} for finite rows, before the first step:"
            " its weights or its forward make that of them, and no lr would help."
        )
    criterion = run.objective.criterion
    name = getattr(criterion, "__name__", None) or type(criterion).__name__
    raise FloatingPointError(
        f"criterion: {name} returned an infinite or NaN loss for finite outputs and"
        " targets, before the first step. Check the range of outputs that it takes."
    )


def too_large(net: Any, *, first: bool = False) -> str:
    """Return what is said of a training that leaves the numbers."""
    if first:
        return (
            "The training loss was infinite or NaN in the first step, before the"
            f" weights moved: {type(net.module_).__name__} or its criterion makes that"
            " of these rows, and no lr would help."
        )
    return (
        f"The training loss became infinite or NaN in epoch {len(net.history)}:"
        f" lr={net.lr!r} is probably too large for this net. Lower lr, give it a"
        " warmup, or clip gradients with clip_norm."
    )


def check_rows(iterator: Any) -> None:
    """Raise for the first row behind an iterator that is not finite.

    Raises
    ------
    ValueError
    """
    for place, row in _rows(_source(iterator)):
        if not is_finite(row):
            raise ValueError(
                f"X: {place} holds {_entry(row)}. Replace or drop such values."
            )


def check_item(rows: DatasetRows, number: int) -> None:
    """Raise if a row of a data set is not finite; parameters as for `check_rows`."""
    for place, row in itertools.islice(_rows(rows.view(rows.positions([number]))), 1):
        if not is_finite(row):
            raise ValueError(
                f"X: {place} holds {_entry(row)}. Replace or drop such values."
            )


def _source(iterator: Any) -> Any:
    """Return what batches are made of."""
    if isinstance(iterator, TensorBatches):
        return iterator.data
    if isinstance(iterator, LoaderBatches):
        iterator = iterator.loader
    data = getattr(iterator, "dataset", None)
    return data.X if isinstance(data, LoadedBatches) else data


def _rows(source: Any) -> Iterator[tuple[str, Any]]:
    """Yield rows, each as a message calls it."""
    if isinstance(source, StreamData):
        name = type(source.dataset).__name__
        for number, item in enumerate(source):
            x = source.collate([item])
            yield f"row {number} of {name}", x[0] if source.encode is not None else x
    elif isinstance(source, DatasetRows):
        name = type(source.dataset).__name__
        for start in range(0, len(source), _BLOCK):
            rows = slice(start, start + _BLOCK)
            block, positions = source.read(rows), source.positions(rows)
            if is_finite(block):
                continue
            for i, position in enumerate(positions):
                yield f"row {position} of {name}", _row(block, i)
    elif isinstance(source, ArrayData) and len(source):
        # They have been looked at as they were given: float32 is what cannot hold them.
        for start in range(0, len(source), _BLOCK):
            block = select(source.X, slice(start, start + _BLOCK))
            yield "a row, as float32,", block


def _row(x: Any, i: int) -> Any:
    if isinstance(x, Tensor):
        return x[i]
    if isinstance(x, Mapping):
        return {key: _row(value, i) for key, value in x.items()}
    return tuple(_row(value, i) for value in x)


def _entry(row: Any) -> str:
    """Return the first value of a row that is not finite, and where it stands."""
    if isinstance(row, Mapping):
        key = next(key for key, value in row.items() if not is_finite(value))
        return f"{_entry(row[key])} in {key!r}"
    if isinstance(row, (tuple, list)):
        return _entry(next(value for value in row if not is_finite(value)))
    return str(row[~row.isfinite()].flatten()[0].item())


def _where(output: Tensor) -> str:
    """Return which outputs are not finite."""
    bad = ~output.isfinite().reshape(len(output), -1).all(1)
    row = int(bad.nonzero()[0])
    value = output[row][~output[row].isfinite()].flatten()[0].item()
    return f"{value} in row {row} of {len(output)} ({int(bad.sum())} such rows)"
