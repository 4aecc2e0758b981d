"""Many damaged files, as a program: ``python -m tests.saving.fuzz --files 20000``.

The tests try a few hundred. This one also predicts with what was loaded after all, and
reports what was raised, how long a load took, and how much memory the process had.
"""

from __future__ import annotations

import argparse
import collections
import resource
import time
import traceback
import warnings

from sk_mixup.saving import from_bytes, to_bytes
from tests.saving.damage import Damage
from tests.saving.models import MODELS, fitted_case
from tests.saving.watch import warm_up, watched

DOCUMENTED = (ValueError, TypeError, OSError)


def peak() -> float:
    """Return the most memory that the process had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    cases = {name: fitted_case(name) for name in MODELS}
    files = {name: to_bytes(case.model) for name, case in cases.items()}
    for name, case in cases.items():
        from_bytes(files[name], case.module).predict(case.X)
    warm_up()
    damages = {
        name: Damage(data, options.seed + number)
        for number, (name, data) in enumerate(files.items())
    }
    counts: collections.Counter[str] = collections.Counter()
    slowest, before = 0.0, peak()
    names = list(MODELS)
    for number in range(options.files):
        name = names[number % len(names)]
        way, data = damages[name]()
        started = time.perf_counter()
        with watched() as seen:
            try:
                model = from_bytes(data, cases[name].module)
            except DOCUMENTED as error:
                counts[f"refused, {type(error).__name__}"] += 1
                model = None
            except BaseException:
                counts["WRONG ERROR"] += 1
                print(number, name, way, traceback.format_exc(), flush=True)
                model = None
        slowest = max(slowest, time.perf_counter() - started)
        if seen:
            counts["FORBIDDEN"] += 1
            print(number, name, way, seen[:3], flush=True)
        if model is not None:
            counts["loaded"] += 1
            try:
                model.predict(cases[name].X)
            except Exception as error:
                counts[f"loaded, predict: {type(error).__name__}"] += 1
                text = str(error).partition("\n")[0][:120]
                print(number, name, way, type(error).__name__, text, flush=True)
    print(dict(counts))
    largest = max(map(len, files.values())) / 2**20
    print(
        f"slowest load {slowest:.2f} s; memory {before:.0f} MB with all models loaded,"
    )
    print(f"{peak():.0f} MB at most; the largest file has {largest:.1f} MB")
    return int(counts["WRONG ERROR"] + counts["FORBIDDEN"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
