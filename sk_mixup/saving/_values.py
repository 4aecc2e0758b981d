"""Python values to JSON and tensors, and back.

None, booleans, integers, finite floats, texts and lists are JSON themselves. Anything
else is an object ``{"is": kind, ...}`` of a kind that stands in this file. Numbers in
arrays go to the tensors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from sk_mixup.saving._errors import Unstorable
from sk_mixup.saving._known import (
    known_classes,
    known_objects,
    name_of,
    object_name,
    parameters_of,
)
from sk_mixup.saving._scalars import BY_TYPE, SCALARS, is_usual

_DEEPEST = 40
_DTYPES = {
    str(value).removeprefix("torch."): value
    for value in vars(torch).values()
    if isinstance(value, torch.dtype)
}
_DTYPE = re.compile(
    r"[|<>=]?(b1|[iuf][1248]|O|U\d{1,6}|[mM]8(\[\d{0,4}(Y|M|W|D|h|m|s|ms|us|ns|ps)\])?)"
)
# Kinds of NumPy's numbers that are tensors, and that are not but can be viewed as such.
_NUMBERS, _TIMES = "biuf", "mM"


class ValueWriter:
    """Makes JSON of values, and keeps their arrays.

    Attributes
    ----------
    tensors : dict of str to Tensor
        What has been met so far, and is to be stored beside the document.
    """

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._prefix = ""

    def part(self, name: str) -> ValueWriter:
        """Return a writer of a part of a model, whose tensors go with the others."""
        inner = ValueWriter()
        inner.tensors = self.tensors
        inner._prefix = f"{self._prefix}{name}/"
        return inner

    def write(self, value: Any, where: str, depth: int = 0) -> Any:
        """Return the JSON of a value.

        Parameters
        ----------
        value : object
        where : str
            What messages call it.

        Raises
        ------
        Unstorable
            For a value of no known kind.
        """
        if depth > _DEEPEST:
            raise Unstorable(f"{where}: values nested so deeply, or in a circle")
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float and is_usual(value):
            return value
        if kind is list:
            return self._all(value, where, depth)
        if kind in BY_TYPE:
            name = BY_TYPE[kind]
            try:
                return {"is": name, "of": SCALARS[name][1][0](value)}
            except ValueError as error:
                raise Unstorable(f"{where}: {error} ({value!r})") from error
        if kind is tuple or kind is set or kind is frozenset:
            return {"is": kind.__name__, "of": self._all(value, where, depth)}
        if kind is dict:
            pairs = [self._all(pair, where, depth) for pair in value.items()]
            return {"is": "dict", "of": pairs}
        if value is pd.NaT or value is pd.NA:
            return {"is": "missing", "of": "NaT" if value is pd.NaT else "NA"}
        if isinstance(value, np.generic):
            return {"is": "scalar", "of": self._array(np.array(value), where, depth)}
        if kind is np.ndarray:
            return self._array(value, where, depth)
        if kind is pd.Interval:
            ends = self._all([value.left, value.right], where, depth)
            return {"is": "interval", "of": ends, "closed": value.closed}
        return self._of_torch(value, where, depth)

    def tensor(self, value: Tensor, name: str | None = None) -> str:
        """Keep a tensor; return its name."""
        name = f"values/{len(self.tensors)}" if name is None else name
        name = self._prefix + name
        self.tensors[name] = value.detach()
        return name

    def attempt(self, value: Any, where: str) -> tuple[bool, Any]:
        """Return whether a value can be written, and its JSON."""
        before = list(self.tensors)
        try:
            return True, self.write(value, where)
        except Unstorable:
            for name in set(self.tensors) - set(before):
                del self.tensors[name]
            return False, None

    def _of_torch(self, value: Any, where: str, depth: int) -> Any:
        if type(value) in (Tensor, torch.nn.Parameter):
            return {"is": "tensor", "of": self.tensor(value)}
        if isinstance(value, torch.dtype):
            return {"is": "dtype", "of": str(value).removeprefix("torch.")}
        if isinstance(value, torch.device):
            return {"is": "device", "of": str(value)}
        if type(value) is np.random.RandomState:
            state = value.get_state(legacy=True)
            return {"is": "random", "of": self._all(list(state)[1:], where, depth)}
        if (name := name_of(value)) is not None:
            return {"is": "class", "of": name}
        name = object_name(value)
        parameters = None if name is None else parameters_of(value)
        if parameters is None:
            raise Unstorable(f"{where}: {_shown(value)}")
        return {
            "is": "object",
            "of": name,
            "with": {
                key: self.write(part, f"{where}.{key}", depth + 1)
                for key, part in parameters.items()
            },
        }

    def _array(self, value: np.ndarray, where: str, depth: int) -> Any:
        dtype = value.dtype.newbyteorder("=")
        kind, shape = dtype.kind, list(value.shape)
        if kind in _NUMBERS and dtype.itemsize <= 8:
            numbers = np.array(value, dtype=dtype, order="C")
            return {
                "is": "array",
                "of": self.tensor(torch.from_numpy(numbers)),
                "dtype": dtype.str,
            }
        if kind in _TIMES:
            counts = np.array(value, dtype=dtype, order="C").view(np.int64)
            name = self.tensor(torch.from_numpy(counts))
            return {"is": "array", "of": name, "dtype": dtype.str}
        if kind not in "OU":
            raise Unstorable(f"{where}: an array of dtype {value.dtype}")
        items = self._all(value.ravel().tolist(), where, depth)
        return {"is": "array", "items": items, "shape": shape, "dtype": dtype.str}

    def _all(self, values: Any, where: str, depth: int) -> list[Any]:
        return [self.write(value, where, depth + 1) for value in values]


class ValueReader:
    """Makes values of JSON.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        What is stored beside the document.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors

    def read(self, given: Any, depth: int = 0) -> Any:
        """Return the value of JSON that `ValueWriter` has made.

        Raises
        ------
        ValueError, TypeError, LookupError, ...
            For anything else.
        """
        if depth > 2 * _DEEPEST:
            raise ValueError("values are nested too deeply")
        if isinstance(given, list):
            return [self.read(part, depth + 1) for part in given]
        if not isinstance(given, dict):
            return given
        kind, of = given["is"], given.get("of")
        if kind in SCALARS:
            return SCALARS[kind][1][1](of)
        reader = _READERS.get(kind) if isinstance(kind, str) else None
        if reader is None:
            raise ValueError(f"a value is said to be {str(kind)[:80]!r}")
        return reader(self, given, depth + 1)

    def read_all(self, given: Any, depth: int = 0) -> list[Any]:
        """Return the values of a list."""
        if not isinstance(given, list):
            raise ValueError(f"{str(given)[:80]} is no list")
        return [self.read(part, depth + 1) for part in given]

    def tensor(self, name: Any) -> Tensor:
        """Return a tensor by its name."""
        if not isinstance(name, str) or name not in self.tensors:
            raise ValueError(f"there is no tensor {str(name)[:80]!r}")
        return self.tensors[name]

    def _dict(self, given: Any, depth: int) -> dict[Any, Any]:
        pairs = [self.read_all(pair, depth) for pair in given["of"]]
        return dict(pairs)

    def _missing(self, given: Any, depth: int) -> Any:
        return {"NaT": pd.NaT, "NA": pd.NA}[given["of"]]

    def _scalar(self, given: Any, depth: int) -> Any:
        array = self.read(given["of"], depth)
        if not isinstance(array, np.ndarray) or array.ndim:
            raise ValueError("a number is none")
        return array[()]

    def _array(self, given: Any, depth: int) -> np.ndarray:
        text = given["dtype"]
        # NumPy itself reads more: records, and expressions that it parses.
        if not isinstance(text, str) or not _DTYPE.fullmatch(text):
            raise ValueError(f"{str(text)[:80]!r} is no dtype")
        dtype = np.dtype(text)
        if "items" not in given:
            values = self.tensor(given["of"]).numpy()
            if dtype.kind in _TIMES and values.dtype == np.int64:
                return values.view(dtype)
            if dtype.kind not in _NUMBERS or values.dtype != dtype:
                raise ValueError(
                    f"numbers of dtype {values.dtype} are said to be {dtype}"
                )
            return values
        items, shape = self.read_all(given["items"], depth), given["shape"]
        if any(type(n) is not int or n < 0 for n in shape):
            raise ValueError(f"{str(shape)[:80]} is no shape")
        if math.prod(shape) != len(items) or dtype.kind not in "OU":
            raise ValueError(f"{len(items)} items of dtype {dtype} do not fit {shape}")
        if dtype.kind == "U" and not all(isinstance(item, str) for item in items):
            raise ValueError("texts are none")
        found = np.empty(len(items), dtype=object)
        found[:] = items
        if dtype.kind == "U":
            # As wide as the texts: a file may say any width.
            found = found.astype(np.str_) if len(items) else np.empty(0, np.str_)
        return found.reshape(shape)

    def _interval(self, given: Any, depth: int) -> Any:
        left, right = self.read_all(given["of"], depth)
        return pd.Interval(left, right, closed=given["closed"])

    def _tensor(self, given: Any, depth: int) -> Tensor:
        return self.tensor(given["of"])

    def _dtype(self, given: Any, depth: int) -> torch.dtype:
        return _DTYPES[given["of"]]

    def _device(self, given: Any, depth: int) -> torch.device:
        return torch.device(given["of"])

    def _random(self, given: Any, depth: int) -> np.random.RandomState:
        state = np.random.RandomState(0)
        state.set_state(("MT19937", *self.read_all(given["of"], depth)))
        return state

    def _class(self, given: Any, depth: int) -> type:
        return known_classes()[given["of"]]

    def _object(self, given: Any, depth: int) -> Any:
        made_of = given["with"]
        if not isinstance(made_of, dict):
            raise ValueError("an object is made of nothing")
        kind = known_objects()[given["of"]]
        return kind(**{key: self.read(part, depth) for key, part in made_of.items()})


_READERS: dict[str, Any] = {
    "tuple": lambda self, given, depth: tuple(self.read_all(given["of"], depth)),
    "set": lambda self, given, depth: set(self.read_all(given["of"], depth)),
    "frozenset": lambda self, given, depth: frozenset(
        self.read_all(given["of"], depth)
    ),
    "dict": ValueReader._dict,
    "missing": ValueReader._missing,
    "scalar": ValueReader._scalar,
    "array": ValueReader._array,
    "interval": ValueReader._interval,
    "tensor": ValueReader._tensor,
    "dtype": ValueReader._dtype,
    "device": ValueReader._device,
    "random": ValueReader._random,
    "class": ValueReader._class,
    "object": ValueReader._object,
}


def _shown(value: Any) -> str:
    text = repr(value)
    text = text if len(text) <= 80 else f"{text[:77]}..."
    return f"{text} of type {type(value).__name__}"
