"""Cells without a training: what mixing does to labels, and what it costs."""

from __future__ import annotations

import statistics
import time
import warnings
from typing import Any

import torch
from torch import nn

from benchmarks.claims.cell import Cell, Place
from benchmarks.claims.image_net import ImageNet
from benchmarks.claims.images import images_of
from sk_mixup.mixing import (
    MixContext,
    Mixup,
    expected_smoothing,
    list_methods,
    mix_layer,
)

N_CLASSES = 10
SMOOTHING_ALPHAS = (0.1, 0.2, 0.5, 1.0, 2.0, 8.0)
BATCH = 128


def smoothing(cell: Cell, place: Place) -> dict[str, Any]:
    """Return the mass that mixed labels move, beside two formulas.

    Partners are drawn from all classes alike, so that a share of 1 / K of what moves
    stays where it was.
    """
    alpha = float(cell.setting)
    generator = torch.Generator().manual_seed(cell.seed)
    method = Mixup(alpha, per="row")
    moved = []
    for _ in range(20):
        y = torch.randint(N_CLASSES, (500,), generator=generator)
        plan = method.draw(torch.zeros(500, 1), y, generator=generator)
        moved.append(1.0 - plan.lam.double().mean().item())
    # Both formulas are of the mass that leaves a label; a partner of the own class, one
    # in K, takes back its share.
    others = (N_CLASSES - 1) / N_CLASSES
    measured = statistics.fmean(moved) * others
    exact, quoted = (
        v * others for v in (expected_smoothing(alpha), alpha / (alpha + 1))
    )
    return {
        "measured": measured,
        "exact": exact,
        "quoted": quoted,
        "exact_ratio": exact / measured,
        "quoted_ratio": quoted / measured,
    }


def cost(cell: Cell, place: Place) -> dict[str, Any]:
    """Time steps with and without mixing, in turns; seconds per step of each method."""
    data, scale = images_of(place), place.scale
    n_rows = min(BATCH, len(data.y_train))
    x = torch.from_numpy(data.x_train[:n_rows])
    y = torch.from_numpy(data.y_train[:n_rows])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    x, y = x.to(device), y.to(device)
    torch.manual_seed(cell.seed)
    net = ImageNet(N_CLASSES, scale.net).to(device)
    step = _Step(net, x, y, cell.seed)
    methods, left_out = {}, {}
    for name, info in list_methods().items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                step(info.method())
            methods[name] = info.method
        except Exception as error:
            left_out[name] = str(error).split(". ")[0].split("; ")[0].rstrip(".")
    step(None)
    times: dict[str, list[tuple[float, float, float]]] = {name: [] for name in methods}
    for _ in range(scale.cost_rounds):
        for name, make in methods.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                mixing, whole = step(make())
            _, plain = step(None)
            times[name].append((mixing, whole, plain))
    return {
        "left_out": left_out,
        "methods": {
            name: {
                "mixing_share": [a / c for a, _, c in rounds],
                "step_ratio": [b / c for _, b, c in rounds],
                "plain": statistics.median(c for *_, c in rounds),
            }
            for name, rounds in times.items()
        },
    }


class _Step:
    """A training step in a plain loop.

    Parameters
    ----------
    net : nn.Module
    x, y : Tensor
    seed : int
    """

    def __init__(
        self, net: nn.Module, x: torch.Tensor, y: torch.Tensor, seed: int
    ) -> None:
        self.net = net.train()
        self.x, self.y = x, y
        self.optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        self.generator = torch.Generator().manual_seed(seed)
        counts = torch.bincount(y, minlength=N_CLASSES)
        self.context = MixContext(epoch=1, n_epochs=10, module=net, class_counts=counts)
        self.loss = nn.CrossEntropyLoss()
        # Of one thread: what others do to the machine does not count.
        on_cpu = x.device.type == "cpu"
        self.clock = time.process_time if on_cpu else time.perf_counter

    def __call__(self, method: Any) -> tuple[float, float]:
        """Return the seconds of mixing, and of the whole step."""
        self._wait()
        start = self.clock()
        x, target = self.x, self.y
        plan = None
        if method is not None:
            plan = method.draw(
                x, target, generator=self.generator, context=self.context
            )
            # A hidden layer is mixed on the way.
            x = plan.apply(x) if plan.site is None else x
            if not plan.weighs_late:
                target = plan.targets(target, N_CLASSES)
        self._wait()
        mixed = self.clock()
        late = 0.0
        if plan is None:
            output = self.net(x)
        else:
            with mix_layer(self.net, plan) as passed:
                output = self.net(x)
            if plan.weighs_late:
                self._wait()
                seen = self.clock()
                target = passed.plan.targets(target, N_CLASSES)
                self._wait()
                late = self.clock() - seen
        self.loss(output, target).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self._wait()
        end = self.clock()
        return mixed - start + late, end - start

    def _wait(self) -> None:
        if self.x.device.type == "cuda":
            torch.cuda.synchronize()
