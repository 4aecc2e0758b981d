"""Progress on stderr, readable in a terminal and in a log."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    """Show how far a suite is.

    In a terminal one line is rewritten; in a log, where that would fill pages, a line
    is written when the task changes and then at most every few seconds.

    Parameters
    ----------
    suite : str
        Put in front of each line.
    stream : TextIO or None
        None: stderr, so that stdout holds the tables alone.
    every : float
        Seconds between two lines of a log.
    """

    def __init__(
        self, suite: str, stream: TextIO | None = None, every: float = 5.0
    ) -> None:
        self.suite = suite
        self.stream = sys.stderr if stream is None else stream
        self.every = every
        self._start = time.perf_counter()
        self._task = ""
        self._last = -every
        self._open_line = False

    def step(self, task: str, done: int, total: int, detail: str = "") -> None:
        """Show that step `done` (from 1) of `total` is under way."""
        now = time.perf_counter() - self._start
        terminal = self.stream.isatty()
        if not terminal and task == self._task and now - self._last < self.every:
            return
        self._task, self._last = task, now
        line = f"[{self.suite} {now:6.1f} s] {task} {done}/{total} {detail}".rstrip()
        if terminal:
            self.stream.write(f"\r\x1b[K{line[:100]}")
            self._open_line = True
        else:
            self.stream.write(line + "\n")
        self.stream.flush()

    def say(self, text: str) -> None:
        """Write a line that stays."""
        if self._open_line:
            self.stream.write("\r\x1b[K")
            self._open_line = False
        now = time.perf_counter() - self._start
        self.stream.write(f"[{self.suite} {now:6.1f} s] {text}\n")
        self.stream.flush()
