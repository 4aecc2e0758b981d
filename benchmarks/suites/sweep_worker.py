"""One sweep by one contestant, in the process that runs it.

``python -m benchmarks.suites.sweep_worker JSON`` prints one JSON object: seconds and
scores, or the memory (with that of worker processes). Workers are warm: they
have imported everything and trained a little before the clock starts.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import warnings
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from benchmarks.harness.processor import ProcessorTime
from benchmarks.suites.sweep_tasks import CONTESTANTS, Sweep, load

#: Seconds between two looks at the memory, which take milliseconds each.
_EVERY = 0.05
_LIMITS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def ask(
    contestant: str,
    sweep: Sweep,
    folder: Path | None,
    threads: int,
    watches_memory: bool = False,
) -> list[str]:
    """Return the arguments of the worker.

    Looking at the memory slows a run down, so runs are timed or looked at.
    """
    task = {
        "contestant": contestant,
        "sweep": asdict(sweep),
        "folder": None if folder is None else str(folder),
        "threads": threads,
        "watches_memory": watches_memory,
    }
    return ["-m", "benchmarks.suites.sweep_worker", json.dumps(task)]


def run(task: dict[str, Any]) -> dict[str, Any]:
    """Warm up, run, and return what was measured."""
    torch.set_num_threads(task["threads"])
    for name in _LIMITS:
        # Or joblib would give every worker as many threads as this process has.
        os.environ.pop(name, None)
    warnings.simplefilter("ignore")
    sweep = Sweep(**task["sweep"])
    folder = None if task["folder"] is None else Path(task["folder"])
    data = load(sweep, folder)
    contestant = CONTESTANTS[task["contestant"]]
    spawn = get_context("spawn")
    with ProcessPoolExecutor(2, spawn, torch.set_num_threads, (1,)) as pool:
        # The default net has as many epochs as it likes; ours starts processes for it
        # where there is work enough for them.
        small = replace(sweep, n_rows=400, epochs=1, n_alphas=2, n_folds=2)
        if sweep.net != "mlp":
            small = replace(small, n_rows=100, n_alphas=3, n_folds=5)
        contestant(small, load(small, folder), pool)
        if not task["watches_memory"]:
            return _timed(contestant, sweep, data, pool)
        with _TreeMemory() as memory:
            contestant(sweep, data, pool)
    return {"rise_bytes": memory.rise, "peak_bytes": memory.peak}


def _timed(contestant: Any, sweep: Sweep, data: Any, pool: Executor) -> dict[str, Any]:
    with ProcessorTime() as processor:
        start = time.perf_counter()
        scores = contestant(sweep, data, pool)
        seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "scores": scores,
        "processor_seconds": processor.own,
        "processor_seconds_of_others": processor.others,
    }


class _TreeMemory:
    """The memory of this process and its children, and how far it rises."""

    rise: int | None = None
    peak: int | None = None

    def __enter__(self) -> _TreeMemory:
        try:
            import psutil
        except ImportError:
            return self
        self._process = psutil.Process()
        self._errors = (psutil.NoSuchProcess, psutil.AccessDenied)
        self._before = self._now()
        self.rise = 0
        self.peak = self._before
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.rise is not None:
            self._stop.set()
            self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(_EVERY):
            self.peak = max(self.peak or 0, self._now())
            self.rise = self.peak - self._before

    def _now(self) -> int:
        total = 0
        for process in [self._process, *self._process.children(recursive=True)]:
            try:
                # Of its own: what processes share would be counted for each.
                total += process.memory_full_info().uss
            except self._errors:
                continue
        return total


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))
