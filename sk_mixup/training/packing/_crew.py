"""Packs that train beside each other, in threads.

One step of all members at once would be the fewest calls, and not the fastest: its
tensors fit no cache, and the threads inside a product wait for each other dozens of
times per step. Members are therefore split into packs whose step stays near a core,
and every core takes a pack; what is between two steps is paid per pack, which bounds
the split from below. On a GPU all members are one pack.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch

from sk_mixup.training.feeds import seeded_globals
from sk_mixup.training.packing._feeds import DataShelf
from sk_mixup.training.packing._key import is_by_hand
from sk_mixup.training.packing._member import PackMember
from sk_mixup.training.packing._memory import (
    cached_bytes,
    even_sizes,
    sizes_of_packs,
)
from sk_mixup.training.packing._pack import Pack, training_order

AfterEpoch = Callable[[int, list[float | None], list[int]], Collection[int]]

# What a step of a pack reads and writes over and over again; measured with nets of two
# layers of 128 on cores of 1 MiB of second-level cache: below 6 MiB the calls cost more
# than the cache saves, above 12 MiB it is the other way round.
_CACHED_BYTES = 9 * 2**20
# The same of one member, from which on nothing is won by stacking what goes through
# vmap: measured with the nets for tables, of 1.4 MB (stacked is faster) to 27 MB.
_HEAVY_BYTES = 2**21
# Threads that the calls from Python between two products can keep busy.
_MOST_THREADS = 4

Run = Callable[[Sequence[Pack], int, bool], None]


def most_threads() -> int:
    """Return the number of threads that packs use at most."""
    return _MOST_THREADS


def gains(member: PackMember) -> bool:
    """Whether a member that can be trained with others is trained faster so.

    On the CPU, steps of large nets that go through vmap are as long as their work.

    Parameters
    ----------
    member : PackMember
    """
    if member.net.place_.type != "cpu" or is_by_hand(member):
        return True
    return cached_bytes(member) < _HEAVY_BYTES


class Crew:
    """Members that train at the same time.

    Parameters
    ----------
    members : mapping of int to PackMember
        By the number that the caller has for each; their runs were started.
    most : int or None
        Members that may be in a step at the same time; None: as many as there are.

    Attributes
    ----------
    errors : dict of int to BaseException
        What the fit of a member alone would have raised.
    """

    def __init__(
        self, members: Mapping[int, PackMember], most: int | None = None
    ) -> None:
        self.errors: dict[int, BaseException] = {}
        given = list(members.values())
        numbers = list(members)
        order = training_order(given)
        self._seed = given[order[0]].dropout_seed
        self._packs = []
        sizes, self._n_threads = _shape(given)
        # What a step needs is let go before the next pack takes its own.
        self._rests = most is not None
        if most is not None:
            sizes, self._n_threads = _narrowed(sizes, self._n_threads, most)
        shelf = DataShelf(given[0].net.place_)
        start = 0
        for size in sizes:
            chosen = order[start : start + size]
            start += size
            self._packs.append(
                Pack([given[k] for k in chosen], [numbers[k] for k in chosen], shelf)
            )

    def train(self, after_epoch: AfterEpoch | None, n_numbers: int) -> None:
        """Run all epochs; what is learnt is in the nets of the members that finish.

        Parameters
        ----------
        after_epoch : callable or None
            As `train_together` takes it.
        n_numbers : int
            Members of the caller.
        """
        epoch = 0
        with self._globals() as lend, _threads(self._n_threads) as run:
            while self._packs:
                lend()
                run(self._packs, epoch, self._rests)
                stopped = self._ask(after_epoch, epoch, n_numbers)
                for pack in self._packs:
                    pack.end_epoch(stopped)
                    self.errors.update(pack.errors)
                self._packs = [pack for pack in self._packs if pack.members]
                epoch += 1

    @contextmanager
    def _globals(self) -> Iterator[Callable[[], None]]:
        """Seed the global states where packs run in this thread, which may read them.

        Threads of ours must not wait for what this one has.
        """
        if self._n_threads > 1:
            yield lambda: None
        else:
            with seeded_globals(self._seed) as lend:
                yield lend

    def _ask(
        self, after_epoch: AfterEpoch | None, epoch: int, n_numbers: int
    ) -> Collection[int]:
        """Let the caller stop members."""
        if after_epoch is None:
            return ()
        losses: list[float | None] = [None] * n_numbers
        for pack in self._packs:
            for number, loss in pack.valid_losses().items():
                losses[number] = loss
        active = sorted(number for pack in self._packs for number in pack.numbers)
        return set(after_epoch(epoch, losses, active) or ())


def _shape(members: Sequence[PackMember]) -> tuple[list[int], int]:
    """Return the sizes of the packs, and the number of threads."""
    if members[0].net.place_.type != "cpu":
        return [len(members)], 1
    n_threads = min(torch.get_num_threads(), _MOST_THREADS, len(members))
    # Nets and batches are of one size, but where a member has fewer rows than a batch.
    each = cached_bytes(max(members, key=lambda member: len(member.train)))
    if not is_by_hand(members[0]):
        if each >= _HEAVY_BYTES:
            # Calls are few beside the work, and vmap makes more of them.
            return [1] * len(members), n_threads
        # Calls are what takes the time, and threads wait for Python's lock.
        n_threads = 1
    n_packs = len(sizes_of_packs(len(members), each, _CACHED_BYTES))
    # No thread is left with less than the others.
    n_packs = min(-(-n_packs // n_threads) * n_threads, len(members))
    return even_sizes(len(members), n_packs), n_threads


def _narrowed(sizes: Sequence[int], n_threads: int, most: int) -> tuple[list[int], int]:
    """Return sizes of packs and threads with so many members in a step at most."""
    n_threads = min(n_threads, most)
    size = min(max(sizes), most // n_threads)
    return even_sizes(sum(sizes), -(-sum(sizes) // size)), n_threads


@contextmanager
def _threads(n_threads: int) -> Iterator[Run]:
    """Run the epochs of packs, several of them at a time."""
    if n_threads == 1:
        yield _in_a_row
        return
    before = torch.get_num_threads()
    each = max(1, before // n_threads)
    with ThreadPoolExecutor(n_threads, "pack", torch.set_num_threads, (each,)) as pool:

        def run(packs: Sequence[Pack], epoch: int, rests: bool) -> None:
            for _ in pool.map(lambda pack: pack.run_epoch(epoch, rests), packs):
                pass

        try:
            yield run
        finally:
            # New threads of this process start with what was set last.
            torch.set_num_threads(before)


def _in_a_row(packs: Sequence[Pack], epoch: int, rests: bool) -> None:
    for pack in packs:
        pack.run_epoch(epoch, rests)
