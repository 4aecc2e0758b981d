"""Tensors as bytes, in the format of safetensors.

Eight bytes say how long the header is; the header is JSON, and says dtype, shape and
place of every tensor; what follows are their bytes, without gaps. The reader believes
nothing: what the header says must be what is there, to the byte.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sk_mixup.saving._errors import Unstorable, as_damage

_LENGTH = struct.Struct("<Q")
_MOST_HEADER = 2**24
_MOST_DIMS = 32
_ALIGNED = 8
#: Name, and dtype of torch, by the name in a file.
_DTYPES: dict[str, tuple[torch.dtype, int]] = {
    "F64": (torch.float64, 8),
    "I64": (torch.int64, 8),
    "U64": (torch.uint64, 8),
    "F32": (torch.float32, 4),
    "I32": (torch.int32, 4),
    "U32": (torch.uint32, 4),
    "F16": (torch.float16, 2),
    "BF16": (torch.bfloat16, 2),
    "I16": (torch.int16, 2),
    "U16": (torch.uint16, 2),
    "I8": (torch.int8, 1),
    "U8": (torch.uint8, 1),
    "BOOL": (torch.bool, 1),
}
_NAMES = {dtype: name for name, (dtype, _) in _DTYPES.items()}


@dataclass(frozen=True)
class _Place:
    """Where a tensor is."""

    dtype: torch.dtype
    size: int
    shape: tuple[int, ...]
    start: int
    end: int


class StoredTensors(Mapping[str, Tensor]):
    """The tensors of a file by name.

    Parameters
    ----------
    data : bytearray
        As `tensor_bytes` makes them.

    Raises
    ------
    ValueError
        If header and bytes do not fit.
    """

    def __init__(self, data: bytearray) -> None:
        with as_damage("the tensors"):
            self._data = data
            self._places = _read_header(data)

    def __getitem__(self, name: str) -> Tensor:
        """Return a tensor with memory of its own."""
        place = self._places[name]
        if place.start == place.end:
            return torch.empty(place.shape, dtype=place.dtype)
        # The copy is aligned, wherever the bytes were.
        part = self._data[place.start : place.end]
        if place.dtype == torch.bool and max(part) > 1:
            raise ValueError(f"{name} holds bytes that are no booleans")
        return torch.frombuffer(part, dtype=place.dtype).reshape(place.shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def n_elements(self) -> int:
        """Numbers in all tensors together."""
        return sum(math.prod(place.shape) for place in self._places.values())


def tensor_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Return tensors in the format of safetensors.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        Dense, on any device.

    Raises
    ------
    Unstorable
        For complex, quantized, sparse and other uncommon tensors.
    """
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {}
    parts, start = [], 0
    for name in order:
        tensor = tensors[name]
        if tensor.layout != torch.strided or tensor.dtype not in _NAMES:
            raise Unstorable(
                f"{name}: a tensor of dtype {tensor.dtype} and layout {tensor.layout}"
            )
        part = _raw(tensor)
        header[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, start + len(part)],
        }
        start += len(part)
        parts.append(part)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNED)
    return b"".join([_LENGTH.pack(len(text)), text, *parts])


def _raw(tensor: Tensor) -> bytes:
    # Memory of its own: a tensor of one value may call itself contiguous, and not be.
    values = torch.empty(tensor.numel(), dtype=tensor.dtype)
    values.copy_(tensor.detach().reshape(-1))
    # Viewed as bytes, since NumPy has no bfloat16.
    raw: np.ndarray = values.view(torch.uint8).numpy()
    return raw.tobytes()


def _read_header(data: bytearray) -> dict[str, _Place]:
    (length,) = _LENGTH.unpack(bytes(data[: _LENGTH.size]))
    begin = _LENGTH.size + length
    if length > _MOST_HEADER or begin > len(data):
        raise ValueError(f"their header has {length} bytes, of {len(data)} in all")
    header = json.loads(data[_LENGTH.size : begin].decode("utf-8"))
    header.pop("__metadata__", None)
    places = {name: _place(name, entry, begin) for name, entry in header.items()}
    expected = begin
    for name, place in sorted(places.items(), key=lambda item: item[1].start):
        if place.start != expected:
            raise ValueError(f"{name!r} begins at {place.start}, not at {expected}")
        expected = place.end
    if expected != len(data):
        raise ValueError(f"they end at byte {expected}, and there are {len(data)}")
    return places


def _place(name: str, entry: Any, begin: int) -> _Place:
    dtype, size = _DTYPES[entry["dtype"]]
    shape, (start, end) = entry["shape"], entry["data_offsets"]
    numbers = [*shape, start, end]
    if not isinstance(shape, list) or len(shape) > _MOST_DIMS:
        raise ValueError(f"{name!r} has the shape {str(shape)[:80]}")
    if any(type(n) is not int or not 0 <= n < 2**48 for n in numbers):
        raise ValueError(f"{name!r} has the shape or place {str(numbers)[:80]}")
    if end - start != math.prod(shape) * size:
        raise ValueError(f"{name!r} of shape {shape} has {end - start} bytes")
    return _Place(dtype, size, tuple(shape), begin + start, begin + end)
