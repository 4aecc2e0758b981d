"""The cost of mixing: every method is measured or named as unsuitable."""

from __future__ import annotations

import io

import pytest
import torch

from benchmarks.harness.memory import peak_tensor_bytes
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.statistics import grouped_interval, grouped_ratio
from benchmarks.suites import mixing, mixing_worker
from benchmarks.suites.mixing_worker import STEP, batch_of, entries, measure, stages
from sk_mixup.mixing import list_methods

SMALL = {"256x20": (8, 5), "256x3x32x32": (8, 2, 8, 8)}


@pytest.fixture
def few_methods(monkeypatch):
    """Take three methods of the registry, one of them for images alone."""
    table = {name: list_methods()[name] for name in ("mixup", "cutmix", "manifold")}
    monkeypatch.setattr(mixing_worker, "list_methods", lambda: table)


def test_peak_counts_results_and_temporaries_to_the_byte():
    x = torch.rand(1000)
    if (peak := peak_tensor_bytes(x.clone)) is None:
        pytest.skip("this torch does not tell")
    assert 4000 <= peak < 4200
    # Two temporaries live beside each other, and a sum takes next to nothing.
    assert 8000 <= peak_tensor_bytes(lambda: ((x + 1) * 2).sum()) < 8400
    assert peak_tensor_bytes(lambda: x.add_(1)) < 100


def test_interval_of_processes_holds_what_differs_between_them():
    groups = [[1.0, 1.1, 0.9], [2.0, 2.1, 1.9], [1.5, 1.5, 1.5]]
    found = grouped_interval(groups)
    assert (found.median, found.low, found.high) == (1.5, 1.0, 2.0)
    assert found.n == 3
    assert grouped_interval([[3.0, 1.0, 2.0]]).median == 2.0
    doubled = [[2 * value for value in group] for group in groups]
    ratio = grouped_ratio(doubled, groups)
    assert (ratio.median, ratio.low, ratio.high) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("shape", SMALL.values(), ids=["table", "images"])
def test_every_method_is_measured_or_named_with_a_reason(shape):
    found, left_out = entries(*batch_of(shape))
    names = {title.partition(" ")[0] for title in (*found, *left_out)}
    assert names == set(list_methods())
    assert all(left_out.values())
    assert "mixup per batch" in found
    assert "mixup per row" in found
    assert ("cutmix" in left_out) == (len(shape) == 2)


def test_parts_together_are_one_call_of_the_method(few_methods):
    x, y, context = batch_of((8, 5))
    found, _ = entries(x, y, context)
    parts = stages(found["mixup per batch"], x, context)
    assert list(parts) == ["draw", "apply", "targets", "together"]
    assert parts["apply"]().shape == x.shape
    mixed, targets = parts["together"]()
    assert mixed.shape == x.shape
    assert targets.shape == parts["targets"]().shape == (8, 10)


def test_worker_measures_every_part_and_a_step(few_methods):
    found = measure((8, 5), 2, 1e-5, None)
    mixup = found["seconds"]["mixup per batch"]
    assert set(mixup) == {"clone", "draw", "apply", "targets", "together"}
    assert all(len(seconds) == 2 for seconds in mixup.values())
    assert STEP in found["seconds"]
    assert found["facts"]["mixup per batch"]["rows"] == 1
    assert "cutmix" in found["left_out"]
    assert found["batch_bytes"] == 8 * 5 * 4


def test_quick_run_reports_methods_targets_and_bounds(
    few_methods, monkeypatch, tmp_path
):
    timm = tmp_path / "mixup.py"
    timm.write_text(
        "class Mixup:\n"
        "    def __init__(self, **parameters): pass\n"
        "    def __call__(self, x, y): return x, y\n"
    )

    def in_this_process(arguments):
        assert arguments[:2] == ["-m", "benchmarks.suites.mixing_worker"]
        shape, rounds, _, threads, file = arguments[2:]
        assert (rounds, threads) == ("3", "2")
        return measure(SMALL[shape], int(rounds), 1e-5, timm if file else None)

    monkeypatch.setattr(mixing, "run_python", in_this_process)
    options = Options("mixing", quick=True, timm=timm)
    report = mixing.run(options, Progress("mixing", io.StringIO()))
    by_title = {table.title: table for table in report.tables}
    assert "256x3x32x32: one mixed batch" in by_title
    targets = {(row[0], row[1], row[4]) for row in by_title["Targets"].rows}
    assert ("mixup per batch", "256x3x32x32", "at most 6 copies") in targets
    assert ("cutmix per batch", "256x3x32x32", "at most 10 copies") in targets
    assert ("mixup per batch", "256x20", "at most 0.05") in targets
    bounded = by_title["What bounds the methods without a target"].rows
    assert {"mixup per row", "cutmix per row"} <= {row[0] for row in bounded}
    ratios = [row[0] for row in by_title["Ratios within a round"].rows]
    assert ratios.count("cutmix per batch / timm") == 1
    assert ["cutmix", "256x20"] in [r[:2] for r in by_title["Not measured"].rows]
