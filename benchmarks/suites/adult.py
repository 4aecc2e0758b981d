"""Suite ``adult``: quality, time and memory on a real table, in one call.

Each training runs in a fresh process, so that its memory is its own.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.harness.memory import mebibytes
from benchmarks.harness.options import Options
from benchmarks.harness.processes import run_python
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.targets import Target
from benchmarks.suites.adult_worker import MODELS, OURS

COLUMNS = (
    "",
    "seed",
    "accuracy",
    "log-loss",
    "ECE",
    "fit seconds",
    "epochs",
    "peak memory",
)
#: Title, key, how several trainings are summarised, target, scale to its unit.
CLAIMS: Sequence[tuple[str, str, str, Target, float]] = (
    ("mean accuracy", "accuracy", "mean", Target("at least", 0.855), 1.0),
    ("mean log-loss", "log_loss", "mean", Target("at most", 0.310), 1.0),
    ("slowest fit, seconds", "fit_seconds", "max", Target("at most", 90.0, "s"), 1.0),
    (
        "largest peak memory, MB",
        "peak_bytes",
        "max",
        Target("at most", 1500.0, "MB"),
        1e-6,
    ),
)


def run(options: Options, progress: Progress) -> Report:
    """Train every model with every seed, the models of a seed side by side."""
    seeds = options.pick((0, 1, 2), (0,))
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in MODELS}
    total = len(seeds) * len(MODELS)
    for i, seed in enumerate(seeds):
        for j, name in enumerate(MODELS):
            done = i * len(MODELS) + j + 1
            progress.step("training", done, total, f"{name}, seed {seed}")
            found[name].append(train(options, name, seed))
    notes = [
        "Official split, test part; every training in its own process. ECE: top-label"
        " calibration error in 15 bins. Peers: scikit-learn's histogram gradient"
        " boosting on category columns, and its MLP (128-128, early stopping) behind"
        " scaling and one-hot encoding."
    ]
    if options.quick:
        n_train, n_test = found[OURS][0]["n_train"], found[OURS][0]["n_test"]
        notes.append(f"Quick run: the first {n_train} train and {n_test} test rows.")
    tables = [Table("Adult", COLUMNS, rows_of(found), notes)]
    if not options.quick:
        claims = claim_rows(found[OURS])
        tables.append(Table("Claims", ["", "value", "target", ""], claims))
    return Report("adult", tables, {"seeds": list(seeds), "trainings": found})


def train(options: Options, name: str, seed: int) -> dict[str, Any]:
    """Return what one training in a fresh process reached."""
    arguments = ["-m", "benchmarks.suites.adult_worker", str(options.data), name]
    arguments += [str(seed), str(options.threads)]
    if options.quick:
        arguments.append("3000")
    return run_python(arguments, timeout=1800)


def rows_of(found: dict[str, list[dict[str, Any]]]) -> list[list[str]]:
    """Return a row per training, and a line of means per model."""
    rows = []
    for name, trainings in found.items():
        for training in trainings:
            rows.append([name, str(training["seed"]), *cells(training)])
        if len(trainings) > 1:
            mean = {key: mean_of(trainings, key) for key in trainings[0]}
            rows.append([f"**{name}**", "mean", *cells(mean)])
    return rows


def cells(training: dict[str, Any]) -> list[str]:
    """Return the numbers of a training as text."""
    epochs = training["epochs"]
    return [
        f"{training['accuracy']:.4f}",
        f"{training['log_loss']:.4f}",
        f"{training['ece']:.4f}",
        f"{training['fit_seconds']:.1f}",
        "" if epochs is None else f"{epochs:.0f}",
        mebibytes(training["peak_bytes"]),
    ]


def claim_rows(trainings: list[dict[str, Any]]) -> list[list[str]]:
    """Return what is claimed of the default classifier, beside what was found."""
    rows = []
    for title, key, how, target, scale in CLAIMS:
        values = [training[key] for training in trainings]
        if None in values:
            rows.append([title, "not measured", target.cells(0.0)[0], ""])
            continue
        value = scale * (max(values) if how == "max" else statistics.mean(values))
        rows.append([title, f"{value:.4g}", *target.cells(value)])
    return rows


def mean_of(trainings: list[dict[str, Any]], key: str) -> Any:
    """Return the mean of a number over trainings; None where one has none."""
    values = [training[key] for training in trainings]
    if not all(isinstance(value, (int, float)) for value in values):
        return None
    return statistics.mean(values)
