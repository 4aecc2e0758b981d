"""Suite ``demo``: the story of `make demo`, kept, so that README can quote it."""

from __future__ import annotations

import argparse
import runpy
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(options: Options, progress: Progress) -> Report:
    """Sweep both tables as the demo does, with its own settings."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        story = runpy.run_path(str(EXAMPLES / "_story.py"))
        demo = runpy.run_path(str(EXAMPLES / "quickstart.py"))
    finally:
        sys.path.remove(str(EXAMPLES))
    given = ["--max-epochs", "3", "--folds", "2"] if options.quick else []
    args: argparse.Namespace = demo["make_parser"]().parse_args(given)
    told = story["chapters"]()
    tables, seconds = [], {}
    for done, chapter in enumerate(told, 1):
        progress.step("sweep", done, len(told), chapter.name)
        start = time.perf_counter()
        story["sweep"](chapter, args)
        seconds[chapter.name] = time.perf_counter() - start
        rows = [
            [f"{alpha:g}", *(f"{value:.4f}" for value in scores.mean(axis=0)), change]
            for alpha, scores in chapter.scores.items()
            for change in [_change(chapter, alpha, story["COLUMNS"][2])]
        ]
        columns = ["alpha", *story["COLUMNS"], "difference to alpha 0"]
        tables.append(Table(chapter.name, columns, rows, [chapter.verdict()]))
    return Report("demo", tables, {"seconds": seconds})


def _change(chapter: Any, alpha: float, column: str) -> str:
    if not alpha:
        return ""
    mean, error = chapter.change(alpha, column)
    return f"{mean:+.4f} ± {error:.4f}"
