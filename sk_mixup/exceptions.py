"""Warnings of sk-mixup, in one place so that users can filter them by class."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any
from weakref import WeakKeyDictionary

# Packages between a warning and the line that it is about.
_BETWEEN = ("sk_mixup.", "sklearn.", "skorch.", "joblib.", "torch.")
# What has been said in searches that are running.
_SAID: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
# Whether this thread repeats what it has been warned of.
_REPEATS: ContextVar[bool] = ContextVar("repeats", default=False)


class MixupWarning(UserWarning):
    """Something that the literature or experience knows to go wrong."""


def warn_caller(message: str) -> None:
    """Warn at the line of the user's own code that led here.

    How many calls lie between depends on pipelines, searches and callbacks, so no fixed
    `stacklevel` finds it. What many fits of one search (or of a cross-validation, or of
    an ensemble) have to say is said once.

    Parameters
    ----------
    message : str
    """
    if _REPEATS.get():
        return
    level, frame, search = 2, sys._getframe(1), None
    while frame.f_back is not None and _is_between(frame.f_globals):
        search = _search_in(frame) or search
        level, frame = level + 1, frame.f_back
    said = set() if search is None else _SAID.setdefault(search, set())
    if message in said:
        return
    # The level of this function is 1, that of its caller 2.
    warnings.warn(message, MixupWarning, stacklevel=level)
    # Not before: where warnings are errors, every fit of a search fails alike.
    said.add(message)


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
    name = str(names.get("__name__"))
    return name.startswith(_BETWEEN) or name == "pickle"


def _search_in(frame: FrameType) -> Any:
    """Return what stands for the call that runs many fits, if this frame is of one.

    Searches and ensembles of scikit-learn make a `Parallel` for each call of theirs.
    """
    joblib = sys.modules.get("joblib")
    name = str(frame.f_globals.get("__name__"))
    if joblib is None or not name.startswith(("sklearn.", "joblib.")):
        return None
    names = frame.f_locals
    for value in (names.get("parallel"), names.get("self")):
        if isinstance(value, joblib.Parallel):
            return value
    return None
