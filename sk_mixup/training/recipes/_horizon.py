"""How long a training is to be, found out while it runs.

No one number of epochs suits all tables. Where labels are partly chance, a few epochs
learn what there is, and more learn the rows by heart; where they follow from the
columns, the loss would go on falling for many epochs. Half-way through the short plan
the two are easily told apart: in the first kind the losses hardly move any more. The
learning rate follows the plan, so that either way it is zero in the last epoch. A long
plan that stops paying is cut: the training goes back to its best epoch, and on from
there for a few epochs at a falling rate.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from sk_mixup.mixing import Method

# The share of the short plan over which losses are compared, and by how much of
# themselves both the training and the validation loss must fall for the long plan.
# Chosen on validation parts: with wrong labels or noise the smaller fall is at most
# 4 %, else mostly 6 % or more.
_SPAN = 1 / 6
_DECLINE = 0.05


class Horizon:
    """The planned epochs of a training, and whether to plan more.

    Parameters
    ----------
    short, long : int
        Epochs of the two plans.
    mixes : bool, default=False
        Whether batches are mixed. Their loss cannot fall below the entropy of their
        labels, and by what share of itself it falls says little; the validation loss
        decides alone.

    Attributes
    ----------
    n_epochs : int
        Of the present plan.
    goes_back : bool
        Whether the last epoch is the one after which the best weights are to be taken.

    Examples
    --------
    >>> from sk_mixup.training import Horizon
    >>> horizon = Horizon(4, 12)
    >>> for loss in (0.6, 0.4):
    ...     horizon.look(loss, loss)
    >>> horizon.n_epochs
    12
    """

    def __init__(self, short: int, long: int, mixes: bool = False) -> None:
        self.short = short
        self.long = long
        self.mixes = mixes
        self.begin()

    def begin(self) -> None:
        """Start with the short plan."""
        self.n_epochs = self.short
        self.goes_back = False
        self._is_cut = False
        self._train: list[float] = []
        self._valid: list[float] = []

    def look(self, train_loss: float, valid_loss: float) -> None:
        """Take in the losses of an epoch; change plans where they fall steeply.

        Parameters
        ----------
        train_loss, valid_loss : float
        """
        self._train.append(train_loss)
        self._valid.append(valid_loss)
        self.goes_back = False
        epoch = len(self._valid)
        half = math.ceil(self.short / 2)
        if epoch == max(2, half):
            span = math.ceil(_SPAN * self.short)
            losses = [self._valid] if self.mixes else [self._train, self._valid]
            if min(_fall(values, span) for values in losses) >= _DECLINE:
                self.n_epochs = self.long
        elif epoch > self.short and not self._is_cut:
            # Nothing is lost by waiting but time: the training goes back.
            self.goes_back = min(self._valid[-half:]) > min(self._valid[:-half])
            if self.goes_back:
                self._is_cut = True
                self.n_epochs = min(epoch + math.ceil(self.short / 3), self.long)


def _fall(losses: list[float], span: int) -> float:
    """Return by what share of itself the best loss has fallen in the last epochs."""
    before = min(losses[: max(1, len(losses) - span)])
    # A loss below zero, as of a density, has no share.
    return (before - min(losses)) / before if before > 0 else 0.0


class PlannedCosine(torch.optim.lr_scheduler.LRScheduler):
    """Let the learning rate fall along a cosine to zero at the end of a plan.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
    horizon : Horizon
        Looked at after every epoch.
    last_epoch : int, default=-1
        As for the schedulers of torch.
    """

    def __init__(self, optimizer: Any, horizon: Horizon, last_epoch: int = -1) -> None:
        self.horizon = horizon
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        """Return the rates of the next epoch."""
        progress = min(self.last_epoch / self.horizon.n_epochs, 1.0)
        factor = (1.0 + math.cos(math.pi * progress)) / 2.0
        return [rate * factor for rate in self.base_lrs]


def follows_plan(method: Method | None) -> bool:
    """Whether what a method does depends on how many epochs are planned.

    Parameters
    ----------
    method : Method or None
    """
    if method is None:
        return False
    return any(
        any(callable(getattr(part, name, None)) for name in ("alpha", "p"))
        or any(getattr(part, name, None) for name in ("off_first", "off_last"))
        for part in method.walk()
        if isinstance(part, Method)
    )
