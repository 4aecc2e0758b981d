"""When to switch mixing on: a table of the docs, written from the results of a run.

    python -m benchmarks.claims.advice

puts it into ``docs/guide/when.md``, between its two marks. Every word about what
mixing did follows from ``benchmarks/results/claims.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.claims.effects import WORDS, together
from benchmarks.harness.report import markdown_table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "claims.json"
PAGE = ROOT / "docs" / "guide" / "when.md"
BEGIN, END = "<!-- claims: begin -->", "<!-- claims: end -->"
#: Comparisons that are named at most.
SHOWN = 2
DO = {
    "holds": "mix",
    "in part": "try it",
    "not here": "leave it off",
    "untested": "not known; try both",
}


@dataclass(frozen=True)
class Situation:
    """A row of the table.

    Attributes
    ----------
    words : str
    letter : str
        Of the claim that speaks for it.
    parts : str
        What the names of its comparisons begin with.
    instead : dict of str to str
        What to do, by verdict, where it is not what `DO` says.
    """

    words: str
    letter: str
    parts: str = ""
    instead: dict[str, str] | None = None


SITUATIONS = (
    Situation("images, a small net, many epochs: accuracy", "a1"),
    Situation("images, a small net, few epochs: accuracy", "a2"),
    Situation("images: probabilities, as they are", "b1"),
    Situation("images: probabilities, after a temperature", "b4"),
    Situation("images, wrong labels, no early stopping", "c1", "images"),
    Situation("digits, wrong labels, no early stopping", "c1", "digits"),
    Situation("digits, wrong labels, stopped in time", "c2", "digits"),
    Situation("images: the gradient step of an attacker (FGSM)", "d1"),
    Situation(
        "images: a determined attacker (PGD)",
        "d2",
        instead={
            "holds": "no help: train against the attack",
            "in part": "no help to rely on",
            "not here": "no help to rely on",
        },
    ),
    Situation("few images of each class", "e", "images"),
    Situation("few handwritten digits of each class", "e", "digits"),
    Situation("images of unknown classes, by confidence", "f1"),
    Situation("tables, few rows, a perceptron", "j1"),
    Situation("tables, 40 % of the labels wrong, a perceptron", "j2"),
    Situation("tables with rare classes", "j3"),
    Situation("numbers in another region than the training rows", "j4", "elsewhere"),
    Situation("few texts", "j5"),
    Situation("few sounds", "j6"),
)


def rows_of(claims: dict[str, Any]) -> list[list[str]]:
    """Return a row per situation that was measured."""
    rows = []
    for situation in SITUATIONS:
        parts = [
            part
            for part in claims.get(situation.letter, {}).get("parts", [])
            if part["name"].startswith(situation.parts) and "mean" in part
        ]
        if not parts:
            continue
        found = together([part["verdict"] for part in parts])
        clearest = max(
            parts, key=lambda part: abs(part["mean"]) / max(part["error"], 1e-12)
        )
        gains = [part for part in parts if part["low"] > 0]
        losses = [part for part in parts if part["high"] < 0]
        do = (DO | (situation.instead or {}))[found]
        if found == "in part" and not situation.instead:
            do = f"try it: {_names(gains)}"
            if len(losses) >= len(gains):
                do = "rather not: as many lose, or more"
        rows.append(
            [
                f"{situation.words} ({situation.letter})",
                effect_words(clearest),
                f"{len(gains)}, {len(losses)} of {len(parts)}",
                WORDS[found],
                do,
            ]
        )
    return rows


def effect_words(part: dict[str, Any]) -> str:
    """Return the effect of a comparison in words."""
    digits = 3 if part["unit"] == "lower" else 1
    return (
        f"{part['name']}: {part['mean']:+.{digits}f} ± {part['error']:.{digits}f}"
        f" {part['unit']}"
    )


def _names(parts: Sequence[dict[str, Any]]) -> str:
    """Return the clearest three of some comparisons by name."""
    order = sorted(parts, key=lambda part: -part["mean"] / max(part["error"], 1e-12))
    more = " and others" if len(order) > SHOWN else ""
    return "; ".join(part["name"] for part in order[:SHOWN]) + more


def block(content: dict[str, Any]) -> str:
    """Return what stands between the marks."""
    columns = ["situation (claim)", "the clearest comparison with no mixing"]
    columns += ["comparisons that gain, lose", "what is said of it", "so"]
    table = markdown_table(columns, rows_of(content["measurements"]["claims"]))
    return f"{BEGIN}\n{table}\n{END}"


def page_with(text: str, content: dict[str, Any]) -> str:
    """Return a page with the block of some results."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + block(content) + after


def main() -> None:
    """Write the table into the page."""
    content = json.loads(RESULTS.read_text("utf-8"))
    PAGE.write_text(page_with(PAGE.read_text("utf-8"), content), "utf-8")


if __name__ == "__main__":
    main()
