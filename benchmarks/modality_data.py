"""Images, texts and spoken words, in a part to train on, to tune on and to test on."""

from __future__ import annotations

import io
import wave
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

NEWS_FILE = "text/ag_news.csv.gz"
DIGITS_FILE = "audio/spoken_digits.zip"
CIFAR_FILE = "images/cifar10.zip"
SAMPLE_RATE = 8000
#: Seconds that a spoken digit is cut or padded to.
DURATION = 0.8


@dataclass(frozen=True)
class Split:
    """Rows in three parts.

    Attributes
    ----------
    x_fit, y_fit :
        To train on.
    x_tune, y_tune :
        For early stopping and the temperature.
    x_test, y_test :
        To look at once.
    """

    x_fit: Any
    y_fit: NDArray[Any]
    x_tune: Any
    y_tune: NDArray[Any]
    x_test: Any
    y_test: NDArray[Any]


def load_news(folder: Path, n_rows: int | None = None) -> Split:
    """Read AG News: title and text of a message, and its section; a fifth to test."""
    table = pd.read_csv(_existing(folder, NEWS_FILE))[:n_rows]
    parts = [c for c in ("title", "text", "description") if c in table.columns]
    texts = table[parts].fillna("").agg(" ".join, axis=1).to_numpy(dtype=object)
    y = table["label"].to_numpy()
    x, x_test, y, y_test = train_test_split(
        # Not seed 0: defaults of the text nets were looked at on that split.
        texts,
        y,
        test_size=0.2,
        random_state=7,
        stratify=y,
    )
    return _with_tuning_part(x, y, x_test, y_test)


def load_digits(folder: Path, held_out: tuple[str, ...] = ()) -> Split:
    """Read spoken digits as waveforms.

    Parameters
    ----------
    folder : Path
    held_out : tuple of str
        Speakers to test on; none: the data set's own test part, recordings 0 to 4 of
        every speaker and digit.
    """
    x, y, speakers, indices = [], [], [], []
    length = int(SAMPLE_RATE * DURATION)
    with zipfile.ZipFile(_existing(folder, DIGITS_FILE)) as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith(".wav"):
                continue
            digit, speaker, index = Path(name).stem.split("_")
            with wave.open(io.BytesIO(archive.read(name))) as sound:
                samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2")
            row = np.zeros(length, np.float32)
            row[: len(samples)] = samples[:length] / 32768.0
            x.append(row)
            y.append(int(digit))
            speakers.append(speaker)
            indices.append(int(index))
    waves, labels = np.stack(x), np.array(y)
    test = np.array(indices) < 5
    if held_out:
        test = np.isin(speakers, held_out)
    return _with_tuning_part(waves[~test], labels[~test], waves[test], labels[test])


def load_cifar(folder: Path, n_train: int | None, n_test: int | None) -> Split:
    """Read CIFAR-10 images as uint8, as many of each class."""
    with zipfile.ZipFile(_existing(folder, CIFAR_FILE)) as archive:
        x, y = _images(archive, "train", n_train)
        x_test, y_test = _images(archive, "test", n_test)
    return _with_tuning_part(x, y, x_test, y_test)


def _images(
    archive: zipfile.ZipFile, part: str, n_images: int | None
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    from PIL import Image

    by_class: dict[str, list[str]] = {}
    for name in sorted(archive.namelist()):
        if name.startswith(f"{part}/") and name.endswith(".jpg"):
            by_class.setdefault(name.split("/")[1], []).append(name)
    per_class = None if n_images is None else n_images // len(by_class)
    images, labels = [], []
    for label, names in by_class.items():
        for name in names[:per_class]:
            with Image.open(io.BytesIO(archive.read(name))) as image:
                images.append(np.asarray(image.convert("RGB")))
            labels.append(label)
    stacked = np.stack(images).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(stacked), np.array(labels)


def _with_tuning_part(x: Any, y: NDArray[Any], x_test: Any, y_test: Any) -> Split:
    x_fit, x_tune, y_fit, y_tune = train_test_split(
        x, y, test_size=0.1, random_state=1, stratify=y
    )
    return Split(x_fit, y_fit, x_tune, y_tune, x_test, y_test)


def _existing(folder: Path, name: str) -> Path:
    file = folder / name
    if not file.is_file():
        raise FileNotFoundError(
            f"The suite reads {name} in the folder given by --data; there is no {file}."
        )
    return file
