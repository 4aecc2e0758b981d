"""What tells one value from another, in every process alike.

Data, parameters and code of users are walked through, and neither their addresses nor
the order of a set nor which of two equal texts is the same object plays a part.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import pickle
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from torch import Tensor, nn

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
# Packages whose code is told by its version, if at all.
_NOISE = ("__doc__", "__module__", "__qualname__", "__firstlineno__")
_INSTALLED = ("torch", "sk_mixup", "skorch", "sklearn", "numpy", "pandas", "builtins")


def digest(value: Any) -> str:
    """Return a hexadecimal digest of a value of any kind.

    Parameters
    ----------
    value : object
        Data and parameters by what they hold; functions and classes that are not
        installed by their code; of what cannot be looked into, the class alone.
    """
    return _Walk().of(value).hex()


class _Walk:
    """One walk through a value, which may meet an object many times."""

    def __init__(self) -> None:
        # What is known, with the objects themselves, so that no address is reused.
        self.known: dict[int, tuple[bytes, Any]] = {}

    def of(self, value: Any) -> bytes:
        """Return the digest of a part."""
        if isinstance(value, _PLAIN):
            return _hashed(type(value).__name__, repr(value).encode())
        if id(value) not in self.known:
            # What leads back to itself, if this is met again on the way.
            self.known[id(value)] = b"above", value
            self.known[id(value)] = self._looked_into(value), value
        return self.known[id(value)][0]

    def all(self, name: str, *values: Any) -> bytes:
        return _hashed(name, *map(self.of, values))

    def _looked_into(self, value: Any) -> bytes:
        name = _name(type(value))
        if isinstance(value, Tensor):
            return _of_tensor(value)
        if isinstance(value, np.ndarray):
            return self._of_array(value)
        if isinstance(value, (np.generic, np.dtype)):
            return _hashed(name, repr(value).encode())
        if isinstance(value, pd.DataFrame):
            columns = [value.iloc[:, i] for i in range(value.shape[1])]
            return self.all(name, list(value.columns), columns)
        if isinstance(value, (pd.Series, pd.Index)):
            return self._of_column(value)
        if sparse.issparse(value):
            rows = value.tocsr()
            return self.all(name, rows.shape, rows.data, rows.indices, rows.indptr)
        if isinstance(value, Mapping):
            return self.all(name, *(part for item in value.items() for part in item))
        if isinstance(value, (set, frozenset)):
            return _hashed(name, *sorted(map(self.of, value)))
        if isinstance(value, (list, tuple)):
            return self.all(name, *value)
        if isinstance(value, type):
            return self._of_class(value)
        if isinstance(value, (types.FunctionType, types.MethodType)):
            return self._of_function(value)
        if isinstance(value, functools.partial):
            return self.all(name, value.func, value.args, value.keywords)
        if isinstance(value, types.CodeType):
            return self.all(name, value.co_code, value.co_names, value.co_consts)
        return self._of_object(value)

    def _of_array(self, array: np.ndarray) -> bytes:
        if array.dtype.hasobject or array.dtype.kind == "T":
            flat = pd.Series(array.reshape(-1).astype(object))
            return self.all("array", array.shape, flat)
        dense = np.ascontiguousarray(array)
        head = f"{array.dtype.str}{array.shape}".encode()
        return _hashed("array", head, dense.reshape(-1).view(np.uint8))

    def _of_column(self, column: Any) -> bytes:
        kind = column.dtype
        known: list[Any] = [
            str(kind),
            None if column.name is None else str(column.name),
        ]
        if isinstance(kind, pd.CategoricalDtype):
            known += [list(kind.categories), bool(kind.ordered)]
        elif pd.api.types.is_object_dtype(kind):
            known.append(pd.api.types.infer_dtype(column, skipna=False))
        try:
            hashes = pd.util.hash_pandas_object(column, index=False).to_numpy()
        except TypeError:  # lists in cells
            return self.all("column", known, list(column))
        return _hashed("column", self.of(known), self._of_array(hashes))

    def _of_class(self, cls: type) -> bytes:
        code = []
        for base in cls.__mro__:
            if _is_installed(base):
                continue
            for key, part in sorted(vars(base).items()):
                # Of methods of a class, static ones and properties.
                part = getattr(part, "__func__", getattr(part, "fget", part))
                is_code = isinstance(part, (types.FunctionType, *_PLAIN))
                if is_code and key not in _NOISE:
                    code.append((key, part))
        return _hashed(_name(cls), *(self.of(part) for part in code))

    def _of_function(self, function: Any) -> bytes:
        if isinstance(function, types.MethodType):
            return self.all("method", function.__func__, function.__self__)
        if _is_installed(function):
            return _hashed(_name(function))
        cells = []
        for cell in function.__closure__ or ():
            with contextlib.suppress(ValueError):  # not filled yet
                cells.append(cell.cell_contents)
        return self.all(
            _name(function), function.__code__, function.__defaults__, cells
        )

    def _of_object(self, value: Any) -> bytes:
        kind = self.of(type(value))
        if isinstance(value, nn.Module):
            hidden = {"_parameters", "_buffers", "_modules"}
            own = {k: v for k, v in vars(value).items() if k not in hidden}
            own = {k: v for k, v in own.items() if not k.endswith("hooks")}
            parts = (own, value._parameters, value._buffers, value._modules)
            return _hashed("module", kind, *map(self.of, map(dict, parts)))
        if isinstance(value, torch.Generator):
            return self.all("generator", value.get_state())
        if (params := _params_of(value)) is not None:
            return _hashed("params", kind, self.of(params))
        if callable(value) and hasattr(value, "__qualname__"):  # of C
            return _hashed(_name(value))
        if getattr(value, "__dict__", None):
            return _hashed("object", kind, self.of(vars(value)))
        try:
            return _hashed("pickle", kind, pickle.dumps(value))
        except Exception:  # of what has no content that could be told
            return _hashed("class", kind)


def _params_of(value: Any) -> Any:
    """Return the parameters of what has some: estimators, methods, callbacks."""
    if not callable(getattr(value, "get_params", None)):
        return None
    try:
        return value.get_params(deep=False)
    except Exception:  # of users, who may mean something else by the name
        return None


def _of_tensor(value: Tensor) -> bytes:
    value = value.detach()
    if value.layout != torch.strided:
        value = value.to_dense()
    data = value.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    head = f"{value.dtype}{tuple(value.shape)}".encode()
    return _hashed("tensor", head, data.view(torch.uint8).numpy())


def _hashed(name: str, *parts: Any) -> bytes:
    whole = hashlib.blake2b(name.encode(), digest_size=20)
    for part in parts:
        whole.update(len(part).to_bytes(8, "little"))
        whole.update(part)
    return whole.digest()


def _name(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def _is_installed(thing: Any) -> bool:
    return str(thing.__module__).partition(".")[0] in _INSTALLED
