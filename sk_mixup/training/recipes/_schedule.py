"""Learning rates over a training, by name.

A schedule is a factor on the learning rate of every parameter group, set before each
step. skorch's LRScheduler steps per epoch by default, which is coarse for a training of
ten epochs and cannot warm up inside the first; per batch it would make every callback
of a batch wait for the loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# Of torch.optim.lr_scheduler.OneCycleLR: share of the rise, first and last divisor.
_RISE, _START, _END = 0.3, 25.0, 25.0 * 1e4


def cosine(progress: float) -> float:
    """Fall from 1 to 0 along half a cosine."""
    return 0.5 * (1.0 + math.cos(math.pi * progress))


def linear(progress: float) -> float:
    """Fall from 1 to 0 along a line."""
    return 1.0 - progress


#: Schedules by name; that of one_cycle needs the numbers of steps.
SCHEDULES: dict[str, Callable[[float], float] | None] = {
    "cosine": cosine,
    "linear": linear,
    "one_cycle": None,
}


def factor(schedule: Any, step: int, n_steps: int, n_warmup: float = 0.0) -> float:
    """Return what the learning rate of a step is multiplied with.

    Parameters
    ----------
    schedule : str, callable or None
        A key of `SCHEDULES`, or a function of the progress after the warm-up, in
        [0, 1).
    step : int
        From 0.
    n_steps : int
        Of the whole training.
    n_warmup : float
        Steps of the warm-up, a line that ends at 1; of "one_cycle" the rise.

    Returns
    -------
    factor : float
    """
    if schedule == "one_cycle":
        return _one_cycle(step, n_steps, n_warmup or _RISE * n_steps)
    if step < n_warmup:
        return min(1.0, (step + 1) / n_warmup)
    law = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
    if law is None:
        return 1.0
    return float(law((step - n_warmup) / max(1.0, n_steps - n_warmup)))


def _one_cycle(step: int, n_steps: int, n_rise: float) -> float:
    """Rise from 1/25 and fall to 1/250000, each along half a cosine."""
    top, last = n_rise - 1.0, n_steps - 1.0
    if step <= top:
        low, done = 1.0 / _START, step / top if top else 1.0
        return 1.0 + (low - 1.0) * cosine(done)
    low, done = 1.0 / _END, (step - top) / (last - top)
    return low + (1.0 - low) * cosine(done)


class StepSchedule:
    """Set the learning rates of a training.

    Parameters
    ----------
    schedule : str, callable or None
    warmup : float
        In epochs, below 1 as a fraction of the training.
    n_epochs : int
    optimizers : list of torch.optim.Optimizer
        Their present learning rates are those that are multiplied.
    """

    def __init__(
        self,
        schedule: Any,
        warmup: float,
        n_epochs: int,
        optimizers: list[torch.optim.Optimizer],
    ) -> None:
        self.schedule = schedule
        self.warmup = warmup * n_epochs if warmup < 1 else warmup
        self.n_epochs = n_epochs
        self.groups = [g for optimizer in optimizers for g in optimizer.param_groups]
        self.base = [float(group["lr"]) for group in self.groups]
        self.epoch, self.batch, self.n_batches = -1, 0, 0

    def start_epoch(self, iterator: Any) -> None:
        """Learn how many batches there are; a stream tells after its first epoch."""
        self.epoch += 1
        try:
            self.n_batches = len(iterator)
        except TypeError:
            self.n_batches = self.batch
        self.batch = 0

    def start_batch(self) -> None:
        """Set the learning rates of the next batch."""
        # Of unknown length, an epoch is one step.
        length = self.n_batches or 1
        step = self.epoch * length + (self.batch if self.n_batches else 0)
        n_steps = self.n_epochs * length
        now = factor(self.schedule, min(step, n_steps), n_steps, self.warmup * length)
        self._set([lr * now for lr in self.base])
        self.batch += 1

    @property
    def lr(self) -> float:
        """The present learning rate of the first group."""
        return float(self.groups[0]["lr"])

    def restore(self) -> None:
        """Put the learning rates back, from which a further training starts."""
        self._set(self.base)

    def _set(self, values: list[float]) -> None:
        for group, value in zip(self.groups, values, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(value)
            else:
                group["lr"] = value
