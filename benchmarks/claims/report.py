"""The report of the suite ``claims``: one row per claim, then all that it rests on."""

from __future__ import annotations

import dataclasses
import statistics
from pathlib import Path
from typing import Any

from benchmarks.claims.catalogue import cells_of
from benchmarks.claims.cell import Cell
from benchmarks.claims.claims import Claim, claims_of
from benchmarks.claims.effects import WORDS, Verdict
from benchmarks.claims.parts import Found, Part
from benchmarks.claims.pictures import draw_all
from benchmarks.claims.scales import Scale
from benchmarks.harness.report import Report, Table
from benchmarks.harness.statistics import MedianInterval, median_interval

NOT_RUN = "not run yet"
#: What a step is said to grow by at most.
SAID_COST = 1e-4
FAMILIES = {
    "a": "Error",
    "b": "Calibration",
    "c": "Wrong labels",
    "d": "Adversarial images",
    "e": "Few samples",
    "f": "Out of distribution",
    "g": "What mixing does to labels and between rows",
    "h": "Mistakes",
    "i": "Cost",
    "j": "Tables, texts, sounds",
    "k": "Test time",
}
#: Scores shown as they are, by kind of cells.
SCORES: dict[str, dict[str, tuple[str, float, int]]] = {
    "images": {
        "accuracy": ("accuracy, %", 100, 1),
        "ece": ("ECE, %", 100, 1),
        "ece_tempered": ("tempered", 100, 1),
        "log_loss": ("log-loss", 1, 3),
        "log_loss_tempered": ("tempered", 1, 3),
        "fgsm_2": ("FGSM 2/255, %", 100, 1),
        "pgd_2": ("PGD 2/255, %", 100, 1),
        "misses": ("misses, %", 100, 1),
        "epoch_seconds": ("s per epoch", 1, 2),
    },
    "images wrong": {
        "best": ("best, %", 100, 1),
        "last": ("last, %", 100, 1),
        "memorised": ("learnt by heart, %", 100, 1),
    },
    "digits wrong": {
        "best": ("best, %", 100, 1),
        "last": ("last, %", 100, 1),
        "memorised": ("learnt by heart, %", 100, 1),
    },
    "images few": {"accuracy": ("accuracy, %", 100, 1)},
    "digits few": {"accuracy": ("accuracy, %", 100, 1)},
    "images held out": {
        "accuracy": ("accuracy, %", 100, 1),
        "auroc_held_out": ("AUROC, %", 100, 1),
    },
    "mistake": {
        "accuracy": ("accuracy, %", 100, 2),
        "log_loss": ("log-loss", 1, 3),
        "log_loss_tempered": ("tempered", 1, 3),
        "left_on": ("read off with mixing on, %", 100, 1),
    },
    "ids": {
        "accuracy": ("accuracy, %", 100, 1),
        "log_loss_tempered": ("log-loss, tempered", 1, 3),
    },
    "table few": {
        "accuracy": ("accuracy, %", 100, 1),
        "log_loss_tempered": ("log-loss, tempered", 1, 3),
    },
    "table wrong": {
        "accuracy": ("accuracy, %", 100, 1),
        "log_loss_tempered": ("log-loss, tempered", 1, 3),
    },
    "imbalance": {"balanced": ("balanced, %", 100, 1), "rare": ("rare, %", 100, 1)},
    "shift": {"rmse_far": ("RMSE elsewhere", 1, 3), "rmse_near": ("at home", 1, 3)},
    "text": {
        "accuracy": ("accuracy, %", 100, 1),
        "log_loss_tempered": ("log-loss, tempered", 1, 3),
    },
    "sound": {
        "accuracy": ("accuracy, %", 100, 1),
        "log_loss_tempered": ("log-loss, tempered", 1, 3),
    },
}


