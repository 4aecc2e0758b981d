"""What the suite ``metatune`` found, as tables for readers."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence, Set
from typing import Any

from benchmarks.harness.report import Table
from benchmarks.metatune_data import MANY_ROWS, ROWS, SOURCES, TABLES

#: Models that ours is compared with as the better of both.
REFERENCES = ("CatBoost", "LightGBM")
MIXING = "Mixing: alpha found out against none"
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
        self,
        table: str,
        model: str,
        name: str = "loss",
        rows: int = ROWS,
        splits: Set[int] | None = None,
    ) -> float | None:
        """Return the mean of a measure over splits, all that are known or these."""
        values = self.values(table, model, name, rows)
        if splits is not None:
            values = {split: v for split, v in values.items() if split in splits}
        return statistics.fmean(values.values()) if values else None

    def splits(
        self, table: str, models: Sequence[str], rows: int = ROWS
    ) -> frozenset[int]:
        """Return the splits that all these models were trained on."""
        known = [set(self.values(table, model, rows=rows)) for model in models]
        return frozenset(set.intersection(*known)) if known else frozenset()

    def models(self, rows: int = ROWS) -> list[str]:
        """Return the models that anything is known of, in the order they came."""
        return list(dict.fromkeys(m for _, m, r in self._cells if r == rows))

    def tables(self, models: Sequence[str], rows: int = ROWS) -> list[str]:
        """Return the tables that all these models were trained on."""
        return [table for table in TABLES if self.splits(table, models, rows)]

    def reference(
        self, table: str, rows: int = ROWS, splits: Set[int] | None = None
    ) -> float | None:
        """Return the loss of the better of both references."""
        losses = [self.mean(table, m, rows=rows, splits=splits) for m in REFERENCES]
        known = [loss for loss in losses if loss is not None]
        return min(known) if len(known) == len(REFERENCES) else None


def report_tables(found: Found) -> list[Table]:
    """Return all tables that the cells so far allow."""
    made = [
        loss_table(found, ROWS),
        rank_table(found),
        loss_table(found, MANY_ROWS),
        preset_table(found),
        mixing_table(found),
        calibration_table(found),
        time_table(found),
    ]
    return [table for table in made if table is not None and table.rows]


def loss_table(found: Found, rows: int) -> Table | None:
    """Return losses by table, and ours against the better reference."""
    models = found.models(rows)
    lines = []
    for table in TABLES:
        if not found.values(table, "default", rows=rows):
            continue
        splits = found.splits(table, ("default", *REFERENCES), rows)
        own = found.mean(table, "default", rows=rows, splits=splits)
        other = found.reference(table, rows, splits)
        ratio = "" if own is None or other is None else f"{own / other:.3f}"
        losses = [_number(found.mean(table, m, rows=rows)) for m in models]
        n_splits = len(found.values(table, "default", rows=rows))
        lines.append([table, str(n_splits), *losses, ratio])
    note = (
        "Log-loss, RMSE for numbers; means over the splits that are done, of the"
        " default as many as said. Last column: the default against the better of"
        " CatBoost and LightGBM, on the splits that all three have."
    )
    title = f"Test losses, at most {rows:,} training rows"
    return Table(title, ["", "splits", *models, "ratio"], lines, [note])


_VARIANTS = ("alpha=0", "fast", "best")


def rank_table(found: Found) -> Table | None:
    """Return mean ranks and means of ratios of all models."""
    peers = [m for m in found.models() if m not in _VARIANTS]
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
            splits = found.splits(table, field)
            losses = {m: found.mean(table, m, splits=splits) or 0.0 for m in field}
            own = losses[model]
            ranks.append(1 + sum(loss < own for loss in losses.values()))
            reference = found.reference(table, splits=splits)
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
    n_splits = sum(len(found.splits(table, peers)) for table in tables)
    note = (
        f"{len(tables)} tables, {n_splits} splits of them in all: those that all models"
        " have. Ratio: loss against the better of CatBoost and LightGBM on the same"
        f" splits; geometric mean, log-losses shifted by {_SHIFT}."
    )
    return Table("Ranks, all tables", columns, lines, [note])


def preset_table(found: Found) -> Table | None:
    """Return what the other presets lose or gain, and the time that they take."""
    lines, ahead, times = [], 0, []
    for table in found.tables(["default", "fast", "best"]):
        splits = found.splits(table, ("default", "fast", "best"))
        means = {
            (model, name): found.mean(table, model, name, splits=splits) or math.nan
            for model in ("default", "fast", "best")
            for name in ("loss", "cpu_seconds")
        }
        own = means["default", "loss"]
        ahead += means["best", "loss"] < own
        changes = [means[m, "loss"] / own - 1.0 for m in ("best", "fast")]
        spent = [
            means[m, "cpu_seconds"] / means["default", "cpu_seconds"]
            for m in ("best", "fast")
        ]
        times.append(spent)
        lines.append(
            [
                table,
                _number(own),
                *(f"{100 * change:+.1f} %" for change in changes),
                *(f"{ratio:.2f}" for ratio in spent),
            ]
        )
    if not lines:
        return None
    best, fast = (statistics.median(one) for one in zip(*times, strict=True))
    columns = ["", "default", "best", "fast", "time of best", "time of fast"]
    note = (
        "Loss of the presets against the default, on common splits. 'best' is ahead on"
        f" {ahead} of {len(lines)} tables. Times: CPU seconds of a fit over those of"
        f" the default; medians {best:.2f} and {fast:.2f}."
    )
    return Table("Presets", columns, lines, [note])


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
        mean = statistics.fmean(by)
        worse = mean > max(0.01, 0.0 if math.isnan(error) else error)
        lines.append(
            [
                table,
                f"{rows:,.0f}",
                chosen,
                f"{100 * mean:+.1f} %",
                "" if math.isnan(error) else f"{100 * error:.1f} %",
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
    return Table(MIXING, columns, lines, [note])


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
    """Return CPU seconds of a fit, and the medians of ratios."""
    models = found.models()
    lines = []
    for table in found.tables(["default", "CatBoost"]):
        seconds = [found.mean(table, m, "cpu_seconds") for m in models]
        lines.append([table, *("" if s is None else f"{s:.1f}" for s in seconds)])
    ratios = []
    for model in models:
        each = []
        for table in found.tables(["default", model]):
            splits = found.splits(table, ("default", model))
            own, other = (
                found.mean(table, m, "cpu_seconds", splits=splits) or math.inf
                for m in ("default", model)
            )
            each.append(own / other)
        ratios.append(f"{statistics.median(each):.2f}" if each else "")
    lines.append(["default / model, median", *ratios])
    note = (
        "CPU seconds of a fit, one thread: what others do to the machine counts little."
        " Ratios are of the same splits."
    )
    return Table("CPU seconds", ["", *models], lines, [note])


def _alpha(alpha: Any) -> str:
    if isinstance(alpha, list):
        return "/".join(f"{value:g}" for value in sorted(set(alpha)))
    return f"{alpha:g}"


def _number(loss: float | None) -> str:
    if loss is None:
        return ""
    return f"{loss:.4g}" if loss >= 100 else f"{loss:.4f}"
