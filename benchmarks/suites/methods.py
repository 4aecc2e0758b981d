"""Suite ``methods``: does mixing help, and which way of it.

Every method of `list_methods` that suits a data set, against the same net without
mixing. Alpha is chosen on rows that are then trained on; the test part is looked at
once per seed, with the choice made.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.harness.cells import Cells, Missing, fingerprint
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report
from benchmarks.parts import CIFAR, Limits, Parts, load_parts, size_of
from benchmarks.suites import DATA_SETS, IMAGES
from benchmarks.suites.methods_report import (
    CLASS_METRICS,
    NUMBER_METRICS,
    UNMIXED,
    Found,
    report_of,
)
from benchmarks.suites.methods_training import (
    Training,
    select_score,
    test_scores,
    why_unsuitable,
)
from sk_mixup.mixing import list_methods

#: Tried beside the default of a method that has an alpha.
ALPHAS = (0.2, 1.0)
SELECT_SEED = 0
#: Methods that by themselves repeat another one, and why.
REPEATS = {"per_key": "one input here, so it does what the method that it wraps does"}

ROOT = Path(__file__).parents[2]
#: What a finished training depends on.
CODE = (
    *(ROOT / "sk_mixup" / room for room in ("mixing", "training", "nets", "encoding")),
    *sorted((ROOT / "sk_mixup").glob("_*.py")),
    ROOT / "benchmarks" / "parts.py",
    ROOT / "benchmarks" / "peers" / "resnet.py",
    ROOT / "benchmarks" / "suites" / "methods_training.py",
)


def run(options: Options, progress: Progress) -> Report:
    """Measure the data sets asked for; show those that an earlier run finished too."""
    if IMAGES in options.only:
        from benchmarks.suites import methods_images

        return methods_images.run(options, progress)
    torch.set_num_threads(options.threads)
    cells = Cells(
        options.output / "methods.cells.jsonl",
        {
            "code": fingerprint(*CODE),
            "torch": torch.__version__,
            "device": device_name(),
            "threads": options.threads,
        },
    )
    wanted = options.only or DATA_SETS
    found = []
    for name in DATA_SETS:
        try:
            found.append(
                measure(name, options, progress, cells, look=name not in wanted)
            )
        except Missing:
            progress.say(f"{name}: left out")
    return report_of(found, device_name())


def measure(
    name: str, options: Options, progress: Progress, cells: Cells, look: bool = False
) -> Found:
    """Find what is suitable, choose alphas, then train and test with every seed.

    Parameters
    ----------
    name : str
        Data set.
    options, progress, cells :
        As for `run`.
    look : bool
        Take finished cells alone; `Missing` if there is one to compute.
    """
    assert options.data is not None
    folder = options.data
    limits, training = settings(name, options)
    seeds = options.pick((0, 1, 2), (0,))
    parts = functools.cache(lambda: load_parts(folder, name, limits))
    common = {
        "data": name,
        "bytes": size_of(folder, name),
        "limits": asdict(limits),
        "training": asdict(training),
    }

    def cell(compute: Callable[..., Any], part: str, **key: Any) -> Any:
        def now() -> Any:
            return compute(parts(), training=training, **key)

        return cells.get(common | {"part": part} | key, None if look else now)

    # Kept too, so that finished data sets are shown without reading them.
    facts = cell(_facts, "facts")
    methods = list_methods()
    left_out: dict[str, str] = {}
    for done, mix in enumerate(methods):
        progress.step(f"{name}: trial", done + 1, len(methods), mix)
        reason = REPEATS.get(mix) or cell(_trial, "trial", mix=mix)["reason"]
        if reason is not None:
            left_out[mix] = reason
    contestants: dict[str, tuple[float | None, ...]] = {UNMIXED: (None,)}
    for mix, info in methods.items():
        if mix not in left_out:
            contestants[mix] = candidates(info.defaults, options.quick)

    alphas: dict[str, float | None] = {}
    choices: dict[str, dict[str, float]] = {}
    for done, (mix, tried) in enumerate(contestants.items()):
        scores: dict[float | None, float] = {}
        for alpha in tried if len(tried) > 1 else ():
            progress.step(
                f"{name}: choosing", done + 1, len(contestants), f"{mix} {alpha}"
            )
            score = cell(select_score, "select", mix=mix, alpha=alpha, seed=SELECT_SEED)
            if math.isfinite(score.get("score", math.nan)):
                scores[alpha] = score["score"]
        alphas[mix] = min(scores, key=lambda key: scores[key]) if scores else tried[0]
        choices[mix] = {str(alpha): score for alpha, score in scores.items()}

    results: dict[str, list[dict[str, Any]]] = {mix: [] for mix in contestants}
    total = len(seeds) * len(contestants)
    for i, seed in enumerate(seeds):
        for j, (mix, alpha) in enumerate(alphas.items()):
            if mix in left_out:
                continue
            done = i * len(contestants) + j + 1
            progress.step(f"{name}: testing", done, total, f"{mix}, seed {seed}")
            key = None if mix == UNMIXED else mix
            result = cell(test_scores, "test", mix=key, alpha=alpha, seed=seed)
            if "error" in result:
                left_out[mix] = f"fails: {result['error']}"
                del results[mix]
                continue
            results[mix].append(result)
    return Found(
        name=name,
        sizes=f"{facts['sizes']}; {epochs_words(training, results)}",
        metrics=CLASS_METRICS if facts["is_classification"] else NUMBER_METRICS,
        alphas=alphas,
        cells=results,
        left_out=left_out,
        choices=choices,
    )


def _facts(parts: Parts, training: Training) -> dict[str, Any]:
    return {"sizes": parts.sizes, "is_classification": parts.is_classification}


def _trial(parts: Parts, training: Training, mix: str) -> dict[str, str | None]:
    return {"reason": why_unsuitable(parts, mix, training)}


def settings(name: str, options: Options) -> tuple[Limits, Training]:
    """Return sizes and training of a data set, for this machine and this run."""
    if name != CIFAR:
        if options.quick:
            return Limits(600, 200, 500), Training(epochs=4)
        return Limits(4_800, 1_200, 5_000), Training()
    if options.quick:
        return Limits(300, 100, 200), Training(epochs=2)
    if torch.cuda.is_available():
        return Limits(), Training(epochs=30, stride=1)
    return Limits(3_000, 1_000, 2_000), Training(epochs=12)


def candidates(defaults: dict[str, Any], quick: bool) -> tuple[float | None, ...]:
    """Return the alphas to try: a few numbers and the default, if that is a number."""
    default = defaults.get("alpha")
    if isinstance(default, bool) or not isinstance(default, (int, float)):
        return (None,)
    grid = ALPHAS[:1] if quick else ALPHAS
    return tuple(sorted({*grid, float(default)}))


def device_name() -> str:
    """Return the name of the device that trainings run on."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"


def epochs_words(training: Training, results: dict[str, list[dict[str, Any]]]) -> str:
    """Say how long was trained."""
    if training.epochs is not None:
        return f"{training.epochs} epochs"
    epochs = [cell["epochs"] for cells in results.values() for cell in cells]
    return f"{min(epochs)} to {max(epochs)} epochs, stopped early"
