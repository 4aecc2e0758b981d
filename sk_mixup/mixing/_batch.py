"""What a method reads off a batch: its first tensor, and the dtype of lambda."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor


class Mark:
    """Knows one batch again, without keeping it.

    Parameters
    ----------
    x : Tensor
    """

    def __init__(self, x: Tensor) -> None:
        self._batch, self._version = weakref.ref(x), _version(x)

    def is_on(self, x: Tensor) -> bool:
        """Whether this is the batch, and nobody has written into it since."""
        return self._batch() is x and self._version == _version(x)


def _version(x: Tensor) -> int:
    return 0 if x.is_inference() else x._version


def lam_dtype(x: Tensor) -> torch.dtype:
    """Return float64 for float64 input, float32 for everything else."""
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def sent(t: Tensor, device: torch.device) -> Tensor:
    """Return a tensor of the host on a device, without waiting for it.

    Parameters
    ----------
    t : Tensor
    device : torch.device
    """
    if t.device == device:
        return t
    if device.type == "cuda" and t.device.type == "cpu":
        t = t.pin_memory()
    return t.to(device, non_blocking=True)


def sent_together(tensors: Sequence[Tensor], device: torch.device) -> list[Tensor]:
    """Return tensors of the host on a device, sent there in one message.

    Parameters
    ----------
    tensors : sequence of Tensor
    device : torch.device

    Returns
    -------
    tensors : list of Tensor
        Views of one buffer; those of one dtype and shape lie side by side.
    """
    if len(tensors) < 2:
        return [sent(t, device) for t in tensors]
    alike: dict[tuple[torch.dtype, torch.Size], list[int]] = {}
    for number, t in enumerate(tensors):
        alike.setdefault((t.dtype, t.shape), []).append(number)
    # Wide numbers first, so that each lies at a multiple of its width.
    kinds = sorted(alike, key=lambda kind: -kind[0].itemsize)
    parts = [
        tensors[number].contiguous().view(-1).view(torch.uint8)
        for kind in kinds
        for number in alike[kind]
    ]
    host = torch.empty(
        sum(map(len, parts)), dtype=torch.uint8, pin_memory=device.type == "cuda"
    )
    torch.cat(parts, out=host)
    there, start = host.to(device, non_blocking=True), 0
    arrived = list(tensors)
    for dtype, shape in kinds:
        numbers = alike[dtype, shape]
        stop = start + len(numbers) * shape.numel() * dtype.itemsize
        rows = there[start:stop].view(dtype).view(len(numbers), *shape).unbind()
        start = stop
        for number, row in zip(numbers, rows, strict=True):
            arrived[number] = row
    return arrived


def first_tensor(x: Any) -> Tensor:
    """Return the first tensor of a batch, whose rows count.

    Raises
    ------
    ValueError
        For a tensor without rows.
    TypeError
        Where there is no tensor.
    """
    for value in _tensors(x):
        if value.ndim == 0:
            raise ValueError("A batch needs a first axis of rows; got a 0-d tensor.")
        return value
    raise TypeError(
        f"A batch holds tensors; got {type(x).__name__}. Give torch.as_tensor(x), or a"
        " dict or tuple of tensors."
    )


def _tensors(x: Any) -> Iterator[Tensor]:
    if isinstance(x, Tensor):
        yield x
    elif isinstance(x, Mapping):
        for value in x.values():
            yield from _tensors(value)
    elif isinstance(x, (tuple, list)):
        for value in x:
            yield from _tensors(value)
