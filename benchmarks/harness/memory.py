"""Peak resident memory of this process.

The usual ``ru_maxrss`` only ever rises, and on Linux a new process begins with its
parent's value. The kernel's own high-water mark has neither fault and can be reset, so
it is used where there is one.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

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


def peak_tensor_bytes(function: Callable[[], Any]) -> int | None:
    """Return how far one call makes the memory of CPU tensors rise at its highest.

    Counted by torch's allocator, to the byte: the resident size would not show a
    tensor that fits into memory kept from earlier work. The result counts, what was
    there before does not. None: this torch does not tell.
    """
    from torch.profiler import ProfilerActivity, profile

    function()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        result = function()
    del result
    try:
        events = found.profiler.kineto_results.events()
        changes = [
            (event.start_ns(), event.nbytes())
            for event in events
            if event.name() == "[memory]"
        ]
    except AttributeError:
        return None
    level = peak = 0
    for _, change in sorted(changes, key=lambda pair: pair[0]):
        level += change
        peak = max(peak, level)
    return peak


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
