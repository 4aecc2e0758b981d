"""``methods --only images``: all image methods on CIFAR-10, beside the published order.

Every method has its own defaults here, and no alpha is chosen: the published table
compares methods so.
"""

from __future__ import annotations

import dataclasses
import statistics
from typing import Any

from scipy.stats import spearmanr

from benchmarks.claims.cell import Place
from benchmarks.claims.effects import Effect, effect
from benchmarks.claims.image_methods import scale_of, trainings, trials
from benchmarks.claims.parts import LOWER, SMALLER, Unit, effect_text
from benchmarks.claims.report import mean_text
from benchmarks.claims.scales import Scale
from benchmarks.claims.suite import Run
from benchmarks.claims.ways import NONE
from benchmarks.harness.cells import Cells, Missing
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.suites.tabular_cells import restore
from sk_mixup.mixing import list_methods

Results = dict[str, list[dict[str, Any]]]
#: Accuracies of OpenMixup: CIFAR-100, ResNet-18, 200 epochs, median of the last ones.
#: AlignMix is given after 1 200 epochs alone, and so left out.
PUBLISHED = {
    NONE: 76.42,
    "mixup": 78.52,
    "cutmix": 79.45,
    "manifold": 79.18,
    "smooth_mix": 77.90,
    "saliency_mix": 79.75,
    "attentive_mix": 79.62,
    "f_mix": 78.91,
    "grid_mix": 78.23,
    "resize_mix": 79.56,
    "puzzle_mix": 79.96,
    "co_mixup": 80.01,
    "auto_mix": 80.12,
    "sa_mix": 81.21,
}
_HIGHER = Unit("points", lambda v: 100 * v, 2)
#: What a far place in another order is.
_FAR = 3


def run(options: Options, progress: Progress) -> Report:
    """Run what is missing, and report on all that is finished."""
    assert options.data is not None
    scale = scale_of(options.scale, options.quick)
    work = options.work or options.output
    file = work / "methods_images.cells.jsonl"
    restore(file, options.output / "methods_images.json")
    store = Cells(file, {"suite": "methods_images"})
    place = Place(options.data.resolve(), work.resolve(), scale)
    if options.models != ("none",):
        runner = Run(store, place, progress, options.jobs)
        runner.all(trials())
        names = [name for name, why in reasons(store, scale).items() if why is None]
        runner.all(trainings(names, scale))
    left_out = {name: why for name, why in reasons(store, scale).items() if why}
    names = [name for name in list_methods() if name not in left_out]
    found: Results = {}
    kept = []
    for cell in (*trials(), *trainings(names, scale)):
        try:
            result = store.get(cell.key(scale), None)
        except Missing:
            continue
        kept.append({"key": store.common | cell.key(scale), "result": result})
        if cell.kind == "method":
            found.setdefault(cell.setting, []).append(result | {"seed": cell.seed})
    return report_of(found, left_out, scale, kept)


def reasons(store: Cells, scale: Scale) -> dict[str, str | None]:
    """Return why a method does not suit, as far as it was tried."""
    found: dict[str, str | None] = {}
    for cell in trials():
        try:
            found[cell.setting] = store.get(cell.key(scale), None)["reason"]
        except Missing:
            continue
    return found


def report_of(
    found: Results, left_out: dict[str, str], scale: Scale, kept: list[dict[str, Any]]
) -> Report:
    """Return scores, differences, both orders, and what was left out."""
    tables = [scores_table(found, scale), differences_table(found)]
    if len(set(found) & set(PUBLISHED)) > 2:
        tables.append(order_table(found))
    rows = [[name, why] for name, why in left_out.items()]
    if rows:
        tables.append(Table("Not compared", ["", "reason, of a trial"], rows))
    raw = {"scale": dataclasses.asdict(scale), "cells": kept}
    return Report("methods_images", tables, raw)


