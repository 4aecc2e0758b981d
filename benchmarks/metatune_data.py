"""The tables of the suite ``metatune``, and their fixed splits.

Twenty-six real tables of all kinds: small and large, noisy and clean, of numbers and of
words. The test part of a split is drawn first, and read by the report alone. Choices
are made on validation rows that are drawn from the rest. Both depend on the number of
the split and on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import train_test_split

from benchmarks.tabular_data import TabularData

#: Rows to train on, at most, and where a second size is asked for.
ROWS, MANY_ROWS = 3_000, 10_000
_TEST_SHARE, _MOST_TEST_ROWS = 0.25, 10_000
_VALID_SHARE, _MOST_VALID_ROWS = 0.25, 3_000
# Seeds of the draws of a split: training rows of the report, validation, their rows.
_FINAL, _VALID, _FIT = 100, 200, 300


@dataclass(frozen=True)
class Source:
    """Where a table lies, and what its columns are for.

    Attributes
    ----------
    file : str
        In the folder of data sets; empty: scikit-learn has it.
    target : str
    is_classification : bool
    positive : str or None
        The class that is 1, of two; None: sorted order.
    drop, codes : tuple of str
        Columns that say nothing, and numbers that are categories.
    """

    file: str = ""
    target: str = "target"
    is_classification: bool = True
    positive: str | None = None
    drop: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


def _suite(name: str, **settings: Any) -> Source:
    return Source(f"suite/data/{name}.csv.gz", **settings)


def _tabular(name: str, target: str, **settings: Any) -> Source:
    return Source(f"tabular/{name}.csv.gz", target, **settings)


_NUMBERS = {"is_classification": False}
_AMAZON = (
    *("RESOURCE", "MGR_ID", "ROLE_ROLLUP_1", "ROLE_ROLLUP_2", "ROLE_DEPTNAME"),
    *("ROLE_TITLE", "ROLE_FAMILY_DESC", "ROLE_FAMILY", "ROLE_CODE"),
)
SOURCES = {
    "credit_approval": _suite("credit_approval", positive="+"),
    "sonar": _suite("sonar", positive="Mine"),
    "german_credit": _suite("german_credit", positive="bad"),
    "caravan": _suite("caravan", positive="Yes", codes=("MOSTYPE", "MOSHOOFD")),
    "spambase": _suite("spambase", positive="1"),
    "car_crash": _suite("car_crash", positive="dead"),
    "amazon_access": _suite("amazon_access", positive="1", codes=_AMAZON),
    "eucalyptus": _suite("eucalyptus"),
    "arrhythmia": _suite("arrhythmia", codes=("sex",)),
    "splice": _suite("splice"),
    "pendigits": _suite("pendigits"),
    "auto_imports": _suite("auto_imports", **_NUMBERS),
    "communities": _suite("communities", **_NUMBERS),
    "ames": _suite("ames", **_NUMBERS),
    "hotel_rates": _suite("hotel_rates", **_NUMBERS),
    "cpu_act": _suite("cpu_act", **_NUMBERS),
    "adult": _tabular("adult", "income", drop=("split",)),
    "telco": _tabular("telco_churn", "Churn", drop=("customerID",)),
    "churn": _tabular(
        "churn_modelling", "exited", drop=("rowNumber", "customerId", "surname")
    ),
    "letter": _tabular("letter", "Letter"),
    "california": _tabular("california_housing", "median_house_value", **_NUMBERS),
    "diamonds": _tabular("diamonds", "price", **_NUMBERS),
    "breast_cancer": Source(),
    "wine": Source(),
    "digits": Source(),
    "diabetes": Source(is_classification=False),
}
TABLES = tuple(SOURCES)
QUICK = ("breast_cancer", "diabetes")


def read(folder: Path | None, name: str) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Return the columns of a table, words as categories, and its target.

    Raises
    ------
    ValueError
        If it is in the folder of data sets, and no folder is given.
    """
    source = SOURCES[name]
    if not source.file:
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        target = bunch.target.to_numpy()
        return bunch.data, target if source.is_classification else target.astype(float)
    if folder is None:
        raise ValueError(f"{name} is in the folder of data sets: give --data DIR.")
    # Texts such as None and NA are categories there; empty fields are missing.
    table = pd.read_csv(
        folder / source.file, keep_default_na=False, na_values=[""], low_memory=False
    ).drop(columns=list(source.drop))
    target = table.pop(source.target)
    for column in source.codes:
        table[column] = table[column].map(lambda v: f"{v:.0f}", na_action="ignore")
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            table[column] = table[column].astype("category")
    if not source.is_classification:
        return table, target.to_numpy(float)
    if source.positive is not None:
        return table, (target.astype(str) == source.positive).astype(int).to_numpy()
    return table, pd.factorize(target, sort=True)[0]


def for_report(folder: Path | None, name: str, split: int, rows: int) -> TabularData:
    """Return training rows and the test part of a split."""
    x, y, strata = _whole(folder, name)
    pool, test = _parts(strata, np.arange(len(y)), _test_rows(len(y)), split)
    fit = _drawn(strata, pool, rows, _FINAL + split)
    return _data(name, x, y, fit, test)


def for_choices(folder: Path | None, name: str, split: int, rows: int) -> TabularData:
    """Return training and validation rows of a split, none of its test part."""
    x, y, strata = _whole(folder, name)
    pool, _ = _parts(strata, np.arange(len(y)), _test_rows(len(y)), split)
    n_valid = int(_VALID_SHARE * len(pool))
    if len(pool) >= rows / (1.0 - _VALID_SHARE):
        n_valid = min(_MOST_VALID_ROWS, len(pool) - rows)
    fit, valid = _parts(strata, pool, n_valid, _VALID + split)
    return _data(name, x, y, _drawn(strata, fit, rows, _FIT + split), valid)


def _whole(
    folder: Path | None, name: str
) -> tuple[pd.DataFrame, NDArray[Any], NDArray[Any] | None]:
    x, y = read(folder, name)
    return x, y, y if SOURCES[name].is_classification else None


def _test_rows(n_rows: int) -> int:
    return max(1, min(_MOST_TEST_ROWS, int(_TEST_SHARE * n_rows)))


def _parts(
    strata: NDArray[Any] | None, rows: NDArray[Any], n_second: int, seed: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    classes = None if strata is None else strata[rows]
    first, second = train_test_split(
        rows, test_size=n_second, random_state=seed, stratify=classes
    )
    return first, second


def _drawn(
    strata: NDArray[Any] | None, rows: NDArray[Any], n_rows: int, seed: int
) -> NDArray[Any]:
    if len(rows) <= n_rows:
        return rows
    return _parts(strata, rows, len(rows) - n_rows, seed)[0]


def _data(
    name: str,
    x: pd.DataFrame,
    y: NDArray[Any],
    fit: NDArray[Any],
    other: NDArray[Any],
) -> TabularData:
    return TabularData(
        name,
        SOURCES[name].is_classification,
        x.iloc[fit].reset_index(drop=True),
        y[fit],
        np.zeros(len(fit), bool),
        x.iloc[other].reset_index(drop=True),
        y[other],
    )
