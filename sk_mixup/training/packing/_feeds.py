"""Rows for the members: one copy of every data set, one order per seed.

Members of one fold train on the same rows, and with the same seed in the same order.
What they share is drawn and gathered once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.inputs import ArrayRows
from sk_mixup.mixing.plans import sent
from sk_mixup.training.feeds import ArrayData, map_tensors, split_weight, tensors_of
from sk_mixup.training.packing._member import PackMember


class Feed:
    """Batches of one data set in one order.

    Parameters
    ----------
    data : ArrayData
        On the device.
    batch_size : int
    generator : torch.Generator
        In the state of the members' own.
    """

    def __init__(
        self, data: ArrayData, batch_size: int, generator: torch.Generator
    ) -> None:
        self.data = data
        self.batch_size = batch_size
        self.generator = generator
        self.order = torch.empty(0, dtype=torch.int64)

    def start_epoch(self) -> None:
        """Draw a new order."""
        order = torch.randperm(len(self.data), generator=self.generator)
        self.order = sent(order, self.data.y.device)

    def rows(self, first: int, n_steps: int, size: int) -> tuple[Any, Any]:
        """Return the rows of consecutive batches, as ``(x, y)`` of `ArrayData`."""
        start = first * self.batch_size
        return self.data[self.order[start : start + n_steps * size]]


class Feeds:
    """The feeds of a pack, and who eats from which.

    Parameters
    ----------
    members : sequence of PackMember
    shelf : DataShelf

    Attributes
    ----------
    of : list of int
        Number of each member's feed.
    """

    def __init__(self, members: Sequence[PackMember], shelf: DataShelf) -> None:
        self.feeds: list[Feed] = []
        self.of: list[int] = []
        self._places: dict[tuple[int, int], Tensor] = {}
        known: dict[Any, int] = {}
        for member in members:
            order = member.run.streams.order
            data, number = shelf.place(member.train)
            key = number, state_of(order), member.batch_size
            if key not in known:
                known[key] = len(self.feeds)
                self.feeds.append(Feed(data, member.batch_size, copy_of(order)))
            self.of.append(known[key])

    def start_epoch(self) -> None:
        """Draw new orders."""
        for feed in self.feeds:
            feed.start_epoch()

    def release(self, k: int, member: PackMember) -> None:
        """Leave the stream of a member as its own training would."""
        state = self.feeds[self.of[k]].generator.get_state()
        member.run.streams.order.set_state(state)

    def keep(self, kept: Sequence[int]) -> None:
        """Go on with some members."""
        of = [self.of[k] for k in kept]
        used = sorted(set(of))
        self.feeds = [self.feeds[number] for number in used]
        self.of = [used.index(number) for number in of]
        self._places.clear()

    def places(self, low: int, high: int, device: torch.device) -> Tensor:
        """Return where the feed of each of some members is among those they use."""
        if (low, high) not in self._places:
            numbers = self.of[low:high]
            used = distinct(numbers)
            places = torch.tensor([used.index(number) for number in numbers])
            self._places[low, high] = sent(places, device)
        return self._places[low, high]


class DataShelf:
    """Data sets on a device, each of them once."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._given: list[ArrayData] = []
        self._placed: list[ArrayData] = []

    def place(self, data: ArrayData) -> tuple[ArrayData, int]:
        """Return data on the device, and the number of the data set."""
        for number, other in enumerate(self._given):
            if is_same(data, other):
                return self._placed[number], number
        self._given.append(data)
        self._placed.append(data.to(self.device))
        return self._placed[-1], len(self._placed) - 1


def is_same(one: ArrayData, other: ArrayData) -> bool:
    """Whether two data sets hold the same rows, at one place or as copies."""
    if one is other:
        return True
    parts = list(zip(_parts(one), _parts(other), strict=False))
    if len(_parts(one)) != len(_parts(other)):
        return False
    # All the cheap comparisons first.
    if any(a.shape != b.shape or a.dtype != b.dtype for a, b in parts):
        return False
    return all(_is_equal(a, b) for a, b in parts)


def _parts(data: ArrayData) -> list[Any]:
    extra = [value for value in (data.weight, data.groups) if value is not None]
    return [data.y, *extra, *_leaves(data.X)]


def _leaves(x: Any) -> list[Any]:
    if isinstance(x, dict):
        return [leaf for value in x.values() for leaf in _leaves(value)]
    if isinstance(x, tuple):
        return [leaf for value in x for leaf in _leaves(value)]
    return [x]


def _is_equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, ArrayRows) or isinstance(b, ArrayRows):
        return False
    if a.data_ptr() == b.data_ptr() and a.stride() == b.stride():
        return True
    return torch.equal(a, b)


def state_of(generator: torch.Generator) -> bytes:
    """Return the state of a generator, to be compared."""
    return generator.get_state().numpy().tobytes()


def copy_of(generator: torch.Generator) -> torch.Generator:
    """Return a generator that draws the same."""
    return torch.Generator().set_state(generator.get_state())


def gathered(
    feeds: Sequence[Feed], first: int, n_steps: int, size: int
) -> tuple[Any, Tensor, Tensor | None, list[Any]]:
    """Return the rows of some feeds, one feed behind the other.

    Returns
    -------
    x : Tensor, dict or tuple, of ``len(feeds) * n_steps * size`` rows
    y : Tensor
    weight : Tensor or None
    labels : list
        Of each feed, as `ArrayData` gives them.
    """
    parts = [feed.rows(first, n_steps, size) for feed in feeds]
    labels = [label for _, label in parts]
    targets = [split_weight(label) for label in labels]
    if len(parts) == 1:
        return parts[0][0], targets[0][0], targets[0][1], labels
    x = map_tensors(lambda *t: torch.cat(t), *(x for x, _ in parts))
    y = torch.cat([y for y, _ in targets])
    weights = [weight for _, weight in targets]
    weight = None if weights[0] is None else torch.cat(weights)
    return x, y, weight, labels


def row_bytes(data: ArrayData) -> int:
    """Return the memory of one row of input."""
    x, _ = data.sample(1)
    return sum(t.numel() * t.element_size() for t in tensors_of(x))


def distinct(values: Iterable[int]) -> list[int]:
    """Return numbers in the order in which they first come."""
    return list(dict.fromkeys(values))
