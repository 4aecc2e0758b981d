"""Suite ``recipe``: what two choices of the recipe for tables buy, on validation parts.

How long a training is planned to be is found out while it runs, and the hidden layers
train in bfloat16 where the processor has it. Beside the default stand the same net with
the short plan alone, and in float32. No test row is looked at: such choices are made on
the validation parts.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.suites.tabular_scores import all_columns, log_loss, number_scores
from benchmarks.tabular_data import load
from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.training.recipes._recipe import fast_precision

SMALL, LARGE = 1_000, 8_000
#: Tables, and into how many classes a number is cut, at equal counts.
CLEAN = (
    *(("letter", 0), ("hastie_10_2", 0), ("checkerboard", 0)),
    *(("california8", 2), ("diamonds", 2), ("friedman1", 2)),
)
NOISY = (("adult10k", 0), ("churn", 0), ("telco", 0))
NUMBERS = (("california8", 0), ("diamonds", 0), ("friedman1", 0))
QUICK = (("hastie_10_2", 0),)


@dataclass(frozen=True)
class Case:
    """A table of some rows.

    Attributes
    ----------
    data : str
    n_classes : int
        Into which a number is cut; 0: as it is.
    max_rows : int
    """

    data: str
    n_classes: int
    max_rows: int

    @property
    def title(self) -> str:
        """Name for readers."""
        cut = f", cut into {self.n_classes}" if self.n_classes else ""
        return f"{self.data}{cut}"


def run(options: Options, progress: Progress) -> Report:
    """Train every case three times per seed."""
    torch.set_num_threads(options.threads)
    sets = options.pick((*CLEAN, *NOISY), QUICK)
    cases = [Case(*one, rows) for rows in (SMALL, LARGE) for one in sets]
    if not options.quick:
        cases += [Case(*one, SMALL) for one in NUMBERS]
    seeds = options.seeds or options.pick(2, 1)
    found: dict[Case, list[dict[str, Any]]] = {}
    for seed in range(seeds):
        for done, case in enumerate(cases, 1):
            task = f"seed {seed}, table"
            progress.step(task, done, len(cases), f"{case.title}, {case.max_rows}")
            found.setdefault(case, []).append(measured(options, case, seed))
    tables = [
        plan_table(found, SMALL),
        plan_table(found, LARGE),
        precision_table(found),
    ]
    raw = [
        {"data": case.title, "max_rows": case.max_rows, "seeds": results}
        for case, results in found.items()
    ]
    return Report("recipe", tables, {"cases": raw})


def measured(options: Options, case: Case, seed: int) -> dict[str, Any]:
    """Return losses, epochs and CPU seconds of the three trainings."""
    data = load(options.data, case.data, seed).without_validation()
    y, y_test = data.y_train, data.y_test
    is_classification = data.is_classification or case.n_classes > 0
    if case.n_classes:
        shares = np.arange(1, case.n_classes) / case.n_classes
        edges = np.quantile(y, shares)
        y, y_test = np.digitize(y, edges), np.digitize(y_test, edges)
    rows = np.random.default_rng(seed).permutation(len(y))[: case.max_rows]
    x, y = data.x_train.iloc[rows], y[rows]
    kind = MixupClassifier if is_classification else MixupRegressor
    default = kind(random_state=seed, device="cpu")
    result = {"n_rows": len(y), "default": score(default, x, y, data.x_test, y_test)}
    changes = {
        "short": {"max_epochs": default.net_.max_epochs},
        "float32": {"precision": "float32"},
    }
    for name, change in changes.items():
        model = kind(random_state=seed, device="cpu", **change)
        result[name] = score(model, x, y, data.x_test, y_test)
    return result


def score(model: Any, x: Any, y: Any, x_test: Any, y_test: Any) -> dict[str, Any]:
    """Fit a model; return what it cost and how good it is."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(x, y)
    seconds = time.process_time() - start
    if hasattr(model, "predict_proba"):
        n_classes = int(max(y.max(), y_test.max())) + 1
        proba = all_columns(model.predict_proba(x_test), model.classes_, n_classes)
        loss = log_loss(y_test, proba)
    else:
        loss = number_scores(y_test, model.predict(x_test), y)["rmse"]
    return {"loss": loss, "epochs": int(model.n_iter_), "cpu_seconds": seconds}


def plan_table(found: dict[Case, list[dict[str, Any]]], max_rows: int) -> Table:
    """Show the short plan beside the default."""
    rows = []
    for case, results in found.items():
        if case.max_rows != max_rows:
            continue
        short, default = mean(results, "short"), mean(results, "default")
        epochs = sorted({r["default"]["epochs"] for r in results})
        rows.append(
            [
                case.title,
                str(results[0]["n_rows"]),
                _number(short["loss"]),
                _number(default["loss"]),
                f"{default['loss'] / short['loss'] - 1:+.1%}",
                f"{results[0]['short']['epochs']}",
                ", ".join(map(str, epochs)),
                f"{short['cpu_seconds']:.1f}",
                f"{default['cpu_seconds']:.1f}",
            ]
        )
    columns = [
        *("", "rows", "short plan", "default", "change", "epochs, short plan"),
        *("epochs, default", "CPU s, short plan", "CPU s, default"),
    ]
    note = (
        "Log-loss, or RMSE where a table of numbers is not cut into classes, on the"
        " validation part; means over seeds. The same seeds on both sides."
    )
    return Table(f"How long to train, at most {max_rows:,} rows", columns, rows, [note])


def precision_table(found: dict[Case, list[dict[str, Any]]]) -> Table:
    """Show float32 beside the default, where that may be bfloat16."""
    rows = []
    for case, results in found.items():
        if case.max_rows != LARGE:
            continue
        full, default = mean(results, "float32"), mean(results, "default")
        rows.append(
            [
                case.title,
                _number(full["loss"]),
                _number(default["loss"]),
                f"{default['loss'] / full['loss'] - 1:+.1%}",
                f"{full['cpu_seconds']:.1f}",
                f"{default['cpu_seconds']:.1f}",
            ]
        )
    columns = ["", "float32", "default", "change", "CPU s, float32", "CPU s, default"]
    native = fast_precision("cpu") == "bfloat16"
    note = (
        "The default is bfloat16 for the hidden layers here."
        if native
        else "This processor has no products of bfloat16: both are float32."
    )
    return Table("float32 and the default precision", columns, rows, [note])


def mean(results: Sequence[dict[str, Any]], name: str) -> dict[str, float]:
    """Return means over seeds."""
    return {
        key: statistics.fmean(result[name][key] for result in results)
        for key in ("loss", "cpu_seconds")
    }


def _number(loss: float) -> str:
    return f"{loss:.1f}" if loss >= 100 else f"{loss:.4f}"
