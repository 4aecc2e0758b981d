"""A part of a claim: one comparison, and the unit that it is told in."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.claims.cell import Cell
from benchmarks.claims.effects import Effect, Verdict, effect, verdict

Found = Mapping[Cell, dict[str, Any]]
Metric = Callable[[dict[str, Any]], float]


@dataclass(frozen=True)
class Unit:
    """How an effect is told, turned so that what is said is positive.

    Attributes
    ----------
    words : str
        Behind the number.
    change : callable
        From the effect to the number.
    digits : int
    of_logs : bool
        Whether the effect is taken on logarithms: ratios are compared.
    """

    words: str
    change: Callable[[float], float]
    digits: int = 1
    of_logs: bool = False


HIGHER = Unit("points higher", lambda v: 100 * v)
LOWER = Unit("points lower", lambda v: -100 * v)
LESS = Unit("% less", lambda v: 100 * (1 - math.exp(min(v, 700.0))), 0, of_logs=True)
SMALLER = Unit("lower", lambda v: -v, 3)
LOST = Unit("points lost", lambda v: 100 * v)
MORE_LOSS = Unit("more log-loss", lambda v: -v, 3)
ABOVE_ONE = Unit("% too large", lambda v: 100 * (v - 1), 1)


@dataclass(frozen=True)
class Part:
    """One comparison.

    Attributes
    ----------
    name : str
        Such as "mixup 1, 60 epochs".
    kind : str
        Of the cells.
    metric : callable
        From what a cell found to a score.
    contrast : mapping of setting to weight
    unit : Unit
    size : float
        What is said to be reached at least, in the unit.
    of : tuple of (str, value)
        What the cells share beside the kind.
    nothing : bool
        Said is that there is no effect.
    alone : bool
        Whether chance is estimated from these settings alone, and not from all of the
        group: where settings differ in how much chance there is.
    """

    name: str
    kind: str
    metric: Metric
    contrast: Mapping[str, float]
    unit: Unit
    size: float
    of: tuple[tuple[str, Any], ...] = ()
    nothing: bool = False
    alone: bool = False

    def found(self, cells: Found) -> Effect | None:
        """Return the effect in its unit."""
        values: dict[tuple[str, int], float] = {}
        for cell, result in cells.items():
            if cell.kind != self.kind or not set(self.of) <= set(cell.of):
                continue
            if self.alone and cell.setting not in self.contrast:
                continue
            value = self.metric(result)
            if self.unit.of_logs:
                value = math.log(max(value, 1e-4))
            values[cell.setting, cell.seed] = value
        got = effect(values, self.contrast)
        return None if got is None else got.mapped(self.unit.change)

    def verdict(self, cells: Found) -> Verdict:
        """Return what the interval says."""
        return verdict(self.found(cells), self.size, nothing=self.nothing)

    def text(self, cells: Found) -> str:
        """Return the effect, its standard error and its interval."""
        return effect_text(self.found(cells), self.unit)


def effect_text(found: Effect | None, unit: Unit) -> str:
    """Return an effect with its error and interval."""
    if found is None:
        return "not run"
    digits = unit.digits
    if found.error is None:
        return f"{found.mean:+.{digits}f} (one seed) {unit.words}"
    return (
        f"{found.mean:+.{digits}f} ± {found.error:.{digits}f}"
        f" [{found.low:+.{digits}f}, {found.high:+.{digits}f}] {unit.words}"
    )


def against(setting: str, base: str = "none") -> dict[str, float]:
    """Return the contrast of a setting to another."""
    return {setting: 1.0, base: -1.0}


def named(name: str) -> Metric:
    """Return the metric of a name."""
    return lambda result: float(result[name])


def mean_error(*names: str) -> Metric:
    """Return the metric that is the mean error of several accuracies."""
    return lambda result: 1.0 - sum(result[name] for name in names) / len(names)


def minus(name: str, other: str) -> Metric:
    """Return the metric that is the difference of two in one cell."""
    return lambda result: float(result[name] - result[other])
