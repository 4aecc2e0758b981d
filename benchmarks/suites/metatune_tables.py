"""What the suite ``metatune`` found, as tables for readers."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from benchmarks.harness.report import Table
from benchmarks.metatune_data import MANY_ROWS, ROWS, SOURCES, TABLES

#: Models that ours is compared with as the better of both.
REFERENCES = ("CatBoost", "LightGBM")
# Added to log-losses before their ratio is taken: one near zero decides nothing.
_SHIFT = 0.01


class Found:
    """Results by table, model, split and rows."""

    def __init__(self) -> None:
        self.raw: list[dict[str, Any]] = []
        self._cells: dict[tuple[str, str, int], dict[int, dict[str, Any]]] = (
            defaultdict(dict)
        )

    def add(
        self, table: str, model: str, split: int, rows: int, result: dict[str, Any]
    ) -> None:
        """Take in a cell."""
        self.raw.append(
            {"table": table, "model": model, "split": split, "rows": rows} | result
        )
        self._cells[table, model, rows][split] = result

    def values(
        self, table: str, model: str, name: str = "loss", rows: int = ROWS
    ) -> dict[int, Any]:
        """Return a measure by split."""
        cells = self._cells.get((table, model, rows), {})
        return {split: cell[name] for split, cell in cells.items() if name in cell}

    def mean(
        self, table: str, model: str, name: str = "loss", rows: int = ROWS
    ) -> float | None:
        """Return the mean of a measure over splits."""
        values = self.values(table, model, name, rows)
        return statistics.fmean(values.values()) if values else None

    def models(self, rows: int = ROWS) -> list[str]:
        """Return the models that anything is known of, in the order they came."""
        return list(dict.fromkeys(m for _, m, r in self._cells if r == rows))

    def tables(self, models: Sequence[str], rows: int = ROWS) -> list[str]:
        """Return the tables that all these models were trained on."""
        return [
            table
            for table in TABLES
            if all(self.values(table, model, rows=rows) for model in models)
        ]

    def reference(self, table: str, rows: int = ROWS) -> float | None:
        """Return the loss of the better of both references."""
        losses = [self.mean(table, model, rows=rows) for model in REFERENCES]
        known = [loss for loss in losses if loss is not None]
        return min(known) if len(known) == len(REFERENCES) else None


def report_tables(found: Found) -> list[Table]:
    """Return all tables that the cells so far allow."""
    made = [
        loss_table(found, ROWS),
        rank_table(found),
        slow_table(found),
        loss_table(found, MANY_ROWS),
        mixing_table(found),
        calibration_table(found),
        time_table(found),
    ]
    return [table for table in made if table is not None and table.rows]


def loss_table(found: Found, rows: int) -> Table | None:
    """Return losses by table, and ours against the better reference."""
    models = [m for m in found.models(rows) if m != "RealMLP-TD"]
    lines = []
    for table in TABLES:
        if not found.values(table, "default", rows=rows):
            continue
        own, other = (
            found.mean(table, "default", rows=rows),
            found.reference(table, rows),
        )
        ratio = "" if own is None or other is None else f"{own / other:.3f}"
        losses = [_number(found.mean(table, m, rows=rows)) for m in models]
        lines.append([table, *losses, ratio])
    note = (
        "Log-loss, RMSE for numbers; means over splits. Last column: the default"
        " against the better of CatBoost and LightGBM."
    )
    title = f"Test losses, at most {rows:,} training rows"
    return Table(title, ["", *models, "ratio"], lines, [note])


def rank_table(found: Found) -> Table | None:
    """Return mean ranks and means of ratios of all models."""
    peers = [m for m in found.models() if m not in _VARIANTS and m != "RealMLP-TD"]
    return _ranked(found, peers, "Ranks, all tables")


def slow_table(found: Found) -> Table | None:
    """Return the same with the slow nets, on the tables that they were trained on."""
    peers = [m for m in found.models() if m not in _VARIANTS]
    if "RealMLP-TD" not in peers:
        return None
    return _ranked(found, peers, "Ranks, tables of RealMLP-TD too")


_VARIANTS = ("alpha=0", "fast", "best")


def _ranked(found: Found, peers: list[str], title: str) -> Table | None:
    tables = found.tables(peers)
    if not tables or not {"default", *REFERENCES} <= set(peers):
        return None
    lines = []
    others = [m for m in peers if m != "default"]
    variants = [m for m in _VARIANTS if set(tables) <= set(found.tables([m]))]
    for model in [*peers, *variants]:
        # Each of ours stands alone among the others.
        field = [model, *others] if model in variants else peers
        ranks, ratios = [], []
        for table in tables:
            losses = {m: found.mean(table, m) or 0.0 for m in field}
            own = losses[model]
            ranks.append(1 + sum(loss < own for loss in losses.values()))
            reference = found.reference(table)
            if reference is not None:
                shift = _SHIFT if SOURCES[table].is_classification else 0.0
                ratios.append((own + shift) / (reference + shift))
        worst = max(range(len(ratios)), key=ratios.__getitem__)
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        lines.append(
            [
                model,
                f"{statistics.fmean(ranks):.2f}",
                f"{mean:.3f}",
                f"{ratios[worst]:.2f} ({tables[worst]})",
                str(sum(ratio > 1.1 for ratio in ratios)),
            ]
        )
    lines.sort(key=lambda line: float(line[2]))
    columns = ["", "mean rank", "mean ratio", "worst table", "above 1.10"]
    note = (
        f"{len(tables)} tables. Ratio: loss against the better of CatBoost and LightGBM"
        f" on the same splits; geometric mean, log-losses shifted by {_SHIFT}."
    )
    return Table(title, columns, lines, [note])


def mixing_table(found: Found) -> Table | None:
    """Return what finding out about mixing buys, and what was found."""
    lines = []
    for table in found.tables(["default", "alpha=0"]):
        auto, none = found.values(table, "default"), found.values(table, "alpha=0")
        splits = sorted(auto.keys() & none.keys())
        by = [auto[s] / none[s] - 1.0 for s in splits]
        error = statistics.stdev(by) / len(by) ** 0.5 if len(by) > 1 else math.nan
        alphas = found.values(table, "default", "alpha_")
        chosen = ", ".join(_alpha(alphas[s]) for s in splits)
        rows = found.mean(table, "default", "n_rows") or 0
        # How noisy: of what can be known, how much the default leaves.
        mean = statistics.fmean(by)
        worse = mean > max(0.01, error)
        lines.append(
            [
                table,
                f"{rows:,.0f}",
                chosen,
                f"{100 * mean:+.1f} %",
                f"{100 * error:.1f} %",
                "worse" if worse else "",
            ]
        )
    if not lines:
        return None
    gains = [float(line[3].split()[0]) for line in lines]
    columns = ["", "rows", "alpha chosen", "loss against alpha=0", "error", ""]
    note = (
        f"Per split; mean over tables {statistics.fmean(gains):+.2f} %. 'worse': by"
        " more than 1 % and more than one paired standard error."
    )
    return Table("Mixing: alpha found out against none", columns, lines, [note])


def calibration_table(found: Found) -> Table | None:
    """Return calibration errors beside CatBoost's."""
    lines = []
    for table in found.tables(["default", "CatBoost"]):
        if not SOURCES[table].is_classification:
            continue
        own = found.mean(table, "default", "ece")
        other = found.mean(table, "CatBoost", "ece")
        if own is None or other is None:
            continue
        better = "yes" if own <= other else ""
        lines.append([table, f"{own:.4f}", f"{other:.4f}", better])
    n_better = sum(line[3] == "yes" for line in lines)
    note = f"Top label, 15 bins; at most CatBoost's on {n_better} of {len(lines)}."
    return Table("Calibration error", ["", "default", "CatBoost", ""], lines, [note])


def time_table(found: Found) -> Table | None:
    """Return seconds of a fit, and the medians of ratios."""
    models = found.models()
    lines = []
    for table in found.tables(["default", "CatBoost"]):
        seconds = [found.mean(table, m, "seconds") for m in models]
        lines.append([table, *("" if s is None else f"{s:.1f}" for s in seconds)])
    ratios = []
    for model in models:
        both = found.tables(["default", model])
        each = [
            (found.mean(t, "default", "seconds") or 0.0)
            / (found.mean(t, model, "seconds") or math.inf)
            for t in both
        ]
        ratios.append(f"{statistics.median(each):.2f}" if each else "")
    lines.append(["default / model, median", *ratios])
    note = "Wall-clock seconds of a fit, one thread, models of a table in turns."
    return Table("Seconds", ["", *models], lines, [note])


def _alpha(alpha: Any) -> str:
    if isinstance(alpha, list):
        return "/".join(f"{value:g}" for value in sorted(set(alpha)))
    return f"{alpha:g}"


def _number(loss: float | None) -> str:
    if loss is None:
        return ""
    return f"{loss:.4g}" if loss >= 100 else f"{loss:.4f}"
