"""The tables that suites measure on: made up where speed counts, real where quality."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def two_classes(
    n_rows: int, n_features: int, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return rows of two overlapping classes that a net learns in a few epochs."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_rows, n_features), dtype=np.float32)
    score = x[:, 0] * x[:, 1] + x[:, 2] + 0.5 * rng.standard_normal(n_rows)
    return x, (score > 0).astype(np.int64)


def census_like(n_rows: int, seed: int = 0) -> tuple[pd.DataFrame, NDArray[np.str_]]:
    """Return a made-up table shaped like Adult: 6 numbers, 8 columns of strings.

    Some strings are missing, as in the real one.
    """
    rng = np.random.default_rng(seed)
    columns: dict[str, object] = {
        f"number_{i}": rng.gamma(2.0, 10.0, n_rows) for i in range(6)
    }
    for i, n_levels in enumerate((8, 16, 7, 14, 6, 5, 2, 40)):
        levels = np.array([f"level-{level}" for level in range(n_levels)], dtype=object)
        values = levels[rng.integers(0, n_levels, n_rows)]
        if i < 3:
            values[rng.random(n_rows) < 0.05] = None
        columns[f"word_{i}"] = values
    frame = pd.DataFrame(columns)
    y = np.where(frame["number_0"] > rng.gamma(2.0, 10.0, n_rows), ">50K", "<=50K")
    return frame, y


@dataclass(frozen=True)
class Split:
    """A table in its official two parts."""

    x_train: pd.DataFrame
    y_train: pd.Series
    x_test: pd.DataFrame
    y_test: pd.Series


def load_adult(folder: Path, max_rows: int | None = None) -> Split:
    """Read Adult as a user would: missing values, strings, string labels.

    Parameters
    ----------
    folder : Path
        Holds ``tabular/adult.csv.gz`` with the columns `split` and `income`.
    max_rows : int or None
        Keep at most that many rows of each part, the first ones.

    Raises
    ------
    FileNotFoundError
        Naming the file that is wanted.
    """
    file = folder / "tabular" / "adult.csv.gz"
    if not file.is_file():
        raise FileNotFoundError(
            "The suite adult reads tabular/adult.csv.gz in the folder given by --data;"
            f" there is no {file}."
        )
    table = pd.read_csv(file)
    train, test = (
        table[table["split"] == name].iloc[:max_rows].reset_index(drop=True)
        for name in ("train", "test")
    )
    not_inputs = ["income", "split"]
    return Split(
        train.drop(columns=not_inputs),
        train["income"],
        test.drop(columns=not_inputs),
        test["income"],
    )
