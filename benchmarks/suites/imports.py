"""Suite ``import``: what ``import sk_mixup`` adds to importing what it needs.

Each measurement is a fresh process. The difference of two processes is what a user
notices; the time taken inside one process, after the others are imported, is the same
quantity with less noise, and both are shown.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from benchmarks.harness.interleave import interleave
from benchmarks.harness.options import Options
from benchmarks.harness.processes import run_python
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import median_interval, paired_difference
from benchmarks.harness.targets import NO_TARGET, Target

BASE = "torch, skorch, sklearn"
LIMIT = Target("at most", 0.2, "s")

CODE = """\
import json, sys, time
start = time.perf_counter()
import {base}
between = time.perf_counter()
before = set(sys.modules)
{added}
end = time.perf_counter()
new = sorted(set(sys.modules) - before)
print(json.dumps(
    {{"base": between - start, "added": end - between, "modules": new}}
))
"""


def run(options: Options, progress: Progress) -> Report:
    """Measure both imports in fresh processes, one after the other."""
    rounds = options.pick(7, 3)
    found = interleave(
        {
            "base": lambda _: measure(""),
            "ours": lambda _: measure("import sk_mixup"),
        },
        # The first round fills the disk cache and writes compiled files.
        rounds + 1,
        task="process",
        progress=progress,
    )
    base, ours = found["base"][1:], found["ours"][1:]
    alone = [answer["base"] for answer in base]
    together = [answer["base"] + answer["added"] for answer in ours]
    difference = paired_difference(together, alone)
    inside = median_interval([answer["added"] for answer in ours])
    packages = new_packages(ours[0]["modules"])
    rows = [
        [f"`import {BASE}`", median_interval(alone).format(3), *NO_TARGET],
        [
            f"`import {BASE}, sk_mixup`",
            median_interval(together).format(3),
            *NO_TARGET,
        ],
        [
            "added (paired difference)",
            difference.format(3),
            *LIMIT.cells(difference.median),
        ],
        [
            "added (inside one process)",
            inside.format(3),
            *LIMIT.cells(inside.median),
        ],
    ]
    listed = ", ".join(f"{name} ({n})" for name, n in packages.items())
    table = Table(
        "Seconds of an import",
        ["", "seconds [interval]", "target", ""],
        rows,
        [
            f"Median of {rounds} fresh processes each, interleaved, and its interval"
            f" (coverage {difference.coverage:.0%}).",
            f"Modules that `import sk_mixup` loads beyond the others: {listed}.",
        ],
    )
    measurements: dict[str, Any] = {
        "rounds": rounds,
        "base_seconds": alone,
        "with_sk_mixup_seconds": together,
        "added_inside_seconds": [answer["added"] for answer in ours],
        "new_modules_by_package": packages,
    }
    return Report("import", [table], measurements)


def measure(added: str) -> dict[str, Any]:
    """Return what one fresh process measured."""
    return run_python(["-c", CODE.format(base=BASE, added=added)], timeout=300)


def new_packages(modules: list[str]) -> dict[str, int]:
    """Return how many modules each top-level package brought in, largest first."""
    counts = Counter(name.partition(".")[0] for name in modules)
    # Round-tripped as JSON does, so that the report reads the same from either.
    found: dict[str, int] = json.loads(json.dumps(dict(counts.most_common(12))))
    return found
