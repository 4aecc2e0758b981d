"""Effects with their intervals, and verdicts that follow from intervals alone.

Trainings that are compared share their seeds, and with them the initial weights, the
order of the batches and the draws. A score is taken as a sum of a part of the setting,
a part of the seed, and chance that is alike for all settings of a group (the analysis
of variance of a block design): what seeds share drops out, and the chance is estimated
from all settings together, so that a few seeds tell it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import t as student

Verdict = Literal["holds", "in part", "not here", "untested"]
Values = Mapping[tuple[str, int], float]
WORDS = {
    "holds": "holds",
    "in part": "holds in part",
    "not here": "does not hold here",
    "untested": "not testable at this scale",
}


@dataclass(frozen=True)
class Effect:
    """A difference between settings.

    Attributes
    ----------
    mean : float
    error : float or None
        Standard error; None where nothing tells it.
    low, high : float
        Interval of 95 %, by Student's t; infinite where nothing tells it.
    freedom : int
        Degrees of freedom of the error.
    n_seeds : int
        The smallest number of seeds of a setting in it.
    """

    mean: float
    error: float | None
    low: float
    high: float
    freedom: int
    n_seeds: int

    def mapped(self, change: Callable[[float], float]) -> Effect:
        """Return it in another unit, which may turn it round."""
        ends = sorted(change(value) for value in (self.low, self.high))
        error = self.error
        if error is not None:
            step = 1e-6 * max(1.0, abs(self.mean))
            slope = (change(self.mean + step) - change(self.mean - step)) / (2 * step)
            error = abs(slope) * error
        return Effect(
            change(self.mean), error, ends[0], ends[1], self.freedom, self.n_seeds
        )


def effect(values: Values, contrast: Mapping[str, float]) -> Effect | None:
    """Return a weighted sum of settings, with its error; None if one is missing.

    Parameters
    ----------
    values : mapping of (setting, seed) to float
    contrast : mapping of setting to weight
        Such as ``{"mixup 1": 1, "none": -1}``. One setting alone: its mean.

    Examples
    --------
    >>> scores = {("a", 0): 1.0, ("a", 1): 2.0, ("b", 0): 2.0, ("b", 1): 3.5}
    >>> found = effect(scores, {"b": 1, "a": -1})
    >>> found.mean, round(found.error, 3), found.freedom
    (1.25, 0.25, 1)
    """
    if sum(contrast.values()) != 0.0:
        return _level(values, contrast)
    settings = sorted({setting for setting, _ in values})
    if any(setting not in settings for setting in contrast):
        return None
    seeds = sorted({seed for _, seed in values})
    design = np.zeros((len(values), len(settings) + len(seeds) - 1))
    for row, (setting, seed) in enumerate(values):
        design[row, settings.index(setting)] = 1.0
        if seed != seeds[0]:
            design[row, len(settings) + seeds.index(seed) - 1] = 1.0
    wanted = np.zeros(design.shape[1])
    for setting, weight in contrast.items():
        wanted[settings.index(setting)] = weight
    scores = np.array(list(values.values()), dtype=float)
    inverse = np.linalg.pinv(design.T @ design)
    if not np.allclose(wanted @ inverse @ (design.T @ design), wanted, atol=1e-8):
        return None
    found = inverse @ design.T @ scores
    mean = float(wanted @ found)
    n_seeds = min(sum(s == setting for s, _ in values) for setting in contrast)
    freedom = len(scores) - int(np.linalg.matrix_rank(design))
    if freedom < 1:
        return Effect(mean, None, -math.inf, math.inf, 0, n_seeds)
    variance = float(np.square(scores - design @ found).sum()) / freedom
    error = math.sqrt(variance * float(wanted @ inverse @ wanted))
    reach = float(student.ppf(0.975, freedom)) * error
    return Effect(mean, error, mean - reach, mean + reach, freedom, n_seeds)


def _level(values: Values, contrast: Mapping[str, float]) -> Effect | None:
    (setting,) = contrast
    scores = [value for (name, _), value in values.items() if name == setting]
    if not scores:
        return None
    mean, n = float(np.mean(scores)), len(scores)
    if n < 2:
        return Effect(mean, None, -math.inf, math.inf, 0, n)
    error = float(np.std(scores, ddof=1)) / math.sqrt(n)
    reach = float(student.ppf(0.975, n - 1)) * error
    return Effect(mean, error, mean - reach, mean + reach, n - 1, n)


def verdict(found: Effect | None, size: float, *, nothing: bool = False) -> Verdict:
    """Judge one effect, turned so that what is said is positive.

    Parameters
    ----------
    found : Effect or None
    size : float
        What is said to be reached at least; above 0.
    nothing : bool
        Said is that there is no effect: none as large as `size`.

    Examples
    --------
    >>> verdict(Effect(2.0, 0.5, 1.0, 3.0, 9, 10), 1.5)
    'holds'
    >>> verdict(Effect(0.1, 0.1, -0.1, 0.3, 9, 10), 1.5)
    'not here'
    >>> verdict(Effect(1.0, 1.0, -1.0, 3.0, 9, 10), 1.5)
    'untested'
    """
    if found is None or found.error is None:
        return "untested"
    if nothing:
        if found.low > -size and found.high < size:
            return "holds"
        return "not here" if found.low >= size or found.high <= -size else "untested"
    if found.low > 0:
        return "holds" if found.high >= size else "in part"
    # An interval that holds both nothing and what was said tells nothing.
    return "untested" if found.high >= size else "not here"


def together(verdicts: list[Verdict]) -> Verdict:
    """Return the verdict on a claim of several parts.

    Examples
    --------
    >>> together(["holds", "holds"]), together(["holds", "not here"])
    ('holds', 'in part')
    >>> together(["not here", "untested"]), together([])
    ('not here', 'untested')
    """
    kinds = set(verdicts)
    if kinds == {"holds"}:
        return "holds"
    if kinds & {"holds", "in part"}:
        return "in part"
    return "not here" if "not here" in kinds else "untested"
