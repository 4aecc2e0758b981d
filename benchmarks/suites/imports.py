"""Suite ``import``: what importing sk_mixup adds to importing what it needs.

Each measurement is a fresh process. The difference of two processes is what a user
notices; the time taken inside one process, after the others are imported, is the same
quantity with less noise, and both are shown.

Python compiles a file when it first imports it and keeps the result: pip does so when
it installs, a checkout at its first import. Both are measured, in a folder of their own
for compiled files, so that neither the checkout nor the environment decides. Names are
imported when they are asked for; what the first fit still has to import is shown by a
fit, import included.
"""

from __future__ import annotations

import json
import tempfile
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
PACKAGE = "import sk_mixup"
CLASS = "from sk_mixup import MixupClassifier"
# A table that ships with scikit-learn; 178 rows.
FIT = f"""\
{CLASS}
MixupClassifier(max_epochs=5, random_state=0).fit(X, y)
"""
# torch imports its compiler, a second's work, when the first optimizer is made.
BEFORE_FIT = """\
from sklearn.datasets import load_wine
X, y = load_wine(return_X_y=True)
torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
"""

CODE = """\
import json, sys, time, warnings
warnings.simplefilter("ignore")
start = time.perf_counter()
import {base}
between = time.perf_counter()
{first}
before = set(sys.modules)
sys.dont_write_bytecode, sys.pycache_prefix = {settings!r}
ours = time.perf_counter()
{added}
end = time.perf_counter()
new = sorted(set(sys.modules) - before)
print(json.dumps(
    {{"base": between - start, "added": end - ours, "modules": new}}
))
"""


def run(options: Options, progress: Progress) -> Report:
    """Measure all imports in fresh processes, one after the other."""
    rounds = options.pick(7, 3)
    with tempfile.TemporaryDirectory() as kept, tempfile.TemporaryDirectory() as empty:
        compiled, uncompiled = (False, kept), (True, empty)
        found = interleave(
            {
                "base": lambda _: measure("", compiled),
                "package": lambda _: measure(PACKAGE, compiled),
                "class": lambda _: measure(CLASS, compiled),
                "class, first": lambda _: measure(CLASS, uncompiled),
                "fit": lambda _: measure(FIT, compiled, BEFORE_FIT),
            },
            # The first round fills the disk cache and writes compiled files.
            rounds + 1,
            task="process",
            progress=progress,
        )
    found = {name: answers[1:] for name, answers in found.items()}
    alone = [answer["base"] for answer in found["base"]]
    added = {
        name: [answer["added"] for answer in answers]
        for name, answers in found.items()
        if name != "base"
    }
    rows = [[f"`import {BASE}`", median_interval(alone).format(3), *NO_TARGET]]
    for name, code in (("package", PACKAGE), ("class", CLASS)):
        together = [answer["base"] + answer["added"] for answer in found[name]]
        difference = paired_difference(together, alone)
        inside = median_interval(added[name])
        rows += [
            [
                f"`{code}` adds (paired difference)",
                difference.format(3),
                *LIMIT.cells(difference.median),
            ],
            [
                f"`{code}` adds (inside one process)",
                inside.format(3),
                *LIMIT.cells(inside.median),
            ],
        ]
    first = median_interval(added["class, first"])
    rows += [
        [
            "the same, nothing compiled yet",
            first.format(3),
            *LIMIT.cells(first.median),
        ],
        [
            f"`{CLASS}` and a first fit, of 178 rows",
            median_interval(added["fit"]).format(3),
            *NO_TARGET,
        ],
    ]
    counts = {
        name: new_packages(found[name][0]["modules"])
        for name in ("package", "class", "fit")
    }
    listed = "; ".join(
        f"`{code}` {' and '.join(f'{n} of {top}' for top, n in counts[name].items())}"
        for name, code in (("package", PACKAGE), ("class", CLASS))
    )
    table = Table(
        "Seconds of an import",
        ["", "seconds [interval]", "target", ""],
        rows,
        [
            f"Median of {rounds} fresh processes each, interleaved, and its interval"
            f" (coverage {difference.coverage:.0%}).",
            f"Modules loaded beyond the others: {listed}; with the fit"
            f" {counts['fit'].get('sk_mixup', 0)} of sk_mixup.",
        ],
    )
    measurements: dict[str, Any] = {
        "rounds": rounds,
        "base_seconds": alone,
        "added_inside_seconds": added,
        "new_modules_by_package": counts,
    }
    return Report("import", [table], measurements)


def measure(added: str, settings: tuple[bool, str], first: str = "") -> dict[str, Any]:
    """Return what one fresh process measured.

    Parameters
    ----------
    added : str
        Code that is timed.
    settings : tuple of bool and str
        Whether Python writes no compiled files, and the folder where it looks for them.
    first : str
        Code that runs before, and is not timed.
    """
    code = CODE.format(base=BASE, first=first, added=added, settings=settings)
    return run_python(["-c", code], timeout=300)


def new_packages(modules: list[str]) -> dict[str, int]:
    """Return how many modules each top-level package brought in, largest first."""
    counts = Counter(name.partition(".")[0] for name in modules)
    # Round-tripped as JSON does, so that the report reads the same from either.
    found: dict[str, int] = json.loads(json.dumps(dict(counts.most_common(12))))
    return found
