"""``methods --only images``: all image methods on CIFAR-10, beside the published order.

On a residual net all of them; on a small vision transformer those that read attention,
beside mixup and cutmix. Every method has its own defaults here, and no alpha is chosen:
the published table compares methods so.
"""

from __future__ import annotations

import dataclasses
import itertools
import statistics
from collections.abc import Iterable, Iterator
from typing import Any

from scipy.stats import spearmanr

from benchmarks.claims.cell import Cell, Place
from benchmarks.claims.effects import Effect, effect
from benchmarks.claims.image_methods import (
    COSTLY,
    SEEDS_OF_COSTLY,
    VIT,
    candidates,
    costs,
    is_spared,
    nets_of,
    scale_of,
    trainings,
    trials,
)
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

Results = dict[str, list[dict[str, Any]]]
Reasons = dict[str, dict[str, str | None]]
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
#: Of OpenMixup: ImageNet, DeiT-S, the best epoch. MergeMix has no row there.
PUBLISHED_VIT = {
    NONE: 75.66,
    "mixup": 77.72,
    "cutmix": 80.13,
    "trans_mix": 80.68,
    "token_mix": 80.80,
}
_PLACES = {
    "resnet": "CIFAR-100, ResNet-18, 200 epochs (OpenMixup's tables)",
    VIT: "ImageNet, DeiT-S (OpenMixup's tables)",
}
_NETS = {
    "resnet18": ("ResNet-18", "ResNet-18"),
    VIT: (
        "vision transformer",
        "a vision transformer of 3 blocks, width 32, patches of 4 by 4 pixels, its"
        " class token in the last block",
    ),
}
_SMALL = ("ResNet-8", "a ResNet-8 of 16 to 64 channels, halved twice before its blocks")
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
        runner.all(trials(scale))
        cells = trainings(suiting(reasons(store, scale)), scale)
        runner.all([cell for cell in cells if cell.seed < SEEDS_OF_COSTLY])
        # Known by now: what the first seed of each took.
        done = dict(finished(store, cells, scale))
        late = [cell for cell in cells if cell.seed >= SEEDS_OF_COSTLY]
        runner.all([cell for cell in late if not is_spared(cell, done)])
    why = reasons(store, scale)
    done = dict(finished(store, trainings(suiting(why), scale), scale))
    tried = dict(finished(store, trials(scale), scale))
    kept = [
        {"key": store.common | cell.key(scale), "result": result}
        for cell, result in {**tried, **done}.items()
    ]
    return report_of(done, why, scale, kept)


