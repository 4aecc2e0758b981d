"""The suite of claims: effects and verdicts, which cells run when, what is reported."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.claims import catalogue, suite
from benchmarks.claims.cell import Cell, Place
from benchmarks.claims.claims import claims_of
from benchmarks.claims.effects import Effect, effect, together, verdict
from benchmarks.claims.parts import HIGHER, LESS, Part, against, named
from benchmarks.claims.report import report_of
from benchmarks.claims.scales import QUICK, SCALES
from benchmarks.harness.cells import Cells
from benchmarks.harness.progress import Progress


def scores(settings, n_seeds, noise=1.0, seed=0):
    random = np.random.default_rng(seed)
    luck = random.normal(0, 5, n_seeds)
    return {
        (name, s): level + luck[s] + noise * random.normal()
        for name, level in settings.items()
        for s in range(n_seeds)
    }


# --- effects -------------------------------------------------------------------------


def test_two_settings_give_the_paired_t_interval():
    values = scores({"a": 0.0, "b": 1.0}, 6)
    found = effect(values, {"b": 1.0, "a": -1.0})
    pairs = [values["b", s] - values["a", s] for s in range(6)]
    low, high = stats.ttest_1samp(pairs, 0.0).confidence_interval()
    assert found.mean == pytest.approx(np.mean(pairs))
    assert found.error == pytest.approx(stats.sem(pairs))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert (found.freedom, found.n_seeds) == (5, 6)


def test_a_block_design_has_the_residual_error_of_the_analysis_of_variance():
    names, n = ["a", "b", "c", "d"], 3
    values = scores(dict.fromkeys(names, 0.0), n)
    table = np.array([[values[name, s] for s in range(n)] for name in names])
    left = table - table.mean(0) - table.mean(1, keepdims=True) + table.mean()
    freedom = (len(names) - 1) * (n - 1)
    error = math.sqrt(2 * np.square(left).sum() / freedom / n)
    found = effect(values, against("c", "a"))
    assert found.mean == pytest.approx(table[2].mean() - table[0].mean())
    assert (found.error, found.freedom) == (pytest.approx(error), freedom)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    hits = 0
    for seed in range(400):
        values = scores({"a": 0.0, "b": 0.7, "c": 2.0}, 3, seed=seed)
        found = effect(values, against("b", "a"))
        hits += found.low <= 0.7 <= found.high
    assert hits / 400 == pytest.approx(0.95, abs=0.03)


def test_a_seed_that_one_setting_lacks_yet_does_no_harm():
    values = scores({"a": 0.0, "b": 1.0, "c": 2.0}, 4)
    del values["c", 3]
    found = effect(values, against("c", "a"))
    pairs = [values["c", s] - values["a", s] for s in range(3)]
    assert found.mean == pytest.approx(np.mean(pairs), abs=1.0)
    assert found.n_seeds == 3


def test_what_cannot_be_told_is_not_told():
    assert effect({("a", 0): 1.0}, against("b", "a")) is None
    # No seed in common: nothing tells the settings' difference from that of the seeds.
    assert effect({("a", 0): 1.0, ("b", 1): 2.0}, against("b", "a")) is None
    one = effect({("a", 0): 1.0, ("b", 0): 2.0}, against("b", "a"))
    assert (one.mean, one.error) == (pytest.approx(1.0), None)
    assert verdict(one, 0.1) == "untested"


def test_a_mean_of_one_setting():
    values = {("a", s): float(s) for s in range(5)} | {("b", 0): 100.0}
    found = effect(values, {"a": 1.0})
    assert (found.mean, found.error) == (2.0, pytest.approx(stats.sem(range(5))))


@pytest.mark.parametrize(
    ("low", "high", "nothing", "expected"),
    [
        (1.0, 3.0, False, "holds"),
        (0.2, 1.0, False, "in part"),
        (-0.5, 1.0, False, "not here"),
        (-3.0, -1.0, False, "not here"),
        (-1.0, 3.0, False, "untested"),
        (-1.0, 1.0, True, "holds"),
        (-1.0, 3.0, True, "untested"),
        (2.5, 3.0, True, "not here"),
        (-3.0, -2.5, True, "not here"),
    ],
)
def test_the_interval_is_the_verdict(low, high, nothing, expected):
    found = Effect((low + high) / 2, 1.0, low, high, 9, 10)
    assert verdict(found, 2.0, nothing=nothing) == expected


def test_a_claim_of_parts():
    assert together(["holds", "holds"]) == "holds"
    assert together(["in part", "not here"]) == "in part"
    assert together(["untested", "untested"]) == "untested"


def test_ratios_are_taken_on_logarithms():
    cells = {
        Cell("k", name, seed): {"ece": value * (1 + 0.1 * seed)}
        for name, value in (("none", 0.1), ("mixup 1", 0.06))
        for seed in range(3)
    }
    part = Part("", "k", named("ece"), against("mixup 1"), LESS, 30.0)
    found = part.found(cells)
    assert found.mean == pytest.approx(40.0)
    assert found.low <= found.mean <= found.high
    assert part.verdict(cells) == "holds"
    worse = Part("", "k", named("ece"), against("mixup 1"), HIGHER, 1.0)
    assert worse.verdict(cells) == "not here"


# --- cells ---------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [QUICK, SCALES["cpu"], SCALES["gpu"]])
def test_every_comparison_has_its_cells(scale):
    cells = catalogue.cells_of(scale)
    assert len(set(map(str, cells))) == len(cells)
    groups = {(cell.kind, cell.setting) for cell in cells}
    facts = {item for cell in cells for item in cell.of}
    for claim in claims_of(scale):
        for part in claim.parts:
            settings = {name.partition("@")[0] for name in part.contrast}
            assert {(part.kind, name) for name in settings} <= groups, part.name
            assert set(part.of) <= facts, part.name


def test_the_first_seeds_of_everything_come_before_any_second_image_net():
    cells = catalogue.cells_of(SCALES["cpu"])
    second = next(i for i, c in enumerate(cells) if c.kind == "images" and c.seed == 1)
    early = {(cell.kind, cell.setting, cell.of) for cell in cells[:second]}
    assert early == {(cell.kind, cell.setting, cell.of) for cell in cells}


def test_letters_choose_cells():
    cells = catalogue.cells_of(QUICK)
    assert catalogue.wanted(cells, ()) == cells
    kinds = {cell.kind for cell in catalogue.wanted(cells, ("c",))}
    assert kinds == {"digits wrong", "images wrong"}
    letters = {letter for kinds in catalogue.LETTERS.values() for letter in kinds}
    assert letters == set("abcdefghijk")


def test_a_run_that_was_ended_goes_on(tmp_path, monkeypatch):
    cells = [Cell("made", "a", seed) for seed in range(4)]
    ran = []

    def made(cell, place):
        ran.append(cell.seed)
        if len(ran) == 3:
            raise KeyboardInterrupt
        return {"value": cell.seed}

    monkeypatch.setitem(catalogue.KINDS, "made", made)
    place = Place(tmp_path, tmp_path, QUICK)

    def runner():
        store = Cells(tmp_path / "cells.jsonl", {"suite": "claims"})
        return suite.Run(store, place, Progress("claims"), 1)

    with pytest.raises(KeyboardInterrupt):
        runner().all(cells)
    runner().all(cells)
    assert ran == [0, 1, 2, 2, 3]
    assert len((tmp_path / "cells.jsonl").read_text().splitlines()) == 4


def test_a_cell_that_breaks_is_told_and_tried_again(tmp_path, monkeypatch, capsys):
    def broken(cell, place):
        raise ValueError("no such thing")

    monkeypatch.setitem(catalogue.KINDS, "made", broken)
    store = Cells(tmp_path / "cells.jsonl", {})
    place = Place(tmp_path, tmp_path, QUICK)
    suite.Run(store, place, Progress("claims"), 1).all([Cell("made", "a", 0)])
    assert "made: a, seed 0: ValueError: no such thing" in capsys.readouterr().err
    assert not (tmp_path / "cells.jsonl").exists()


# --- the report ----------------------------------------------------------------------


def wrong_cells():
    """Of one kind alone: mixing helps clearly, and there is nothing else."""
    found = {}
    for cell in catalogue.cells_of(SCALES["cpu"]):
        if cell.kind != "digits wrong":
            continue
        gain = 0.0 if cell.setting == "none" else 0.2
        value = 0.6 + gain + 0.01 * cell.seed + 0.001 * (len(cell.setting) % 5)
        found[cell] = {
            "best": value,
            "last": value,
            "memorised": 1.0 - value,
            "cpu_seconds": 1.0,
            "commit": "abc",
        }
    return found


def test_a_part_of_a_run_is_reported_and_says_so(tmp_path):
    report = report_of(wrong_cells(), SCALES["cpu"], tmp_path)
    summary = report.tables[0]
    assert "of a part of the run" in " ".join(summary.notes)
    verdicts = {row[0].split()[0]: row[-1] for row in summary.rows}
    assert verdicts["c1"] == verdicts["c3"] == "holds"
    assert verdicts["a1"] == verdicts["i"] == "not run yet"
    assert {name[0] for name in verdicts} == set("abcdefghijk")
    assert (tmp_path / "claims_c.png").read_bytes().startswith(b"\x89PNG")
    parts = report.measurements["claims"]["c1"]["parts"]
    digits = [part for part in parts if part["name"].startswith("digits")]
    assert all(part["verdict"] == "holds" for part in digits)
    json.dumps(report.measurements)
