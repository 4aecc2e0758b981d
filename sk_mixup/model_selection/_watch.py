"""Looks at a pack while it trains: who has finished, and how long the rest takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from sk_mixup.model_selection._members import Member
from sk_mixup.training import NotebookLine, in_notebook

AfterEpoch = Callable[[int, Sequence[float | None], Sequence[int]], list[int]]


class Watch:
    """Called after every epoch of a pack.

    Parameters
    ----------
    pack : sequence of Member
    after_epoch : callable or None
        Says who is to stop.
    title : str or None
        Put before the progress; None: no progress is shown.
    stream : TextIO or None
        Where it is shown; None: stderr, as stdout has scikit-learn's messages, or in
        a notebook a line of the cell, which stays with its outputs.
    every : float
        Seconds between two lines; that of a notebook changes four times as often.
    """

    def __init__(
        self,
        pack: Sequence[Member],
        after_epoch: AfterEpoch | None,
        *,
        title: str | None = None,
        stream: TextIO | None = None,
        every: float = 2.0,
    ) -> None:
        self.pack = pack
        self.after_epoch = after_epoch
        self.title = title
        self.stream = stream
        self.every = every
        self._line: NotebookLine | None = None
        if title is not None and stream is None and in_notebook():
            self._line, self.every = NotebookLine(), every / 4
        self._seen: set[int] = set()
        self._active: set[int] = set()
        self._epoch = -1
        self._done = 0
        self._start = self._shown = time.perf_counter()

    def __call__(
        self, epoch: int, valid_losses: Sequence[float | None], active: Sequence[int]
    ) -> list[int]:
        """Return the members to stop now; parameters as the pack engine gives them."""
        self._seen.update(active)
        self._active, self._epoch = set(active), epoch
        self._done += len(active)
        stopped = []
        if self.after_epoch is not None:
            stopped = self.after_epoch(epoch, valid_losses, active)
        if self.title is not None:
            self._show(valid_losses)
        return stopped

    def has_finished(self, number: int) -> bool:
        """Whether a member had finished well when the training was interrupted."""
        if number not in self._seen:
            return False
        planned = self.pack[number].pack.planned_epochs
        if number in self._active and self._epoch + 1 < planned:
            return False
        # The last epoch of a member that failed has no loss.
        history: Any = self.pack[number].pack.net.history
        return "train_loss" in history[-1]

    def _show(self, valid_losses: Sequence[float | None]) -> None:
        now = time.perf_counter()
        if now - self._shown < self.every:
            return
        self._shown = now
        planned = [member.pack.planned_epochs for member in self.pack]
        left = sum(
            n_epochs - self._epoch - 1 if number in self._active else n_epochs
            for number, n_epochs in enumerate(planned)
            if number in self._active or number not in self._seen
        )
        seconds = (now - self._start) / self._done * left
        known = [loss for loss in valid_losses if loss is not None]
        best = f", best valid_loss {min(known):.4f}" if known else ""
        text = (
            f"{self.title}: epoch {self._epoch + 1} of {max(planned)},"
            f" {len(self._active)} fits at once{best}; at most {seconds:.0f} s left"
        )
        self._write(text)

    def close(self) -> None:
        """Say what the pack took, where a line is there to stay."""
        if self._line is None:
            return
        seconds = time.perf_counter() - self._start
        self._write(
            f"{self.title}: {len(self.pack)} fits of {self._epoch + 1} epochs at most,"
            f" {seconds:.1f} s"
        )

    def _write(self, text: str) -> None:
        if self._line is not None:
            self._line.show(text)
        else:
            print(text, file=self.stream or sys.stderr, flush=True)
