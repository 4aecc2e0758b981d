"""Plans that take whole columns of a table from the partner.

Nothing is blended, so numbers, category codes and their missing indicators can move as
they are, before any embedding. Several entries of a row may belong to one column (a
number and its indicator): they move together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from sk_mixup.mixing.plans._plan import MixPlan

#: Column of each entry of a row: None for entries that are columns of their own.
Columns = Tensor | Mapping[Any, Tensor] | None


@dataclass(frozen=True, eq=False, repr=False)
class SwapPlan(MixPlan):
    """Take ``x[partner]`` in some columns.

    Parameters
    ----------
    mask : Tensor of shape (B or 1, n_columns), bool
        True where a column comes from the partner; one row serves the whole batch.
    columns : Tensor, mapping of key to Tensor, or None
        Column of each entry along axis 1: a mapping for a dict (or, by position, a
        tuple or list) of tensors. None: the entries of one tensor are the columns.
    """

    mask: Tensor | None = None
    columns: Columns = None

    pastes: ClassVar[bool] = True

    def apply(self, x: Any) -> Any:
        """Swap columns of a tensor, or of every tensor of a dict, tuple or list.

        Parameters
        ----------
        x : Tensor of shape (B, n_columns) or (B, n_columns, width), or dict of such
            Of any dtype; never changed in place.

        Returns
        -------
        mixed : like `x`

        Raises
        ------
        ValueError
            If rows, columns or keys are not those that the plan was drawn for.
        """
        if isinstance(x, Tensor) or self.pool is not None:
            return super().apply(x)
        parts = {key: self._swapped(t, self._ids(key)) for key, t in parts_of(x)}
        if isinstance(x, Mapping):
            return parts
        values = list(parts.values())
        # A named tuple takes its fields one by one.
        return type(x)(*values) if hasattr(x, "_fields") else type(x)(values)

    def _apply(self, x: Tensor) -> Tensor:
        if isinstance(self.columns, Mapping):
            raise ValueError(
                "This plan was drawn for the tensors"
                f" {list(self.columns)}; got one tensor of shape {tuple(x.shape)}."
            )
        return self._swapped(x, self.columns)

    def _ids(self, key: Any) -> Tensor:
        if isinstance(self.columns, Mapping) and key in self.columns:
            return self.columns[key]
        known = (
            list(self.columns) if isinstance(self.columns, Mapping) else "one tensor"
        )
        raise ValueError(f"This plan was drawn for {known}; got a tensor {key!r} too.")

    def _swapped(self, x: Tensor, ids: Tensor | None) -> Tensor:
        assert self.mask is not None
        self._check_rows(x, "a tensor")
        mask = self.mask if ids is None else self.mask.index_select(1, ids)
        if x.ndim not in (2, 3) or x.shape[1] != mask.shape[1]:
            raise ValueError(
                f"This plan was drawn for {mask.shape[1]} entries per row, in tensors"
                " of shape (B, entries) or (B, entries, width); got shape"
                f" {tuple(x.shape)}."
            )
        if x.ndim == 3:
            mask = mask.unsqueeze(2)
        return torch.where(mask, self.take_partners(x), x)


def parts_of(x: Any) -> Iterable[tuple[Any, Tensor]]:
    """Return the tensors of a dict by key, of a tuple or list by position."""
    if isinstance(x, Mapping):
        return x.items()
    if isinstance(x, (tuple, list)):
        return enumerate(x)
    raise TypeError(
        "A plan mixes tensors, and dicts, tuples and lists of them; got"
        f" {type(x).__name__}."
    )


def column_ids(
    name: str, x: Any, given: Columns, n_given: int | None = None
) -> tuple[Columns, int]:
    """Find the columns of a batch.

    Parameters
    ----------
    name : str
        What messages call the method.
    x : Tensor of shape (B, entries) or (B, entries, width), or dict of such
    given : Tensor, mapping or None
        What the context says; None: every entry is a column, numbered through the
        tensors of a dict.
    n_given : int or None
        How many columns `given` speaks of, if that is known.

    Returns
    -------
    columns : Tensor, dict or None
        For `SwapPlan`, on the device of the batch.
    n_columns : int

    Raises
    ------
    ValueError
        If this is no table, or not the table that `given` describes.
    """
    if isinstance(x, Tensor):
        _check_table(name, x)
        if given is None:
            return None, x.shape[1]
        if isinstance(given, Mapping):
            raise ValueError(
                f"{name}: context.columns describes the tensors {list(given)}; got one"
                f" tensor of shape {tuple(x.shape)}."
            )
        n_columns = count_columns([given]) if n_given is None else n_given
        return _checked(name, x, given, "x"), n_columns
    parts = dict(parts_of(x))
    for part in parts.values():
        _check_table(name, part)
    if given is None:
        given, n_given = {}, 0
        for key, part in parts.items():
            stop = n_given + part.shape[1]
            given[key] = torch.arange(n_given, stop, device=part.device)
            n_given = stop
    if not isinstance(given, Mapping) or given.keys() != parts.keys():
        known = list(given) if isinstance(given, Mapping) else "one tensor"
        raise ValueError(
            f"{name}: context.columns describes {known}; got the tensors {list(parts)}."
        )
    columns = {
        key: _checked(name, part, given[key], f"x[{key!r}]")
        for key, part in parts.items()
    }
    return columns, count_columns(given.values()) if n_given is None else n_given


def count_columns(ids: Iterable[Tensor]) -> int:
    """Return how many columns there are, by the largest number of one.

    Parameters
    ----------
    ids : iterable of Tensor, int64
    """
    return max((int(t.max()) + 1 for t in ids if len(t)), default=0)


def _check_table(name: str, x: Any) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name} moves columns of tensors; got a part of type {type(x).__name__}."
        )
    if x.ndim not in (2, 3):
        raise ValueError(
            f"{name} moves columns of tables and needs shape (B, columns) or (B,"
            f" columns, width); got shape {tuple(x.shape)}. For images use CutMix or"
            " Mixup; a single column needs an axis of its own, x.unsqueeze(1)."
        )


def _checked(name: str, x: Tensor, ids: Tensor, what: str) -> Tensor:
    if ids.shape != x.shape[1:2]:
        raise ValueError(
            f"{name}: context.columns has {len(ids)} entries for {what}, which has"
            f" shape {tuple(x.shape)}; one column id per entry of a row is needed."
        )
    return ids.to(x.device, non_blocking=True)
