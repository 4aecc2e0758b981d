"""The history of every member, as skorch would have written it.

``dur`` is the time of the pack's epoch divided by the members that trained in it: what
an epoch of one of them cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from skorch.callbacks import EpochScoring, EpochTimer, PassthroughScoring

from sk_mixup.training.packing._member import PackMember


class Record:
    """Writes the epochs of one member.

    Parameters
    ----------
    member : PackMember
    """

    def __init__(self, member: PackMember) -> None:
        self._net = member.net
        self._scores: dict[str, Any] = {}
        self._times = False
        for name, callback in member.net.callbacks_:
            if isinstance(callback, PassthroughScoring):
                self._scores[callback.name] = callback
            elif isinstance(callback, EpochScoring) and name == "valid_acc":
                if member.valid is not None:
                    callback.on_train_begin(self._net, None, None)
                self._scores["valid_acc"] = callback
            self._times |= isinstance(callback, EpochTimer)

    def begin_epoch(self) -> None:
        """Open an epoch."""
        history = self._net.history
        history.new_epoch()
        history.record("epoch", len(history))

    def training(
        self, losses: Sequence[float], sizes: Sequence[int], accuracy: float | None
    ) -> None:
        """Write the losses of the batches; raise where one is not finite."""
        history = self._net.history
        batches = history[-1]["batches"]
        batches.extend(
            {"train_loss": loss, "train_batch_size": size}
            for loss, size in zip(losses, sizes, strict=True)
        )
        history.record("train_batch_count", len(losses))
        self._net._check_finite(losses, True)
        if accuracy is not None:
            history.record("train_acc_mixed", accuracy)
        self._losses = "train_loss", float(np.average(losses, weights=sizes))

    def validation(self, loss: float, n_rows: int, accuracy: float | None) -> None:
        """Write the loss on clean rows."""
        history = self._net.history
        batches = history[-1]["batches"]
        batches[0]["valid_loss"] = loss
        batches[0]["valid_batch_size"] = n_rows
        history.record("valid_batch_count", 1)
        if accuracy is not None:
            history.record("valid_acc", accuracy)
        self._valid = loss, accuracy

    def end_epoch(self, seconds: float, validated: bool) -> None:
        """Write the scores of the epoch."""
        history = self._net.history
        if self._times:
            history.record("dur", seconds)
        self._score(*self._losses)
        if validated:
            loss, accuracy = self._valid
            self._score("valid_loss", loss)
            if accuracy is not None:
                self._score("valid_acc", accuracy)

    def _score(self, name: str, value: float) -> None:
        callback = self._scores.get(name)
        if callback is None:
            return
        history = self._net.history
        history.record(name, value)
        is_best = callback._is_best_score(value)
        if is_best is None:
            return
        if is_best:
            callback.best_score_ = value
        history.record(f"{name}_best", bool(is_best))
