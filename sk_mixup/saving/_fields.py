"""The fields of a stored object, each asked for by the type that it must have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from sk_mixup.saving._values import ValueReader


class Fields:
    """Reads fields of one JSON object.

    Parameters
    ----------
    given : object
        Of the document.
    name : str
        What messages call it.
    values : ValueReader
    """

    def __init__(self, given: Any, name: str, values: ValueReader) -> None:
        if not isinstance(given, dict):
            raise ValueError(f"{name} is no object")
        self.given = given
        self.name = name
        self.values = values

    def raw(self, key: str) -> Any:
        """Return a field as it stands there."""
        if key not in self.given:
            raise ValueError(f"{self.name} lacks {key!r}")
        return self.given[key]

    def has(self, key: str) -> bool:
        """Whether a field is there, and is not null."""
        return self.given.get(key) is not None

    def fields(self, key: str) -> Fields:
        """Return an object."""
        return Fields(self.raw(key), f"{self.name}.{key}", self.values)

    def each(self, key: str) -> list[Fields]:
        """Return a list of objects."""
        return [
            Fields(part, f"{self.name}.{key}", self.values) for part in self.list(key)
        ]

    def value(self, key: str) -> Any:
        """Return a value of any kind."""
        return self.values.read(self.raw(key))

    def list(self, key: str) -> list[Any]:
        """Return a JSON list as it stands there."""
        found = self.raw(key)
        if not isinstance(found, list):
            raise ValueError(f"{self.name}.{key} is no list")
        return found

    def text(self, key: str, among: Iterable[str] | None = None) -> str:
        """Return a text, one of some."""
        found = self.raw(key)
        if not isinstance(found, str) or (among is not None and found not in among):
            raise ValueError(f"{self.name}.{key} is {str(found)[:80]!r}")
        return found

    def integer(self, key: str, low: int = 0, high: int = 2**62) -> int:
        """Return an integer in a range."""
        found = self.raw(key)
        if type(found) is not int or not low <= found <= high:
            raise ValueError(f"{self.name}.{key} is {str(found)[:80]}")
        return found

    def flag(self, key: str) -> bool:
        """Return a boolean."""
        found = self.raw(key)
        if not isinstance(found, bool):
            raise ValueError(f"{self.name}.{key} is {str(found)[:80]}, no boolean")
        return found

    def array(self, key: str, kind: str, length: int | None = None) -> np.ndarray:
        """Return a one-dimensional array of a kind of dtype, of some length."""
        found = self.value(key)
        if not isinstance(found, np.ndarray) or found.ndim != 1:
            raise ValueError(f"{self.name}.{key} is no array of one dimension")
        if found.dtype.kind not in kind:
            raise ValueError(f"{self.name}.{key} has dtype {found.dtype}")
        if length is not None and len(found) != length:
            raise ValueError(
                f"{self.name}.{key} has {len(found)} entries, not {length}"
            )
        return found

    def indices(self, key: str, below: int) -> np.ndarray:
        """Return increasing positions below a number."""
        found = self.array(key, "i").astype(np.int64)
        if len(found) and (found[0] < 0 or found[-1] >= below):
            raise ValueError(f"{self.name}.{key} holds positions beyond {below}")
        if (np.diff(found) <= 0).any():
            raise ValueError(f"{self.name}.{key} does not increase")
        return found
