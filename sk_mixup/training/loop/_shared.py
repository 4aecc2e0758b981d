"""A training that several processes share: their steps, epochs and ends.

All take the same steps. In a step that one of them has no rows for, it takes over what
the others have learnt; where one stops, all do. What is recorded of an epoch is that
of all rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from skorch.callbacks import LRScheduler

from sk_mixup.processes import (
    GatheredRows,
    GradientAverage,
    Processes,
    average_statistics,
    share,
)
from sk_mixup.training.feeds import ArrayData, MixedBatch, SharedBatches
from sk_mixup.training.loop._callbacks import StopTraining, is_interrupt

#: A step without rows.
IDLE = MixedBatch(None)


class SharedSteps:
    """What a training needs to be shared.

    Parameters
    ----------
    processes : Processes
    shares_validation : bool
        Whether each process validates a part of the rows; else all validate the same
        ones, as scores of callbacks want it.
    """

    def __init__(self, processes: Processes, *, shares_validation: bool) -> None:
        self.processes = processes
        self.shares_validation = shares_validation
        self._average: GradientAverage | None = None
        self._iterator: Any = None

    def gather_for(self, method: Any) -> GatheredRows | None:
        """Return what fetches partners of other processes, where a method wants it."""
        if getattr(method, "partners", "local") != "global":
            return None
        return GatheredRows(self.processes)

    # -- steps ----------------------------------------------------------------------

    def start_epoch(self, net: Any) -> None:
        """Look which parameters there are: callbacks may have thawed some."""
        found = [
            parameter
            for name in net._optimizers
            for group in getattr(net, f"{name}_").param_groups
            for parameter in group["params"]
        ]
        if self._average is None or not self._average.is_of(found):
            self._average = GradientAverage(self.processes, found)

    def steps(
        self, iterator: Any, batches: Iterable[MixedBatch], gather: GatheredRows | None
    ) -> Iterator[MixedBatch]:
        """Yield as many batches as all processes take steps, the last ones idle.

        Parameters
        ----------
        iterator : iterable
            What `batches` are made of.
        batches : iterable of MixedBatch
        gather : GatheredRows or None
        """
        own = iter(batches)
        if not isinstance(iterator, SharedBatches):
            yield from self._until_all_end(own, gather)
            return
        n_steps = len(iterator)
        for batch in own:
            n_steps -= 1
            yield batch
        for _ in range(n_steps):
            if gather is not None:
                gather(iterator.no_rows(), 0)
            yield IDLE

    def _until_all_end(
        self, own: Iterator[MixedBatch], gather: GatheredRows | None
    ) -> Iterator[MixedBatch]:
        """Yield batches of a loader, of which nobody knows how many come."""
        if gather is not None:
            raise ValueError(
                "partners='global' is for rows in memory; those of a data set or a"
                " DataLoader are loaded process by process. Say partners='local'."
            )
        batch = next(own, None)
        while self.processes.any(batch is not None):
            if batch is None:
                yield IDLE
            else:
                yield batch
                batch = next(own, None)

    def average(self, n_rows: float) -> None:
        """Average the gradients, of which this process has the mean over some rows."""
        assert self._average is not None
        self._average(n_rows)

    def loss_of_all(self, loss: Any, n_rows: int) -> Any:
        """Return the mean loss of all processes, for optimizers that look at it."""
        return loss.new_tensor(self.processes.mean(loss.item(), n_rows))

    def idle_step(self, net: Any) -> None:
        """Take part in a step without rows of one's own."""
        stepper = net.run_.stepper
        if stepper is not None:
            stepper.start_batch()
        net.history.new_batch()
        net.train_step(None)
        for _, callback in net.callbacks_:
            if isinstance(callback, LRScheduler):
                callback.on_batch_end(net, training=True)

    def no_rows(self, net: Any) -> dict[str, Any]:
        """Do what `train_step_single` does, without rows."""
        run = net.run_
        loss = torch.zeros((), device=net.place_)
        if run.stepper is None or run.stepper.asks_again:
            self.average(0)
        if run.may_ask_again:
            loss = self.loss_of_all(loss, 0)
        return {"loss": loss, "y_pred": None}

    # -- epochs ---------------------------------------------------------------------

    def validated(self, data: ArrayData) -> ArrayData:
        """Return the rows that this process validates."""
        if self.processes.parts or not self.shares_validation:
            return data
        own = share(len(data), self.processes.rank, self.processes.size)
        return data.take(torch.arange(own.start, own.stop))

    def record(
        self, net: Any, key: str, losses: list[float], *, training: bool
    ) -> tuple[list[float], list[int]]:
        """Let the history have the batches of all processes; return them.

        Parameters
        ----------
        net : skorch net
        key : str
            Of the losses.
        losses : list of float
            Of the batches of this process.
        training : bool

        Returns
        -------
        losses : list of float
        sizes : list of int
        """
        size_key = key.replace("_loss", "_batch_size")
        records = [b for b in net.history[-1]["batches"] if size_key in b]
        sizes = [int(b[size_key]) for b in records]
        found = self.processes.exchange((losses, sizes))
        if not training and not self.shares_validation:
            found = found[:1]
        n_batches = max(len(one) for _, one in found)
        joined, totals = [], []
        for number in range(n_batches):
            there = [(own[number], n[number]) for own, n in found if number < len(own)]
            total = sum(n for _, n in there)
            joined.append(sum(loss * (n / max(total, 1)) for loss, n in there))
            totals.append(total)
        while len(records) < n_batches:
            net.history.new_batch()
            records.append(net.history[-1]["batches"][-1])
        for record, loss, n_rows in zip(records, joined, totals, strict=True):
            record[key], record[size_key] = loss, n_rows
        if training:
            average_statistics(self.processes, net.module_, sum(sizes))
        return joined, totals

    def hits(self, hits: float, *, training: bool) -> float:
        """Return the right predictions of all processes."""
        if training or self.shares_validation:
            return self.processes.total(hits)
        return self.processes.first(hits)

    @contextmanager
    def ending_together(self, net: Any) -> Iterator[None]:
        """Stop where another process stops at the end of an epoch."""
        stop: KeyboardInterrupt | None = None
        try:
            yield
        except KeyboardInterrupt as error:
            if is_interrupt(error):
                raise
            stop = error
        # The clock of one is that of all, and what callbacks say of their own rows.
        own = {k: v for k, v in net.history[-1].items() if k != "batches"}
        net.history[-1].update(self.processes.first(own))
        if self.processes.any(stop is not None):
            raise stop or StopTraining
