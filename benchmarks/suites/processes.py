"""Suite ``processes``: what a second process is worth, and what packs are to workers.

Training: two processes train a net whose steps are long, in turns with one of them
alone while the other waits. Searches: `MixupSearchCV` beside `GridSearchCV` with the
same backend of joblib and the same workers. One thread per process everywhere.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from benchmarks.harness.earlier import with_earlier_parts
from benchmarks.harness.kept import KeptRuns
from benchmarks.harness.options import Options
from benchmarks.harness.processes import ROOT
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import paired_ratio
from benchmarks.harness.targets import Target

WORKER = "benchmarks.suites.processes_worker"
SPEED_UP = Target("at least", 1.5)
SEARCH = Target("at most", 1.05)
NETS = {
    "small": "MLP of two layers of 64, which trains in packs",
    "table": "default net for tables, which gains nothing in packs",
}


def run(options: Options, progress: Progress) -> Report:
    """Measure both, as far as asked for."""
    parts = options.only or ("training", "search")
    measured: dict[str, Any] = {}
    tables = []
    rounds = options.seeds or options.pick(7, 2)
    if "training" in parts:
        progress.say("two processes and one, in turns")
        measured["training"] = training(rounds, options.quick)
        tables.append(training_table(measured["training"]))
    if "search" in parts:
        kept = None
        if options.work is not None and not options.quick:
            kept = KeptRuns(options.work / "processes.runs.jsonl")
        backends = ["loky"] + (["dask"] if find_spec("distributed") else [])
        for backend in backends:
            for net in NETS:
                progress.say(f"searches by two workers of {backend}, {net} net")
                name = f"search, {backend}, {net}"
                which = {"name": name, "rounds": rounds}
                found = None if kept is None else kept.take(which)
                if found is None:
                    found = search(backend, net, rounds, options.quick)
                    if kept is not None:
                        kept.keep(which, found)
                measured[name] = found
        tables.append(search_table(measured))
    report = Report("processes", tables, measured)
    if options.only and not options.quick:
        return with_earlier_parts(report, options.output)
    return report


def training(rounds: int, quick: bool) -> dict[str, Any]:
    """Return seconds per epoch of either, one per round."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    own = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    words = [sys.executable, "-m", WORKER, "training", str(rounds), str(int(quick))]
    started = [
        subprocess.Popen(
            words,
            cwd=ROOT,
            env=_environment(own | {"RANK": str(rank)}),
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=3600)[0] for process in started]
    if any(process.returncode for process in started):
        raise RuntimeError("processes: a worker failed; its words are above.")
    found: dict[str, Any] = json.loads(said[0].splitlines()[-1])
    return found


def search(backend: str, net: str, rounds: int, quick: bool) -> dict[str, Any]:
    """Return seconds of either search, one per round."""
    words = [sys.executable, "-m", WORKER, "search", str(rounds), str(int(quick))]
    done = subprocess.run(
        [*words, backend, net],
        cwd=ROOT,
        env=_environment({}),
        stdout=subprocess.PIPE,
        text=True,
        timeout=3600,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def training_table(found: dict[str, Any]) -> Table:
    """Return how much faster two processes are."""
    ratio = paired_ratio(found["alone"], found["together"])
    rows = [
        [
            "one process / two processes",
            ratio.format(),
            *SPEED_UP.cells(ratio.median),
        ]
    ]
    note = (
        f"Seconds per epoch: {found['what']}. Medians over {len(found['alone'])}"
        " rounds with intervals of 95 %; either runs once per round. One thread per"
        " process, gradients by gloo."
    )
    columns = ["", "times as fast", "target", ""]
    return Table("A second process", columns, rows, [note])


def search_table(measured: dict[str, Any]) -> Table:
    """Return searches beside those of scikit-learn."""
    rows = []
    for name, found in measured.items():
        if not name.startswith("search"):
            continue
        ratio = paired_ratio(found["together"], found["grid"])
        _, backend, net = name.split(", ")
        cells = SEARCH.cells(ratio.median)
        rows.append([f"{NETS[net]}; {backend}", ratio.format(), *cells])
    note = (
        "Nine alphas and five folds, without the refit, by two workers with a thread"
        " each. Either search runs once per round, after one that starts the workers."
    )
    title = "MixupSearchCV / GridSearchCV, same backend and workers"
    return Table(title, ["", "ratio of times", "target", ""], rows, [note])


def _environment(own: dict[str, str]) -> dict[str, str]:
    threads = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
    )
    return {**os.environ, **threads, **own}
