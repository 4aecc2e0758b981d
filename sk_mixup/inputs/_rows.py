"""Several arrays with one row per sample, cut together."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sk_mixup.inputs._lazy import ArrayRows, is_large_map, plain_index


class Rows:
    """Several arrays that scikit-learn can split as if they were one.

    A dict or tuple of arrays has as many entries as it has arrays; this has as many as
    the arrays have rows, and rows can be picked. Estimators take it, and plain dicts
    and tuples too, where nothing has to be split.

    Parameters
    ----------
    entries : mapping of str to array, or sequence of arrays
        One entry per argument of the module's ``forward``: by name for a mapping, by
        position for a sequence. An entry is a NumPy array, a memory map (which stays
        in its file), a torch tensor (which stays on its device), a DataFrame (its
        values) or a list.
    **named : array
        In place of `entries`.

    Attributes
    ----------
    shape : tuple of int
        ``(n,)``: the number of rows.

    Raises
    ------
    ValueError
        If entries differ in their number of rows, or there are none.
    TypeError
        For entries that are no arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mixup.inputs import Rows
    >>> X = Rows(image=np.zeros((6, 3, 8, 8), np.uint8), age=np.arange(6.0))
    >>> X
    Rows(6 rows, image=uint8[3, 8, 8], age=float64[])
    >>> X[np.array([4, 1])]["age"]
    array([4., 1.])
    >>> from sklearn.model_selection import train_test_split
    >>> [len(part) for part in train_test_split(X, test_size=2, random_state=0)]
    [4, 2]
    """

    ndim = 1

    def __init__(self, entries: Any = None, /, **named: Any) -> None:
        if (entries is None) == (not named):
            raise TypeError(
                "Rows takes a dict or tuple of arrays, or arrays by keyword, and not"
                " both: Rows({'image': images, 'age': ages}) or"
                " Rows(image=images, age=ages)."
            )
        entries = named if entries is None else entries
        if isinstance(entries, Rows):
            self.is_named: bool = entries.is_named
            self.entries: dict[Any, Any] = dict(entries.entries)
            return
        if isinstance(entries, Mapping):
            for key in entries:
                if not isinstance(key, str):
                    raise TypeError(
                        "Rows: names are arguments of the module's forward, so they"
                        f" must be str; got {key!r} of type {type(key).__name__}."
                    )
            self.is_named, items = True, dict(entries)
        elif isinstance(entries, (tuple, list)):
            self.is_named, items = False, dict(enumerate(entries))
        else:
            raise TypeError(
                "Rows takes a dict or tuple of arrays; got"
                f" {type(entries).__name__}. A single array needs no Rows."
            )
        if not items:
            raise ValueError("Rows: there is no entry.")
        self.entries = {key: _entry(key, value) for key, value in items.items()}
        lengths = {key: len(value) for key, value in self.entries.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{key!r} has {n}" for key, n in lengths.items())
            raise ValueError(
                f"Rows: every entry needs the same number of rows; {listed}."
            )

    def __len__(self) -> int:
        return len(next(iter(self.entries.values())))

    @property
    def shape(self) -> tuple[int, ...]:
        """``(n,)``."""
        return (len(self),)

    def keys(self) -> list[Any]:
        """Return the names, or the positions."""
        return list(self.entries)

    def __getitem__(self, index: Any) -> Any:
        """Return an entry for a name, a row for an int, and else rows.

        Parameters
        ----------
        index : str, int, slice, mask, or list, array or tensor of int

        Returns
        -------
        rows : Rows; for a str an array; for an int a dict or tuple of values
        """
        if isinstance(index, str):
            if index not in self.entries:
                raise KeyError(
                    f"Rows has no entry {index!r}; it has {list(self.entries)}."
                )
            return self.entries[index]
        index = plain_index(index, len(self))
        taken = {key: _take(value, index) for key, value in self.entries.items()}
        if isinstance(index, int):
            return taken if self.is_named else tuple(taken.values())
        rows = copy.copy(self)
        rows.entries = taken
        return rows

    def __contains__(self, key: object) -> bool:
        """Whether there is an entry of this name or position."""
        return key in self.entries

    def __iter__(self) -> Iterator[Any]:
        """Iterate over rows."""
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        """Name every entry with the dtype and the shape of its rows."""
        parts = []
        for key, value in self.entries.items():
            dtype = str(value.dtype).removeprefix("torch.")
            shape = ", ".join(map(str, value.shape[1:]))
            parts.append(f"{key}={dtype}[{shape}]")
        return f"Rows({len(self)} rows, {', '.join(parts)})"


def as_rows(X: Any) -> Rows | None:
    """Return what stands for several arrays as `Rows`; None for anything else.

    A tuple does if all its items are arrays; other tuples are rows of one array.
    """
    if isinstance(X, Rows):
        return X
    if isinstance(X, Mapping):
        return Rows(X)
    if isinstance(X, tuple) and X and all(map(_is_array, X)):
        return Rows(X)
    return None


def _is_array(value: Any) -> bool:
    if not isinstance(value, (np.ndarray, Tensor, ArrayRows)) and not hasattr(
        value, "iloc"
    ):
        return False
    return value.ndim > 0


def _entry(key: Any, value: Any) -> Any:
    name = f"entry {key!r}"
    if isinstance(value, (Tensor, ArrayRows)):
        array: Any = value.detach() if isinstance(value, Tensor) else value
    elif isinstance(value, np.ndarray):
        array = ArrayRows(value) if is_large_map(value) else value
    elif isinstance(value, (list, tuple)):
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ValueError(
                f"Rows: {name} is a list whose rows differ in length ({error}). Pad"
                " them to one array."
            ) from error
        if array.dtype.kind in "US":
            array = np.asarray(value, dtype=object)
    elif hasattr(value, "to_numpy"):
        array = value.to_numpy()
    else:
        raise TypeError(
            f"Rows: {name} must be an array, tensor, DataFrame or list; got"
            f" {type(value).__name__}."
        )
    if array.ndim == 0:
        raise TypeError(f"Rows: {name} is a single value, and not one per row.")
    return array


def _take(value: Any, index: Any) -> Any:
    if isinstance(value, Tensor) and not isinstance(index, int):
        if isinstance(index, slice):
            if index.step is None or index.step > 0:
                return value[index]
            index = np.arange(*index.indices(len(value)))
        return value.index_select(0, torch.from_numpy(index).to(value.device))
    return value[index]
