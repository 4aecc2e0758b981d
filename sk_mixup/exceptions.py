"""Warnings of sk-mixup, in one place so that users can filter them by class."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Packages between a warning and the line that it is about.
_BETWEEN = ("sk_mixup.", "sklearn.", "skorch.", "joblib.")


# Whether this thread repeats what it has been warned of.
_REPEATS: ContextVar[bool] = ContextVar("repeats", default=False)


class MixupWarning(UserWarning):
    """Something that the literature or experience knows to go wrong."""


def warn_caller(message: str) -> None:
    """Warn at the line of the user's own code that led here.

    How many calls lie between depends on pipelines, searches and callbacks, so no fixed
    `stacklevel` finds it.

    Parameters
    ----------
    message : str
    """
    if _REPEATS.get():
        return
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_between(frame.f_globals):
        level, frame = level + 1, frame.f_back
    # The level of this function is 1, that of its caller 2.
    warnings.warn(message, MixupWarning, stacklevel=level)


@contextmanager
def warned_before() -> Iterator[None]:
    """Say nothing again, in this thread."""
    # Filters of warnings belong to all threads.
    token = _REPEATS.set(True)
    try:
        yield
    finally:
        _REPEATS.reset(token)


def _is_between(names: dict[str, object]) -> bool:
    return str(names.get("__name__")).startswith(_BETWEEN)
