"""Bytes of a state, in which the objects of a training are named and not copied.

A callback may hold the net, the optimizer or one of the weights: another process finds
its own in their place. Tensors are written as they lie in memory.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

# What names stand for, in the thread that reads.
_LIVE: ContextVar[Mapping[str, Any]] = ContextVar("live")


def dumped(value: Any, live: Mapping[str, Any]) -> bytes:
    """Return a value as bytes.

    Parameters
    ----------
    value : object
    live : mapping of str to object
        Objects that are named in place of being written.

    Raises
    ------
    Exception
        Of any kind, where something cannot be pickled.
    """
    buffer = io.BytesIO()
    _Pickler(buffer, {id(thing): name for name, thing in live.items()}).dump(value)
    return buffer.getvalue()


def loaded(data: bytes, live: Mapping[str, Any]) -> Any:
    """Return the value of `dumped`; parameters as there.

    It runs what the bytes say, as every pickle does.
    """
    token = _LIVE.set(live)
    try:
        return pickle.loads(data)
    finally:
        _LIVE.reset(token)


class _Pickler(pickle.Pickler):
    def __init__(self, file: Any, names: dict[int, str]) -> None:
        super().__init__(file, protocol=5)
        self.names = names

    def reducer_override(self, value: Any) -> Any:
        if id(value) in self.names:
            return _named, (self.names[id(value)],)
        if type(value) in (Tensor, nn.Parameter) and value.layout == torch.strided:
            return _tensor, _parts_of(value)
        return NotImplemented


def _parts_of(value: Tensor) -> tuple[Any, ...]:
    # `detach` alone would keep what is conjugated or negated only in name.
    data = value.detach().cpu().resolve_conj().resolve_neg()
    flat = data.contiguous().reshape(-1).view(torch.uint8).numpy()
    strides = data.stride() if _is_dense(data) else None
    return flat, value.dtype, tuple(value.shape), strides, str(value.device)


def _tensor(flat: Any, dtype: Any, shape: Any, strides: Any, device: str) -> Tensor:
    data = torch.from_numpy(flat.copy()).view(dtype).reshape(shape)
    if strides is not None and strides != data.stride():
        data = torch.empty_strided(shape, strides, dtype=dtype).copy_(data)
    return data.to(device)


def _is_dense(data: Tensor) -> bool:
    """Whether every value has a place of its own, with none between."""
    places = 1
    for stride, size in sorted(zip(data.stride(), data.shape, strict=True)):
        if size != 1 and stride != places:
            return False
        places *= size
    return True


def _named(name: str) -> Any:
    return _LIVE.get()[name]
