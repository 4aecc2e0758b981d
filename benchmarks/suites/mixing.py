"""Suite ``mixing``: what mixing one batch costs, for every method.

One batch is everything a training step pays: the draw, the blend and the targets. Each
process measures every method once per round (see `mixing_worker`); several fresh
processes are put together, because each has its own luck with memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.options import Options
from benchmarks.harness.processes import run_python
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import (
    grouped_interval,
    grouped_ratio,
    median_interval,
)
from benchmarks.harness.targets import NO_TARGET, Target
from benchmarks.peers.timm_mixup import find_timm_file
from benchmarks.suites.mixing_worker import (
    ALPHA,
    CLONE,
    N_CLASSES,
    STEP,
    TEXTBOOK,
    TIMM_BATCH,
    TIMM_CUTMIX,
    TIMM_ELEM,
)

SHAPES = ("256x20", "256x3x32x32")
STAGES = ("draw", "apply", "targets")
LINEAR = Target("at most", 6.0, "copies")
BOXES = Target("at most", 10.0, "copies")
NOT_SLOWER = Target("at most", 1.0)
SHARE_OF_STEP = Target("at most", 0.05)

#: Title, numerator, denominator, target on images (tables have none).
Ratio = tuple[str, str, str, Target | None]
RATIOS: Sequence[Ratio] = (
    ("mixup per batch / timm", "mixup per batch", TIMM_BATCH, NOT_SLOWER),
    ("timm elem / mixup per row", TIMM_ELEM, "mixup per row", Target("at least", 20.0)),
    ("cutmix per batch / timm", "cutmix per batch", TIMM_CUTMIX, NOT_SLOWER),
    ("mixup per batch / textbook", "mixup per batch", TEXTBOOK, None),
)

#: What applying a kind of plan cannot avoid.
BOUNDS = {
    "BoxPlan": "one copy of the batch, and the partners' boxes read and written",
    "LinearPlan": "both parents read and one batch written",
    "MaskPlan": "partners gathered, then both parents and the mask read",
    "NoisyPlan": "a blend, and noise of the batch's size read twice",
    "ResizePlan": "partners interpolated, for row-wise boxes by one grid per row",
    "SoftMaskPlan": "partners gathered, then a blend with a weight per place",
    "StackPlan": "one batch written per part, and all of them joined",
    "SwapPlan": "partners gathered, then a choice per column",
}
#: What takes the time of a draw, where it is not the sum of many small calls.
DRAWS = {
    "c_mixup": "a kernel over all pairs of the batch",
    "f_mix": "an inverse Fourier transform and the sorting of a mask",
    "noisy_feature_mixup": "noise of the batch's size, twice",
}


@dataclass
class Measured:
    """What all processes found on one shape.

    Attributes
    ----------
    seconds : dict
        Contestant, then stage, then one list of rounds per process.
    facts : dict
        By method: group, plan, memory and so on.
    left_out : dict
        Reason by method.
    batch_bytes : int
    """

    seconds: dict[str, dict[str, list[list[float]]]]
    facts: dict[str, dict[str, Any]]
    left_out: dict[str, str]
    batch_bytes: int


def run(options: Options, progress: Progress) -> Report:
    """Measure every way to mix on a table and on images."""
    timm = find_timm_file(options.timm)
    if timm is None:
        progress.say("no timm: neither --timm FILE nor an installed package")
    processes, rounds, milliseconds = options.pick((5, 11, 10), (1, 3, 2))
    found = {}
    for shape in SHAPES:
        arguments = [shape, str(rounds), str(milliseconds), str(options.threads)]
        if timm is not None:
            arguments.append(str(timm.resolve()))
        answers = []
        for index in range(processes):
            progress.step(f"{shape}: process", index + 1, processes)
            worker = "benchmarks.suites.mixing_worker"
            answers.append(run_python(["-m", worker, *arguments]))
        found[shape] = pooled(answers)
    coverage = median_interval(
        [0.0] * (processes if processes > 1 else rounds)
    ).coverage
    notes = [
        f"{N_CLASSES} classes; default parameters of each method (alpha {ALPHA} for"
        f" timm's and the textbook's Mixup, 1 for timm's CutMix); float32. Fresh"
        f" processes: {processes}, with {rounds} rounds each; median of all rounds, and"
        f" interval of the processes' medians (of the rounds, where there is only one"
        f" process; coverage {coverage:.0%}).",
        "Together: draw, apply and targets in one call, once per batch. A copy is a"
        " clone of the batch, timed beside the method. Memory: the highest rise while"
        " a plan is applied, result included.",
        "Methods for hidden layers are measured with the input as their layer, where"
        " align_mix has nothing to align and blends.",
    ]
    if timm is None:
        notes.append("timm was not measured: its file was neither given nor installed.")
    tables = []
    for shape, measured in found.items():
        tables.append(peers_table(shape, measured))
        tables.append(
            methods_table(shape, measured, notes if shape == SHAPES[0] else [])
        )
    tables.append(targets_table(found))
    tables.append(ratios_table(found))
    tables.append(bounds_table(found))
    tables.append(left_out_table(found))
    measurements = {
        "processes": processes,
        "rounds": rounds,
        "shapes": {
            shape: {
                "seconds": measured.seconds,
                "facts": measured.facts,
                "left_out": measured.left_out,
                "batch_bytes": measured.batch_bytes,
            }
            for shape, measured in found.items()
        },
    }
    return Report("mixing", tables, measurements)


def pooled(answers: Sequence[dict[str, Any]]) -> Measured:
    """Put the answers of several processes together."""
    first = answers[0]
    seconds = {
        name: {
            stage: [answer["seconds"][name][stage] for answer in answers]
            for stage in stages
        }
        for name, stages in first["seconds"].items()
    }
    return Measured(seconds, first["facts"], first["left_out"], first["batch_bytes"])


def is_bounded_linear(facts: dict[str, Any]) -> bool:
    """Whether the target of linear methods is meant: one lambda for the batch."""
    return facts["group"] == "linear" and facts["per"] == "batch"


def peers_table(shape: str, measured: Measured) -> Table:
    """Return what methods are measured against."""
    name = next(iter(measured.facts))
    rows = [[CLONE, microseconds(measured.seconds[name]["clone"], interval=True)]]
    for peer, stages in measured.seconds.items():
        if peer not in measured.facts:
            rows.append([peer, microseconds(stages["together"], interval=True)])
    return Table(f"{shape}: what to compare with", ["", "microseconds"], rows)


def methods_table(shape: str, measured: Measured, notes: Sequence[str]) -> Table:
    """Return times of the parts, copies and memory of every method."""
    rows = []
    for name, facts in measured.facts.items():
        stages = measured.seconds[name]
        peak = facts["peak_bytes"]
        rows.append(
            [
                name + (" (numbers)" if facts["numbers"] else ""),
                *(microseconds(stages[stage]) for stage in STAGES),
                microseconds(stages["together"], interval=True),
                copies(stages, "apply"),
                copies(stages, "together"),
                "" if peak is None else f"{peak / measured.batch_bytes:.1f}",
                f"{facts['rows']:g}",
            ]
        )
    columns = ["microseconds", *STAGES, "together", "apply, copies", "together, copies"]
    columns += ["memory, batches", "rows out / in"]
    return Table(f"{shape}: one mixed batch", columns, rows, notes)


def targets_table(found: dict[str, Measured]) -> Table:
    """Return what is asked of linear methods and boxes, beside what was found."""
    rows = []
    for shape, measured in found.items():
        images = STEP not in measured.seconds
        for name, facts in measured.facts.items():
            stages = measured.seconds[name]
            if images:
                target = BOXES if facts["plan"] == "BoxPlan" else LINEAR
                if facts["plan"] != "BoxPlan" and not is_bounded_linear(facts):
                    continue
                ratio = grouped_ratio(stages["together"], stages["clone"])
                what, digits = "together / copy", 1
            elif is_bounded_linear(facts):
                step = measured.seconds[STEP]["together"]
                ratio = grouped_ratio(stages["together"], step)
                target, what, digits = SHARE_OF_STEP, "together / training step", 3
            else:
                continue
            cells = [what, ratio.format(digits), *target.cells(ratio.median)]
            rows.append([name, shape, *cells])
    notes = [
        "The training step is one of an MLP 128-128 with AdamW (fused) on soft targets,"
        " timed alone in the same rounds; estimators draw and blend targets ahead of"
        " their steps, which is cheaper than the single calls shown here."
    ]
    columns = ["", "batch", "what", "ratio [interval]", "target", ""]
    return Table("Targets", columns, rows, notes)


def ratios_table(found: dict[str, Measured]) -> Table:
    """Return the ratios to peers, for those that were measured."""
    rows = []
    for title, above, below, target in RATIOS:
        for shape, measured in found.items():
            if above not in measured.seconds or below not in measured.seconds:
                continue
            ratio = grouped_ratio(
                measured.seconds[above]["together"], measured.seconds[below]["together"]
            )
            asked = target is not None and STEP not in measured.seconds
            cells = target.cells(ratio.median) if asked and target else NO_TARGET
            rows.append([title, shape, ratio.format(), *cells])
    return Table(
        "Ratios within a round", ["", "batch", "ratio [interval]", "target", ""], rows
    )


def bounds_table(found: dict[str, Measured]) -> Table:
    """Return, for methods without a target, which part takes the time and why."""
    rows = []
    for measured in found.values():
        if STEP in measured.seconds:
            continue
        for name, facts in measured.facts.items():
            if facts["plan"] == "BoxPlan" or is_bounded_linear(facts):
                continue
            stages = measured.seconds[name]
            medians = {
                stage: grouped_interval(stages[stage]).median for stage in STAGES
            }
            largest = max(medians, key=lambda stage: medians[stage])
            share = medians[largest] / sum(medians.values())
            bound = BOUNDS.get(facts["plan"], "") if largest == "apply" else ""
            if largest == "draw":
                small = "small calls that draw partners, weights and places"
                bound = DRAWS.get(name.partition(" ")[0], small)
            row = [name, f"{largest}, {share:.0%}", copies(stages, "together"), bound]
            rows.append(row)
    return Table(
        "What bounds the methods without a target",
        ["images", "largest part", "together, copies", "bounded by"],
        rows,
    )


def left_out_table(found: dict[str, Measured]) -> Table:
    """Return which method does not suit which batch, and what it says."""
    rows = [
        [name, shape, reason]
        for shape, measured in found.items()
        for name, reason in measured.left_out.items()
    ]
    return Table("Not measured", ["", "batch", "reason"], rows)


def microseconds(groups: Sequence[Sequence[float]], *, interval: bool = False) -> str:
    """Return a time as text."""
    found = grouped_interval(groups)
    return found.format(1, scale=1e6) if interval else f"{1e6 * found.median:.1f}"


def copies(stages: dict[str, list[list[float]]], stage: str) -> str:
    """Return a time in copies of the batch."""
    return f"{grouped_ratio(stages[stage], stages['clone']).median:.1f}"
