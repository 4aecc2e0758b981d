"""Which level a value is after all, where no level equals it.

A category that is a number comes as 0.7 from one table and as 0.7 in single precision
from another; as 3 from a database and as "3" from a file that was read as text. Where
all levels of a column are numbers, a number that only rounding tells from a level is
that level, and so is the text of one. Where all are texts, a number is the level that
is its text. A column with levels of both kinds keeps them apart.
"""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from sk_mixup.encoding._known import KnownNumbers

# Leading zeros make a code of digits, such as a postcode.
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_TRUTHS = {"True": 1.0, "False": 0.0}
# From here on a float stands for several integers.
_MOST = 2.0**53


class Alike(NamedTuple):
    """Levels by the number that they are.

    Attributes
    ----------
    known : KnownNumbers
        Numbers of the levels that have a code of their own.
    codes : ndarray of shape (n_known,), dtype int64
    of_texts, of_truths : bool
        Whether the levels are texts, or booleans.
    """

    known: KnownNumbers
    codes: np.ndarray
    of_texts: bool
    of_truths: bool

    def find(self, value: Any) -> int | None:
        """Return the code of the level that an unknown value is, or None."""
        if self.of_texts and isinstance(value, str):
            return None
        number = _number(value, self.of_truths)
        if number is None:
            return None
        place = int(self.known.nearest(np.array([number]))[0])
        return None if place < 0 else int(self.codes[place])


def find_alike(levels: Iterable[Any], codes: Mapping[Any, int]) -> Alike | None:
    """Return the levels of a column by their numbers; None where they are no numbers.

    Parameters
    ----------
    levels : iterable
        All values of the training rows, rare ones included.
    codes : mapping
        Code of each level that has one.
    """
    levels = list(levels)
    of_texts = all(isinstance(level, str) for level in levels)
    if not levels or not (of_texts or all(map(_is_real, levels))):
        return None
    of_truths = all(
        isinstance(level, (bool, np.bool_)) or level in _TRUTHS for level in levels
    )
    found: dict[float, list[Any]] = {}
    for level in levels:
        number = _number(level, of_truths)
        if number is not None:
            found.setdefault(number, []).append(level)
    # "1" and "1.0" are two texts, and no number is one of them and not the other.
    clear = {number: own[0] for number, own in found.items() if len(own) == 1}
    distinct = np.array(sorted(found))
    has_code = [n in clear and clear[n] in codes for n in distinct.tolist()]
    if not any(has_code):
        return None
    known = KnownNumbers.among(distinct, np.array(has_code))
    own_codes = [codes[clear[number]] for number in known.values.tolist()]
    return Alike(known, np.array(own_codes, dtype=np.int64), of_texts, of_truths)


def _is_real(value: Any) -> bool:
    return isinstance(value, (numbers.Real, Decimal, np.bool_))


def _number(value: Any, knows_truths: bool) -> float | None:
    if isinstance(value, str):
        if knows_truths and value in _TRUTHS:
            return _TRUTHS[value]
        if not _NUMBER.fullmatch(value):
            return None
    elif not _is_real(value):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) < _MOST else None
