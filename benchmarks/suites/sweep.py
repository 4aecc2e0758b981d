"""Suite ``sweep``: nine alphas and five folds, as one training and as 45.

Every run has a process of its own, with warm workers; contestants take turns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import torch

from benchmarks.harness.earlier import with_earlier_parts
from benchmarks.harness.interleave import interleave
from benchmarks.harness.kept import KeptRuns
from benchmarks.harness.memory import mebibytes
from benchmarks.harness.options import Options
from benchmarks.harness.processes import run_python
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import (
    MedianInterval,
    median_interval,
    paired_ratio,
)
from benchmarks.harness.targets import NO_TARGET, Target
from benchmarks.suites.sweep_tasks import (
    ALPHAS,
    CONTESTANTS,
    Sweep,
    matrix_operations,
    pack_bytes,
)
from benchmarks.suites.sweep_worker import ask

LOOPS, GRID, SKORCH, OURS, ONE = CONTESTANTS
#: What a sweep's peers are to take at least, over what ours takes.
TARGETS: dict[int, dict[str, Target]] = {
    10_000: {LOOPS: Target("at least", 2)},
    1_000: {LOOPS: Target("at least", 4)},
}
#: The same of the default net, whose fits are no faster together.
DEFAULT_TARGETS = {GRID: Target("at least", 1)}
ON_GPU = Target("at least", 30)
MADE_UP = (Sweep("made up", 10_000, 128, 20), Sweep("made up", 1_000, 32, 20))
#: Rows, and the batch size that suits them.
SIZES = ((1_000, 32), (10_000, 128), (None, 256))
TABLES = ("adult", "churn", "letter", "california")
#: Sweeps of the default net, by their parts of the suite.
DEFAULT = {
    f"default-{n}": Sweep("adult", n, b, 20, net="default") for n, b in SIZES[:2]
}
MEMBERS = (1, 5, 15, 45, 90, 180, 360)

Found = dict[str, list[dict[str, Any]]]
Runner = Callable[[str, Sweep], dict[str, Any]]


def run(options: Options, progress: Progress) -> Report:
    """Run all sweeps."""

    def run_one(contestant: str, sweep: Sweep) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if contestant != ONE:
            arguments = ask(contestant, sweep, options.data, options.threads)
            result = run_python(arguments, timeout=7200)
        if sweep.net == "default":
            return result
        if (contestant, sweep) not in looked_at:
            # More epochs take no more memory.
            short = replace(sweep, epochs=2)
            arguments = ask(contestant, short, options.data, options.threads, True)
            looked_at[contestant, sweep] = run_python(arguments, timeout=7200)
        return result | looked_at[contestant, sweep]

    looked_at: dict[tuple[str, Sweep], dict[str, Any]] = {}

    def wanted(part: str, sweeps: Sequence[Sweep]) -> list[Sweep]:
        return sizes(sweeps, options) if part in (options.only or (part,)) else []

    rounds = options.seeds or options.pick(3, 1)
    made_up = [
        measure(sweep, rounds, run_one, progress)
        for sweep in wanted("made-up", MADE_UP)
    ]
    names = options.pick(TABLES, TABLES[:1])
    real = [
        measure(sweep, 1, run_one, progress)
        for name in names
        for sweep in wanted("real", [Sweep(name, n, b, 20) for n, b in SIZES])
    ]
    default = [
        measure(sweep, options.seeds or 1, kept_runs(options, run_one), progress)
        for sweep in default_sweeps(options)
    ]
    tables = []
    if made_up:
        tables += [speed_table(made_up, rounds), memory_table(made_up)]
    if real:
        tables.append(real_table("Real tables, MLP 128-128", real))
    for sweep, results in default:
        heading = f"The default net, {title(sweep)}, {sweep.n_members} fits"
        tables.append(real_table(heading, [(sweep, results)], DEFAULT_TARGETS))
    growth: dict[str, Any] = {"sweeps": []}
    if wanted("growth", MADE_UP):
        growth = grow(options, run_one, progress)
        tables.append(growth_table(growth))
    measured = {
        "alphas": list(ALPHAS),
        "made up": as_json(made_up),
        "real": as_json(real),
        "growth": as_json(growth["sweeps"]),
        **{f"default, {title(one[0])}": as_json([one]) for one in default},
    }
    if torch.cuda.is_available():
        on_gpu = measure_gpu(options, run_one, progress)
        tables.append(gpu_table(on_gpu))
        measured["GPU"] = as_json(on_gpu)
    report = Report("sweep", tables, measured)
    if options.only and not options.quick:
        return with_earlier_parts(report, options.output)
    return report


def kept_runs(options: Options, run_one: Runner) -> Runner:
    """Return what runs a sweep where the folder of --work has no such run."""
    if options.work is None or options.quick:
        return run_one
    kept = KeptRuns(options.work / "sweep.runs.jsonl")

    def run(contestant: str, sweep: Sweep) -> dict[str, Any]:
        which = {"contestant": contestant, "sweep": asdict(sweep)}
        found: dict[str, Any] | None = kept.take(which)
        if found is None:
            found = run_one(contestant, sweep)
            kept.keep(which, found)
        return found

    return run


def sizes(sweeps: Sequence[Sweep], options: Options) -> list[Sweep]:
    """Return the sweeps of a run: in a quick one, the first one made small."""
    if not options.quick:
        return list(sweeps)
    return [replace(sweeps[0], n_rows=400, epochs=2, n_alphas=3, n_folds=2)]


def default_sweeps(options: Options) -> list[Sweep]:
    """Return those of the default net, of both sizes or of the one asked for."""
    parts = options.only or ("default",)
    chosen = [
        replace(sweep, n_alphas=options.alphas)
        for part, sweep in DEFAULT.items()
        if part in parts or "default" in parts
    ]
    return sizes(chosen, options) if chosen else []


def measure(
    sweep: Sweep, rounds: int, run_one: Runner, progress: Progress
) -> tuple[Sweep, Found]:
    """Run one sweep by everybody who can."""

    def contestant(name: str) -> Callable[[int], dict[str, Any]]:
        return lambda index: run_one(name, sweep)

    names = [OURS, GRID]
    if sweep.net == "mlp":
        names.append(SKORCH)
    if sweep.data == "made up":
        names += [LOOPS, ONE]
    return sweep, interleave(
        {name: contestant(name) for name in names},
        rounds,
        task=title(sweep),
        progress=progress,
    )


def grow(options: Options, run_one: Runner, progress: Progress) -> dict[str, Any]:
    """Run ever more members in one training."""
    base = replace(MADE_UP[1], epochs=options.pick(20, 2))
    members = options.pick(MEMBERS, MEMBERS[1:3])
    found = []
    for done, count in enumerate(members):
        folds = 5 if count % 5 == 0 else 2
        sweep = replace(base, n_alphas=max(1, count // folds), n_folds=folds)
        progress.step("members", done + 1, len(members), str(sweep.n_members))
        found.append((sweep, {OURS: [run_one(OURS, sweep)]}))
    return {"sweeps": found, "peak": matrix_peak(options)}


def measure_gpu(
    options: Options, run_one: Runner, progress: Progress
) -> list[tuple[Sweep, Found]]:
    """Run ours and separate fits on the GPU."""
    found = []
    for sweep in sizes(MADE_UP, options):
        sweep = replace(sweep, device="cuda")
        progress.step("GPU", 1, 1, title(sweep))
        found.append((sweep, {name: [run_one(name, sweep)] for name in (OURS, GRID)}))
    return found


# --- tables --------------------------------------------------------------------------


def speed_table(found: list[tuple[Sweep, Found]], rounds: int) -> Table:
    """Return seconds and how many times ours is faster, on made-up rows."""
    rows = []
    for sweep, results in found:
        ours = [result["seconds"] for result in results[OURS]]
        for name, repeats in results.items():
            if name == ONE:
                continue
            seconds = [result["seconds"] for result in repeats]
            ratio = paired_ratio(seconds, ours)
            target = TARGETS.get(sweep.n_rows or 0, {}).get(name)
            cells = target.cells(ratio.median) if target else NO_TARGET
            rows.append(
                [
                    f"{title(sweep)}: {name}",
                    median_interval(seconds).format(1),
                    "" if name == OURS else ratio.format(1),
                    *cells,
                    mebibytes(repeats[0]["rise_bytes"]),
                    _difference(results, name),
                ]
            )
    return Table(
        "MLP 128-128, 20 columns, no early stopping",
        ["", "seconds", "times ours", "target", "", "memory", "score differs by"],
        rows,
        [
            f"Medians of {rounds} rounds and their intervals. Bare loops and searches"
            " with separate fits run in two warm processes of one thread each;"
            " MixupSearchCV in one process. skorch does not mix. Memory: the rise"
            " over all processes. The last column is the largest difference of a mean"
            f" score to {GRID}, whose draws ours repeats; loops draw their own."
        ],
    )


def memory_table(found: list[tuple[Sweep, Found]]) -> Table:
    """Return the memory of a sweep beside that of one fit."""
    rows = []
    for sweep, results in found:
        ours, one = results[OURS][0], results[ONE][0]
        if ours["peak_bytes"] is None:
            continue
        for kind in ("peak", "rise"):
            wanted = 2 * one[f"{kind}_bytes"] + pack_bytes(sweep)
            found_one, found_ours = one[f"{kind}_bytes"], ours[f"{kind}_bytes"]
            rows.append(
                [
                    f"{title(sweep)}: {kind}",
                    *map(mebibytes, (found_one, pack_bytes(sweep), found_ours)),
                    f"{found_ours / wanted:.2f}",
                    *Target("at most", 1).cells(found_ours / wanted),
                ]
            )
    return Table(
        "Memory",
        ["", "one fit", "members", OURS, "of 2 fits and members", "target", ""],
        rows,
        [
            "Memory of the process at its peak, and how far that is above the memory"
            " before (everything was imported and used once). Members: weights,"
            " gradients, states of the optimizer, activations of a batch and their"
            " gradients, in theory."
        ],
    )


def real_table(
    heading: str,
    found: list[tuple[Sweep, Found]],
    targets: Mapping[str, Target] | None = None,
) -> Table:
    """Return seconds, memory and differences of scores on real tables."""
    rows = []
    for sweep, results in found:
        ours = [result["seconds"] for result in results[OURS]]
        for name, repeats in results.items():
            first = repeats[0]
            seconds = [result["seconds"] for result in repeats]
            ratio = paired_ratio(seconds, ours)
            row = [
                f"{title(sweep)}: {name}",
                _interval(median_interval(seconds), 1),
                "" if name == OURS else _interval(ratio, 2),
            ]
            if targets is None:
                row.append(mebibytes(first.get("rise_bytes")))
            else:
                target = targets.get(name)
                row += target.cells(ratio.median) if target else NO_TARGET
                row += [_processor(repeats, part) for part in ("", "_of_others")]
            row += [f"{max(first['scores']):.4f}", _difference(results, name)]
            rows.append(row)
    measured = ["memory"]
    notes = ["Scores: minus log-loss, for california minus RMSE of the scaled target."]
    if targets is not None:
        measured = ["target", "", "processor", "others"]
        notes.append(
            "GridSearchCV runs in two warm processes of one thread each, and so do the"
            " fits of MixupSearchCV. Processor seconds of all processes of a run, and"
            " of everybody else on the machine meanwhile, are medians too."
        )
    columns = ["", "seconds", "times ours", *measured, "best score"]
    return Table(heading, [*columns, "score differs by"], rows, notes)


def _interval(found: MedianInterval, digits: int) -> str:
    """Return a median, with its interval where there is one."""
    return found.format(digits) if found.n > 1 else f"{found.median:.{digits}f}"


def _processor(repeats: Sequence[dict[str, Any]], part: str) -> str:
    """Return the median of processor seconds."""
    found = [result.get(f"processor_seconds{part}") for result in repeats]
    known = [seconds for seconds in found if seconds is not None]
    return f"{statistics.median(known):.1f}" if known else "not measured"


def growth_table(growth: dict[str, Any]) -> Table:
    """Return how time grows with the members."""
    rows = []
    for sweep, results in growth["sweeps"]:
        seconds = results[OURS][0]["seconds"]
        used = matrix_operations(sweep) / seconds
        rows.append(
            [
                str(sweep.n_members),
                f"{seconds:.1f}",
                f"{1e3 * seconds / sweep.n_members:.0f}",
                f"{used / growth['peak']:.1%}",
                mebibytes(results[OURS][0]["rise_bytes"]),
            ]
        )
    return Table(
        "More members in one training",
        ["members", "seconds", "ms per member", "of the peak", "memory"],
        rows,
        [
            f"1 000 rows, batch 32. Peak: {growth['peak'] / 1e9:.0f} GFLOP/s of a large"
            " float32 matrix product here; a sweep's operations are those of its matrix"
            " products alone."
        ],
    )


def gpu_table(found: list[tuple[Sweep, Found]]) -> Table:
    """Return the sweeps on a GPU, with what the matrix products alone would take."""
    peak = matrix_peak(None, "cuda")
    rows = []
    for sweep, results in found:
        ours, alone = (results[name][0]["seconds"] for name in (OURS, GRID))
        rows.append(
            [
                title(sweep),
                f"{ours:.2f}",
                f"{alone:.1f}",
                f"{alone / ours:.1f}",
                *ON_GPU.cells(alone / ours),
                f"{matrix_operations(sweep) / peak:.3f}",
            ]
        )
    return Table(
        f"On {torch.cuda.get_device_name()}",
        ["", OURS, GRID, "times", "target", "", "limit of the matrix products"],
        rows,
    )


def title(sweep: Sweep) -> str:
    """Return data, size and batch size."""
    size = "all rows" if sweep.n_rows is None else f"{sweep.n_rows:,} rows"
    batch = f", batch {sweep.batch_size}" if sweep.net == "mlp" else ""
    return f"{sweep.data}, {size}{batch}"


def matrix_peak(options: Options | None, device: str = "cpu") -> float:
    """Return operations per second of a large float32 matrix product."""
    if options is not None:
        torch.set_num_threads(options.threads)
    n = 2048
    a = torch.randn(n, n, device=device)
    times = []
    for _ in range(5):
        start = time.perf_counter()
        (a @ a).sum().item()
        times.append(time.perf_counter() - start)
    return 2.0 * n**3 / min(times)


def as_json(found: list[tuple[Sweep, Found]]) -> list[dict[str, Any]]:
    """Return everything measured."""
    return [{"sweep": asdict(sweep), "runs": runs} for sweep, runs in found]


def _difference(results: Found, name: str) -> str:
    if name == GRID:
        return ""
    pairs = zip(results[name][0]["scores"], results[GRID][0]["scores"], strict=True)
    return f"{max(abs(a - b) for a, b in pairs):.1e}"
