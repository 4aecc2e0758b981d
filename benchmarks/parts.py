"""Real data in three parts: to train on, to choose on, and to test on once.

Large data are cut to a size for a CPU by leaving rows away at random, after the split,
so that the test rows are the same ones whatever the size of the other parts.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

#: Mean and standard deviation of CIFAR-10's channels, from 0 to 255.
_CHANNEL_MEAN = (125.3, 123.0, 113.9)
_CHANNEL_STD = (63.0, 62.1, 66.7)


@dataclass(frozen=True)
class Parts:
    """A data set in parts.

    Attributes
    ----------
    name : str
    is_classification : bool
    x_fit, y_fit :
        To train on while something is chosen.
    x_select, y_select :
        To choose on. Afterwards they are trained on too.
    x_test, y_test :
        To look at once.
    """

    name: str
    is_classification: bool
    x_fit: Any
    y_fit: NDArray[Any]
    x_select: Any
    y_select: NDArray[Any]
    x_test: Any
    y_test: NDArray[Any]

    def all_train(self) -> tuple[Any, NDArray[Any]]:
        """Return the first two parts as one."""
        y = np.concatenate([self.y_fit, self.y_select])
        if isinstance(self.x_fit, pd.DataFrame):
            return pd.concat([self.x_fit, self.x_select], ignore_index=True), y
        return np.concatenate([self.x_fit, self.x_select]), y

    @property
    def sizes(self) -> str:
        """The sizes in words."""
        n = [len(self.y_fit), len(self.y_select), len(self.y_test)]
        return "{:,} to train on, {:,} to choose alpha on, {:,} to test on".format(*n)


@dataclass(frozen=True)
class Limits:
    """The largest number of rows per part; None: all."""

    fit: int | None = None
    select: int | None = None
    test: int | None = None


@dataclass(frozen=True)
class TableFile:
    """Where a table lies and what its columns are for.

    Attributes
    ----------
    file : str
        Below the folder of data sets.
    target : str
    drop : sequence of str
        Columns that only identify a row.
    is_classification : bool
    official : str or None
        Column that marks the official parts "train" and "test".
    """

    file: str
    target: str
    drop: Sequence[str] = ()
    is_classification: bool = True
    official: str | None = None


TABLES = {
    "adult": TableFile("tabular/adult.csv.gz", "income", official="split"),
    "letter": TableFile("tabular/letter.csv.gz", "Letter"),
    "churn": TableFile(
        "tabular/churn_modelling.csv.gz",
        "exited",
        drop=("rowNumber", "customerId", "surname"),
    ),
    "california": TableFile(
        "tabular/california_housing.csv.gz",
        "median_house_value",
        is_classification=False,
    ),
}
CIFAR = "cifar10"
CIFAR_FILE = "images/cifar10.zip"


def load_parts(folder: Path, name: str, limits: Limits) -> Parts:
    """Read a data set and split it.

    Parameters
    ----------
    folder : Path
        The folder of data sets.
    name : str
        A key of `TABLES`, or ``"cifar10"``.
    limits : Limits

    Raises
    ------
    FileNotFoundError
        Naming the file that is wanted.
    """
    if name == CIFAR:
        return _load_images(folder, limits)
    return _load_table(folder, name, limits)


def size_of(folder: Path, name: str) -> int | None:
    """Return the bytes of a data set's file; None where there is none."""
    file = folder / (CIFAR_FILE if name == CIFAR else TABLES[name].file)
    return file.stat().st_size if file.is_file() else None


def _load_table(folder: Path, name: str, limits: Limits) -> Parts:
    """Split as the published comparisons do: a fifth to test, a fifth to choose."""
    spec = TABLES[name]
    table = pd.read_csv(_existing(folder / spec.file))
    kept = table.drop(columns=list(spec.drop))
    if spec.official is None:
        train, test = _split(kept, spec, seed=0)
    else:
        kept = kept.drop(columns=spec.official)
        is_train = table[spec.official] == "train"
        train, test = kept[is_train], kept[~is_train]
    fit, select = _split(train, spec, seed=1)
    rng = np.random.default_rng(0)
    pieces: list[Any] = []
    for part, limit in (
        (fit, limits.fit),
        (select, limits.select),
        (test, limits.test),
    ):
        rows = rng.permutation(len(part))[:limit]
        part = part.iloc[rows].reset_index(drop=True)
        pieces += [part.drop(columns=spec.target), part[spec.target].to_numpy()]
    return Parts(name, spec.is_classification, *pieces)


def _split(
    table: pd.DataFrame, spec: TableFile, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    stratify = table[spec.target] if spec.is_classification else None
    large, small = train_test_split(
        table, test_size=0.2, random_state=seed, stratify=stratify
    )
    return large, small


def _load_images(folder: Path, limits: Limits) -> Parts:
    """Take the same number of each class, the first ones of each folder."""
    file = _existing(folder / CIFAR_FILE)
    n_fit = None if limits.fit is None else limits.fit + (limits.select or 0)
    with zipfile.ZipFile(file) as archive:
        x, y = _read_images(archive, "train", n_fit)
        x_test, y_test = _read_images(archive, "test", limits.test)
    # A tenth to choose on where nothing else is said.
    n_select = limits.select or len(y) // 10
    fit, select = train_test_split(
        np.arange(len(y)), test_size=n_select, random_state=1, stratify=y
    )
    return Parts(CIFAR, True, x[fit], y[fit], x[select], y[select], x_test, y_test)


def _read_images(
    archive: zipfile.ZipFile, part: str, n_images: int | None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Reading JPEG images needs Pillow: pip install pillow (matplotlib brings it"
            " too). Or leave the images out: --only adult,letter,churn,california."
        ) from error
    names = sorted(name for name in archive.namelist() if name.startswith(f"{part}/"))
    by_class: dict[str, list[str]] = {}
    for name in names:
        if name.endswith(".jpg"):
            by_class.setdefault(name.split("/")[1], []).append(name)
    per_class = None if n_images is None else n_images // len(by_class)
    images, labels = [], []
    for label, members in enumerate(by_class.values()):
        for name in members[:per_class]:
            with Image.open(io.BytesIO(archive.read(name))) as image:
                images.append(np.asarray(image.convert("RGB"), dtype=np.float32))
            labels.append(label)
    mean, std = np.array(_CHANNEL_MEAN, "f4"), np.array(_CHANNEL_STD, "f4")
    scaled = (np.stack(images) - mean) / std
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)), np.array(labels)


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise FileNotFoundError(
            f"The suite methods reads {file.parent.name}/{file.name} in the folder"
            f" given by --data; there is no {file}."
        )
    return file
