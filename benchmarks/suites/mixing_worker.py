"""Part of the suite ``mixing`` that one fresh process measures.

``python -m benchmarks.suites.mixing_worker SHAPE ROUNDS MILLISECONDS THREADS [TIMM]``
prints one JSON object. Where the allocator puts a batch, and whether its pages are
there already, is settled when a process starts: one process alone would take its luck
for a property of a method.
"""

from __future__ import annotations

import functools
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.harness.interleave import time_calls
from benchmarks.harness.memory import peak_tensor_bytes
from benchmarks.peers.nets import MLP
from benchmarks.peers.textbook import TextbookMixup
from benchmarks.peers.timm_mixup import load_timm_class, timm_mixer
from sk_mixup.mixing import MixContext, list_methods

N_CLASSES = 10
ALPHA = 0.2
#: Plans drawn ahead for the parts after the draw: boxes differ in size.
N_PLANS = 16

CLONE = "clone (memory floor)"
GATHER = "gather partners"
TEXTBOOK = "textbook five lines"
STEP = "training step, MLP 128-128"
TIMM_BATCH = "timm batch, on a clone"
TIMM_ELEM = "timm elem, on a clone"
TIMM_CUTMIX = "timm CutMix, on a clone"

Call = Callable[[], Any]


@dataclass(frozen=True)
class Entry:
    """A method set up for one kind of batch.

    Attributes
    ----------
    method : Method
    y : Tensor
        Classes, or numbers for a method that is made for regression.
    n_classes : int or None
    """

    method: Any
    y: Tensor
    n_classes: int | None


