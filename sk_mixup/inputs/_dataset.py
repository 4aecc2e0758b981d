"""Rows of a torch Dataset, loaded when a batch needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, default_collate

from sk_mixup.inputs._containers import plain
from sk_mixup.inputs._item_targets import read_item_targets
from sk_mixup.inputs._lazy import LazyRows, to_tensor

Collate = Callable[[list[Any]], Any]


class DatasetRows(LazyRows):
    """Rows of a map-style `Dataset` that scikit-learn can split.

    Picking rows makes a list of their numbers and loads nothing.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        With ``__len__`` and ``__getitem__``. An item is the input (a tensor, array or
        number, or a dict or tuple of such for a module with several arguments), or a
        pair ``(input, target)``. A tuple of two is always such a pair.
    index : ndarray of int or None, default=None
        Positions of the rows; None: all.
    collate : callable or None, default=None
        Joins items, targets included, to a batch; None: torch's `default_collate`, of
        the inputs alone.

    Attributes
    ----------
    shape : tuple of int
        ``(n,)``: the number of rows.

    Raises
    ------
    TypeError
        If `dataset` is no map-style data set.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import TensorDataset
    >>> from sk_mixup.inputs import DatasetRows
    >>> rows = DatasetRows(TensorDataset(torch.zeros(6, 2), torch.arange(6)))
    >>> rows[[5, 1]], rows[[5, 1]].targets.tolist()
    (DatasetRows(2 rows of TensorDataset), [5, 1])
    """

    ndim = 1

    def __init__(
        self,
        dataset: Any,
        index: np.ndarray | None = None,
        collate: Collate | None = None,
    ) -> None:
        if isinstance(dataset, DatasetRows):
            index = dataset.positions(slice(None) if index is None else index)
            dataset = dataset.dataset
        if isinstance(dataset, IterableDataset) or not (
            hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
        ):
            raise TypeError(
                "DatasetRows needs a data set with __len__ and __getitem__; got"
                f" {type(dataset).__name__}. An iterable cannot be split: give it to"
                " fit as it is, with classes=."
            )
        super().__init__(len(dataset), index)
        self.dataset: Any = dataset
        self.collate = collate

    @property
    def shape(self) -> tuple[int, ...]:
        """``(n,)``."""
        return (len(self),)

    @property
    def targets(self) -> np.ndarray:
        """Targets of the rows; see `read_targets`."""
        targets = read_targets(self)
        if targets is None:
            raise ValueError(
                f"The items of {type(self.dataset).__name__} are no pairs (input,"
                " target), so there are no targets to read. Give y."
            )
        return targets

    def view(self, index: np.ndarray) -> DatasetRows:
        """Return other rows of the same data set."""
        return DatasetRows(self.dataset, index, self.collate)

    def read(self, index: Any, collate: Collate | None = None) -> Any:
        """Load rows and join them to a batch.

        Parameters
        ----------
        index : slice, int ndarray, int Tensor or list of int
        collate : callable or None
            In place of the own one.
        """
        positions = self.positions(index).tolist()
        many = getattr(self.dataset, "__getitems__", None)
        items = many(positions) if many else [self.dataset[i] for i in positions]
        name = type(self.dataset).__name__
        return join_inputs(items, collate or self.collate, name, positions)

    def __repr__(self) -> str:
        """Count the rows and name the data set."""
        return f"DatasetRows({len(self)} rows of {type(self.dataset).__name__})"


def is_dataset(X: Any) -> bool:
    """Whether `X` is a map-style data set."""
    return isinstance(X, Dataset) and not isinstance(X, IterableDataset)


def is_stream(X: Any) -> bool:
    """Whether `X` is an iterable data set."""
    return isinstance(X, IterableDataset)


def split_item(item: Any) -> tuple[Any, Any]:
    """Return input and target of an item; None where it has no target.

    Raises
    ------
    TypeError
        For a tuple or list of more than two.
    """
    if not isinstance(item, (tuple, list)):
        return item, None
    if len(item) == 2:
        return item[0], item[1]
    if len(item) == 1:
        return item[0], None
    raise TypeError(
        "An item of a data set is an input or a pair (input, target); got a"
        f" {type(item).__name__} of {len(item)}. Put several inputs into a dict, or"
        " into a tuple of their own: ((a, b), target)."
    )


def join_inputs(
    items: Sequence[Any],
    collate: Collate | None,
    name: str,
    positions: Sequence[int] | None = None,
) -> Any:
    """Return the inputs of items as one batch that a module takes.

    Parameters
    ----------
    items : sequence
        As the data set gave them.
    collate : callable or None
        As for `DatasetRows.read`.
    name : str
        Of the data set, for messages.
    positions : sequence of int or None
        Of the items, for messages.

    Raises
    ------
    TypeError, ValueError
        If the inputs are no numbers or do not fit together.
    """
    if collate is not None:
        is_pair = isinstance(items[0], (tuple, list)) and len(items[0]) == 2
        batch = collate(list(items))
        return _numbers(batch[0] if is_pair else batch, name)
    inputs = [_as_input(split_item(item)[0]) for item in items]
    try:
        batch = default_collate(inputs)
    except TypeError as error:
        raise TypeError(
            f"{name}: the items hold {type(inputs[0]).__name__}, which is no tensor,"
            " array or number. Convert in the data set (its `transform`); for a folder"
            " of images use sk_mixup.inputs.ImageFolder."
        ) from error
    except (RuntimeError, KeyError) as error:
        shapes = [_shape(value) for value in inputs]
        other = next((i for i, s in enumerate(shapes) if s != shapes[0]), 0)
        where = (
            f"rows {positions[0]} and {positions[other]}"
            if positions is not None
            else f"items 0 and {other} of a batch"
        )
        raise ValueError(
            f"{name}: items do not fit into one batch; {where} hold"
            f" {shapes[0]} and {shapes[other]}. Bring them to one size in the data set,"
            " or give iterator_train__collate_fn and iterator_valid__collate_fn."
        ) from error
    return _numbers(batch, name)


def _as_input(value: Any) -> Any:
    """Return a list of numbers as the array that it is; tuples are several inputs."""
    if isinstance(value, np.ndarray):
        return plain(value)
    if not isinstance(value, list) or not value or hasattr(value[0], "shape"):
        return value
    try:
        array = np.asarray(value)
    except ValueError:  # lists of different lengths, of which the batch complains
        return value
    return array if array.dtype.kind in "biuf" else value


def read_targets(rows: DatasetRows) -> np.ndarray | None:
    """Return the targets of rows; None where the data set has none.

    Where the data set keeps them (``targets``, ``labels``, the second tensor of a
    `TensorDataset`, through `Subset` and `ConcatDataset`), and a sample of its items
    says the same, they are read there. Other data sets are read through once. Where
    ``classes`` names the classes that integer targets stand for, the names are the
    targets.
    """
    index = rows.positions(slice(None))
    return read_item_targets(rows.dataset, index, split_item)


def to_host(values: Any) -> Any:
    """Return a tensor as an array, and anything else as it is.

    Targets and weights are small, and are encoded by NumPy and scikit-learn.
    """
    if not isinstance(values, Tensor):
        return values
    values = values.detach().cpu()
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()


def _numbers(batch: Any, name: str, part: bool = False) -> Any:
    """Return a batch as tensors, dicts and tuples of the dtypes that modules take."""
    if isinstance(batch, (Tensor, np.ndarray)):
        return to_tensor(batch, keeps_bool=part)
    if isinstance(batch, Mapping):
        return {
            k: _numbers(value, f"{name}[{k!r}]", True) for k, value in batch.items()
        }
    if isinstance(batch, (tuple, list)) and batch and not isinstance(batch[0], str):
        return tuple(_numbers(value, name, True) for value in batch)
    held = batch[0] if isinstance(batch, (tuple, list)) and batch else batch
    raise TypeError(
        f"{name}: the items hold {type(held).__name__}, and a module takes numbers."
        " Encode them in the data set."
    )


def _shape(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _shape(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return tuple(_shape(part) for part in value)
    shape = getattr(value, "shape", None)
    return f"shape {tuple(shape)}" if shape is not None else type(value).__name__
