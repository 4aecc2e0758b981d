"""The finished cells of the suites on tables: which are wanted, run and kept.

A cell is one training, or one temperature fitted on held-out rows. Its key holds what
decides its result, and for our own models a fingerprint of the library; the version of
a peer stands in the result, so that cells of a peer show where it is not installed.
"""

from __future__ import annotations

import functools
import json
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.harness.cells import Cells, Missing, fingerprint
from benchmarks.harness.options import Options
from benchmarks.harness.processes import ROOT, run_python
from benchmarks.harness.progress import Progress
from benchmarks.suites.tabular_names import (
    MODELS,
    OURS,
    REGRESSION_SETS,
    SMALL_SETS,
    SYNTHETIC_SETS,
)
from benchmarks.suites.tabular_worker import Job

#: Raised where splits, encodings or scores change, so that no old cell is taken.
PROTOCOL = 1
#: Rooms of the library that a fit does not pass through.
NOT_FITTING = ("inspection", "model_selection", "augment", "__pycache__")
TIMEOUT = 4 * 3600.0
QUICK_ROWS = 400


@functools.cache
def library_fingerprint() -> str:
    """Return a hash of what the library does in a fit."""
    package = ROOT / "sk_mixup"
    rooms = [place for place in package.iterdir() if place.name not in NOT_FITTING]
    return fingerprint(
        *sorted(place for place in rooms if place.is_dir() or place.suffix == ".py")
    )


@dataclass(frozen=True)
class Problem:
    """A training that gave no result, and why."""

    job: Job
    reason: str
    is_missing_package: bool


class Runner:
    """Runs jobs in processes of their own, and keeps their results.

    Parameters
    ----------
    options : Options
    progress : Progress
    suite : str
        Name of the files of cells and of the report.

    Attributes
    ----------
    problems : list of Problem
        What failed or was skipped in this run. Never kept: tried again next time.
    """

    def __init__(self, options: Options, progress: Progress, suite: str) -> None:
        self.progress = progress
        self.suite = suite
        self.problems: list[Problem] = []
        file = (options.work or options.output) / f"{suite}.cells.jsonl"
        restore(file, options.output / f"{suite}.json")
        self._cells = Cells(file, {"suite": suite, "protocol": PROTOCOL})
        self._absent: dict[str, str] = {}

    def look(self, job: Job) -> dict[str, Any] | None:
        """Return the finished cell of a job, None where there is none."""
        try:
            found: dict[str, Any] = self._cells.get(key_of(job), None)
        except Missing:
            return None
        return found

    def key(self, job: Job) -> dict[str, Any]:
        """Return the whole key of a job."""
        return self._cells.common | key_of(job)

    def run(self, jobs: Sequence[Job], *, temperatures: bool) -> None:
        """Run what is not finished, in the order given.

        Parameters
        ----------
        jobs : sequence of Job
        temperatures : bool
            Where classes are predicted, train first without the validation part and
            fit a temperature on it; once for all seeds that share a split.
        """
        pending = [job for job in jobs if self.look(job) is None]
        seconds: dict[tuple[str, str], list[float]] = {}
        for done, job in enumerate(pending):
            left = self._time_left(pending[done:], seconds)
            self.progress.step("cell", done + 1, len(pending), f"{_words(job)}; {left}")
            if temperatures and job.data not in REGRESSION_SETS:
                job = replace(job, inverse_temperature=self._temperature(job))
            if (result := self._finish(job)) is not None:
                seconds.setdefault((job.model, job.data), []).append(_cost(result))

    def _temperature(self, job: Job) -> float | None:
        """Return the inverse temperature of held-out rows, None where that fails."""
        job = temperature_job(job)
        result = self.look(job) or self._finish(job)
        return None if result is None else float(result["inverse_temperature"])

    def _finish(self, job: Job) -> dict[str, Any] | None:
        """Run one job, and keep its result; None where it has none."""
        if job.model in self._absent:
            self._note(job, self._absent[job.model], True)
            return None
        start = time.perf_counter()
        try:
            result = run_python(
                ["-m", "benchmarks.suites.tabular_worker", job.text()],
                timeout=TIMEOUT,
            )
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            self._note(job, str(error), False)
            return None
        if "skipped" in result:
            self._absent[job.model] = result["skipped"]
            self._note(job, result["skipped"], True)
            return None
        result["cell_seconds"] = time.perf_counter() - start
        kept: dict[str, Any] = self._cells.get(key_of(job), lambda: result)
        return kept

    def _note(self, job: Job, reason: str, is_missing_package: bool) -> None:
        self.problems.append(Problem(job, reason, is_missing_package))
        what = "skipped" if is_missing_package else "failed"
        self.progress.say(f"{_words(job)}: {what}: {reason.strip()[-600:]}")

    def _time_left(
        self, pending: Sequence[Job], seconds: dict[tuple[str, str], list[float]]
    ) -> str:
        """Say how long the rest may take, by cells of the same model and data set."""
        total, unknown = 0.0, 0
        for job in pending:
            known = seconds.get((job.model, job.data)) or [
                _cost(cell)
                for seed in range(3)
                if (cell := self.look(replace(job, seed=seed)))
                and "fit_seconds" in cell
            ]
            if known:
                total += statistics.fmean(known)
            else:
                unknown += 1
        words = f"about {total / 60:.0f} min left"
        return words if not unknown else f"{words} and {unknown} cells of unknown time"


def key_of(job: Job) -> dict[str, Any]:
    """Return what decides the result of a job."""
    key: dict[str, Any] = {
        "data": job.data,
        "model": job.model,
        "seed": job.seed,
        "threads": job.threads,
    }
    if job.max_rows is not None:
        key["max_rows"] = job.max_rows
    if job.temperature_only:
        key["part"] = "temperature"
    if (job.fraction, job.noise) != (1.0, 0.0):
        key |= {"fraction": job.fraction, "noise": job.noise}
    if MODELS[job.model].group == OURS:
        key["code"] = library_fingerprint()
    return key


def temperature_job(job: Job) -> Job:
    """Return the job that fits the temperature of another one.

    Sets read from files have one split, and one temperature serves all seeds.
    """
    seed = job.seed if job.data in (*SMALL_SETS, *SYNTHETIC_SETS) else 0
    return replace(job, seed=seed, temperature_only=True, inverse_temperature=None)


def restore(cells: Path, report: Path) -> None:
    """Put the cells of a committed report into the file of cells, where they miss."""
    if cells.is_file() or not report.is_file():
        return
    content = json.loads(report.read_text(encoding="utf-8"))
    kept = content.get("measurements", {}).get("cells", [])
    if kept:
        cells.parent.mkdir(parents=True, exist_ok=True)
        text = "".join(json.dumps(cell) + "\n" for cell in kept)
        cells.write_text(text, encoding="utf-8")


def _cost(result: dict[str, Any]) -> float:
    """Return the seconds that a cell took, its process included."""
    return float(result.get("cell_seconds", result.get("fit_seconds", 0.0)))


def _words(job: Job) -> str:
    words = f"{job.model} on {job.data}, seed {job.seed}"
    if job.temperature_only:
        return f"{words}, temperature"
    if (job.fraction, job.noise) != (1.0, 0.0):
        rows, wrong = round(100 * job.fraction), round(100 * job.noise)
        return f"{words}, {rows} % of the rows, {wrong} % wrong"
    return words
