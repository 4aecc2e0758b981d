"""What can be said of parameters and rows before anything is drawn or trained."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state


def check_parameters(alpha: Any, ratio: Any, random_state: Any) -> None:
    """Check what the resampler and the wrapper have in common.

    Raises
    ------
    TypeError, ValueError
        Naming the parameter and the value received.
    """
    for name, value in (("alpha", alpha), ("ratio", ratio)):
        if not isinstance(value, numbers.Real) or isinstance(value, bool):
            raise TypeError(
                f"{name} must be a number of at least 0; got {value!r} of type"
                f" {type(value).__name__}."
            )
        if not math.isfinite(value) or value < 0:
            raise ValueError(f"{name} must be a number of at least 0; got {value!r}.")
    try:
        check_random_state(random_state)
    except ValueError as error:
        raise ValueError(
            "random_state must be None, an int of at least 0 or a"
            f" numpy.random.RandomState; got {random_state!r}."
        ) from error


def check_target(X: Any, y: Any, name: str) -> None:
    """Check that there is a target with an entry per row.

    Raises
    ------
    ValueError
    """
    if y is None:
        raise ValueError(
            f"{name} requires y to be passed, but the target y is None: what is mixed"
            " are rows and their targets."
        )
    import pandas as pd

    check_consistent_length(X, y)
    missing = np.asarray(pd.isna(np.asarray(y)))
    if missing.any():
        rows = np.flatnonzero(missing.reshape(len(missing), -1).any(1))
        raise ValueError(
            f"Input y contains NaN or None in {len(rows)} rows, the first of them"
            f" {rows[0]}. Drop them from X and y: they have nothing to be learnt."
        )
