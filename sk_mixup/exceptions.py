"""Warnings of sk-mixup, in one place so that users can filter them by class."""

import sys
import warnings

# Packages between a warning and the line that it is about.
_BETWEEN = ("sk_mixup.", "sklearn.", "skorch.", "joblib.", "torch.")


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
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_between(frame.f_globals):
        level, frame = level + 1, frame.f_back
    # The level of this function is 1, that of its caller 2.
    warnings.warn(message, MixupWarning, stacklevel=level)


def _is_between(names: dict[str, object]) -> bool:
    name = str(names.get("__name__"))
    return name.startswith(_BETWEEN) or name == "pickle"
