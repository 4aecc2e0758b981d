"""Bytes of a state, in which the objects of a training are named and not copied.

A callback may hold the net, the optimizer or one of the weights: another process finds
its own in their place. Tensors are written as they lie in memory; those of a device are
brought from there together.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.training import on_host

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
    names = {id(thing): name for name, thing in live.items()}
    buffer = io.BytesIO()
    first = _Pickler(buffer, names)
    first.dump(value)
    if not first.waiting:
        return buffer.getvalue()
    # Each fetch of a device waits: all that it holds comes at once, to be written now.
    here = dict(zip(map(id, first.waiting), on_host(first.waiting), strict=True))
    buffer = io.BytesIO()
    _Pickler(buffer, names, here).dump(value)
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
    """Writes objects.

    Parameters
    ----------
    file : file
    names : dict of int to str
        What objects are called, by their id.
    here : dict of int to Tensor or None, default=None
        What the tensors of a device hold, by their id; None: `waiting` notes them, and
        nothing is to be written.
    """

    def __init__(
        self, file: Any, names: dict[int, str], here: dict[int, Tensor] | None = None
    ) -> None:
        super().__init__(file, protocol=5)
        self.names = names
        self.here = here
        self.waiting: list[Tensor] = []

    def reducer_override(self, value: Any) -> Any:
        if id(value) in self.names:
            return _named, (self.names[id(value)],)
        if type(value) in (Tensor, nn.Parameter) and value.layout == torch.strided:
            if self.here is None and value.device.type != "cpu":
                self.waiting.append(value)
                return _named, ("",)
            data = (self.here or {}).get(id(value), value)
            return _tensor, _parts_of(value, data)
        return NotImplemented


def _parts_of(value: Tensor, data: Tensor) -> tuple[Any, ...]:
    """Return what a tensor is made of again, and the data on the host, or anywhere."""
    # `detach` alone would keep what is conjugated or negated only in name.
    data = data.detach().cpu().resolve_conj().resolve_neg()
    flat = data.contiguous().reshape(-1).view(torch.uint8).numpy()
    strides = value.stride() if _is_dense(value) else None
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
