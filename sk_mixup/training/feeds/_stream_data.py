"""Training data that come one after the other, and are counted by nobody."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from sk_mixup.inputs import join_inputs, join_targets, split_item

# The first targets of a stream tell the scale of the others.
_SCALE_ROWS = 1024


class StreamData(IterableDataset[Any]):
    """Pairs of an `IterableDataset`, with targets encoded batch by batch.

    An epoch is one pass. Rows come in the order of the stream, which a data set that
    wants another one shuffles itself.

    Parameters
    ----------
    dataset : IterableDataset
        Yields ``(input, target)``.
    encode : callable or None
        Makes a tensor of an array of targets; None: inputs alone are wanted.
    collate : callable or None
        Joins items, targets included; None: torch's `default_collate`.
    match : callable or None
        Gives inputs the dtypes of `fit`, and raises where their form is another.
    """

    weight: Tensor | None = None
    groups: Tensor | None = None
    n_rows: int | None = None

    def __init__(
        self,
        dataset: Any,
        encode: Callable[[Any], Tensor] | None = None,
        match: Callable[[Any], Any] | None = None,
        collate: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        self.dataset = dataset
        self.encode = encode
        self.match = match
        self.user_collate = collate

    def __iter__(self) -> Iterator[Any]:
        return iter(self.dataset)

    def collate(self, items: list[Any]) -> Any:
        """Join items to a batch of inputs, and targets where they are wanted."""
        x = join_inputs(items, self.user_collate, type(self.dataset).__name__)
        if self.match is not None:
            x = self.match(x)
        if self.encode is None:
            return x
        return x, self.encode(join_targets(self.targets(items)))

    def targets(self, items: Sequence[Any]) -> list[Any]:
        """Return the targets of items.

        Raises
        ------
        ValueError
            If there are none.
        """
        targets = [split_item(item)[1] for item in items]
        if any(target is None for target in targets):
            raise ValueError(
                f"X: {type(self.dataset).__name__} must yield pairs (input, target) to"
                " train on; it yields inputs alone."
            )
        return targets

    def sample(self, n_rows: int = 2) -> tuple[Any, Any]:
        """Return input and targets of the first rows."""
        return self.collate(self.first(n_rows))

    def first_targets(self) -> Any:
        """Return the targets of the first rows."""
        return join_targets(self.targets(self.first(_SCALE_ROWS)))

    def first(self, n_rows: int) -> list[Any]:
        """Return the first items."""
        items = list(itertools.islice(iter(self.dataset), n_rows))
        if not items:
            raise ValueError(f"X: {type(self.dataset).__name__} yields no rows.")
        return items

    def loader(self, options: dict[str, Any], **fixed: Any) -> Any:
        """Return a `DataLoader` of batches.

        Parameters
        ----------
        options : dict
            Of the loader, as the user gave them.
        **fixed : object
            Options that replace them.
        """
        options = dict(options)
        self.user_collate = options.pop("collate_fn", self.user_collate)
        for name in ("shuffle", "sampler", "batch_sampler"):
            if options.pop(name, None) is not None and name != "shuffle":
                raise ValueError(
                    f"iterator_train__{name}: an iterable data set has an order of its"
                    " own; shuffle inside of it."
                )
        options |= fixed
        return torch.utils.data.DataLoader(self, collate_fn=self.collate, **options)
