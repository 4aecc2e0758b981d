"""Suite ``metatune``: the default for tables on twenty-six of them, test parts.

What the recipe of the table nets is chosen on are validation rows inside the training
parts, see `metatune_search`. Here the frozen recipe meets the test parts, three splits
each, beside other people's models with their defaults.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import torch

from benchmarks.harness.cells import Cells, Missing
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.metatune_data import MANY_ROWS, QUICK, ROWS, TABLES, read
from benchmarks.suites.metatune_cells import MODELS, OURS, key_of, measured
from benchmarks.suites.metatune_plot import PLOT, draw
from benchmarks.suites.metatune_tables import MIXING, Found, report_tables

SPLITS = 3
#: Tables with rows enough for a second size.
FOR_MANY = ("adult", "letter", "churn", "california", "hotel_rates", "car_crash")


def run(options: Options, progress: Progress) -> Report:
    """Fit what is not known yet, and report."""
    torch.set_num_threads(options.threads)
    folder = options.work or options.output
    cells = Cells(folder / "metatune.cells.jsonl", {"threads": options.threads})
    tables = options.pick(TABLES, QUICK)
    if options.only:
        tables = tuple(name for name in TABLES if name in options.only)
    models = options.models or tuple(options.pick(MODELS, OURS))
    if models == ("none",):
        models = ()
    splits = options.seeds or options.pick(SPLITS, 1)
    jobs = _jobs(tables, tuple(models), splits, many=not options.quick)
    for done, (table, model, split, rows) in enumerate(jobs, 1):
        progress.step("fit", done, len(jobs), f"{table}, split {split}, {model}")
        cells.get(
            key_of(model, table, split, rows, "test"),
            functools.partial(
                measured, options.data, model, table, split, rows, "test"
            ),
        )
    found = Found()
    everything = _jobs(tables, tuple(MODELS), splits, many=not options.quick)
    for table, model, split, rows in everything:
        try:
            result = cells.get(key_of(model, table, split, rows, "test"), None)
        except Missing:
            continue
        found.add(table, model, split, rows, result)
    raw = {"cells": found.raw}
    shown = report_tables(found)
    targets = functools.cache(lambda table: read(options.data, table)[1])
    picture = draw(found, targets, options.output / PLOT)
    if picture is not None:
        shown = [_with_picture(table, picture.name) for table in shown]
    return Report("metatune", shown, raw)


def _with_picture(table: Table, name: str) -> Table:
    """Return the table of mixing with the picture below it, others as they are."""
    if table.title != MIXING:
        return table
    notes = [*table.notes, f"![rows, noise and alpha]({name})"]
    return dataclasses.replace(table, notes=notes)


def _jobs(
    tables: Sequence[str], models: Sequence[str], splits: int, *, many: bool
) -> list[tuple[str, str, int, int]]:
    """Return what is to be fitted: models of a split of a table in turns."""
    jobs = []
    for split in range(splits):
        for table in tables:
            for rows in (ROWS, MANY_ROWS) if many and table in FOR_MANY else (ROWS,):
                for model in models:
                    if rows != ROWS and (split or model not in _OF_MANY):
                        continue
                    jobs.append((table, model, split, rows))
    return jobs


#: Models that are trained on many rows too.
_OF_MANY = ("default", "CatBoost", "LightGBM")
