"""What a method is told beyond the batch: the state of the training, and its data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class MixContext:
    """What some methods need to know beyond the batch.

    Attributes
    ----------
    epoch : int
        Running epoch, from 0.
    n_epochs : int or None
        Planned number of epochs; None: unknown, and `off_last` has no effect.
    module : torch.nn.Module or None
        The net, for methods that mix hidden layers or look at what it makes of a
        batch.
    groups : Tensor of shape (B,) or None
        Group of each row of the batch; rows of different groups are never mixed.
    class_counts : Tensor of shape (n_classes,) or None
        Training rows per class, for methods that treat rare classes differently.
    columns : Tensor, mapping of str to Tensor, or None
        For tables: which column each entry of a row belongs to, int64, per tensor of
        the input.
    n_columns : int or None
        How many columns `columns` speaks of, where it is not on the host; None: it is
        asked.
    information : Tensor of shape (n_columns,) or None
        Mutual information of each column with the target, for FEAT-MIX.
    has_weights : bool
        Whether the rows have weights, which those of `MemoryPairing` lack.
    call : callable or None
        Runs the net on rows as the training does (its precision, its own `infer`), for
        methods that look; None: ``module(x)``, with the parts of a dict by name and
        those of a tuple one by one.
    criterion : callable or None
        ``criterion(output, y)`` gives one loss per row, of what `call` returns and the
        targets as `draw` gets them. None: cross-entropy for labels and for shares of
        classes, the squared error for numbers.
    companions : tuple of Companion
        What trains beside the net, for methods that learn how to mix.
    """

    epoch: int = 0
    n_epochs: int | None = None
    module: torch.nn.Module | None = None
    groups: Tensor | None = None
    class_counts: Tensor | None = None
    columns: Tensor | Mapping[str, Tensor] | None = None
    n_columns: int | None = None
    information: Tensor | None = None
    has_weights: bool = False
    call: Callable[[Any], Any] | None = None
    criterion: Callable[[Any, Tensor], Tensor] | None = None
    companions: tuple[Any, ...] = ()

    @property
    def progress(self) -> float:
        """Share of the training that is over, in [0, 1); 0 where it is not known."""
        return 0.0 if not self.n_epochs else min(self.epoch / self.n_epochs, 1.0)
