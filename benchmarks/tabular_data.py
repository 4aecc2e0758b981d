"""The tables of the suites ``tabular`` and ``label_noise``.

The main sets are split once, as the published comparisons do (rtdl): a fifth to test
with ``random_state=0``, then a fifth of the rest to validate with ``random_state=1``,
stratified for classes; adult keeps its official test part. Every model is trained on
both other parts together, and holds out by itself what it needs; the validation part
alone serves to fit temperatures. Small and made-up sets are split (and drawn) anew with
every seed, since their few test rows would decide otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import train_test_split

from benchmarks.parts import TABLES, TableFile
from benchmarks.suites.tabular_names import DATA_SETS, REGRESSION_SETS

FILES = TABLES | {
    "telco": TableFile("tabular/telco_churn.csv.gz", "Churn", drop=("customerID",)),
    "diamonds": TableFile("tabular/diamonds.csv.gz", "price", is_classification=False),
}
#: A part of one table, or the same table with other columns.
VARIANTS = {"adult10k": "adult", "california8": "california"}
ADULT_ROWS = 10_000
#: House prices are given in this many dollars, as scikit-learn's copy does.
DOLLARS = 100_000.0


@dataclass(frozen=True)
class TabularData:
    """A table in parts.

    Attributes
    ----------
    name : str
    is_classification : bool
    x_train, y_train :
        To train on: columns as a user has them (strings, missing values), and either
        class numbers from 0 or floats.
    val_rows : array of bool
        Which of these rows make the validation part.
    x_test, y_test :
        To test on.
    """

    name: str
    is_classification: bool
    x_train: pd.DataFrame
    y_train: NDArray[Any]
    val_rows: NDArray[np.bool_]
    x_test: pd.DataFrame
    y_test: NDArray[Any]

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(max(self.y_train.max(), self.y_test.max())) + 1

    @property
    def words(self) -> list[str]:
        """Columns that hold no numbers."""
        return list(self.x_train.select_dtypes(exclude="number").columns)

    @property
    def numbers(self) -> list[str]:
        """Columns of numbers."""
        return list(self.x_train.select_dtypes("number").columns)

    def without_validation(self) -> TabularData:
        """Return the table with the validation part to test on."""
        val = self.val_rows
        return replace(
            self,
            x_train=self.x_train[~val].reset_index(drop=True),
            y_train=self.y_train[~val],
            val_rows=np.zeros((~val).sum(), bool),
            x_test=self.x_train[val].reset_index(drop=True),
            y_test=self.y_train[val],
        )


def load(
    folder: Path | None, name: str, seed: int = 0, max_rows: int | None = None
) -> TabularData:
    """Return a data set in its parts.

    Parameters
    ----------
    folder : Path or None
        The folder of data sets; sets that come with scikit-learn and made-up ones do
        without.
    name : str
        One of `DATA_SETS`.
    seed : int
        Of the split and the draw of small and made-up sets; of no effect on others.
    max_rows : int or None
        Keep at most that many rows of each part, for quick runs.

    Raises
    ------
    FileNotFoundError
        Naming the file that is wanted.
    ValueError
        For an unknown name.
    """
    if name not in DATA_SETS:
        raise ValueError(f"unknown data set {name!r}; known are {', '.join(DATA_SETS)}")
    source = VARIANTS.get(name, name)
    if source in FILES:
        train, y_train, test, y_test = _from_file(folder, source)
        split_seed = 1
    else:
        x, y = _made(name, seed)
        stratify = None if name in REGRESSION_SETS else y
        train, test, y_train, y_test = train_test_split(
            x, y, test_size=0.2, random_state=seed, stratify=stratify
        )
        split_seed = seed + 1
    is_classification = name not in REGRESSION_SETS
    if name == "california8":
        train, test = _as_in_sklearn(train), _as_in_sklearn(test)
    limit = ADULT_ROWS if name == "adult10k" else None
    if max_rows is not None:
        limit = max_rows
        test, y_test = _part(test, y_test, max_rows, is_classification)
    train, y_train = _part(train, y_train, limit, is_classification)
    data = TabularData(
        name=name,
        is_classification=is_classification,
        x_train=train.reset_index(drop=True),
        y_train=y_train,
        val_rows=np.zeros(len(train), bool),
        x_test=test.reset_index(drop=True),
        y_test=y_test,
    )
    return _with_validation(data, split_seed)


def degrade(data: TabularData, fraction: float, noise: float, seed: int) -> TabularData:
    """Return fewer training rows, some with a wrong target; test rows stay clean.

    Parameters
    ----------
    data : TabularData
    fraction : float
        Share of the training rows kept, stratified.
    noise : float
        Share of these whose class becomes another one, all others equally likely; for
        numbers, whose targets are exchanged among themselves.
    seed : int
        Of both draws: equal for all models.
    """
    x, y = data.x_train, data.y_train
    if fraction < 1.0:
        x, y = _part(x, y, round(fraction * len(y)), data.is_classification, seed)
    rng = np.random.default_rng([seed, 20])
    wrong = rng.permutation(len(y))[: round(noise * len(y))]
    y = y.copy()
    if data.is_classification:
        step = rng.integers(1, data.n_classes, len(wrong))
        y[wrong] = (y[wrong] + step) % data.n_classes
    else:
        y[wrong] = y[rng.permutation(wrong)]
    x = x.reset_index(drop=True)
    changed = replace(data, x_train=x, y_train=y, val_rows=np.zeros(len(y), bool))
    return _with_validation(changed, 1)


def _with_validation(data: TabularData, seed: int) -> TabularData:
    stratify = data.y_train if data.is_classification else None
    if stratify is not None and np.bincount(stratify).min() < 2:
        stratify = None
    rows = np.arange(len(data.y_train))
    _, val = train_test_split(rows, test_size=0.2, random_state=seed, stratify=stratify)
    mask = np.zeros(len(rows), bool)
    mask[val] = True
    return replace(data, val_rows=mask)


def _part(
    x: pd.DataFrame, y: NDArray[Any], limit: int | None, stratified: bool, seed: int = 0
) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Keep `limit` rows at random."""
    if limit is None or limit >= len(y):
        return x, y
    stratify = y if stratified and np.bincount(y).min() > 1 else None
    if stratify is not None and limit < len(np.unique(y)):
        stratify = None
    kept, _ = train_test_split(
        np.arange(len(y)), train_size=limit, random_state=seed, stratify=stratify
    )
    return x.iloc[kept], y[kept]


