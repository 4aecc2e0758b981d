"""Parameters that change while a training goes on.

A schedule is a function of progress, from 0 (first epoch) to 1 (after the last). It
stands where a number is expected: ``Mixup(alpha=LinearSchedule(0.4, 0.0))``. Any
function of one number will do; these are the known ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sk_mixup.mixing._params import Parameterized, check_number, check_range

Schedule = Callable[[float], float]


class LinearSchedule(Parameterized):
    """Go from one value to another in a straight line.

    Parameters
    ----------
    start, stop : float
        Values in the first epoch and after the last.

    Examples
    --------
    >>> from sk_mixup.mixing import LinearSchedule, Mixup
    >>> LinearSchedule(0.4, 0.0)(0.25)
    0.3...
    >>> Mixup(alpha=LinearSchedule(0.4, 0.0))
    Mixup(alpha=LinearSchedule(start=0.4, stop=0.0))
    """

    def __init__(self, start: float, stop: float) -> None:
        self.start = start
        self.stop = stop

    def __call__(self, progress: float) -> float:
        """Return the value at some progress in [0, 1]."""
        return float(self.start + (self.stop - self.start) * progress)


class CosineSchedule(LinearSchedule):
    """Go from one value to another along half a wave of the cosine.

    Parameters
    ----------
    start, stop : float
        Values in the first epoch and after the last.

    Examples
    --------
    >>> from sk_mixup.mixing import CosineSchedule
    >>> CosineSchedule(1.0, 0.0)(0.5)
    0.5
    """

    def __call__(self, progress: float) -> float:
        """Return the value at some progress in [0, 1]."""
        share = 0.5 - 0.5 * math.cos(math.pi * progress)
        return float(self.start + (self.stop - self.start) * share)


class WithoutHesitation(Parameterized):
    """The probability of mixing of "mixup without hesitation".

    Every batch is mixed up to `always`, every other one up to `half`, and from there
    the probability falls to zero.

    NOTE[DIFF]: the paper alternates mixed and clean batches in the second stage; here
    each is mixed with probability 1/2, which needs no count of batches.

    Parameters
    ----------
    always : float, default=0.6
        Progress up to which every batch is mixed.
    half : float, default=0.9
        Progress up to which half of the batches are mixed;
        ``0 <= always <= half <= 1``.

    References
    ----------
    Yu, Wang, Wu: Mixup Without Hesitation, ICIG 2021.

    Examples
    --------
    >>> from sk_mixup.mixing import Mixup, WithoutHesitation
    >>> method = Mixup(alpha=0.5, p=WithoutHesitation())
    >>> [round(method.p(progress), 2) for progress in (0.0, 0.7, 0.95)]
    [1.0, 0.5, 0.25]
    """

    def __init__(self, always: float = 0.6, half: float = 0.9) -> None:
        self.always = always
        self.half = half

    def __call__(self, progress: float) -> float:
        """Return the probability at some progress in [0, 1]."""
        check_range("(always, half)", (self.always, self.half), low=0.0, high=1.0)
        if progress < self.always:
            return 1.0
        if progress < self.half:
            return 0.5
        left = 1.0 - self.half
        return 0.0 if left <= 0 else 0.5 * (1.0 - progress) / left


def value_at(value: Any, progress: float) -> float:
    """Return a number, or what a schedule says now."""
    return float(value(progress) if callable(value) else value)


def check_schedule(
    name: str, value: Any, *, low: float, high: float = math.inf
) -> None:
    """Check a number, or a schedule at both of its ends.

    Raises
    ------
    TypeError, ValueError
        As `check_number`.
    """
    if not callable(value):
        check_number(name, value, low=low, high=high)
        return
    for progress in (0.0, 1.0):
        check_number(
            f"{name} at progress {progress:g}", value(progress), low=low, high=high
        )
