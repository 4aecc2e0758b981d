"""Suite ``metatune``: fixed splits, cells, and the tables of the report."""

import functools

import numpy as np
import pytest

from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.metatune_data import TABLES, for_choices, for_report, read
from benchmarks.suites import METATUNE_TABLES
from benchmarks.suites.metatune import run
from benchmarks.suites.metatune_cells import MODELS, build_ours
from benchmarks.suites.metatune_search import drawn, mean_ratio
from benchmarks.suites.metatune_tables import Found, report_tables


def rows_of(x):
    return {tuple(row) for row in x.to_numpy().tolist()}


def test_choices_never_see_the_test_part():
    test = for_report(None, "diabetes", 0, 3_000).x_test
    choice = for_choices(None, "diabetes", 0, 3_000)
    seen = rows_of(choice.x_train) | rows_of(choice.x_test)
    assert not seen & rows_of(test)


def test_splits_are_fixed_and_differ():
    first, again, other = (for_report(None, "wine", s, 3_000).x_test for s in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)


def test_training_rows_are_limited():
    assert len(for_report(None, "digits", 0, 500).y_train) == 500


def test_a_table_of_the_folder_needs_the_folder():
    with pytest.raises(ValueError, match="give --data DIR"):
        read(None, "adult")


def test_the_command_line_knows_the_tables():
    assert METATUNE_TABLES == TABLES


def test_candidates_are_drawn_by_the_seed():
    one, other = (drawn(np.random.default_rng(0)) for _ in range(2))
    assert one == other
    assert len(one) == 3


def test_a_mean_of_ratios():
    assert mean_ratio([1.0, 1.0]) == pytest.approx(1.0)
    assert mean_ratio([0.5, 2.0]) == pytest.approx(1.0, abs=0.02)


def test_tables_of_what_was_found():
    found = Found()
    losses = {"default": 0.9, "alpha=0": 1.0, "CatBoost": 1.0, "LightGBM": 1.1}
    for model, loss in losses.items():
        for split in range(2):
            cell = {"loss": loss, "ece": 0.1, "cpu_seconds": 2.0, "n_rows": 100}
            found.add("wine", model, split, 3_000, cell | {"alpha_": 0.5})
    tables = {table.title: table for table in report_tables(found)}
    assert tables["Test losses, at most 3,000 training rows"].rows[0][-1] == "0.900"
    assert tables["Ranks, all tables"].rows[0][:3] == ["default", "1.00", "0.901"]
    mixing = tables["Mixing: alpha found out against none"].rows[0]
    assert mixing[2:4] == ["0.5, 0.5", "-10.0 %"]
    assert tables["CPU seconds"].rows[-1][-2:] == ["1.00", "1.00"]


def test_models_are_compared_on_the_splits_that_all_of_them_have():
    found = Found()
    for model, losses in {
        "default": (1.0, 9.0),
        "CatBoost": (2.0,),
        "LightGBM": (4.0, 1.0),
    }.items():
        for split, loss in enumerate(losses):
            found.add("diabetes", model, split, 3_000, {"loss": loss})
    ranks = {t.title: t for t in report_tables(found)}["Ranks, all tables"]
    assert ranks.rows[0][:3] == ["default", "1.00", "0.500"]


def test_presets_stand_beside_the_default():
    found = Found()
    for model, loss, seconds in (
        ("default", 1.0, 4.0),
        ("best", 0.9, 8.0),
        ("fast", 1.1, 1.0),
    ):
        cell = {"loss": loss, "cpu_seconds": seconds}
        found.add("diabetes", model, 0, 3_000, cell)
    presets = {t.title: t for t in report_tables(found)}["Presets"]
    assert presets.rows[0][2:] == ["-10.0 %", "+10.0 %", "2.00", "0.25"]
    assert "ahead on 1 of 1 tables" in presets.notes[0]


def test_a_quick_run_reports(tmp_path, monkeypatch):
    for alpha, name in ((None, "default"), (0, "alpha=0")):
        build = functools.partial(build_ours, alpha=alpha, max_epochs=2)
        monkeypatch.setitem(MODELS, name, build)
    options = Options("metatune", quick=True, output=tmp_path, threads=1)
    options = Options(**vars(options) | {"models": ("default", "alpha=0")})
    report = run(options, Progress("metatune"))
    assert {cell["table"] for cell in report.measurements["cells"]} == {
        "breast_cancer",
        "diabetes",
    }
    again = run(Options(**vars(options) | {"models": ("none",)}), Progress("metatune"))
    assert again.markdown() == report.markdown()
