"""Batches of a table that is read in pieces: shuffled in a window, ahead of the steps.

An epoch is one pass over row groups in a random order. Encoded pieces of several of
them fill a window, whose rows are permuted and cut into batches, while the next window
is being filled. What is left of a window goes into the next one, so that there are as
many batches, and of the sizes, that all rows in memory would give.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sk_mixup.inputs import ParquetRows
from sk_mixup.training.feeds._batches import BatchesInMemory, _n_bytes, move, select
from sk_mixup.training.feeds._last_batch import count_batches
from sk_mixup.training.feeds._stream_data import StreamData
from sk_mixup.training.feeds._walk import map_tensors

# What a window may take at most; there are two of them at a time, and a copy of one.
_WINDOW_BYTES = 2**27

Rows = tuple[Any, Tensor]


class WindowData(StreamData):
    """The training rows of Parquet files.

    Parameters
    ----------
    rows : ParquetRows
    source : input object
        Fitted; encodes features.
    task : object
        Its `encode` makes a tensor of targets.
    held : ndarray of int64
        Rows that are no training rows, by number, increasing.
    first : tuple of (input, Tensor)
        Some encoded training rows.
    class_counts : Tensor or None
        Training rows of each class.
    """

    def __init__(
        self,
        rows: ParquetRows,
        source: Any,
        task: Any,
        held: np.ndarray,
        first: Rows,
        class_counts: Tensor | None = None,
    ) -> None:
        super().__init__(rows)
        self.source = source
        self.task = task
        self.held = held
        self.first_rows = first
        self.class_counts = class_counts
        self.n_rows = len(rows) - len(held)

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("WindowData is read by WindowBatches.")

    def __len__(self) -> int:
        return len(self.dataset) - len(self.held)

    def sample(self, n_rows: int = 2) -> Rows:
        """Return input and targets of some rows."""
        x, y = self.first_rows
        return map_tensors(torch.clone, select(x, slice(n_rows))), y[:n_rows].clone()

    def encoded(self, start: int, frame: Any, y: Any) -> Rows:
        """Return a piece as training rows.

        Parameters
        ----------
        start : int
            Number of its first row.
        frame : DataFrame
        y : Series
        """
        low, high = np.searchsorted(self.held, [start, start + len(frame)])
        if high > low:
            kept = np.ones(len(frame), dtype=bool)
            kept[self.held[low:high] - start] = False
            frame, y = frame[kept], y[kept]
        if not len(frame):
            x, labels = self.first_rows
            return select(x, slice(0)), labels[:0]
        return encoded_rows(self.source, self.task, frame, y)


def encoded_rows(source: Any, task: Any, frame: Any, y: Any) -> Rows:
    """Return rows of a table as input and target."""
    return source.transform(source.check(frame)), task.encode(plain_target(y))


def plain_target(y: Any) -> Any:
    """Return a target as the values that it holds, where a reader has numbered them."""
    return y.astype(object) if hasattr(y, "cat") else y


class WindowBatches(BatchesInMemory):
    """Iterate over the batches of an epoch.

    Parameters
    ----------
    data : WindowData
    batch_size : int
    device : str or torch.device
    generator : torch.Generator or None
        Draws a seed for every epoch; None: rows come as they stand.
    """

    def __init__(
        self,
        data: WindowData,
        batch_size: int,
        device: str | torch.device,
        generator: torch.Generator | None = None,
    ) -> None:
        if batch_size == -1:
            raise ValueError(
                "batch_size=-1 means all rows, which ParquetRows do not have in memory."
                " Give a number."
            )
        self.data = data
        self.batch_size = batch_size
        self.device = torch.device(device)
        self.generator = generator
        x, y = data.first_rows
        row = max(1, (_n_bytes(x) + _n_bytes(y)) // max(1, len(y)))
        self.batch_bytes = row * batch_size
        self._window = max(batch_size, min(data.dataset.window, _WINDOW_BYTES // row))

    def __len__(self) -> int:
        """Return the number of batches."""
        return count_batches(len(self.data), self.batch_size)

    def __iter__(self) -> Iterator[Rows]:
        """Yield ``(x, y)``."""
        generator = None
        if self.generator is not None:
            seed = torch.randint(2**62, (), generator=self.generator)
            generator = torch.Generator().manual_seed(int(seed))
        windows = self._windows(generator)
        with ThreadPoolExecutor(1, "sk_mixup-window") as builder:
            ahead: Future[Any] = builder.submit(next, windows, None)
            try:
                while (window := ahead.result()) is not None:
                    ahead = builder.submit(next, windows, None)
                    yield from self._batches_of(*window)
            finally:
                # Of an epoch that somebody ends: readers go when nobody reads.
                ahead.cancel()
                builder.submit(windows.close)

    def _batches_of(self, x: Any, y: Tensor, is_last: bool) -> Iterator[Rows]:
        x, y = move(x, self.device), move(y, self.device)
        size = self.batch_size
        n_batches = count_batches(len(y), size) if is_last else len(y) // size
        for number in range(n_batches):
            stop = len(y) if number + 1 == n_batches else (number + 1) * size
            batch = slice(number * size, stop)
            yield select(x, batch), y[batch]

    def _windows(
        self, generator: torch.Generator | None
    ) -> Generator[tuple[Any, Tensor, bool], None, None]:
        """Yield shuffled rows, whole batches of them but for the last time."""
        size, n_left = self.batch_size, len(self.data)
        rows: ParquetRows = self.data.dataset
        order = None
        if generator is not None:
            order = torch.randperm(len(rows.groups), generator=generator).tolist()
        pieces = rows.pieces(self.data.encoded, order)
        kept: list[Rows] = []
        count = 0
        try:
            for piece in pieces:
                kept.append(piece)
                count += len(piece[1])
                n_left -= len(piece[1])
                # A window with the very last rows has all of them: a row too many
                # for the last batch joins it.
                if count < self._window or n_left <= 1:
                    continue
                x, y = _shuffled(kept, generator)
                n_whole = len(y) // size * size
                yield select(x, slice(n_whole)), y[:n_whole], False
                kept = [_copied(select(x, slice(n_whole, None)), y[n_whole:])]
                count = len(y) - n_whole
        finally:
            pieces.close()
        if count:
            x, y = _shuffled(kept, generator)
            yield x, y, True


def joined_rows(parts: Sequence[Rows]) -> Rows:
    """Return encoded rows one below the other."""
    x = map_tensors(lambda *t: torch.cat(t), *(x for x, _ in parts))
    return x, torch.cat([y for _, y in parts])


def _shuffled(parts: Sequence[Rows], generator: torch.Generator | None) -> Rows:
    x, y = joined_rows(parts)
    if generator is None:
        return x, y
    order = torch.randperm(len(y), generator=generator)
    return map_tensors(lambda t: t.index_select(0, order), x), y.index_select(0, order)


def _copied(x: Any, y: Tensor) -> Rows:
    """Return rows that do not keep the window that they are of."""
    return map_tensors(torch.clone, x), y.clone()