def report_of(found: dict[Cell, dict[str, Any]], scale: Scale, folder: Path) -> Report:
    """Return the report of all finished cells, and draw its pictures."""
    claims = claims_of(scale)
    pictures = draw_all(claims, found, folder)
    tables = [summary(claims, found, scale)]
    for letter, title in FAMILIES.items():
        if letter == "i":
            tables += cost_tables(found)
            continue
        rows = [
            [claim.letter, part.name, part.text(found), WORDS[part.verdict(found)]]
            for claim in claims
            if claim.letter[0] == letter
            for part in claim.run_parts(found)
        ]
        notes = [f"![{title}]({pictures[letter].name})"] if letter in pictures else []
        columns = ["claim", "compared with none", "effect, interval of 95 %", "verdict"]
        tables.append(Table(f"{letter}. {title}", columns, rows, notes))
    tables += score_tables(found)
    return Report("claims", tables, measurements(claims, found, scale))


def summary(claims: list[Claim], found: Found, scale: Scale) -> Table:
    """Return one row per claim."""
    rows = []
    for claim in claims:
        if claim.letter.startswith("j1"):
            rows.append(cost_row(found))
        parts, said = claim.run_parts(found), claim.verdict(found)
        rows.append(
            [
                f"{claim.letter} {claim.name}",
                claim.said,
                claim.by,
                claim.setup,
                main_effect(parts, found),
                counts(parts, found),
                NOT_RUN if said is None else WORDS[said],
            ]
        )
    planned, done = len(cells_of(scale)), len(found)
    cpu = sum(result.get("cpu_seconds", 0.0) for result in found.values()) / 3600
    commits = sorted({str(r.get("commit", "unknown")) for r in found.values()})
    notes = [
        f"Scale {scale.name}: {done} of {planned} cells are done, in {cpu:.1f} hours"
        " of one CPU thread."
        + ("" if done == planned else " **This report is of a part of the run.**"),
        "Effects are turned so that what is said is positive: mean ± standard error"
        " [interval of 95 %]. Settings that are compared share seeds; score = setting +"
        " seed + chance, chance estimated from all settings of a group (block design)."
        " An interval holds the luck of the seeds (weights, batches, draws; for small"
        " nets, tables, texts and sounds the training rows too), not that of the test"
        " images, which are the same for all.",
        "By its interval an effect *holds* where it is above 0 and reaches what is"
        " said, holds *in part* where it is above 0 and smaller, does *not hold here*"
        " where the interval ends below what is said and is not above 0, and is *not"
        " testable at this scale* where the interval holds both 0 and what is said."
        " What is said to change nothing holds where the whole interval is within the"
        " bounds. A claim of several comparisons holds where all hold, in part where"
        " some do, and does not hold where none does and one is refuted. Of twenty"
        " comparisons of nothing one leaves its interval by chance.",
        "Shown is the comparison with the largest effect relative to its error; all of"
        " them are below.",
        f"Computed at: {', '.join(commits)}.",
    ]
    columns = [
        *("claim", "what is said", "by", "here", "effect"),
        *("holds, in part, not, untested", "verdict"),
    ]
    return Table("What is said of mixing", columns, rows, notes)


def main_effect(parts: Any, found: Found) -> str:
    """Return the clearest of some effects, or that nothing ran."""
    best: tuple[float, Part] | None = None
    for part in parts:
        got = part.found(found)
        if got is None:
            continue
        strength = abs(got.mean) / got.error if got.error else 0.0
        if best is None or strength > best[0]:
            best = (strength, part)
    if best is None:
        return ""
    return f"{best[1].name}: {best[1].text(found)}"


def counts(parts: Any, found: Found) -> str:
    """Return how many comparisons got which verdict."""
    verdicts = [part.verdict(found) for part in parts]
    kinds: tuple[Verdict, ...] = ("holds", "in part", "not here", "untested")
    return ", ".join(str(verdicts.count(kind)) for kind in kinds)


# --- cost ----------------------------------------------------------------------------


def shares(found: Found, which: str) -> dict[str, MedianInterval]:
    """Return a ratio to a plain step by method, with its interval."""
    rounds: dict[str, list[float]] = {}
    for cell, result in found.items():
        if cell.kind == "cost":
            for name, values in result["methods"].items():
                rounds.setdefault(name, []).extend(values[which])
    return {name: median_interval(values) for name, values in rounds.items()}


