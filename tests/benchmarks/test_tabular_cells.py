"""The suites on tables: what is kept, and what is run again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.__main__ import main
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.suites import tabular, tabular_cells
from benchmarks.suites.tabular_cells import Runner, key_of, temperature_job
from benchmarks.suites.tabular_worker import Job
from tests.benchmarks.tabular import QUICK, result_of


@pytest.fixture
def options(tmp_path):
    return Options("tabular", quick=True, output=tmp_path, threads=1, models=("hgb",))


@pytest.fixture
def trainings(monkeypatch):
    """The jobs that were run, answered without running them."""
    jobs = []

    def answer(arguments, timeout):
        job = Job(**json.loads(arguments[-1]))
        jobs.append(job)
        if job.model == "catboost":
            return {"skipped": "No module named 'catboost'"}
        if job.model == "mlp":
            raise RuntimeError("it ended with code 1:\nValueError: too bad")
        return result_of(job)

    monkeypatch.setattr(tabular_cells, "run_python", answer)
    return jobs


def test_a_finished_cell_is_never_run_again(options, trainings):
    progress = Progress("tabular")
    tabular.run(options, progress)
    assert [(job.data, job.temperature_only) for job in trainings] == [
        ("wine", True),
        ("wine", False),
        ("diabetes", False),
        ("checkerboard", True),
        ("checkerboard", False),
    ]
    assert [job.inverse_temperature for job in trainings[:2]] == [None, 0.7]
    tabular.run(options, progress)
    assert len(trainings) == 5
    # Another model is added to what was found before.
    report = tabular.run(replace(options, models=("lightgbm",)), progress)
    assert len(trainings) == 10
    text = report.markdown()
    assert "LightGBM" in text
    assert "HistGradientBoosting" in text


def test_what_fails_or_is_missing_is_told_and_tried_again(options, trainings, capsys):
    options = replace(options, models=("mlp", "catboost"), only=("diabetes", "wine"))
    report = tabular.run(options, Progress("tabular"))
    rows = report.tables[-1].rows
    assert ["MLP of scikit-learn on diabetes", "failed", "ValueError: too bad"] in rows
    assert ["CatBoost", "skipped", "No module named 'catboost'"] in rows
    assert "too bad" in capsys.readouterr().err
    # A package that is missing is looked for once.
    assert sum(job.model == "catboost" for job in trainings) == 1
    before = len(trainings)
    tabular.run(options, Progress("tabular"))
    assert len(trainings) == 2 * before


def test_a_committed_report_is_enough_to_go_on(options, trainings, tmp_path):
    progress = Progress("tabular")
    cells = tabular.run(options, progress).measurements["cells"]
    later = tmp_path / "later"
    later.mkdir()
    content = json.dumps({"measurements": {"cells": cells}})
    (later / "tabular.json").write_text(content)
    before = len(trainings)
    tabular.run(replace(options, output=later, work=later / "work"), progress)
    assert len(trainings) == before


def test_our_cells_count_for_one_state_of_the_library_alone():
    assert "code" not in key_of(QUICK)
    assert "code" in key_of(replace(QUICK, model="mixup-default"))
    assert key_of(replace(QUICK, noise=0.2)) != key_of(QUICK)
    assert key_of(replace(QUICK, inverse_temperature=2.0)) == key_of(QUICK)


def test_seeds_share_a_temperature_where_they_share_the_split():
    assert temperature_job(replace(QUICK, data="churn", seed=2)).seed == 0
    assert temperature_job(replace(QUICK, seed=2)).seed == 2


def test_time_left_is_told_from_finished_cells(options, trainings):
    runner = Runner(options, Progress("tabular"), "tabular")
    job = replace(QUICK, max_rows=400)
    assert (
        runner._time_left([job], {}) == "about 0 min left and 1 cells of unknown time"
    )
    seconds = {("hgb", "wine"): [100.0, 140.0]}
    assert runner._time_left([job, job], seconds) == "about 4 min left"


@pytest.mark.slow
def test_a_quick_run_from_the_command_line(tmp_path, capsys):
    arguments = ["tabular", "--quick", "--data", str(tmp_path), "--threads", "1"]
    arguments += ["--models", "hgb", "--only", "wine", "--output", str(tmp_path)]
    assert main(arguments) == 0
    content = json.loads((tmp_path / "tabular.json").read_text())
    assert content["header"]["command"] == (
        "python -m benchmarks tabular --data DIR --only wine --models hgb"
        " --threads 1 --quick"
    )
    assert [cell["key"]["model"] for cell in content["measurements"]["cells"]] == [
        *("hgb", "hgb")
    ]
    assert (
        "## Log-loss, small and made-up sets" in (tmp_path / "tabular.md").read_text()
    )
    assert "HistGradientBoosting" in capsys.readouterr().out