def finished(
    store: Cells, cells: Iterable[Cell], scale: Scale
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Yield those of the cells that are done, with what they found."""
    for cell in cells:
        try:
            yield cell, store.get(cell.key(scale), None)
        except Missing:
            continue


def reasons(store: Cells, scale: Scale) -> Reasons:
    """Return why a method does not suit a net, as far as it was tried."""
    found: Reasons = {net: {} for net in nets_of(scale)}
    for cell, result in finished(store, trials(scale), scale):
        found[dict(cell.of)["net"]][cell.setting] = result["reason"]
    return found


def suiting(why: Reasons) -> dict[str, list[str]]:
    """Return the methods of each net with nothing against them."""
    return {
        net: [name for name in candidates(net) if of.get(name, "") is None]
        for net, of in why.items()
    }


def report_of(
    done: dict[Cell, dict[str, Any]],
    why: Reasons,
    scale: Scale,
    kept: list[dict[str, Any]],
) -> Report:
    """Return scores, differences, both orders, and what was left out, of each net."""
    tables: list[Table] = []
    ratios = costs(done)
    for net in nets_of(scale):
        found: Results = {}
        for cell, result in done.items():
            if dict(cell.of)["net"] == net:
                row = result | {"seed": cell.seed, "cost": ratios.get(cell)}
                found.setdefault(cell.setting, []).append(row)
        if not found:
            continue
        tables += [scores_table(found, scale, net), differences_table(found, net)]
        published = PUBLISHED_VIT if net == VIT else PUBLISHED
        if net == VIT and "cutmix" in found:
            tables.append(over_cutmix_table(found))
        if len(set(found) & set(published)) > 2:
            tables.append(order_table(found, net))
    rows = [
        [f"{name}, {name_of(net)}", reason]
        for net, of in why.items()
        for name, reason in of.items()
        if reason
    ]
    if rows:
        tables.append(Table("Not compared", ["", "reason, of a trial"], rows))
    raw = {"scale": dataclasses.asdict(scale), "cells": kept}
    return Report("methods_images", tables, raw)


def name_of(net: str) -> str:
    """Return the name of a net for readers."""
    return _NETS.get(net, _SMALL)[0]


def scores_table(found: Results, scale: Scale, net: str) -> Table:
    """Return all scores, the best accuracy first."""
    rows = []
    for name in by_accuracy(found):
        results = found[name]
        seconds = statistics.median(r["epoch_seconds"] for r in results)
        ratios = [r["cost"] for r in results if r["cost"] is not None]
        rows.append(
            [
                name,
                str(len(results)),
                mean_text([100 * r["accuracy"] for r in results], 2),
                mean_text([r["log_loss_tempered"] for r in results], 4),
                mean_text([100 * r["ece"] for r in results], 2),
                mean_text([100 * r["ece_tempered"] for r in results], 2),
                f"{seconds:.2f}",
                f"{statistics.median(ratios):.2f}" if ratios else "",
            ]
        )
    is_part = scale.net != "resnet18"
    notes = [
        f"{scale.n_train:,} images of CIFAR-10 to train on, {scale.n_tune:,} for the"
        f" temperature, {scale.n_test:,} to test on; {_NETS.get(net, _SMALL)[1]};"
        f" {scale.long} epochs, flips and crops, the defaults of every method. Means ±"
        " standard errors over seeds."
        + (
            " A part of CIFAR-10 and a small net: compare side by side, not with"
            " published accuracies."
            if is_part
            else ""
        ),
        "Cost: processor time of an epoch over that of none, medians."
        " Seconds per epoch are by the clock, with other trainings beside.",
    ]
    if net != VIT:
        notes.append(
            "By their defaults one_of draws between mixup with one lambda per batch and"
            " with one per row, and repeat doubles the rows of mixup. Mixup has alpha"
            " 0.2; remix, with as many images of each class, is mixup of alpha 1."
        )
    if is_part and net != VIT:
        notes.append(
            "The last map of this net has 2 by 2 places, coarse for methods that read"
            " it: align_mix, attentive_mix, auto_mix, sa_mix and ad_auto_mix read that"
            " of the stage before, 4 by 4; snap_mix and token_mix weigh labels by the"
            " last one."
        )
    if spared := spared_text(found):
        notes.append(spared)
    commits = {str(r["commit"]) for results in found.values() for r in results}
    notes.append(f"Computed at: {', '.join(sorted(commits))}.")
    columns = ["", "seeds", "accuracy, %", "log-loss, tempered", "ECE, %"]
    columns += ["ECE tempered, %", "seconds per epoch", "cost"]
    return Table(f"CIFAR-10, {name_of(net)}: scores", columns, rows, notes)


def spared_text(found: Results) -> str:
    """Say which methods have fewer seeds for what they cost."""
    first = {
        name: next((r["cost"] for r in results if r["seed"] == 0), None)
        for name, results in found.items()
        if len(results) <= SEEDS_OF_COSTLY
    }
    costly = [f"{n} ({c:.1f} times)" for n, c in first.items() if c and c > COSTLY]
    if not costly:
        return ""
    return (
        f"At most {SEEDS_OF_COSTLY} seeds where the first training took more than"
        f" {COSTLY:g} times none's: {', '.join(costly)}."
    )


def differences_table(found: Results, net: str) -> Table:
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
        " together. By chance alone one interval in twenty leaves out zero."
    ]
    title = f"CIFAR-10, {name_of(net)}: difference to no mixing"
    return Table(title, columns, rows, notes)


def difference(
    found: Results, name: str, metric: str, unit: Unit, base: str = NONE
) -> Effect | None:
    """Return a method less another."""
    values = {
        (method, result["seed"]): float(result[metric])
        for method, results in found.items()
        for result in results
    }
    got = effect(values, {name: 1.0, base: -1.0})
    return None if got is None else got.mapped(unit.change)


def over_cutmix_table(found: Results) -> Table:
    """Return what reading attention adds to cutmix, here and as published."""
    rows = []
    for name in candidates(VIT):
        if name in found and name not in ("mixup", "cutmix"):
            there = PUBLISHED_VIT.get(name)
            gain = "-" if there is None else f"{there - PUBLISHED_VIT['cutmix']:+.2f}"
            got = difference(found, name, "accuracy", _HIGHER, "cutmix")
            rows.append([name, gain, effect_text(got, _HIGHER)])
    notes = [
        f"Points of accuracy over cutmix. Published: {_PLACES[VIT]}, a net and images"
        " many times as large; MergeMix has no row there."
    ]
    title = "What attention adds to CutMix"
    return Table(title, ["", "published", "here"], rows, notes)


def by_accuracy(found: Results) -> list[str]:
    """Return the methods, the best first."""
    means = {n: statistics.fmean(r["accuracy"] for r in rs) for n, rs in found.items()}
    return sorted(means, key=lambda name: -means[name])


def order_table(found: Results, net: str) -> Table:
    """Return the published order beside ours, and say where they part."""
    published = PUBLISHED_VIT if net == VIT else PUBLISHED
    ours = [name for name in by_accuracy(found) if name in published]
    theirs = sorted(ours, key=lambda name: -published[name])
    rows = [
        [
            name,
            str(theirs.index(name) + 1),
            str(ours.index(name) + 1),
            f"{published[name]:.2f}",
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
        f"Rank correlation of both orders: {agreement:+.2f}. Published:"
        f" {_PLACES[VIT if net == VIT else 'resnet']}.",
        f"They differ by {_FAR} places or more: {'; '.join(far)}."
        if far
        else f"No method is {_FAR} places or more away from where it stands there.",
        pairs_text(found, theirs),
    ]
    missing = [name for name in published if name not in found]
    if missing:
        notes.append(f"Published and not here: {', '.join(missing)}.")
    columns = ["", "place there", "place here", "accuracy there", "here"]
    title = f"The published order and ours, {name_of(net)}"
    return Table(title, columns, rows, notes)


def pairs_text(found: Results, theirs: list[str]) -> str:
    """Say of how many pairs the order is told here, and which turn round."""
    n_same, turned = 0, dict[str, list[str]]()
    for upper, lower in itertools.combinations(theirs, 2):
        got = difference(found, upper, "accuracy", _HIGHER, lower)
        if got is None or got.error is None:
            continue
        n_same += got.low > 0
        if got.high < 0:
            turned.setdefault(lower, []).append(upper)
    n_turned = sum(map(len, turned.values()))
    n_pairs = len(theirs) * (len(theirs) - 1) // 2
    words = (
        f"Of {n_pairs} pairs of these methods, intervals of 95 % tell"
        f" {n_same + n_turned} apart here, {n_same} in the published order"
    )
    if not turned:
        return f"{words}."
    ways = [f"{name} is above {', '.join(under)}" for name, under in turned.items()]
    return f"{words} and {n_turned} the other way round: {'; '.join(ways)}."
