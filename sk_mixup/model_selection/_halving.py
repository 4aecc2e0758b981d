"""Successive halving inside a pack: the worst candidates are dropped on the way.

A sweep spends most of its time on candidates that will not be chosen. At a few epochs,
the rungs, candidates are compared by their validation loss, and only the best of them
go on.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class HalvingRule:
    """When candidates are compared, and how many go on.

    Attributes
    ----------
    factor : int
        One of that many goes on at each rung.
    first : int or None
        Epochs before the first rung; None: as many as leave one candidate at the end.
    """

    factor: int
    first: int | None = None

    def rungs(self, n_epochs: int, n_candidates: int) -> list[int]:
        """Return after which epochs (from 1) candidates are dropped."""
        first = self.first
        if first is None:
            steps = max(1, math.ceil(math.log(max(2, n_candidates), self.factor)))
            first = max(1, n_epochs // self.factor**steps)
        rungs = []
        while first < n_epochs:
            rungs.append(first)
            first *= self.factor
        return rungs


def check_halving(halving: Any) -> HalvingRule | None:
    """Return the rule that a parameter says.

    Raises
    ------
    TypeError, ValueError
        Naming what is wrong.
    """
    if halving is None:
        return None
    if isinstance(halving, Mapping):
        unknown = sorted(set(halving) - {"factor", "first"})
        if unknown:
            raise ValueError(
                f"halving has no entry {unknown[0]!r}; it has 'factor' (one of that"
                " many candidates goes on) and 'first' (epochs before the first rung)."
            )
        rule = HalvingRule(halving.get("factor", 3), halving.get("first"))
    else:
        rule = HalvingRule(halving)
    _check_int("factor", rule.factor, 2, halving)
    if rule.first is not None:
        _check_int("first", rule.first, 1, halving)
    return rule


class Halving:
    """Says after each epoch which members of a pack are stopped.

    Parameters
    ----------
    rule : HalvingRule
    candidates : sequence of int
        Candidate of every member.
    n_epochs : int
        Longest training of the pack.
    dropped : dict of int to int or None, default=None
        What earlier packs have decided. Folds whose tables are encoded differently
        train in packs of their own: each to its own decision, every candidate might
        end up dropped somewhere.

    Attributes
    ----------
    dropped : dict of int to int
        Candidates that were dropped, and after how many epochs.
    """

    def __init__(
        self,
        rule: HalvingRule,
        candidates: Sequence[int],
        n_epochs: int,
        dropped: Mapping[int, int] | None = None,
    ) -> None:
        self.rule = rule
        self.candidates = list(candidates)
        self.rungs = rule.rungs(n_epochs, len({*candidates}))
        self.dropped: dict[int, int] = dict(dropped or {})
        self._losses: dict[int, float] = {}

    def __call__(
        self, epoch: int, valid_losses: Sequence[float | None], active: Sequence[int]
    ) -> list[int]:
        """Return the members to stop now.

        Parameters
        ----------
        epoch : int
            From 0; has just ended.
        valid_losses : sequence of float or None
            Of every member; None for those that do not train now.
        active : sequence of int
            Members that do.
        """
        for member in active:
            loss = valid_losses[member]
            # Members that stopped early are compared by the last loss they had.
            self._losses[member] = math.inf if loss is None else float(loss)
        if epoch + 1 in self.rungs:
            self._compare(epoch + 1, {self.candidates[member] for member in active})
        return [m for m in active if self._end(self.candidates[m]) <= epoch + 1]

    def _compare(self, rung: int, running: set[int]) -> None:
        """Drop the worst of those that an earlier pack has left."""
        of_candidate: dict[int, list[float]] = {}
        for member, loss in self._losses.items():
            of_candidate.setdefault(self.candidates[member], []).append(loss)
        means = {
            candidate: sum(losses) / len(losses)
            for candidate, losses in of_candidate.items()
            if self._end(candidate) >= rung
        }
        n_kept = max(1, math.ceil(len(means) / self.rule.factor))
        left = [candidate for candidate in means if self._end(candidate) > rung]
        ranked = sorted(left, key=lambda candidate: means[candidate])
        for candidate in running.intersection(ranked[n_kept:]):
            self.dropped[candidate] = rung

    def _end(self, candidate: int) -> float:
        return self.dropped.get(candidate, math.inf)


def _check_int(name: str, value: Any, low: int, halving: Any) -> None:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise TypeError(
            f"halving: {name} must be an int of at least {low}; got {halving!r}. Say"
            " halving=3, or halving={'factor': 3, 'first': 5}."
        )
    if value < low:
        raise ValueError(
            f"halving: {name} must be at least {low}; got {value} in {halving!r}."
        )
