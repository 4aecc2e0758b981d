"""The parts of the benchmarks that could mislead a reader if they were wrong."""

from __future__ import annotations

import io
import itertools
import json
import math
import random
import re
from pathlib import Path

import pytest
import torch

from benchmarks.__main__ import main, problem_with_suite
from benchmarks.harness.interleave import interleave, round_order, time_calls
from benchmarks.harness.machine import PACKAGES, describe_machine
from benchmarks.harness.memory import PeakIncrease, peak_memory
from benchmarks.harness.options import Options
from benchmarks.harness.processes import run_python
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table, markdown_table, write_report
from benchmarks.harness.statistics import (
    median_interval,
    paired_difference,
    paired_ratio,
)
from benchmarks.harness.targets import Target
from benchmarks.peers.bare_module import BareModule
from benchmarks.peers.textbook import TextbookMixup
from benchmarks.peers.timm_mixup import load_timm_class, timm_mixer
from benchmarks.suites import SUITES, adult, load_suite
from benchmarks.suites.adult import claim_rows, rows_of

# --- medians -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "rank", "coverage"),
    # Ranks from the tables for the sign test at 5 %.
    [(6, 1, 0.969), (7, 1, 0.984), (9, 2, 0.961), (15, 4, 0.965), (51, 19, 0.951)],
)
def test_interval_takes_the_ranks_of_the_sign_test(n, rank, coverage):
    values = list(range(1, n + 1))
    random.Random(0).shuffle(values)
    found = median_interval(values)
    assert (found.low, found.high) == (rank, n + 1 - rank)
    assert found.coverage == pytest.approx(coverage, abs=5e-4)
    assert found.n == n


def test_interval_of_few_values_is_their_range_and_says_its_coverage():
    found = median_interval([3.0, 1.0, 2.0])
    assert (found.median, found.low, found.high) == (2.0, 1.0, 3.0)
    assert found.coverage == pytest.approx(0.75)
    assert median_interval([5.0]).coverage == 0.0


def test_interval_covers_the_median_of_a_skewed_law_as_often_as_promised():
    rng = random.Random(1)
    hits = 0
    for _ in range(2000):
        found = median_interval([rng.lognormvariate(0.0, 1.5) for _ in range(15)])
        hits += found.low <= 1.0 <= found.high
    assert hits / 2000 == pytest.approx(found.coverage, abs=0.015)


def test_interval_without_values_raises():
    with pytest.raises(ValueError, match="at least one value"):
        median_interval([])


def test_pairs_cancel_a_drift_of_the_machine():
    drift = [1.0, 10.0, 2.0, 7.0, 3.0, 5.0]
    ratio = paired_ratio([2 * d for d in drift], drift)
    assert (ratio.median, ratio.low, ratio.high) == (2.0, 2.0, 2.0)
    assert paired_difference([d + 1 for d in drift], drift).median == pytest.approx(1)
    with pytest.raises(ValueError, match="argument 2"):
        paired_ratio([1.0, 2.0], [1.0])


def test_interval_as_text():
    found = median_interval([0.001, 0.002, 0.004])
    assert found.format(1, "ms", 1e3) == "2.0 [1.0, 4.0] ms"


# --- interleaving --------------------------------------------------------------------


def test_rounds_run_every_contestant_once_and_turn_round():
    seen = []

    def contestant(name):
        return lambda index: seen.append((index, name)) or index

    results = interleave({name: contestant(name) for name in "abc"}, 3)
    assert [name for _, name in seen] == list("abccbaabc")
    assert results == {name: [0, 1, 2] for name in "abc"}


def test_neighbours_stay_neighbours_in_every_round():
    for index in range(4):
        order = round_order(["a", "b", "c"], index)
        pairs = {frozenset(pair) for pair in itertools.pairwise(order)}
        assert pairs == {frozenset("ab"), frozenset("bc")}


def test_short_calls_are_timed_per_call():
    calls = itertools.count()
    times = time_calls({"f": lambda: next(calls)}, 3, seconds_per_round=0.001)
    assert len(times["f"]) == 3
    assert all(0 < seconds < 1e-4 for seconds in times["f"])
    assert next(calls) > 100


# --- reports -------------------------------------------------------------------------


def test_table_is_padded_and_escapes_bars():
    text = markdown_table(["", "ms"], [["a|b", "1.0"], ["long name", "12.5"]])
    assert text.splitlines() == [
        "|           |   ms |",
        "| --------- | ---: |",
        r"| a\|b      |  1.0 |",
        "| long name | 12.5 |",
    ]


def test_row_of_another_width_raises():
    with pytest.raises(ValueError, match="needs 2 cells"):
        markdown_table(["a", "b"], [["1"]])


def test_report_has_header_tables_and_raw_numbers(tmp_path):
    table = Table("Times", ["", "s"], [["ours", "1"]], ["A note."])
    report = Report("speed", [table], {"seconds": [1.0, 2.0]})
    as_json, as_markdown = write_report(report, {"CPU": "some"}, tmp_path / "new")
    content = json.loads(as_json.read_text())
    assert content["measurements"] == {"seconds": [1.0, 2.0]}
    assert content["header"] == {"CPU": "some"}
    text = as_markdown.read_text()
    for part in ("# Benchmark: speed", "- CPU: some", "## Times", "A note."):
        assert part in text


def test_header_names_versions_and_commit_but_no_folder(tmp_path):
    options = Options("mixing", data=tmp_path, timm=tmp_path / "m.py", quick=True)
    header = describe_machine(options)
    assert {"date", "git commit", "CPU", "cores", "threads", *PACKAGES} <= set(header)
    assert header["torch"] == torch.__version__
    assert str(tmp_path) not in json.dumps(header)
    expected = "python -m benchmarks mixing --timm FILE --quick"
    assert header["command"] == expected


