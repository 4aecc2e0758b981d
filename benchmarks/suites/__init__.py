"""The suites by name.

A suite is a module with ``run(options, progress) -> Report``. It is imported when it
runs, so that a broken peer of one suite does not stop the others.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report

SUITES = {
    "speed": "benchmarks.suites.speed",
    "mixing": "benchmarks.suites.mixing",
    "import": "benchmarks.suites.imports",
    "predict": "benchmarks.suites.predict",
    "adult": "benchmarks.suites.adult",
    "methods": "benchmarks.suites.methods",
}

#: Suites that cannot run without a folder of data sets.
NEED_DATA = frozenset({"adult", "methods"})

#: Data sets of the suite ``methods``, here so that the command line can name them
#: before anything large is imported.
DATA_SETS = ("adult", "letter", "churn", "california", "cifar10")


def load_suite(name: str) -> Callable[[Options, Progress], Report]:
    """Return the function that runs a suite.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if name not in SUITES:
        raise ValueError(f"unknown suite {name!r}; known are {', '.join(SUITES)}.")
    run: Callable[[Options, Progress], Report] = importlib.import_module(
        SUITES[name]
    ).run
    return run
