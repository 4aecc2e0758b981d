"""The command line: ``python -m benchmarks SUITE [--data DIR] [--quick] ...``."""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from shutil import which

from benchmarks.harness.machine import describe_machine
from benchmarks.harness.options import NEED_DATA, Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import write_report
from benchmarks.suites import (
    CLAIMS,
    DATA_SETS,
    IMAGES,
    METATUNE_TABLES,
    SUITES,
    load_suite,
    tabular_names as tables,
)

#: How large the suites ``claims`` and ``methods`` are.
SCALES = ("cpu", "gpu", "full")

#: Suites whose options --only, --models, --seeds and --work are those of tables.
ON_TABLES = frozenset({"tabular", "label_noise"})

#: Suites that need an environment of their own, and are no part of "all".
ELSEWHERE = frozenset({"attacks"})

#: What --only chooses among in other suites: data sets, or parts.
PARTS = {
    "methods": (*DATA_SETS, IMAGES),
    "sweep": (
        *("made-up", "real", "growth"),
        *("default", "default-1000", "default-10000"),
    ),
    "processes": ("training", "search"),
    "metatune": METATUNE_TABLES,
    "parquet": ("speed", "large"),
    "claims": CLAIMS,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suites asked for, write their reports and print the tables."""
    parser = build_parser()
    parsed = parser.parse_args(arguments)
    names = [parsed.suite]
    if parsed.suite == "all":
        names = [name for name in SUITES if name not in ELSEWHERE]
    if problem := problem_with_suite(parsed.suite):
        parser.error(problem)
    for name in names:
        if name not in NEED_DATA:
            continue
        if parsed.data is None and parsed.suite != "all":
            parser.error(
                f"the suite {name!r} needs --data DIR, the folder of data sets"
            )
        if parsed.data is not None and not parsed.data.is_dir():
            parser.error(f"--data {parsed.data}: there is no such folder")
    if parsed.suite in ON_TABLES:
        if problem := problem_with_tables(parsed.only, parsed.models):
            parser.error(problem)
    elif parsed.only and parsed.suite not in PARTS:
        parser.error(f"--only chooses parts of the suites {', '.join(PARTS)} alone")
    elif problem := problem_with_parts(parsed.only, PARTS.get(parsed.suite, ())):
        parser.error(problem)
    if IMAGES in parsed.only and len(parsed.only) > 1:
        parser.error(f"--only {IMAGES} has a report of its own; run it alone")
    if parsed.timm is not None and not parsed.timm.is_file():
        parser.error(f"--timm {parsed.timm}: there is no such file")
    if parsed.scale not in SCALES:
        parser.error(f"--scale {parsed.scale}: known are {', '.join(SCALES)}")
    if parsed.jobs < 1:
        parser.error(f"--jobs must be at least 1; got {parsed.jobs}")
    if parsed.threads is None:
        parsed.threads = 1 if parsed.suite == "claims" else Options.threads
    if parsed.threads < 1:
        parser.error(f"--threads must be at least 1; got {parsed.threads}")

    # Before torch, NumPy or scikit-learn start their pools; inherited by subprocesses.
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(parsed.threads)
    for name in names:
        progress = Progress(name)
        if name in NEED_DATA and parsed.data is None:
            progress.say("skipped: it needs --data DIR")
            continue
        if name == "gpu" and parsed.suite == "all" and which("nvidia-smi") is None:
            progress.say("skipped: there is no card; alone it is tried on the CPU")
            continue
        options = Options(
            suite=name,
            data=parsed.data,
            quick=parsed.quick,
            output=parsed.output,
            timm=parsed.timm,
            threads=parsed.threads,
            only=parsed.only,
            models=parsed.models,
            seeds=parsed.seeds,
            work=parsed.work,
            scale=parsed.scale,
            jobs=parsed.jobs,
            alphas=parsed.alphas,
        )
        # Described first: afterwards the load average is the suite's own.
        machine = describe_machine(options)
        report = load_suite(name)(options, progress)
        paths = write_report(report, machine, options.output)
        progress.say(f"wrote {' and '.join(str(path) for path in paths)}")
        print(report.markdown(), flush=True)
    return 0


def problem_with_suite(name: str) -> str | None:
    """Return what is wrong with the name of a suite, or None."""
    known = [*SUITES, "all"]
    if name in known:
        return None
    near = difflib.get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"unknown suite {name!r}; known are {', '.join(known)}.{hint}"


def problem_with_parts(names: Sequence[str], known: Sequence[str]) -> str | None:
    """Return what is wrong with the names of a suite's parts, or None."""
    for name in names:
        if name not in known:
            return f"--only {name}: unknown; known are {', '.join(known)}"
    return None


def problem_with_tables(data_sets: Sequence[str], models: Sequence[str]) -> str | None:
    """Return what is wrong with names given to the suites on tables, or None."""
    known = ((data_sets, tables.DATA_SETS, tables.SET_GROUPS),)
    known += ((models, tuple(tables.MODELS), tables.MODEL_GROUPS),)
    for option, (names, choices, groups) in zip(
        ("--only", "--models"), known, strict=True
    ):
        try:
            tables.expand(names, choices, groups)
        except ValueError as error:
            return f"{option}: {error}"
    return None


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure sk-mixup."
    )
    parser.add_argument(
        "suite", metavar="SUITE", help=f"one of {', '.join([*SUITES, 'all'])}"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder with tabular/adult.csv.gz and others, for suites on real data",
    )
    parser.add_argument(
        "--only",
        type=lambda text: tuple(filter(None, text.split(","))),
        default=(),
        metavar="NAMES",
        help="data sets of methods, tabular and label_noise, or parts of sweep, commas"
        " between them; of tables also main, variants, small, synthetic",
    )
    parser.add_argument(
        "--models",
        type=lambda text: tuple(filter(None, text.split(","))),
        default=(),
        metavar="NAMES",
        help="models of the suites tabular and label_noise, with commas between them;"
        " also groups such as ours, peers, boosting; none: only write the report",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help="seeds of the suites tabular and label_noise (default: 3 and 5)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="folder where tabular and label_noise keep finished cells (default: that"
        " of --output), and sweep and processes some of their runs",
    )
    parser.add_argument(
        "--scale",
        default="cpu",
        metavar="NAME",
        help=f"how large, in the suite claims: one of {', '.join(SCALES)} (default:"
        " %(default)s)",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="cells side by side in the suite claims, one thread each (default: 1)",
    )
    parser.add_argument(
        "--alphas",
        type=int,
        default=Options.alphas,
        metavar="N",
        help="alphas of the default net in the suite sweep (default: %(default)s)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few repeats and small data: to see that all works, not to quote",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("benchmarks/results"),
        metavar="DIR",
        help="folder for SUITE.json and SUITE.md (default: %(default)s)",
    )
    parser.add_argument(
        "--timm",
        type=Path,
        metavar="FILE",
        help="timm's data/mixup.py, for the suite mixing; without it the file of an"
        " installed timm is used",
    )
    parser.add_argument(
        "--threads",
        type=int,
        metavar="N",
        help="threads of every contestant (default: 2; 1 in the suite claims)",
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