def cost_row(found: Found) -> list[str]:
    """Return the row of the claim on cost."""
    mixing = shares(found, "mixing_share").get("mixup")
    effect, said = "", NOT_RUN
    if mixing is not None:
        effect = (
            f"mixup: {100 * mixing.median:.2f} % of a plain step"
            f" [{100 * mixing.low:.2f}, {100 * mixing.high:.2f}]"
        )
        holds = mixing.high <= SAID_COST
        said = WORDS["holds" if holds else "not here"]
        if mixing.low <= SAID_COST < mixing.high:
            said = WORDS["untested"]
    return [
        "i cost",
        f"mixing takes less than {100 * SAID_COST:g} % of a step",
        "said of mixup often",
        "drawing, blending and soft labels of 128 images, beside a step of a's net",
        effect,
        "",
        said,
    ]


def cost_tables(found: Found) -> list[Table]:
    """Return what every method adds to a step."""
    mixing, whole = shares(found, "mixing_share"), shares(found, "step_ratio")
    rows = [
        [name, mixing[name].format(2, scale=100.0), whole[name].format(2)]
        for name in mixing
    ]
    left_out = {
        name: reason
        for cell, result in found.items()
        if cell.kind == "cost"
        for name, reason in result["left_out"].items()
    }
    plain = [
        method["plain"]
        for cell, result in found.items()
        if cell.kind == "cost"
        for method in result["methods"].values()
    ]
    notes = [
        "Medians with intervals of 95 %; steps with and without mixing in turns;"
        " seconds of one CPU thread. A step with mixing also has a dearer loss, and for"
        " some methods more rows."
    ]
    if plain:
        notes.append(f"A plain step: {1000 * statistics.median(plain):.0f} ms.")
    if left_out:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        notes.append(f"Not timed: {reasons}.")
    columns = ["method", "drawing and blending, % of a plain step", "step / plain step"]
    return [Table(f"i. {FAMILIES['i']}", columns, rows, notes)]


# --- all scores ----------------------------------------------------------------------


def score_tables(found: Found) -> list[Table]:
    """Return means per setting, a table per kind."""
    tables = []
    for kind, metrics in SCORES.items():
        groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for cell, result in found.items():
            if cell.kind == kind:
                groups.setdefault((cell.of, cell.setting), []).append(result)
        rows = []
        for (of, setting), results in groups.items():
            where = ", ".join(f"{name} {value}" for name, value in of)
            row = [f"{where}: {setting}" if where else setting, str(len(results))]
            for metric, (_, factor, digits) in metrics.items():
                row.append(mean_text([r[metric] * factor for r in results], digits))
            rows.append(row)
        if rows:
            titles = [title for title, _, _ in metrics.values()]
            columns = ["", "seeds", *titles]
            tables.append(Table(f"Scores: {kind}", columns, sorted_rows(rows)))
    return tables


def sorted_rows(rows: list[list[str]]) -> list[list[str]]:
    """Return rows of one group together, in the order in which groups came."""
    groups = list(dict.fromkeys(row[0].rpartition(": ")[0] for row in rows))
    return sorted(rows, key=lambda row: groups.index(row[0].rpartition(": ")[0]))


def mean_text(values: list[float], digits: int) -> str:
    """Return a mean and its standard error."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.{digits}f}"
    error = statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.{digits}f} ± {error:.{digits}f}"


def measurements(claims: list[Claim], found: Found, scale: Scale) -> dict[str, Any]:
    """Return all effects for programs."""
    by_claim: dict[str, Any] = {}
    for claim in claims:
        parts = []
        for part in claim.parts:
            got = part.found(found)
            entry: dict[str, Any] = {
                "name": part.name,
                "size": part.size,
                "unit": part.unit.words,
                "verdict": part.verdict(found),
            }
            if got is not None and got.error is not None:
                entry |= dataclasses.asdict(got)
            parts.append(entry)
        by_claim[claim.letter] = {
            "name": claim.name,
            "said": claim.said,
            "by": claim.by,
            "verdict": claim.verdict(found),
            "parts": parts,
        }
    cost = {
        name: interval.as_dict()
        for name, interval in shares(found, "mixing_share").items()
    }
    return {"scale": dataclasses.asdict(scale), "claims": by_claim, "cost": cost}
