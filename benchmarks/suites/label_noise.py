"""Suite ``label_noise``: a net with mixing and without, on clean and wrong labels.

Full tables and a tenth of their training rows; clean labels, and 20 % and 40 % of the
training labels changed into other classes (numbers: exchanged among rows). The test
rows are clean. Both sides of a pair get the same rows, wrong labels and seed, so that
differences are taken within a seed. Finished trainings are kept, as in ``tabular``.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy.stats import t as student

from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.suites.tabular import MOST_SEEDS, job_of
from benchmarks.suites.tabular_cells import Runner
from benchmarks.suites.tabular_found import loss_of, mean_text, standard_error
from benchmarks.suites.tabular_names import (
    DATA_SETS,
    MODEL_GROUPS,
    MODELS,
    REGRESSION_SETS,
    SET_GROUPS,
    expand,
)
from benchmarks.suites.tabular_worker import Job

FRACTIONS = (1.0, 0.1)
NOISES = (0.0, 0.2, 0.4)
#: What is trained unless other models are asked for.
PAIR = ("unmixed-default", "mixup-default")
PRESETS = ("default", "fast", "best")
QUICK_SETS = ("wine", "diabetes")
CLASS_METRICS = ("log_loss", "refined_log_loss", "accuracy", "ece")
NUMBER_METRICS = ("rmse",)
Condition = tuple[float, float]


@dataclass(frozen=True)
class Pairs:
    """Results of two models, seed by seed.

    Attributes
    ----------
    without, mixed : list of dict
        Of the same seeds, in the same order.
    """

    without: list[dict[str, Any]]
    mixed: list[dict[str, Any]]

    def difference(self, metric: str) -> list[float]:
        """Return mixed minus unmixed, per seed."""
        return [
            mixed[metric] - without[metric]
            for mixed, without in zip(self.mixed, self.without, strict=True)
        ]


def run(options: Options, progress: Progress) -> Report:
    """Run what is asked for and not finished; show every finished pair."""
    sets = expand(options.only or ("main",), DATA_SETS, SET_GROUPS)
    models = expand(options.models or PAIR, tuple(MODELS), MODEL_GROUPS)
    if options.quick and not options.only:
        sets = QUICK_SETS
    runner = Runner(options, progress, "label_noise")
    jobs = [
        _job(options, data, model, seed, condition)
        for seed in range(options.seeds or options.pick(5, 2))
        for condition in conditions()
        for data in sets
        for model in models
    ]
    runner.run(jobs, temperatures=False)
    return report_of(options, runner)


def conditions() -> list[Condition]:
    """Return every share of the rows with every share of wrong labels."""
    return [(fraction, noise) for fraction in FRACTIONS for noise in NOISES]


def report_of(options: Options, runner: Runner) -> Report:
    """Return the report of every pair that is finished."""
    cells: list[dict[str, Any]] = []
    tables: list[Table] = []
    for preset in PRESETS:
        found: dict[str, dict[Condition, Pairs]] = {}
        for data in DATA_SETS:
            by_condition = {
                condition: pairs
                for condition in conditions()
                if (pairs := _pairs(options, runner, cells, data, preset, condition))
            }
            if by_condition:
                found[data] = by_condition
        if found:
            tables += tables_of(found, preset)
    problems = [
        {"data": p.job.data, "model": p.job.model, "reason": p.reason}
        for p in runner.problems
    ]
    return Report("label_noise", tables, {"cells": cells, "problems": problems})


def tables_of(found: dict[str, dict[Condition, Pairs]], preset: str) -> list[Table]:
    """Return differences over all data sets, what noise costs, and all numbers."""
    tables = [
        table
        for metric in (*CLASS_METRICS, *NUMBER_METRICS)
        if (table := difference_table(found, preset, metric)) is not None
    ]
    if (table := cost_table(found, preset)) is not None:
        tables.append(table)
    return tables + [
        value_table(data, by_condition, preset) for data, by_condition in found.items()
    ]


def difference_table(
    found: dict[str, dict[Condition, Pairs]], preset: str, metric: str
) -> Table | None:
    """Return mixed minus unmixed per data set and condition."""
    sets = [data for data in found if metric in metrics_of(data)]
    if not sets:
        return None
    rows = []
    for data in sets:
        cells = []
        for condition in conditions():
            pairs = found[data].get(condition)
            cells.append("" if pairs is None else marked(pairs.difference(metric)))
        rows.append([data, *cells])
    better = "higher" if metric == "accuracy" else "lower"
    notes = [
        f"With mixing minus without; {better} is better for mixing. Mean of the"
        " differences within a seed ± standard error; in bold where an interval of 95 %"
        " (Student's t) leaves out zero. One in twenty does so by chance."
    ]
    title = f"What mixing changes: {metric.replace('_', '-')} ({preset})"
    return Table(title, ["", *map(condition_text, conditions())], rows, notes)


def cost_table(found: dict[str, dict[Condition, Pairs]], preset: str) -> Table | None:
    """Return how far wrong labels raise the loss, with mixing and without."""
    rows = []
    for data, by_condition in found.items():
        for fraction in FRACTIONS:
            clean = by_condition.get((fraction, 0.0))
            noisy = by_condition.get((fraction, NOISES[-1]))
            if clean is None or noisy is None:
                continue
            metric = loss_of(data)
            n = min(len(clean.mixed), len(noisy.mixed))
            rises = [
                [
                    worse[metric] - better[metric]
                    for worse, better in zip(after[:n], before[:n], strict=True)
                ]
                for after, before in (
                    (noisy.without, clean.without),
                    (noisy.mixed, clean.mixed),
                )
            ]
            saved = [mixed - alone for alone, mixed in zip(*rises, strict=True)]
            rows.append(
                [
                    f"{data}, {_percent(fraction)} of the rows",
                    mean_text(rises[0]),
                    mean_text(rises[1]),
                    marked(saved),
                ]
            )
    if not rows:
        return None
    columns = ["", "without mixing", "with mixing", "difference"]
    notes = ["A negative difference: with mixing the loss rises less."]
    title = (
        f"Rise of the loss from clean to {_percent(NOISES[-1])} wrong labels ({preset})"
    )
    return Table(title, columns, rows, notes)


def value_table(data: str, by_condition: dict[Condition, Pairs], preset: str) -> Table:
    """Return the numbers of one data set."""
    metrics = metrics_of(data)
    rows = []
    for condition, pairs in by_condition.items():
        row = [condition_text(condition), str(len(pairs.mixed))]
        for metric in metrics:
            for side in (pairs.without, pairs.mixed):
                row.append(mean_text([result[metric] for result in side]))
        rows.append(row)
    columns = ["", "seeds"]
    for metric in metrics:
        name = metric.replace("_", "-")
        columns += [f"{name}, not mixed", "mixed"]
    n_train = [pairs.mixed[0]["n_train"] for pairs in by_condition.values()]
    notes = [f"Training rows: {max(n_train):,} and fewer; means ± standard error."]
    return Table(f"{data} ({preset})", columns, rows, notes)


def marked(differences: Sequence[float]) -> str:
    """Return a mean difference with its sign, bold where its 95 % interval has no 0.

    Examples
    --------
    >>> marked([-0.22, -0.2, -0.18]), marked([-0.3, -0.2, -0.1])
    ('**-0.2000 ± 0.0115**', '-0.2000 ± 0.0577')
    """
    mean, error = statistics.fmean(differences), standard_error(differences)
    if error is None:
        return f"{mean:+.4f}"
    text = f"{mean:+.4f} ± {error:.4f}"
    limit = float(student.ppf(0.975, len(differences) - 1)) * error
    return f"**{text}**" if abs(mean) > limit else text


def condition_text(condition: Condition) -> str:
    """Return a condition in words."""
    fraction, noise = condition
    return f"{fraction:.0%} of the rows, " + (
        f"{noise:.0%} wrong" if noise else "clean"
    )


def metrics_of(data: str) -> tuple[str, ...]:
    """Return the metrics that are compared on a data set."""
    return NUMBER_METRICS if data in REGRESSION_SETS else CLASS_METRICS


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _job(
    options: Options, data: str, model: str, seed: int, condition: Condition
) -> Job:
    fraction, noise = condition
    return job_of(options, data, model, seed, fraction=fraction, noise=noise)


def _pairs(
    options: Options,
    runner: Runner,
    cells: list[dict[str, Any]],
    data: str,
    preset: str,
    condition: Condition,
) -> Pairs | None:
    """Return the seeds that both models of a preset have finished; keep all cells."""
    pairs = Pairs([], [])
    for seed in range(MOST_SEEDS):
        jobs = [
            _job(options, data, f"{side}-{preset}", seed, condition)
            for side in ("unmixed", "mixup")
        ]
        results = [runner.look(job) for job in jobs]
        for job, result in zip(jobs, results, strict=True):
            if result is not None:
                cells.append({"key": runner.key(job), "result": result})
        without, mixed = results
        if without is not None and mixed is not None:
            pairs.without.append(without)
            pairs.mixed.append(mixed)
    return pairs if pairs.mixed else None
