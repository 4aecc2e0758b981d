"""The suites on tables: comparisons and reports."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.suites import label_noise, tabular, tabular_cells
from benchmarks.suites.tabular_cells import key_of
from benchmarks.suites.tabular_found import Found, mean_text
from benchmarks.suites.tabular_names import (
    MAIN_SETS,
    MODELS,
)
from benchmarks.suites.tabular_plot import draw
from benchmarks.suites.tabular_ranks import claim_table, mean_ranks
from benchmarks.suites.tabular_report import report_of
from benchmarks.suites.tabular_worker import Job
from tests.benchmarks.tabular import QUICK, result_of


@pytest.fixture
def options(tmp_path):
    return Options("tabular", quick=True, output=tmp_path, threads=1, models=("hgb",))


def found_with(losses: dict[str, float], **more: float) -> Found:
    found = Found()
    for model, loss in losses.items():
        for data in MAIN_SETS:
            for seed in range(2):
                job = replace(QUICK, data=data, model=model, seed=seed)
                found.add(key_of(job), result_of(job, loss + 0.001 * seed, **more))
    return found


def test_each_of_ours_is_ranked_alone_among_the_peers():
    losses = {"unmixed-default": 0.3, "mixup-fast": 0.31, "hgb": 0.2, "catboost": 0.4}
    ranks = mean_ranks(found_with(losses))
    assert ranks == {"unmixed-default": 2, "mixup-fast": 2, "hgb": 1, "catboost": 3}


def test_a_model_without_one_of_the_sets_has_no_rank():
    found = found_with({"hgb": 0.2, "mlp": 0.3})
    del found.trainings["letter", "mlp"]
    assert mean_ranks(found) == {"hgb": 1.0}


def test_claims_are_met_or_missed():
    losses = {"unmixed-default": 0.3, "hgb": 0.2, "mlp": 0.5, "catboost": 0.1}
    found = found_with(losses | {"tabm-d": 4.0})
    rows = {row[0]: row[1:] for row in claim_table(found).rows}
    assert rows["mean rank, ahead of HistGradientBoosting"][-1] == "missed"
    assert rows["mean rank, ahead of MLP of scikit-learn"][-1] == "met"
    assert rows["log-loss on churn, ahead of TabM-D"][-1] == "met"
    assert rows["fit time on churn, share of TabM-D's"] == [
        *("0.075", "at most 0.1", "met")
    ]
    assert rows["sets with ECE at most CatBoost's"] == [
        "0 of 4",
        "the majority",
        "missed",
    ]
    assert rows["ECE on adult"] == ["0.3005", "at most 0.2010", "missed"]
    assert claim_table(found_with({"hgb": 0.2})) is None


def test_the_report_shows_means_with_errors_and_the_best_in_bold():
    found = found_with({"unmixed-default": 0.3, "catboost": 0.4})
    text = report_of(found, [], Options("tabular")).markdown()
    assert "**0.3005 ± 0.0005**" in text
    assert "0.4005 ± 0.0005" in text
    assert "-25.0 %" in text
    assert "published" in text
    assert mean_text([2.0], digits=1) == "2.0"
    assert mean_text([]) == ""


def test_every_seed_of_ours_is_shown():
    found = found_with({"unmixed-default": 0.3, "catboost": 0.4}, epochs=7)
    tables = report_of(found, [], Options("tabular")).tables
    (table,) = [table for table in tables if "seed by seed" in table.title]
    assert [row[1:3] for row in table.rows] == [["0", "0.3000"], ["1", "0.3010"]]
    assert table.rows[0][-1] == "7"


def test_warnings_of_ours_are_shown():
    found = found_with({"unmixed-default": 0.3}, warnings=["MixupWarning: odd"])
    text = report_of(found, [], Options("tabular")).markdown()
    assert "MixupWarning: odd" in text


def test_the_picture_is_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    found = found_with(dict.fromkeys(MODELS, 0.3))
    file = draw(found, tmp_path / "new" / "plot.png")
    assert file.read_bytes().startswith(b"\x89PNG")
    assert draw(Found(), tmp_path / "none.png") is None
    assert tabular.plot_file(Options("tabular")).parent.name == "docs"
    assert tabular.plot_file(Options("tabular", output=tmp_path)).parent == tmp_path


def test_mixing_is_compared_within_a_seed(tmp_path, monkeypatch):
    def answer(arguments, timeout):
        job = Job(**json.loads(arguments[-1]))
        gain = 0.1 if job.model.startswith("mixup") else 0.0
        # Seeds differ far more than the two sides of one.
        return result_of(job, 10.0 * job.seed + job.noise - gain)

    monkeypatch.setattr(tabular_cells, "run_python", answer)
    options = Options(
        "label_noise", quick=True, output=tmp_path, threads=1, only=("wine", "diabetes")
    )
    report = label_noise.run(options, Progress("label_noise"))
    tables = {table.title: table for table in report.tables}
    row = tables["What mixing changes: log-loss (default)"].rows[0]
    assert row == ["wine", *["**-0.1000 ± 0.0000**"] * 6]
    row = tables["Rise of the loss from clean to 40 % wrong labels (default)"].rows[0]
    assert row[:3] == ["wine, 100 % of the rows", "0.4000 ± 0.0000", "0.4000 ± 0.0000"]
    assert len(tables["diabetes (default)"].rows) == 6
    assert len(report.measurements["cells"]) == 2 * 6 * 2 * 2


def test_a_difference_is_bold_where_its_interval_leaves_out_zero():
    assert label_noise.marked([-0.22, -0.2, -0.18]) == "**-0.2000 ± 0.0115**"
    # More than two standard errors, of three values.
    assert label_noise.marked([-0.3, -0.2, -0.1]) == "-0.2000 ± 0.0577"
    assert label_noise.marked([0.25]) == "+0.2500"
