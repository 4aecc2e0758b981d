"""Between an estimator and its module: what goes in all at once, and what came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from sk_mixup.estimators.tasks import Task


def joined(batches: Sequence[Any]) -> Any:
    """Return batches, tensors or dicts or tuples of them, as one.

    Raises
    ------
    ValueError
        If there is none.
    """
    if not batches:
        raise ValueError("X: the iterable gave no rows.")
    first = batches[0]
    if isinstance(first, Mapping):
        return {key: joined([batch[key] for batch in batches]) for key in first}
    if isinstance(first, tuple):
        return tuple(map(joined, zip(*batches, strict=True)))
    return torch.cat(list(batches))


def as_tensors(outputs: Any) -> Any:
    """Return outputs with tensors for NumPy's arrays, as other runtimes give them.

    A list of one array, as ONNX Runtime returns it, becomes a tuple.
    """
    if isinstance(outputs, np.ndarray):
        return torch.from_numpy(outputs)
    if type(outputs) in (list, tuple):
        return tuple(map(as_tensors, outputs))
    return outputs


def check_outputs(output: Any, task: Task) -> None:
    """Check that outputs are those of a module that was trained for a task.

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(output, torch.Tensor):
        raise TypeError(
            "outputs must be what the module returns, a tensor or an array; got"
            f" {type(output).__name__}."
        )
    shape = tuple(output.shape)
    if not shape or not len(output):
        raise ValueError(f"outputs have shape {shape}: there must be a row at least.")
    wanted = [task.n_outputs]
    if task.kind is None and task.n_classes == 2:
        wanted.append(1)
    if task.kind is not None and set(task.kind.sizes) == {2}:
        wanted.append(len(task.kind.sizes))
    if output[0].numel() in wanted:
        return
    why = ""
    if output.ndim == 3 and shape[2] in wanted:
        why = (
            " The module was in training mode, in which its members answer one by one:"
            " call model.module_.eval() before."
        )
    listed = " or ".join(map(str, wanted))
    raise ValueError(
        f"outputs have shape {shape}, and the module returns {listed} values per row."
        f"{why}"
    )
