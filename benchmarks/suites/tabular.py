"""Suite ``tabular``: our presets beside boosted trees and other nets, on real tables.

Every training runs in a fresh process, on all rows that are not to test on; what needs
held-out rows takes them from there by itself. Finished trainings are kept and never
run again, so that a run can be cut off, or models and data sets added to it later.
Other libraries are optional: what cannot be imported is skipped, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.options import Options
from benchmarks.harness.processes import ROOT
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report
from benchmarks.suites.tabular_cells import QUICK_ROWS, Runner, temperature_job
from benchmarks.suites.tabular_found import Found
from benchmarks.suites.tabular_names import (
    DATA_SETS,
    MODEL_GROUPS,
    MODELS,
    REGRESSION_SETS,
    SET_GROUPS,
    expand,
    is_wanted,
)
from benchmarks.suites.tabular_plot import draw
from benchmarks.suites.tabular_report import report_of
from benchmarks.suites.tabular_worker import Job

#: Seeds that are looked for in finished cells.
MOST_SEEDS = 20
QUICK_SETS = ("wine", "diabetes", "checkerboard")
PLOT = "tabular.png"


def run(options: Options, progress: Progress) -> Report:
    """Run what is asked for and not finished; show everything finished."""
    sets = expand(options.only, DATA_SETS, SET_GROUPS)
    models = expand(options.models, tuple(MODELS), MODEL_GROUPS)
    if options.quick and not options.only:
        sets = QUICK_SETS
    seeds = options.seeds or options.pick(3, 1)
    runner = Runner(options, progress, "tabular")
    runner.run(jobs_of(options, sets, models, seeds), temperatures=True)
    found = collect(options, runner)
    if (file := draw(found, plot_file(options))) is not None:
        progress.say(f"drew {file}")
    return report_of(found, runner.problems, options)


def jobs_of(
    options: Options, sets: Sequence[str], models: Sequence[str], seeds: int
) -> list[Job]:
    """Return the trainings asked for, the first seed of all of them first."""
    return [
        job_of(options, data, model, seed)
        for seed in range(seeds)
        for model in models
        for data in sets
        if is_wanted(model, data, options.models, options.only)
    ]


def job_of(
    options: Options,
    data: str,
    model: str,
    seed: int,
    fraction: float = 1.0,
    noise: float = 0.0,
) -> Job:
    """Return the job of one training."""
    return Job(
        folder=None if options.data is None else str(options.data.resolve()),
        data=data,
        model=model,
        seed=seed,
        threads=options.threads,
        max_rows=options.pick(None, QUICK_ROWS),
        fraction=fraction,
        noise=noise,
    )


def collect(options: Options, runner: Runner) -> Found:
    """Return everything finished, asked for in this run or not."""
    found = Found()
    for data in DATA_SETS:
        for model in MODELS:
            for seed in range(MOST_SEEDS):
                job = job_of(options, data, model, seed)
                jobs = [job]
                held_out = temperature_job(job)
                if data not in REGRESSION_SETS and held_out.seed == seed:
                    jobs.append(held_out)
                for each in jobs:
                    if (result := runner.look(each)) is not None:
                        found.add(runner.key(each), result)
    return found


def plot_file(options: Options) -> Path:
    """Return where the picture goes: beside the documentation's, if the report does.

    A report elsewhere, of a trial run say, has it at its side.
    """
    if options.output == Options.output and not options.quick:
        return ROOT / "docs" / PLOT
    return options.output / PLOT
