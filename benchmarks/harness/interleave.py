"""Contestants timed side by side.

A machine drifts: other jobs come and go, clocks follow the temperature. Contestants
timed one after the other in long blocks would each meet another machine. Here every
round runs each of them once, and ratios are taken within a round.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from benchmarks.harness.progress import Progress

T = TypeVar("T")


def round_order(names: Sequence[str], index: int) -> list[str]:
    """Return the order of one round: as listed, or backwards in every other one.

    Neighbours stay neighbours, and neither of two always runs in the other's wake.
    """
    return list(names) if index % 2 == 0 else list(reversed(names))


def interleave(
    contestants: Mapping[str, Callable[[int], T]],
    rounds: int,
    *,
    task: str = "round",
    progress: Progress | None = None,
    collect: bool = False,
) -> dict[str, list[T]]:
    """Run every contestant once per round.

    Parameters
    ----------
    contestants : mapping of str to callable
        Each gets the index of the round (a seed) and returns what it measured.
    rounds : int
        Number of rounds.
    task : str
        What `progress` calls this.
    progress : Progress or None
        Told about every run.
    collect : bool
        Collect garbage before each run, so that nobody pays for the garbage of the
        run before. For runs much longer than a collection.

    Returns
    -------
    results : dict of str to list
        Per contestant, one result per round, in the order of the rounds.
    """
    results: dict[str, list[T]] = {name: [] for name in contestants}
    for index in range(rounds):
        for name in round_order(list(contestants), index):
            if progress is not None:
                progress.step(task, index + 1, rounds, name)
            if collect:
                gc.collect()
            results[name].append(contestants[name](index))
    return results


def time_calls(
    functions: Mapping[str, Callable[[], Any]],
    rounds: int,
    *,
    seconds_per_round: float = 0.01,
    task: str = "round",
    progress: Progress | None = None,
) -> dict[str, list[float]]:
    """Time short functions, interleaved: seconds per call, one value per round.

    Each function is called as often per round as fills `seconds_per_round`, because a
    single call of some microseconds is mostly clock and cold caches.
    """

    def timer(function: Callable[[], Any]) -> Callable[[int], float]:
        calls = calls_that_last(function, seconds_per_round)

        def measure(_: int) -> float:
            start = time.perf_counter()
            for _ in range(calls):
                function()
            return (time.perf_counter() - start) / calls

        return measure

    timers = {name: timer(function) for name, function in functions.items()}
    return interleave(timers, rounds, task=task, progress=progress)


def calls_that_last(function: Callable[[], Any], seconds: float) -> int:
    """Return how many calls take about `seconds`; warms the function up."""
    function()
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            function()
        elapsed = time.perf_counter() - start
        if elapsed >= seconds / 4:
            return max(1, round(calls * seconds / elapsed))
        calls *= 2
