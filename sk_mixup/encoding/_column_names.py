"""Columns of a target are known by their names, where they have any.

A validation part, a test part or the next batch may list the same columns in another
order: sorted by a tool, or by polars instead of pandas. Position would then pair each
output with the numbers of another, without a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


def column_names(frame: pd.DataFrame) -> list[Any] | None:
    """Return the names of columns; None where pandas counted them, unnamed."""
    names: list[Any] = frame.columns.tolist()
    return None if names == list(range(len(names))) else names


def column_order(
    given: list[Any] | None, fitted: list[Any] | None
) -> np.ndarray | None:
    """Return where each column of `fit` stands now; None: all in their places.

    Parameters
    ----------
    given, fitted : list or None
        Names of as many columns; None where a target has none, which stand in the
        order of `fit`.

    Raises
    ------
    ValueError
        If there are other columns than in `fit`.
    """
    if given is None or fitted is None or given == fitted:
        return None
    if sorted(map(str, given)) != sorted(map(str, fitted)):
        raise ValueError(
            f"The columns of y are {given}, but in fit they were {fitted}."
        )
    # By their text: a file may have made "0" of 0.
    place = {str(name): j for j, name in enumerate(given)}
    return np.array([place[str(name)] for name in fitted])
