"""Single values that tables and targets hold, by name: dates, decimals, periods.

Each is two functions: what makes JSON of a value, and what makes the value of it.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import math
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

Pair = tuple[Callable[[Any], Any], Callable[[Any], Any]]

_MICROSECOND = datetime.timedelta(microseconds=1)
_UNITS = ("s", "ms", "us", "ns")


def _timestamp(value: Any) -> list[Any]:
    if value.tz is not None:
        raise ValueError("a time with a time zone")
    # Counts are those of the unit.
    return [int(value.asm8.view("i8")), value.unit]


def _timedelta(value: Any) -> list[Any]:
    return [int(value.asm8.view("i8")), value.unit]


def _time_of(kind: str, make: Any) -> Callable[[Any], Any]:
    def read(given: Any) -> Any:
        count, unit = given
        if unit not in _UNITS or type(count) is not int:
            raise ValueError(f"{given} is no time")
        return make(getattr(np, kind)(count, unit))

    return read


def _text(kind: Any) -> Callable[[Any], Any]:
    def read(given: Any) -> Any:
        if not isinstance(given, str) or len(given) > 10_000:
            raise ValueError(f"{str(given)[:80]} is no text of a {kind.__name__}")
        return kind(given)

    return read


def _plain_time(value: Any) -> str:
    if getattr(value, "tzinfo", None) is not None:
        raise ValueError("a time with a time zone")
    return str(value.isoformat())


def _duration(given: Any) -> datetime.timedelta:
    return datetime.timedelta(microseconds=given)


def _fraction(given: Any) -> fractions.Fraction:
    top, bottom = given
    return fractions.Fraction(int(top), int(bottom))


#: JSON and back, by name and type. A subclass is another type.
SCALARS: dict[str, tuple[type, Pair]] = {
    "float": (float, (repr, lambda given: _unusual(given))),
    "complex": (complex, (lambda v: [v.real, v.imag], lambda given: complex(*given))),
    "bytes": (bytes, (bytes.hex, lambda given: bytes.fromhex(given))),
    "decimal": (decimal.Decimal, (str, _text(decimal.Decimal))),
    "fraction": (
        fractions.Fraction,
        (lambda v: [v.numerator, v.denominator], _fraction),
    ),
    "uuid": (uuid.UUID, (str, _text(uuid.UUID))),
    "date": (
        datetime.date,
        (_plain_time, lambda given: datetime.date.fromisoformat(given)),
    ),
    "datetime": (
        datetime.datetime,
        (_plain_time, lambda given: datetime.datetime.fromisoformat(given)),
    ),
    "time": (
        datetime.time,
        (_plain_time, lambda given: datetime.time.fromisoformat(given)),
    ),
    "timedelta": (datetime.timedelta, (lambda v: v // _MICROSECOND, _duration)),
    "pandas.Timestamp": (
        pd.Timestamp,
        (_timestamp, _time_of("datetime64", pd.Timestamp)),
    ),
    "pandas.Timedelta": (
        pd.Timedelta,
        (_timedelta, _time_of("timedelta64", pd.Timedelta)),
    ),
    "pandas.Period": (
        pd.Period,
        (
            lambda v: [v.ordinal, v.freqstr],
            lambda given: pd.Period(ordinal=given[0], freq=str(given[1])[:20]),
        ),
    ),
}
BY_TYPE = {kind: name for name, (kind, _) in SCALARS.items()}


def _unusual(given: Any) -> float:
    if given not in ("nan", "inf", "-inf"):
        raise ValueError(f"{str(given)[:80]!r} is no float")
    return float(given)


def is_usual(value: float) -> bool:
    """Whether JSON has a float."""
    return math.isfinite(value)
