"""Files that are damaged, or made to harm: what is done to good ones."""

from __future__ import annotations

import copy
import io
import json
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

DOCUMENT, TENSORS = "model.json", "tensors.safetensors"
# What stands in the place of a value.
STRANGE = (
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, 1e308, 0.5),
    *("", "x", "os.system", "../../etc/passwd", "torch.optim.Adam", "MixupRegressor"),
    *([], {}, [[]], [1, 2, 3], [10**12], {"is": "tuple", "of": [1]}),
    *({"is": "class", "of": "os.system"}, {"is": "class", "of": "torch.nn.Linear"}),
    *({"is": "object", "of": "torch.nn.NLLLoss", "with": {}}, {"is": "given"}),
    *({"is": "float", "of": "nan"}, {"is": "tensor", "of": "values/0"}),
    {"is": "dict", "of": [[1, 2]]},
    {"is": "array", "items": [], "shape": [10**9, 0], "dtype": "|O"},
    {"is": "array", "of": "values/0", "dtype": "<f8"},
    {"is": "builtins.eval", "of": "1"},
)


def parts_of(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the document and the tensors of a file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return json.loads(archive.read(DOCUMENT)), archive.read(TENSORS)


def packed(document: Any, tensors: bytes, **options: Any) -> bytes:
    """Return a file of any document, with sums that are right."""
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        archive.writestr(DOCUMENT, text)
        archive.writestr(TENSORS, tensors)
    return buffer.getvalue()


def split_tensors(tensors: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of tensors, and their bytes."""
    (length,) = struct.unpack("<Q", tensors[:8])
    return json.loads(tensors[8 : 8 + length]), tensors[8 + length :]


def joined_tensors(header: Any, raw: bytes) -> bytes:
    """Return tensors of any header."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + raw


class Damage:
    """Damages a file in ways that are drawn.

    Parameters
    ----------
    data : bytes
        A good file.
    seed : int
    """

    def __init__(self, data: bytes, seed: int) -> None:
        self.data = data
        self.document, self.tensors = parts_of(data)
        self.random = np.random.default_rng(seed)

    def __call__(self) -> tuple[str, bytes]:
        """Return what was done, and the damaged file."""
        ways: list[Callable[[], bytes]] = [
            self.bits,
            self.cut,
            self.bytes_moved,
            self.document_bits,
            self.tensor_bits,
            self.header,
            *[self.value] * 4,
            *[self.values] * 2,
            self.numbers,
        ]
        way = ways[int(self.random.integers(len(ways)))]
        return way.__name__, way()

    # -- bytes of the file ------------------------------------------------------------

    def bits(self) -> bytes:
        """Flip some bits."""
        return self._flipped(self.data, int(self.random.integers(1, 20)))

    def cut(self) -> bytes:
        """Cut the end, or the beginning."""
        at = int(self.random.integers(len(self.data)))
        return self.data[:at] if self.random.random() < 0.7 else self.data[at:]

    def bytes_moved(self) -> bytes:
        """Take bytes out, write others over them, or put some in."""
        at, to = np.sort(self.random.integers(len(self.data), size=2))
        to = min(to, at + 64)
        middle = self.random.bytes(int(self.random.integers(64)))
        return self.data[:at] + middle + self.data[to:]

    def _flipped(self, data: bytes, n: int) -> bytes:
        changed = bytearray(data)
        for at in self.random.integers(len(changed), size=n):
            changed[at] ^= 1 << int(self.random.integers(8))
        return bytes(changed)

    # -- content, with sums that are right --------------------------------------------

    def document_bits(self) -> bytes:
        """Flip bits of the document."""
        text = json.dumps(self.document).encode()
        return packed(
            self._flipped(text, int(self.random.integers(1, 5))), self.tensors
        )

    def tensor_bits(self) -> bytes:
        """Flip bits of the tensors, mostly of their header."""
        length = len(self.tensors) - len(split_tensors(self.tensors)[1])
        head = self._flipped(self.tensors[:length], int(self.random.integers(1, 5)))
        return packed(self.document, head + self.tensors[length:])

    def header(self) -> bytes:
        """Say something else of a tensor, or leave it out."""
        header, raw = split_tensors(self.tensors)
        name = self._one(sorted(header))
        entry = header[name]
        what = int(self.random.integers(5))
        if what == 0:
            del header[name]
        elif what == 1:
            entry["dtype"] = self._one(["F64", "I64", "U8", "BOOL", "F16", "X"])
        elif what == 2:
            entry["shape"] = self._one([[], [0], [1, *entry["shape"]], [2**40], [-1]])
        elif what == 3:
            entry["data_offsets"][int(self.random.integers(2))] = self._one(
                [0, 1, 2**62, len(raw), -8]
            )
        else:
            entry[self._one(["dtype", "shape", "data_offsets"])] = self._strange()
        return packed(self.document, joined_tensors(header, raw))

    def value(self) -> bytes:
        """Put something strange in the place of a value of the document."""
        document = copy.deepcopy(self.document)
        self._change(document)
        return packed(document, self.tensors)

    def values(self) -> bytes:
        """The same, several times."""
        document = copy.deepcopy(self.document)
        for _ in range(int(self.random.integers(2, 6))):
            self._change(document)
        return packed(document, self.tensors)

    def numbers(self) -> bytes:
        """Change integers of the document by a little, or by a lot."""
        document = copy.deepcopy(self.document)
        places = [(o, k) for o, k in _places(document) if type(o[k]) is int]
        for owner, key in self._some(places):
            factor = self._one([-1, 0, 2, 10, 10**6, 10**12])
            owner[key] = owner[key] * factor + int(self.random.integers(-1, 2))
        return packed(document, self.tensors)

    def _change(self, document: Any) -> None:
        places = _places(document)
        owner, key = places[int(self.random.integers(len(places)))]
        what = self.random.random()
        if what < 0.6:
            owner[key] = self._strange()
        elif what < 0.75:
            del owner[key]
        elif what < 0.9:
            other, place = places[int(self.random.integers(len(places)))]
            if place in other if isinstance(other, dict) else place < len(other):
                owner[key] = copy.deepcopy(other[place])
        elif isinstance(owner, list):
            owner.insert(key, self._strange())
        else:
            owner["more"] = self._strange()

    def _strange(self) -> Any:
        return copy.deepcopy(STRANGE[int(self.random.integers(len(STRANGE)))])

    def _one(self, among: Any) -> Any:
        return among[int(self.random.integers(len(among)))]

    def _some(self, among: list[Any]) -> list[Any]:
        n = int(self.random.integers(1, 4))
        return [self._one(among) for _ in range(n)] if among else []


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Return all owners and keys of the values of a document."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, (dict, list)):
        keys: Any = value if isinstance(value, dict) else range(len(value))
        for key in list(keys):
            found.append((value, key))
            found += _places(value[key])
    return found
