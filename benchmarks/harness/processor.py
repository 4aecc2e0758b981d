"""Processor time: what a run took, and what everybody else took meanwhile.

Seconds on the clock say what a user waits for, on a machine that is his. Where others
come and go, processor seconds tell how much of a difference was theirs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_STAT = Path("/proc/stat")
# user, nice, system, irq, softirq: neither idle nor waiting.
_BUSY = (0, 1, 2, 5, 6)


@dataclass
class ProcessorTime:
    """Measures a block of code; a context manager.

    Attributes
    ----------
    own : float or None
        Processor seconds of this process and its children, those that end meanwhile
        left out. None: psutil is missing.
    others : float or None
        Those of everybody else on this machine; None: the system does not say.
    """

    own: float | None = None
    others: float | None = None

    def __enter__(self) -> ProcessorTime:
        self._own, self._all = _of_tree(), _of_machine()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if (before := self._own) is None:
            return
        now = _of_tree() or {}
        own = sum(t - before.get(pid, 0.0) for pid, t in now.items())
        self.own = own
        total = _of_machine()
        if total is not None and self._all is not None:
            self.others = max(0.0, total - self._all - own)


def _of_tree() -> dict[int, float] | None:
    """Return the seconds of this process and its children, by number."""
    try:
        import psutil
    except ImportError:
        return None
    me = psutil.Process()
    found = {}
    for process in [me, *me.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        found[process.pid] = float(times.user + times.system)
    return found


def _of_machine() -> float | None:
    """Return the busy seconds of all processors since the start; None: unknown."""
    try:
        line = _STAT.read_text(encoding="ascii").splitlines()[0]
    except OSError:
        return None
    ticks = [int(word) for word in line.split()[1:]]
    return sum(ticks[i] for i in _BUSY) / os.sysconf("SC_CLK_TCK")