def _from_file(
    folder: Path | None, name: str
) -> tuple[pd.DataFrame, NDArray[Any], pd.DataFrame, NDArray[Any]]:
    spec = FILES[name]
    file = None if folder is None else folder / spec.file
    if file is None or not file.is_file():
        raise FileNotFoundError(
            f"The data set {name} is read from {spec.file} in the folder given by"
            f" --data; there is no {file or 'such folder'}."
        )
    table = pd.read_csv(file)
    x = table.drop(columns=[spec.target, *spec.drop])
    if name == "telco":
        # A blank where the customer is new.
        x["TotalCharges"] = pd.to_numeric(x["TotalCharges"], errors="coerce")
    y: NDArray[Any]
    if spec.is_classification:
        y = np.unique(table[spec.target].to_numpy(dtype=object), return_inverse=True)[1]
        y = y.astype(np.int64)
    else:
        scale = DOLLARS if name == "california" else 1.0
        y = table[spec.target].to_numpy(dtype=np.float64) / scale
    if spec.official is not None:
        is_train = (x.pop(spec.official) == "train").to_numpy()
        return x[is_train], y[is_train], x[~is_train], y[~is_train]
    train, test, y_train, y_test = train_test_split(
        x,
        y,
        test_size=0.2,
        random_state=0,
        stratify=y if spec.is_classification else None,
    )
    return train, y_train, test, y_test


def _as_in_sklearn(x: pd.DataFrame) -> pd.DataFrame:
    """Return the 8 columns of scikit-learn's copy of the California table.

    Its averages per household are ratios of the counts in this one, in which 207
    numbers of bedrooms are missing; rows and their order are the same.
    """
    return pd.DataFrame(
        {
            "MedInc": x["median_income"],
            "HouseAge": x["housing_median_age"],
            "AveRooms": x["total_rooms"] / x["households"],
            "AveBedrms": x["total_bedrooms"] / x["households"],
            "Population": x["population"],
            "AveOccup": x["population"] / x["households"],
            "Latitude": x["latitude"],
            "Longitude": x["longitude"],
        }
    )


def _made(name: str, seed: int) -> tuple[pd.DataFrame, NDArray[Any]]:
    """Return a set that needs no file."""
    bundled = {
        "breast_cancer": datasets.load_breast_cancer,
        "digits": datasets.load_digits,
        "wine": datasets.load_wine,
        "diabetes": datasets.load_diabetes,
    }
    if name in bundled:
        x, y = bundled[name](return_X_y=True, as_frame=True)
        return x, y.to_numpy(np.float64 if name in REGRESSION_SETS else np.int64)
    if name == "friedman1":
        x, y = datasets.make_friedman1(5_000, noise=1.0, random_state=seed)
    elif name == "hastie_10_2":
        x, y = datasets.make_hastie_10_2(6_000, random_state=seed)
        y = (y > 0).astype(np.int64)
    elif name == "checkerboard":
        # A tenth of the labels is wrong, in the test rows too: nobody can do better
        # than an accuracy of 0.9 and a log-loss of 0.325. Two columns are of no use.
        rng = np.random.default_rng(seed)
        x = rng.uniform(0.0, 4.0, (6_000, 4))
        cell = np.floor(x[:, 0]) + np.floor(x[:, 1])
        y = (cell.astype(np.int64) + (rng.random(len(x)) < 0.1)) % 2
    else:
        x, y = datasets.make_classification(
            40_000,
            n_features=12,
            n_informative=6,
            n_clusters_per_class=3,
            weights=[0.99],
            flip_y=0.0,
            class_sep=0.8,
            random_state=seed,
        )
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])]), y
