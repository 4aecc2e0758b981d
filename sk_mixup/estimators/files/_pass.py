"""From Parquet files to training data: a sample, one pass over all rows, a window.

What a table in memory tells at a glance is gathered here in one pass: classes, ranges,
categories, missing targets. On the way rows are picked out for the sample, by which
numbers are scaled, and for validation, which stay in memory.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import torch

from sk_mixup.encoding import TableCounts
from sk_mixup.estimators._fitted import Fitted
from sk_mixup.estimators._intake import refuse_given
from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators._watchers import watcher_of
from sk_mixup.estimators.tasks import Task
from sk_mixup.inputs import (
    ArrayInput,
    ParquetRows,
    ShapedInput,
    TableInput,
    joined_frames as joined,
)
from sk_mixup.training import (
    AUTO_EARLY_STOPPING_ROWS,
    ArrayData,
    TrainStreams,
    WindowData,
    encoded_rows,
    joined_rows,
    plain_target,
    select,
)

# Rows that numbers are scaled by, as many as of a table in memory; validation rows, at
# most; rows that a net is tried on.
_SAMPLE_ROWS = 200_000
_MOST_VALID = 200_000
_FIRST_ROWS = 1024
_MOST_CLASSES = 100_000


@dataclass(frozen=True)
class FileData:
    """What was read.

    Attributes
    ----------
    task : Task
    train : WindowData
    valid : ArrayData or None
    """

    task: Task
    train: WindowData
    valid: ArrayData | None


@dataclass
class _Picked:
    """Rows that were picked out on the way, by their numbers."""

    wanted: np.ndarray
    numbers: list[np.ndarray] = field(default_factory=list)
    frames: list[pd.DataFrame] = field(default_factory=list)
    targets: list[pd.Series] = field(default_factory=list)

    def places(self, start: int, n_rows: int) -> np.ndarray:
        """Return which of some consecutive rows are wanted."""
        low, high = np.searchsorted(self.wanted, [start, start + n_rows])
        return self.wanted[low:high] - start

    def add(self, found: tuple[np.ndarray, pd.DataFrame, pd.Series]) -> None:
        """Keep rows."""
        numbers, frame, y = found
        self.numbers.append(numbers)
        self.frames.append(frame)
        self.targets.append(y)

    def rows(self) -> tuple[np.ndarray, pd.DataFrame, pd.Series]:
        """Return all of them."""
        return np.concatenate(self.numbers), joined(self.frames), joined(self.targets)


def refuse_beside_files(**given: Any) -> None:
    """Say which arguments do not go with Parquet files.

    Raises
    ------
    ValueError
    """
    reasons = {
        "y": "the target is a column, ParquetRows(path, target='NAME')",
        "y_val": "the target is a column, ParquetRows(path, target='NAME')",
        "sample_weight": "rows are read in an order of their own",
        "sample_weight_val": "rows are read in an order of their own",
        "groups": "rows are read in an order of their own",
    }
    refuse_given("ParquetRows", reasons, given)


def refuse_settings(settings: Settings) -> None:
    """Say which parameters do not go with files of more rows than their window.

    Raises
    ------
    ValueError
    """
    if settings.tasks.class_weight is not None:
        raise ValueError(
            "class_weight cannot be used with ParquetRows of more rows than their"
            " window. Say class_weight=None, and weigh classes by"
            " criterion=torch.nn.CrossEntropyLoss(weight=...)."
        )
    if settings.under("iterator_train"):
        name = next(iter(settings.under("iterator_train")))
        raise ValueError(
            f"iterator_train__{name} cannot be used with ParquetRows, which have"
            " readers of their own: ParquetRows(path, readers=2, window=500_000)."
        )


def read_files(
    settings: Settings,
    rows: ParquetRows,
    source: Any,
    streams: TrainStreams,
    classes: Any,
    before: Fitted | None,
    *,
    holds_out: bool,
) -> FileData:
    """Return training and validation data of files of more rows than their window.

    Parameters
    ----------
    settings : Settings
    rows : ParquetRows
    source : TableInput or ArrayInput
        Fitted here, or before.
    streams : TrainStreams
    classes : object
        As for `partial_fit`.
    before : Fitted or None
    holds_out : bool
        Whether validation rows are wanted of these.
    """
    is_array = isinstance(source, ArrayInput) and not isinstance(source, ShapedInput)
    if not is_array and not isinstance(source, TableInput):
        raise TypeError(
            f"X is {rows!r}, a table, and module={settings.module!r} takes none. Use a"
            " net for tables, such as module='mlp', or a module of your own."
        )
    if before is not None:
        task = settings.tasks.of(before.task.target)
        if classes is not None:
            task.check_same_classes(classes)
        frame, y = rows.head()
        first = encoded_rows(source, task, frame, y)
        none = np.empty(0, dtype=np.int64)
        return FileData(task, WindowData(rows, source, task, none, first), None)
    held = np.empty(0, dtype=np.int64)
    if holds_out:
        held = _held_rows(settings, rows, streams)
    sample, valid, found = _pass(settings, rows, source, streams, held)
    numbers, frame, y = sample.rows()
    if settings.tasks.is_classifier:
        task = settings.tasks.fit(_values(found.labels, rows), None, classes)
    else:
        task = settings.tasks.fit(plain_target(y), None, classes)
    if isinstance(source, TableInput):
        assert found.counts is not None
        source.encoder.fit_counted(frame, found.counts)
    else:
        source.fit_transform(source.check(frame))
    own = ~np.isin(numbers, held)
    x, labels = encoded_rows(source, task, frame[own], y[own])
    if isinstance(source, TableInput):
        source.look_at_target(x, task.binned(labels), None)
    validation = None
    if len(held):
        _, frame, y = valid.rows()
        validation = ArrayData(*encoded_rows(source, task, frame, y))
    some = slice(_FIRST_ROWS)
    train = WindowData(
        rows,
        source,
        task,
        held,
        (select(x, some), labels[some]),
        _class_counts(task, found.labels, rows, validation),
    )
    return FileData(task, train, validation)


def encoded_files(source: Any, task: Task, rows: ParquetRows) -> ArrayData:
    """Return all rows of files, encoded, in memory.

    Parameters
    ----------
    source : input object
        Fitted.
    task : Task
    rows : ParquetRows
        With a target.
    """
    rows.check_has_target()
    parts = []
    for frame, y in rows.frames():
        check_target(rows, y)
        parts.append(encoded_rows(source, task, frame, y))
    return ArrayData(*joined_rows(parts))


@dataclass
class _Found:
    """What the pass has found out."""

    counts: TableCounts | None
    labels: Counter[Any]


def _pass(
    settings: Settings,
    rows: ParquetRows,
    source: Any,
    streams: TrainStreams,
    held: np.ndarray,
) -> tuple[_Picked, _Picked, _Found]:
    """Run once over all rows."""
    counts = None
    if isinstance(source, TableInput):
        counts = TableCounts(rows.head()[0], settings.categorical_features)
    found = _Found(counts, Counter())
    rng = np.random.default_rng(streams.encode_seed)
    chosen = _chosen(rng, len(rows), min(_SAMPLE_ROWS, len(rows)))
    sample, valid = _Picked(chosen), _Picked(held)
    is_classifier = settings.tasks.is_classifier

    def look(start: int, frame: pd.DataFrame, y: Any) -> Any:
        check_target(rows, y, start)
        with _place(rows, start):
            if counts is None:
                source.check(frame)
                piece = None
            else:
                piece = counts.of(frame)
        labels = None
        if is_classifier:
            by_label = plain_target(y).value_counts(sort=False)
            labels = dict(zip(by_label.index.tolist(), by_label.tolist(), strict=True))
        picked = []
        for kept in (sample, valid):
            places = kept.places(start, len(frame))
            picked.append((start + places, frame.iloc[places], y.iloc[places]))
        return piece, labels, picked

    for piece, labels, picked in rows.pieces(look):
        if counts is not None:
            counts.add(piece)
        if labels is not None:
            found.labels.update(labels)
            if len(found.labels) > _MOST_CLASSES:
                raise ValueError(
                    f"Unknown label type: the target {rows.target!r} has more than"
                    f" {_MOST_CLASSES} different values. For numbers to predict use"
                    " MixupRegressor."
                )
        for kept, part in zip((sample, valid), picked, strict=True):
            kept.add(part)
    return sample, valid, found


def check_target(rows: ParquetRows, y: Any, start: int = 0) -> None:
    """Check that a target is there, and finite, in every row."""
    missing = np.asarray(y.isna())
    what = "missing"
    if not missing.any() and y.dtype.kind == "f":
        missing, what = ~np.isfinite(np.asarray(y)), "infinite"
    if not missing.any():
        return
    place = rows.where(start + int(np.flatnonzero(missing)[0]))
    raise ValueError(
        f"Input y contains NaN: the target {rows.target!r} is {what} in {place}. Leave"
        " such rows out, or decide for a value."
        if what == "missing"
        else f"Input y contains infinity: the target {rows.target!r} in {place}."
    )


@contextmanager
def _place(rows: ParquetRows, start: int) -> Iterator[None]:
    """Let errors say where the rows are that they speak of."""
    try:
        yield
    except (TypeError, ValueError) as error:
        place = rows.where(start)
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"X, rows counted from {place}: {error}") from error


def _held_rows(
    settings: Settings, rows: ParquetRows, streams: TrainStreams
) -> np.ndarray:
    """Return the numbers of the validation rows, increasing."""
    none = np.empty(0, dtype=np.int64)
    n_rows, stopping = len(rows), settings.early_stopping
    watcher = watcher_of(settings)
    needs = watcher is not None and watcher.monitor is not None
    if settings.partial or stopping is False:
        if watcher is not None and needs:
            what = "partial_fit" if settings.partial else "early_stopping=False"
            raise watcher.refusal(f"{what} holds out no rows")
        return none
    few = n_rows < AUTO_EARLY_STOPPING_ROWS
    if n_rows < 3 or (stopping == "auto" and few and watcher is None):
        return none
    n_valid = math.ceil(n_rows * float(settings.validation_fraction))
    rng = np.random.default_rng(streams.split_seed)
    return _chosen(rng, n_rows, min(n_valid, _MOST_VALID, n_rows - 2))


def _chosen(rng: np.random.Generator, n_rows: int, n_chosen: int) -> np.ndarray:
    if n_chosen == n_rows:
        return np.arange(n_rows)
    return np.sort(rng.choice(n_rows, n_chosen, replace=False, shuffle=False))


def _values(labels: Counter[Any], rows: ParquetRows) -> Any:
    """Return the labels that were found, as the column holds them."""
    _, y = rows.head()
    assert y is not None
    kind = y.dtype if getattr(y.dtype, "kind", "O") in "biuf" else object
    return pd.Series(list(labels), dtype=kind)


def _class_counts(
    task: Task, labels: Counter[Any], rows: ParquetRows, valid: ArrayData | None
) -> torch.Tensor | None:
    """Return the training rows of each class; None for numbers."""
    if task.n_classes is None:
        return None
    codes = task.encode(_values(labels, rows))
    if codes.ndim != 1 or codes.is_floating_point():
        return None
    counts = torch.zeros(task.n_classes, dtype=torch.int64)
    counts.index_add_(0, codes, torch.tensor(list(labels.values())))
    if valid is not None:
        counts -= torch.bincount(valid.y, minlength=task.n_classes)
    return counts
