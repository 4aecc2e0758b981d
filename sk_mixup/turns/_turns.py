"""One thread at a time, where a process has one of something.

torch, NumPy and Python have one global random state per process, and a list of warning
filters and some switches besides. Whoever sets one of them for a while and puts it back
takes a turn; threads that do the same wait for theirs.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds that a thread keeps its turn while others wait: long beside what it costs to
# change global random states.
_SLICE = 0.05


class Turns:
    """A lock that a thread may take again, and that goes to who has waited longest."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        """Begin anew, with nobody waiting."""
        self._mutex = threading.Lock()
        self._owner: int | None = None
        self._depth = 0
        self._since = 0.0
        # Threads that wait, each before a closed lock of its own.
        self._queue: deque[tuple[int, threading.Lock]] = deque()

    def after_fork(self) -> None:
        """Leave out the threads that a child process does not have."""
        owner, depth = self._owner, self._depth
        self._forget()
        if owner == threading.get_ident():
            self._owner, self._depth = owner, depth

    def __enter__(self) -> Turns:
        """Wait for the turn of this thread."""
        if self._owner == threading.get_ident():
            self._depth += 1
            return self
        self._take()
        return self

    def __exit__(self, *error: object) -> None:
        """Let the next one go on."""
        self._depth -= 1
        if self._depth == 0:
            self._leave()

    @property
    def is_over(self) -> bool:
        """Whether others wait, and this thread has had its share."""
        if not self._queue or self._depth > 1:
            return False
        return time.monotonic() - self._since > _SLICE

    def pass_on(self) -> None:
        """Let those go first who wait already; the caller has the turn again after."""
        self._leave()
        interrupt: BaseException | None = None
        while self._owner != threading.get_ident():
            try:
                self._take()
            except KeyboardInterrupt as error:
                # The caller must put back what it has changed, and needs its turn.
                interrupt = error
        if interrupt is not None:
            raise interrupt

    def _take(self) -> None:
        me = threading.get_ident()
        with self._mutex:
            if self._owner is None:
                self._hand_to(me)
                return
            ticket = threading.Lock()
            ticket.acquire()
            entry = (me, ticket)
            self._queue.append(entry)
        try:
            ticket.acquire()
        except BaseException:
            with self._mutex:
                waits = entry in self._queue
                if waits:
                    self._queue.remove(entry)
            if not waits:
                self._leave()
            raise

    def _leave(self) -> None:
        with self._mutex:
            if not self._queue:
                self._owner, self._depth = None, 0
                return
            thread, ticket = self._queue.popleft()
            self._hand_to(thread)
            ticket.release()

    def _hand_to(self, thread: int) -> None:
        self._owner, self._depth, self._since = thread, 1, time.monotonic()


#: The turns of this process.
TURNS = Turns()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=TURNS.after_fork)


@contextmanager
def warnings_ignored(category: type[Warning]) -> Iterator[None]:
    """Ignore a category of warnings for a short while.

    Parameters
    ----------
    category : type
    """
    # What `catch_warnings` puts back is what it has found: another thread's filters.
    with TURNS, warnings.catch_warnings():
        warnings.simplefilter("ignore", category)
        yield
