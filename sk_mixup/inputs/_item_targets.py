"""Targets of a data set: those of its items, found without loading all of them.

Reading every item may mean to load every image, and most data sets keep their targets
in a list beside. That list is a short cut and no more: a `target_transform`, an order
of its own or a filter make items say something else, and what items say is what a net
is trained on. So a sample of items is asked, some of every class, and where one
disagrees all are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from sk_mixup.turns import kept_globals

# Items that are asked: some of each class, and some at random.
_PER_CLASS, _CLASSES, _ANYWHERE = 2, 64, 16
_NAMES = ("label", "labels", "target", "targets", "y")

Split = Callable[[Any], tuple[Any, Any]]


class Kept(NamedTuple):
    """Targets that a data set keeps beside its items.

    Attributes
    ----------
    values : ndarray
        As items hold them.
    named : ndarray
        The same, or the names of the classes that they stand for.
    """

    values: np.ndarray
    named: np.ndarray


def read_item_targets(
    dataset: Any, index: np.ndarray, split: Split
) -> np.ndarray | None:
    """Return the targets of some items; None where items have none.

    Parameters
    ----------
    dataset : map-style data set
    index : ndarray of int
        Positions of the items.
    split : callable
        Returns input and target of an item.

    Raises
    ------
    ValueError
        If some items have a target and others none, or a target stands inside of the
        input.
    """
    kept = _kept(dataset)
    if kept is not None and len(index):
        if _is_plain(dataset):
            return kept.named[index]
        asked = index[_sample(kept.values[index])]
        try:
            found = _ask(dataset, asked, split)
        except Exception:
            # An item that cannot be read is an error of the training, which names it.
            return kept.named[index]
        if found is not None and _agree(found, kept.values[asked]):
            return kept.named[index]
    found = _ask(dataset, index, split)
    if found is None:
        return None
    # Names belong to the targets that the data set keeps. Others may mean anything.
    is_own = kept is None and getattr(dataset, "target_transform", None) is None
    return named(found, dataset) if is_own else found


def join_targets(targets: Sequence[Any]) -> np.ndarray:
    """Return targets as they come from items as one array.

    Class indices that stand in an array of one are a vector all the same.
    """
    first = targets[0]
    if isinstance(first, Tensor):
        joined = _to_host(torch.stack([torch.as_tensor(t) for t in targets]))
    elif isinstance(first, str):
        return np.asarray(targets, dtype=object)
    else:
        joined = np.asarray([_to_host(target) for target in targets])
    is_column = joined.ndim == 2 and joined.shape[1] == 1
    return joined[:, 0] if is_column and joined.dtype.kind in "iub" else joined


def named(targets: np.ndarray, dataset: Any) -> np.ndarray:
    """Return the names that integer targets stand for, where the data set has them."""
    classes = getattr(dataset, "classes", None)
    if not isinstance(classes, (list, tuple)) or not len(classes):
        return targets
    if not all(isinstance(name, str) for name in classes):
        return targets
    if targets.dtype.kind not in "iu" or targets.ndim != 1 or not len(targets):
        return targets
    if targets.min() < 0 or targets.max() >= len(classes):
        return targets
    names: np.ndarray = np.asarray(classes, dtype=object)[targets]
    return names


def _kept(dataset: Any) -> Kept | None:
    """Return the targets that torch and torchvision keep, for all items."""
    if isinstance(dataset, Subset):
        inner = _kept(dataset.dataset)
        if inner is None:
            return None
        rows = np.asarray(dataset.indices, dtype=int)
        return Kept(inner.values[rows], inner.named[rows])
    if isinstance(dataset, ConcatDataset):
        parts = [_kept(part) for part in dataset.datasets]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or len({p.values.ndim for p in known}) > 1:
            return None
        return Kept(
            np.concatenate([part.values for part in known]),
            np.concatenate([part.named for part in known]),
        )
    if isinstance(dataset, TensorDataset):
        if len(dataset.tensors) != 2:
            return None
        values = _to_host(dataset.tensors[1])
        return Kept(values, values)
    for name in ("targets", "labels"):
        targets = getattr(dataset, name, None)
        if targets is None or callable(targets) or not hasattr(targets, "__len__"):
            continue
        targets = _to_host(targets)
        if len(targets) and len(targets) == len(dataset):
            if isinstance(targets, (list, tuple)):
                targets = join_targets(targets)
            values = np.asarray(targets)
            return Kept(values, named(values, dataset))
    return None


def _is_plain(dataset: Any) -> bool:
    """Whether items are known to be what is kept: torch's own classes of tensors."""
    if type(dataset) is Subset:
        return _is_plain(dataset.dataset)
    if type(dataset) is ConcatDataset:
        return all(map(_is_plain, dataset.datasets))
    return type(dataset) is TensorDataset


def _sample(values: np.ndarray) -> np.ndarray:
    """Return positions to ask: the first ones of every class, the ends, and others."""
    n_rows = len(values)
    chosen = [0, n_rows - 1]
    if values.ndim == 1:
        _, first, codes = np.unique(
            values.astype(str), return_index=True, return_inverse=True
        )
        if len(first) <= _CLASSES:
            for code in range(len(first)):
                chosen += np.flatnonzero(codes == code)[:_PER_CLASS].tolist()
    draw = np.random.default_rng(0)
    chosen += draw.choice(n_rows, min(n_rows, _ANYWHERE), replace=False).tolist()
    return np.unique(chosen)


def _agree(found: np.ndarray, kept: np.ndarray) -> bool:
    return found.shape == kept.shape and bool(np.all(found == kept))


def _ask(dataset: Any, index: np.ndarray, split: Split) -> np.ndarray | None:
    """Return the targets of items, read one by one."""
    read: list[Any] = []
    lacks = None
    with kept_globals():  # items may be drawn at random
        for i in index.tolist():
            item = dataset[i]
            target = split(item)[1]
            if target is None:
                lacks = i
                _refuse_hidden(item, dataset)
                if not read:
                    break
            else:
                read.append(target)
            if lacks is not None and read:
                raise ValueError(
                    f"{type(dataset).__name__}: item {lacks} has no target, and others"
                    " have one. Drop it, or give its target."
                )
    return join_targets(read) if read else None


def _refuse_hidden(item: Any, dataset: Any) -> None:
    inputs = item[0] if isinstance(item, (tuple, list)) else item
    if not isinstance(inputs, Mapping):
        return
    hidden = [name for name in _NAMES if name in inputs]
    if hidden:
        raise ValueError(
            f"{type(dataset).__name__}: an item is a dict with the field"
            f" {hidden[0]!r}, and an input alone. Items with a target are pairs:"
            f" (item, item.pop({hidden[0]!r})) in __getitem__; or give y."
        )


def _to_host(values: Any) -> Any:
    if not isinstance(values, Tensor):
        return values
    values = values.detach().cpu()
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
