"""Suite ``metatune_search``: recipes for tables, judged on validation rows alone.

Random search with successive halving. A candidate is a set of changes of the default
call. It is judged by the shifted geometric mean over tables of its loss, relative to
the better of CatBoost and LightGBM on the same rows, by its worst table, and by its
seconds. A rung has more tables and splits than the one before, and half of the
candidates. At the end the winner is chosen again without each table in turn: one that
wins by luck on a single table is found out. Every fit is kept in a file, and a run that
was cut off goes on where it stood.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.harness.cells import Cells
from benchmarks.harness.options import Options
from benchmarks.harness.progress import Progress
from benchmarks.harness.report import Report, Table
from benchmarks.metatune_data import QUICK, ROWS, TABLES, for_choices
from benchmarks.suites.metatune_cells import build_ours, key_of, measured, scored
from benchmarks.suites.metatune_tables import REFERENCES

#: What is searched, and among which values; the first is no more likely than others.
SPACE: dict[str, Sequence[Any]] = {
    "lr": (5e-4, 1e-3, 2e-3, 3e-3, 4e-3),
    "module__dropout": (0.0, 0.1, 0.2, 0.3, 0.4),
    "module__d_hidden": (64, 96, 128, 192, 256),
    "module__n_hidden": (1, 2, 3),
    "module__d_numeric": (4, 8, 12, 16),
    "module__n_members": (4, 8, 16),
    "optimizer__weight_decay": (0.0, 1e-2, 5e-2, 0.1, 0.3),
    "batch_size": (None, 32, 64, 128, 256),
    "n_iter_no_change": (4, 8, 16),
    "alpha": (None, 0, 0.1, 0.2, 0.5, 1.0),
    "ema": (None, 0.99),
}
CANDIDATES = 16
#: Tables of the first rungs: fast ones of all kinds.
FIRST = (
    *("credit_approval", "german_credit", "eucalyptus", "auto_imports", "diabetes"),
    *("churn", "breast_cancer", "california"),
)
_SHIFT = 0.01


def run(options: Options, progress: Progress) -> Report:
    """Search, and report the last rung."""
    torch.set_num_threads(options.threads)
    folder = options.work or options.output
    cells = Cells(folder / "metatune_search.cells.jsonl", {"threads": options.threads})
    rng = np.random.default_rng(0)
    left: list[dict[str, Any]] = [{}]
    left += [drawn(rng) for _ in range(options.pick(CANDIDATES, 2) - 1)]
    full: list[tuple[tuple[str, ...], int]] = [(FIRST, 1), (TABLES, 1), (TABLES, 2)]
    rungs = [(QUICK, 1)] if options.quick else full
    ratios: list[dict[str, float]] = []
    for tables, splits in rungs:
        ratios = []
        for done, candidate in enumerate(left, 1):
            progress.step("candidate", done, len(left), str(candidate))
            ratios.append(judged(cells, options, candidate, tables, splits))
        order = sorted(range(len(left)), key=lambda k: mean_ratio(ratios[k].values()))
        if (tables, splits) != rungs[-1]:
            order = order[: -(-len(order) // 2)]
        left, ratios = [left[k] for k in order], [ratios[k] for k in order]
    table = result_table(left, ratios)
    raw = {"candidates": left, "ratios": ratios}
    return Report("metatune_search", [table], raw)


def drawn(rng: np.random.Generator) -> dict[str, Any]:
    """Return changes of the default: three of them, at random."""
    names = rng.choice(sorted(SPACE), 3, replace=False)
    return {name: SPACE[name][int(rng.integers(len(SPACE[name])))] for name in names}


def judged(
    cells: Cells,
    options: Options,
    candidate: dict[str, Any],
    tables: Sequence[str],
    splits: int,
) -> dict[str, float]:
    """Return the ratio of every table, means over splits."""
    ratios: dict[str, float] = {}
    for table in tables:
        logs = []
        for split in range(splits):
            key = key_of("default", table, split, ROWS, "validation")
            own = cells.get(
                key | {"changes": candidate},
                functools.partial(fitted, options, candidate, table, split),
            )
            others = [
                cells.get(
                    key_of(peer, table, split, ROWS, "validation"),
                    functools.partial(
                        measured, options.data, peer, table, split, ROWS, "validation"
                    ),
                )
                for peer in REFERENCES
            ]
            logs.append(math.log(own["loss"] / min(o["loss"] for o in others)))
        ratios[table] = math.exp(statistics.fmean(logs))
    return ratios


def fitted(
    options: Options, candidate: dict[str, Any], table: str, split: int
) -> dict[str, Any]:
    """Fit a candidate on the training rows of a split."""
    data = for_choices(options.data, table, split, ROWS)
    return scored(build_ours(data, split, options.threads, **candidate), data)


def mean_ratio(ratios: Any) -> float:
    """Return the shifted geometric mean."""
    logs = [math.log(ratio + _SHIFT) for ratio in ratios]
    return math.exp(statistics.fmean(logs)) - _SHIFT


def result_table(left: list[dict[str, Any]], ratios: list[dict[str, float]]) -> Table:
    """Show the candidates of the last rung, and who wins without each table."""
    wins = [0] * len(left)
    for table in ratios[0]:
        without = [
            mean_ratio(v for name, v in own.items() if name != table) for own in ratios
        ]
        wins[min(range(len(left)), key=without.__getitem__)] += 1
    rows = []
    for candidate, own, n_wins in zip(left, ratios, wins, strict=True):
        worst = max(own, key=own.__getitem__)
        changes = ", ".join(f"{k}={v}" for k, v in candidate.items()) or "default"
        rows.append(
            [
                changes,
                f"{mean_ratio(own.values()):.4f}",
                f"{own[worst]:.2f} ({worst})",
                f"{n_wins} of {len(own)}",
            ]
        )
    columns = ["", "mean ratio", "worst table", "wins without a table"]
    note = (
        "Validation rows; loss against the better of CatBoost and LightGBM on the same"
        f" rows, shifted geometric mean (shift {_SHIFT})."
    )
    return Table("Candidates of the last rung", columns, rows, [note])
