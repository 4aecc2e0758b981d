"""Suite ``claims``: run the cells that are not finished, and write what they say."""

from __future__ import annotations

import statistics
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from typing import Any

import torch

from benchmarks.claims.catalogue import KINDS, cells_of, wanted
from benchmarks.claims.cell import Cell, Place
from benchmarks.claims.report import report_of
from benchmarks.claims.scales import QUICK, SCALES, Scale
from benchmarks.harness.cells import Cells, Missing
from benchmarks.harness.machine import git_commit
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report
from benchmarks.suites.tabular_cells import restore

FAILED = "failed"


def run(options: Options, progress: Progress) -> Report:
    """Run what is missing of the claims asked for; report on all that is finished."""
    assert options.data is not None
    scale = QUICK if options.quick else SCALES[options.scale]
    work = options.work or options.output
    file = work / "claims.cells.jsonl"
    restore(file, options.output / "claims.json")
    store = Cells(file, {"suite": "claims"})
    place = Place(options.data.resolve(), work.resolve(), scale)
    if options.models != ("none",):
        cells = wanted(cells_of(scale), options.only)
        Run(store, place, progress, options.jobs).all(cells)
    found = dict(finished(store, scale))
    report = report_of(found, scale, options.output)
    kept = [
        {"key": store.common | cell.key(scale), "result": _kept(cell, result)}
        for cell, result in found.items()
    ]
    return Report("claims", report.tables, {**report.measurements, "cells": kept})


def finished(store: Cells, scale: Scale) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Yield the cells of a scale that are done, with what they found."""
    for cell in cells_of(scale):
        try:
            yield cell, store.get(cell.key(scale), None)
        except Missing:
            continue


def _kept(cell: Cell, result: dict[str, Any]) -> dict[str, Any]:
    """Return what is committed of a cell: of curves, those that are drawn."""
    if cell.kind == "images wrong":
        return result
    return {name: value for name, value in result.items() if name != "curve"}


def compute(cell: Cell, place: Place, commit: str) -> dict[str, Any]:
    """Return what a cell finds, and what it took; a cell that breaks says how."""
    torch.set_num_threads(1)
    start, cpu = time.perf_counter(), time.process_time()
    try:
        found = KINDS[cell.kind](cell, place)
    except Exception as error:
        found = {FAILED: f"{type(error).__name__}: {error}"[:300]}
        traceback.print_exc()
    return found | {
        "seconds": time.perf_counter() - start,
        "cpu_seconds": time.process_time() - cpu,
        "commit": commit,
    }


class Run:
    """A run over cells, in turn or some side by side.

    Parameters
    ----------
    store : Cells
    place : Place
    progress : Progress
    jobs : int
        Processes, with one thread each.
    """

    def __init__(
        self, store: Cells, place: Place, progress: Progress, jobs: int
    ) -> None:
        self.store = store
        self.place = place
        self.progress = progress
        self.jobs = jobs
        self.commit = git_commit()
        self.seconds: dict[tuple[Any, ...], list[float]] = {}

    def all(self, cells: list[Cell]) -> None:
        """Run what is not finished."""
        place = self.place
        place.work.mkdir(parents=True, exist_ok=True)
        pending = []
        for cell in cells:
            try:
                self._note(cell, self.store.get(cell.key(place.scale), None))
            except Missing:
                pending.append(cell)
        if self.jobs == 1:
            for done, cell in enumerate(pending):
                self._say(pending[done:], done, len(pending))
                self._keep(cell, compute(cell, place, self.commit))
            return
        # Not forked: threads of torch do not live through it.
        with ProcessPoolExecutor(self.jobs, mp_context=get_context("spawn")) as pool:
            running: dict[Future[dict[str, Any]], Cell] = {}
            for done, cell in enumerate(pending):
                if len(running) == self.jobs:
                    self._collect(running)
                self._say(pending[done:], done, len(pending))
                running[pool.submit(compute, cell, place, self.commit)] = cell
            while running:
                self._collect(running)

    def _collect(self, running: dict[Future[dict[str, Any]], Cell]) -> None:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            self._keep(running.pop(future), future.result())

    def _keep(self, cell: Cell, result: dict[str, Any]) -> None:
        if FAILED in result:
            # Not kept: tried again next time.
            self.progress.say(f"{cell.words()}: {result[FAILED]}")
            return
        give: Callable[[], dict[str, Any]] = lambda: result  # noqa: E731
        self._note(cell, self.store.get(cell.key(self.place.scale), give))

    def _note(self, cell: Cell, result: dict[str, Any]) -> None:
        self.seconds.setdefault(cell.group, []).append(result["seconds"])

    def _say(self, pending: list[Cell], done: int, total: int) -> None:
        left, unknown = 0.0, 0
        for cell in pending:
            known = self.seconds.get(cell.group)
            left += statistics.fmean(known) if known else 0.0
            unknown += not known
        words = f"about {left / self.jobs / 60:.0f} min left"
        if unknown:
            words += f" and {unknown} cells of unknown time"
        self.progress.step("cell", done + 1, total, f"{pending[0].words()}; {words}")