def test_targets_say_what_is_wanted_and_whether_it_is_met():
    assert Target("at most", 1.1).cells(1.1) == ["at most 1.1", "met"]
    assert Target("at least", 20, "x").cells(19.9) == ["at least 20 x", "missed"]


def test_progress_in_a_log_is_not_a_line_per_step():
    stream = io.StringIO()
    progress = Progress("speed", stream)
    for i in range(100):
        progress.step("medium", i + 1, 100)
    progress.say("done")
    assert len(stream.getvalue().splitlines()) == 2


def test_adult_rows_end_each_model_with_its_mean():
    trainings = [
        {
            "seed": seed,
            "accuracy": 0.85 + 0.01 * seed,
            "log_loss": 0.3,
            "ece": 0.01,
            "fit_seconds": 50.0 + seed,
            "epochs": 10,
            "peak_bytes": 10**9,
        }
        for seed in (0, 1, 2)
    ]
    rows = rows_of({"ours": trainings})
    assert [row[1] for row in rows] == ["0", "1", "2", "mean"]
    assert rows[-1][2] == "0.8600"
    values = [row[1] for row in claim_rows(trainings)]
    assert values == ["0.86", "0.3", "52", "1000"]


def test_quick_adult_run_judges_no_claim(monkeypatch, tmp_path):
    training = dict.fromkeys(
        ["accuracy", "log_loss", "ece", "fit_seconds", "n_train", "n_test"], 1.0
    )
    monkeypatch.setattr(
        adult,
        "train",
        lambda options, name, seed: (
            training | {"seed": seed, "epochs": None, "peak_bytes": None}
        ),
    )
    progress = Progress("adult", io.StringIO())
    quick = adult.run(Options("adult", data=tmp_path, quick=True), progress)
    full = adult.run(Options("adult", data=tmp_path), progress)
    assert [table.title for table in quick.tables] == ["Adult"]
    assert [table.title for table in full.tables] == ["Adult", "Claims"]
    assert "not measured" in full.markdown()


# --- memory and processes ------------------------------------------------------------


def test_peak_increase_sees_a_block():
    with PeakIncrease() as peak:
        block = bytearray(b"x") * (64 * 2**20)
        del block
    if peak.bytes is None:
        pytest.skip("this system has no resettable high-water mark")
    assert peak.bytes > 50 * 2**20
    assert peak_memory() > 50 * 2**20


def test_fresh_process_answers_in_json_and_its_error_is_shown():
    assert run_python(["-c", "print('noise'); print('{\"a\": 1}')"]) == {"a": 1}
    with pytest.raises(RuntimeError, match="no such luck"):
        run_python(["-c", "raise SystemExit('no such luck')"])
    with pytest.raises(RuntimeError, match="printed no JSON"):
        run_python(["-c", "pass"])


# --- peers ---------------------------------------------------------------------------


def test_textbook_mixup_sums_to_one_and_leaves_the_batch():
    x, y = torch.rand(8, 3), torch.arange(8) % 4
    before = x.clone()
    mixed, targets = TextbookMixup(0.2, 4)(x, y)
    assert torch.equal(x, before)
    assert mixed.shape == x.shape
    assert torch.allclose(targets.sum(1), torch.ones(8))


def test_timm_is_read_from_a_file_and_works_on_a_clone(tmp_path):
    file = tmp_path / "mixup.py"
    file.write_text(
        "class Mixup:\n"
        "    def __init__(self, **parameters): self.parameters = parameters\n"
        "    def __call__(self, x, y): return x.zero_(), y\n"
    )
    mix = timm_mixer(load_timm_class(file), alpha=0.2, mode="elem", n_classes=4)
    x = torch.ones(2, 3)
    mixed, _ = mix(x, torch.zeros(2))
    assert mixed.sum() == 0
    assert x.sum() == 6
    file.write_text("")
    with pytest.raises(ImportError, match="no class Mixup"):
        load_timm_class(file)


def test_bare_module_replays_what_a_prediction_called():
    class Estimator:
        module_ = torch.nn.Linear(3, 2).eval()

        def predict_proba(self, x):
            return [self.module_(x[:2]), self.module_(x[2:])]

    bare = BareModule.of(Estimator(), torch.rand(3, 3))
    assert [len(args[0]) for args, _ in bare.calls] == [2, 1]
    bare()
    assert bare.n_blocks == 2


# --- the command line ----------------------------------------------------------------


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_can_be_imported(name):
    assert callable(load_suite(name))


def test_unknown_suite_is_named_with_the_known_ones(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["spead"])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert "unknown suite 'spead'" in error
    assert "Did you mean 'speed'?" in error
    assert all(name in error for name in SUITES)
    assert problem_with_suite("all") is None
    with pytest.raises(ValueError, match="unknown suite 'spead'"):
        load_suite("spead")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["adult"], "needs --data DIR"),
        (["adult", "--data", "no-such-folder"], "no such folder"),
        (["mixing", "--timm", "no-such-file.py"], "no such file"),
        (["mixing", "--threads", "0"], "at least 1"),
    ],
)
def test_bad_options_are_refused_before_anything_runs(arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err


def test_no_text_of_the_package_names_a_folder_of_some_machine():
    root = Path(__file__).parents[2] / "benchmarks"
    for file in root.rglob("*.py"):
        assert not re.search(r"/(home|root|work|tmp|Users)/", file.read_text()), file


def test_quick_and_full_values():
    assert Options("speed", quick=True).pick(15, 3) == 3
    assert Options("speed").pick(15, 3) == 15
    assert math.isfinite(Options.threads)
