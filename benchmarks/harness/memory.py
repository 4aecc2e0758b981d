"""Peak resident memory of this process.

The usual ``ru_maxrss`` only ever rises, and on Linux a new process begins with its
parent's value. The kernel's own high-water mark has neither fault and can be reset, so
it is used where there is one.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from types import TracebackType

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


def peak_memory() -> int | None:
    """Return the largest resident size so far in bytes; None: not known here."""
    peak = _status("VmHWM")
    if peak is not None:
        return peak
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class PeakIncrease:
    """Measure how far memory rises above its level at the start of a block.

    Memory that the allocator kept from earlier work is reused without a rise, so
    measure before anything large has been freed.

    Examples
    --------
    >>> with PeakIncrease() as peak:
    ...     block = bytearray(32 * 2**20)
    >>> peak.bytes is None or peak.bytes > 30 * 2**20
    True
    """

    def __init__(self) -> None:
        self.bytes: int | None = None
        self._before: int | None = None

    def __enter__(self) -> PeakIncrease:
        gc.collect()
        self._before = _status("VmRSS")
        try:
            # "5" resets the high-water mark to the present size.
            _RESET.write_text("5", encoding="ascii")
        except OSError:
            self._before = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        after = _status("VmHWM")
        if after is not None and self._before is not None:
            self.bytes = max(0, after - self._before)


def mebibytes(size: int | float | None) -> str:
    """Return a size as text."""
    return "not measured" if size is None else f"{size / 2**20:.0f} MiB"


def _status(key: str) -> int | None:
    try:
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return None
