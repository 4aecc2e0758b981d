"""What is recorded of an epoch: losses, read back at its end, and accuracy.

Reading a number waits for its device. On the CPU there is nothing to wait for, and a
tensor kept per batch would split the memory that large batches leave behind.
"""

from __future__ import annotations

from typing import Any

import torch
from skorch.callbacks import BatchScoring, EpochScoring, LRScheduler
from torch import Tensor

from sk_mixup.training.loop._callbacks import (
    CountedAccuracy,
    join_outputs,
    kept_scores,
)
from sk_mixup.training.loop._fetching import on_host
from sk_mixup.training.loop._finite import check_rows, explain_loss
from sk_mixup.training.loop._run import count_hits

# Hooks of skorch that look at no loss of a batch.
_BLIND = (BatchScoring, EpochScoring, LRScheduler)


class EpochRecord:
    """Losses of the batches of an epoch, and what the history is told of them.

    Parameters
    ----------
    net : skorch net
        That trains.
    iterator : iterable
        Of the rows.
    prefix : {"train", "valid"}
    """

    def __init__(self, net: Any, iterator: Any, prefix: str) -> None:
        self.net = net
        self.iterator = iterator
        self.prefix = prefix
        self.training = prefix == "train"
        self.n_rows = 0
        self._losses: list[Tensor | float] = []
        # Losses, and rows that are right, which are to be read.
        self._waiting: tuple[Tensor | None, Tensor | None] = None, None
        self._reads = any(map(_may_look, net._hooks("on_batch_end")))

    def add(self, step: dict[str, Any], n_rows: int) -> None:
        """Take in a batch.

        Parameters
        ----------
        step : dict
            What a step returns, with "loss" and "y_pred".
        n_rows : int

        Raises
        ------
        FloatingPointError, ValueError
            Where a loss that is read is not finite.
        """
        net, run = self.net, self.net.run_
        loss = step["loss"].detach()
        is_first = self.training and run.has_no_step and len(net.history) == 1
        run.has_no_step &= not self.training
        if self._reads or loss.device.type == "cpu":
            loss = loss.item()
            if loss - loss != 0:
                explain_loss(
                    net,
                    self.iterator,
                    step["y_pred"],
                    training=self.training,
                    first=is_first,
                )
        self._put(loss, n_rows)

    def add_none(self) -> None:
        """Take in a step of other processes alone."""
        self._put(0.0, 0)

    def _put(self, loss: Tensor | float, n_rows: int) -> None:
        history = self.net.history
        self._losses.append(loss)
        self.n_rows += n_rows
        history.record_batch(f"{self.prefix}_loss", loss)
        history.record_batch(f"{self.prefix}_batch_size", n_rows)

    def end(self) -> None:
        """Take in that no batch comes any more, and record the epoch.

        What is to be read of a training waits for the validation, so that both are one
        message.

        Raises
        ------
        ValueError
            If there was no batch.
        FloatingPointError
            If a loss of the training is not finite.
        """
        net, run = self.net, self.net.run_
        if self.training:
            count_hits(run)
        losses = [loss for loss in self._losses if isinstance(loss, Tensor)]
        self._waiting = (
            torch.stack(losses) if losses else None,
            torch.stack(run.hits).sum() if run.hits else None,
        )
        run.hits.clear()
        run.records.append(self)
        waits = self.training and net.train_split is not None and run.shared is None
        if not waits or net.place_.type == "cpu":
            records, run.records = run.records, []
            _close(net, records)

    def _write(self, losses: Tensor | None, hits: Tensor | None) -> None:
        history, run = self.net.history, self.net.run_
        key, shared = f"{self.prefix}_loss", run.shared
        read = iter([] if losses is None else losses.tolist())
        values = [next(read) if isinstance(x, Tensor) else x for x in self._losses]
        if shared is not None:
            values, sizes = shared.record(self.net, key, values, training=self.training)
            self.n_rows = sum(sizes)
        if not values:
            raise ValueError(
                f"X: the data set gave no {self.prefix} batch in epoch {len(history)}."
                " An iterable must start anew for every epoch."
            )
        for record, value in zip(
            [b for b in history[-1]["batches"] if key in b], values, strict=True
        ):
            record[key] = value
        history.record(f"{self.prefix}_batch_count", len(values))
        if losses is not None and not all(value - value == 0 for value in values):
            check_rows(self.iterator)
        self.net._check_finite(values, self.training)
        if not run.objective.counts:
            return
        right = 0.0 if hits is None else hits.item()
        if shared is not None:
            right = shared.hits(right, training=self.training)
        name = "train_acc_mixed" if self.training else "valid_acc"
        history.record(name, right / self.n_rows)


def _close(net: Any, records: list[EpochRecord]) -> None:
    """Read all in one message, with the targets that scores have kept."""
    scores = kept_scores(net.callbacks_)
    join_outputs(scores)
    found, targets = on_host(
        ([record._waiting for record in records], [score.y_trues_ for score in scores])
    )
    for score, kept in zip(scores, targets, strict=True):
        score.y_trues_ = kept
    for record, waiting in zip(records, found, strict=True):
        record._write(*waiting)


def _may_look(hook: Any) -> bool:
    """Whether a callback may want the loss of a batch as a number."""
    callback = getattr(hook, "__self__", None)
    own = getattr(callback, "__class__", type(None))
    is_known = own is CountedAccuracy or own.__module__.startswith("skorch.")
    return not (isinstance(callback, _BLIND) and is_known)