def scores_table(found: Results, scale: Scale) -> Table:
    """Return all scores, the best accuracy first."""
    rows = []
    for name in by_accuracy(found):
        results = found[name]
        seconds = statistics.median(r["epoch_seconds"] for r in results)
        rows.append(
            [
                name,
                str(len(results)),
                mean_text([100 * r["accuracy"] for r in results], 2),
                mean_text([r["log_loss_tempered"] for r in results], 4),
                mean_text([100 * r["ece"] for r in results], 2),
                mean_text([100 * r["ece_tempered"] for r in results], 2),
                f"{seconds:.2f}",
            ]
        )
    is_small = scale.net != "resnet18"
    net = "a ResNet-8 of 16 to 64 channels" if is_small else "ResNet-18"
    notes = [
        f"{scale.n_train:,} images of CIFAR-10 to train on, {scale.n_tune:,} for the"
        f" temperature, {scale.n_test:,} to test on; {net}, {scale.long} epochs, flips"
        " and crops, the defaults of every method. Means ± standard errors over seeds."
        + (
            " A part of CIFAR-10 and a small net: compare side by side, not with"
            " published accuracies."
            if is_small
            else ""
        )
    ]
    commits = {str(r["commit"]) for results in found.values() for r in results}
    notes.append(f"Computed at: {', '.join(sorted(commits))}.")
    columns = ["", "seeds", "accuracy, %", "log-loss, tempered", "ECE, %"]
    columns += ["ECE tempered, %", "seconds per epoch"]
    return Table("CIFAR-10: scores", columns, rows, notes)


def differences_table(found: Results) -> Table:
    """Return what every method adds to none."""
    rows = []
    for name in by_accuracy(found):
        if name == NONE:
            continue
        cells = []
        for metric, unit in (
            ("accuracy", _HIGHER),
            ("log_loss_tempered", SMALLER),
            ("ece", LOWER),
        ):
            got = difference(found, name, metric, unit)
            mark = ""
            if got is not None and got.error is not None:
                mark = "better" if got.low > 0 else "worse" if got.high < 0 else ""
            cells += [effect_text(got, unit), mark]
        rows.append([name, *cells])
    columns = ["", "accuracy", "", "log-loss, tempered", "", "ECE", ""]
    notes = [
        "Differences to no mixing, turned so that better is positive: ± standard error"
        " [interval of 95 %]; seeds are paired, chance is estimated from all methods"
        " together."
    ]
    return Table("CIFAR-10: difference to no mixing", columns, rows, notes)


def difference(found: Results, name: str, metric: str, unit: Unit) -> Effect | None:
    """Return a method less none."""
    values = {
        (method, result["seed"]): float(result[metric])
        for method, results in found.items()
        for result in results
    }
    got = effect(values, {name: 1.0, NONE: -1.0})
    return None if got is None else got.mapped(unit.change)


def by_accuracy(found: Results) -> list[str]:
    """Return the methods, the best first."""
    means = {n: statistics.fmean(r["accuracy"] for r in rs) for n, rs in found.items()}
    return sorted(means, key=lambda name: -means[name])


def order_table(found: Results) -> Table:
    """Return the published order beside ours, and say where they part."""
    ours = [name for name in by_accuracy(found) if name in PUBLISHED]
    theirs = sorted(ours, key=lambda name: -PUBLISHED[name])
    rows = [
        [
            name,
            str(theirs.index(name) + 1),
            str(ours.index(name) + 1),
            f"{PUBLISHED[name]:.2f}",
            mean_text([100 * r["accuracy"] for r in found[name]], 2),
        ]
        for name in theirs
    ]
    ranks = [(theirs.index(name), ours.index(name)) for name in theirs]
    agreement = float(spearmanr(*zip(*ranks, strict=True)).statistic)
    far = [
        f"{name} is {ours.index(name) + 1} of {len(ours)} here and"
        f" {theirs.index(name) + 1} there"
        for name in theirs
        if abs(ours.index(name) - theirs.index(name)) >= _FAR
    ]
    notes = [
        f"Rank correlation of both orders: {agreement:+.2f}. Published: CIFAR-100,"
        " ResNet-18, 200 epochs (OpenMixup's tables).",
        f"They differ by {_FAR} places or more: {'; '.join(far)}."
        if far
        else f"No method is {_FAR} places or more away from where it stands there.",
    ]
    missing = [name for name in PUBLISHED if name not in found]
    if missing:
        notes.append(f"Published and not here: {', '.join(missing)}.")
    columns = ["", "place there", "place here", "accuracy there", "here"]
    return Table("The published order and ours", columns, rows, notes)
