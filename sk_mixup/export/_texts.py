"""Categories as texts: which code a text has, where nothing but texts can be given."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from sk_mixup.encoding import TableEncoder
from sk_mixup.exceptions import warn_caller

#: Codes of missing values, and of those that `fit` did not see.
MISSING, UNSEEN = 0, 1
_MOST_INTEGER = 2.0**53


def codes_of_texts(encoder: TableEncoder, position: int, name: str) -> dict[str, int]:
    """Return the code of every text that stands for a level, "" among them.

    A text has the code that `predict` gives it. Levels that are no texts have those of
    their usual spellings: ``str(level)``, and of a number also "3" and "3.0".

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.
    position : int
        Among the category columns.
    name : str
        What messages call the column.

    Raises
    ------
    ValueError
        If two levels are one text.
    """
    levels = encoder._levels[position]
    found: dict[str, int] = {}
    owners: dict[str, Any] = {}
    for level, code in levels.codes.items():
        for text in dict.fromkeys(_spellings(level)):
            known = levels.find(text)
            if found.setdefault(text, code if known is None else known) != code:
                other = owners.get(text, text)
                raise ValueError(
                    f"model: column {name!r} has the levels {level!r} and {other!r},"
                    f" which are both {text!r} as text. Turn the column into text"
                    " before fit."
                )
            owners[text] = level
    if "" in found and levels.counts[MISSING]:
        warn_caller(
            f"Column {name!r} has missing values and the level '': '' means the level"
            " in the exported model, and nothing means a missing value."
        )
    found.setdefault("", MISSING)
    return found


def _spellings(level: Any) -> Iterator[str]:
    """Yield how a level may be written, the usual one first."""
    yield str(level)
    if isinstance(level, str) or not isinstance(level, (numbers.Real, np.bool_)):
        return
    number = float(level)
    yield str(number)
    with np.errstate(over="ignore"):
        single = np.float32(number)
    yield from (str(single), str(float(single)))
    if number.is_integer() and abs(number) < _MOST_INTEGER:
        yield str(int(number))