def batch_of(shape: Sequence[int]) -> tuple[Tensor, Tensor, MixContext]:
    """Return a batch, its classes, and what methods may ask of the training data."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(*shape, generator=generator)
    y = torch.randint(0, N_CLASSES, (shape[0],), generator=generator)
    facts: dict[str, Any] = {"class_counts": torch.bincount(y, minlength=N_CLASSES)}
    if len(shape) == 2:
        facts["columns"] = torch.arange(shape[1])
        facts["information"] = torch.rand(shape[1], generator=generator)
    return x, y, MixContext(**facts)


def entries(
    x: Tensor, y: Tensor, context: MixContext
) -> tuple[dict[str, Entry], dict[str, str]]:
    """Return every method that a trial finds suitable, and why the others are not.

    A method with one lambda or mask per batch or per row comes in both forms; one for
    hidden layers is measured on its input, where the cost is that of a layer of the
    same size.
    """
    found: dict[str, Entry] = {}
    left_out: dict[str, str] = {}
    for name, info in list_methods().items():
        settings = {"layers": "input"} if "layers" in info.defaults else {}
        forms = {name: settings}
        if "per" in info.defaults:
            forms = {f"{name} per {p}": settings | {"per": p} for p in ("batch", "row")}
        problems = {}
        for title, form in forms.items():
            entry, problem = _trial(info.method, form, x, y, context)
            if entry is None:
                problems[title] = problem
            else:
                found[title] = entry
        if len(problems) == len(forms):
            problems = {name: next(iter(problems.values()))}
        left_out |= problems
    return found, left_out


def _trial(
    method_class: Any,
    settings: dict[str, Any],
    x: Tensor,
    y: Tensor,
    context: MixContext,
) -> tuple[Entry | None, str]:
    problem = ""
    for targets, n_classes in ((y, N_CLASSES), (y.float(), None)):
        try:
            method = method_class(**settings)
            method(x, targets, n_classes=n_classes, context=context)
        except Exception as error:
            # What it says to classes; numbers are for regression methods alone.
            problem = problem or str(error) or type(error).__name__
        else:
            return Entry(method, targets, n_classes), ""
    return None, " ".join(problem.split()).partition("; ")[0].partition(". ")[0]


def stages(entry: Entry, x: Tensor, context: MixContext) -> dict[str, Call]:
    """Return the parts of mixing one batch, and all of them together.

    The parts after the draw go through plans drawn ahead, one after the other.
    """
    method, y, n_classes = entry.method, entry.y, entry.n_classes
    plans = [method.draw(x, y, context=context) for _ in range(N_PLANS)]
    to_apply, to_mix = itertools.cycle(plans), itertools.cycle(plans)
    return {
        "draw": functools.partial(method.draw, x, y, context=context),
        "apply": lambda: next(to_apply).apply(x),
        "targets": lambda: next(to_mix).targets(y, n_classes),
        "together": functools.partial(
            method, x, y, n_classes=n_classes, context=context
        ),
    }


def peers(x: Tensor, y: Tensor, timm: Path | None) -> dict[str, Call]:
    """Return what methods are measured against on this batch."""
    partner = torch.randperm(len(x))
    calls: dict[str, Call] = {
        GATHER: lambda: x.index_select(0, partner),
        TEXTBOOK: functools.partial(TextbookMixup(ALPHA, N_CLASSES), x, y),
    }
    if timm is not None:
        cls = load_timm_class(timm)
        mixer = functools.partial(timm_mixer, cls, n_classes=N_CLASSES)
        for name, mix in (
            (TIMM_BATCH, mixer(alpha=ALPHA, mode="batch")),
            (TIMM_ELEM, mixer(alpha=ALPHA, mode="elem")),
        ):
            calls[name] = functools.partial(mix, x, y)
        if x.ndim == 4:
            cutmix = mixer(alpha=1.0, mode="batch", cutmix=True)
            calls[TIMM_CUTMIX] = functools.partial(cutmix, x, y)
    if x.ndim == 2:
        calls[STEP] = training_step(x, y)
    return calls


def training_step(x: Tensor, y: Tensor) -> Call:
    """Return one step of training on a batch that is mixed already."""
    net = MLP(x.shape[1], N_CLASSES)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, fused=True)
    criterion = torch.nn.CrossEntropyLoss()
    soft = torch.nn.functional.one_hot(y, N_CLASSES).float()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        criterion(net(x), soft).backward()
        optimizer.step()

    return step


def measure(
    shape: Sequence[int], rounds: int, seconds_per_round: float, timm: Path | None
) -> dict[str, Any]:
    """Return seconds of every part in every round, memory, and who was left out."""
    torch.manual_seed(0)
    x, y, context = batch_of(shape)
    found, left_out = entries(x, y, context)
    calls = {f"{name}|together": call for name, call in peers(x, y, timm).items()}
    facts: dict[str, dict[str, Any]] = {}
    for name, entry in found.items():
        # A copy of the batch beside every method: the measure of its neighbours.
        calls[f"{name}|clone"] = x.clone
        for stage, call in stages(entry, x, context).items():
            calls[f"{name}|{stage}"] = call
        facts[name] = facts_of(entry, x, context)
    times = time_calls(calls, rounds, seconds_per_round=seconds_per_round)
    nested: dict[str, dict[str, list[float]]] = {}
    for key, seconds in times.items():
        name, _, stage = key.rpartition("|")
        nested.setdefault(name, {})[stage] = [round(value, 9) for value in seconds]
    return {
        "seconds": nested,
        "facts": facts,
        "left_out": left_out,
        "batch_bytes": x.nbytes,
    }


def facts_of(entry: Entry, x: Tensor, context: MixContext) -> dict[str, Any]:
    """Return what does not change from round to round."""
    plans = [entry.method.draw(x, entry.y, context=context) for _ in range(N_PLANS)]
    peaks = [peak_tensor_bytes(functools.partial(plan.apply, x)) for plan in plans[:4]]
    known = [peak for peak in peaks if peak is not None]
    mixing = [plan for plan in plans if not plan.is_identity] or plans
    return {
        "group": entry.method.group,
        "plan": type(mixing[0]).__name__,
        "per": getattr(entry.method, "per", None),
        "rows": len(plans[0].apply(x)) / len(x),
        "peak_bytes": max(known, default=None),
        "numbers": entry.n_classes is None,
    }


def main(arguments: list[str]) -> None:
    """Run from the command line."""
    shape, rounds, milliseconds, threads, *timm = arguments
    torch.set_num_threads(int(threads))
    result = measure(
        [int(n) for n in shape.split("x")],
        int(rounds),
        float(milliseconds) / 1e3,
        Path(timm[0]) if timm else None,
    )
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
