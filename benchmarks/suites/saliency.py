"""Suite ``saliency``: what a training step costs with methods that look at images.

A step is all of it: the draw with its look at the net, the mixture, the loss of soft
targets forth and back, the optimizer. Contestants take their steps one after the other
in every round, with nets of their own that start alike; a ratio compares neighbours of
one round.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.harness.interleave import interleave
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import median_interval, paired_ratio
from benchmarks.harness.targets import NO_TARGET, Target
from sk_mixup.mixing import CutMix, Method, MixContext, MixStreams, list_methods
from sk_mixup.nets import ResNet

N_CLASSES = 10
PLAIN, CUTMIX = "no mixing", "cutmix"
TARGETS = {
    "saliency_mix": Target("at most", 1.3),
    "puzzle_mix": Target("at most", 2.5),
}
#: Ways to make a look cheaper, shown for the dearest look of all.
CHEAPER = ({"every": 4}, {"look_size": 16})
CHEAPENED = "guided_mix"


@dataclass(frozen=True)
class Steps:
    """What some steps took.

    Attributes
    ----------
    wall, cpu : float
        Seconds by the clock, and of the process's own work.
    """

    wall: float
    cpu: float


def run(options: Options, progress: Progress) -> Report:
    """Train a small net with every method that looks at images."""
    torch.set_num_threads(options.threads)
    rounds, n_steps = options.pick((9, 4), (2, 1))
    batch = options.pick(32, 8)
    contestants = {
        name: stepper(method, batch, n_steps) for name, method in methods().items()
    }
    for take in contestants.values():
        take(0)  # Nets, optimizers and layers that are found are warm.
    found = interleave(
        contestants, rounds, task="steps", progress=progress, collect=True
    )
    coverage = median_interval([0.0] * rounds).coverage
    notes = [
        f"The bundled ResNet, batches of {batch} images of 3 x 32 x 32, SGD, float32;"
        f" medians of {rounds} interleaved rounds of {n_steps} steps, ratios of"
        f" neighbours with their interval (coverage {coverage:.0%}). Own work is the"
        " CPU time of the process: other programs do not count.",
    ]
    measured = {
        name: {"wall": [s.wall for s in steps], "cpu": [s.cpu for s in steps]}
        for name, steps in found.items()
    }
    return Report(
        "saliency",
        [table_of(found, n_steps, notes)],
        {"rounds": rounds, "steps": n_steps, "batch": batch, "seconds": measured},
    )


def methods() -> dict[str, Method | None]:
    """Return the contestants: every method that looks at images, beside two without."""
    found: dict[str, Method | None] = {PLAIN: None, CUTMIX: CutMix()}
    for name, info in list_methods().items():
        if getattr(info.method, "looks_at", None) != "images":
            continue
        found[name] = info.method()
        if name == CHEAPENED:
            whole = {"saliency": "ap"}
            found[f"{name} ap"] = info.method(**whole)
            for cheaper in CHEAPER:
                words = ", ".join(f"{key}={value}" for key, value in cheaper.items())
                found[f"{name} ap, {words}"] = info.method(**whole, **cheaper)
    return found


def stepper(method: Method | None, batch: int, n_steps: int) -> Callable[[int], Steps]:
    """Return what takes some steps with one method and says how long they took."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(batch, 3, 32, 32, generator=generator)
    y = torch.randint(0, N_CLASSES, (batch,), generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net: Any = ResNet(in_channels=3, n_outputs=N_CLASSES, size=(32, 32)).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    context = MixContext(module=net)

    def take(seed: int) -> Steps:
        streams = MixStreams.of(torch.Generator().manual_seed(seed))
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(n_steps):
            step(streams)
        return Steps(time.perf_counter() - wall, time.process_time() - cpu)

    def step(streams: MixStreams) -> None:
        optimizer.zero_grad(set_to_none=True)
        extra: Tensor | float = 0.0
        if method is None:
            loss = functional.cross_entropy(net(x), y)
        else:
            plan = method.draw(x, y, generator=streams, context=context)
            targets = plan.targets(y, N_CLASSES)
            loss = functional.cross_entropy(net(plan.apply(x)), targets)
            if plan.extra_loss is not None:
                extra = plan.extra_loss()
        (loss + extra).backward()
        optimizer.step()

    return take


def table_of(
    found: Mapping[str, Sequence[Steps]], n_steps: int, notes: Sequence[str]
) -> Table:
    """Return milliseconds per step, and their ratio to a step without mixing."""
    costs = {name: info.cost for name, info in list_methods().items()}
    rows = []
    for name, steps in found.items():
        wall = median_interval([1e3 * s.wall / n_steps for s in steps])
        row = [name, wall.format(1)]
        if name == PLAIN:
            rows.append([*row, "", "", *NO_TARGET, ""])
            continue
        by_clock, own_work = (
            paired_ratio(seconds(steps, clock), seconds(found[PLAIN], clock))
            for clock in ("wall", "cpu")
        )
        target = TARGETS.get(name)
        # The clock measures other programs too; nothing runs beside the CPU here.
        cells = target.cells(round(own_work.median, 2)) if target else NO_TARGET
        cost = costs.get(name, "")
        rows.append([*row, by_clock.format(2), own_work.format(2), *cells, cost])
    return Table(
        "A training step with a look at the images",
        [
            "",
            "milliseconds",
            "ratio to no mixing",
            "of own work",
            "target",
            "",
            "extra cost",
        ],
        rows,
        notes,
    )


def seconds(steps: Sequence[Steps], clock: str) -> list[float]:
    """Return what one clock said of each round."""
    return [float(getattr(one, clock)) for one in steps]
