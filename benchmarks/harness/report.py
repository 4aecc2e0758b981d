"""Reports: Markdown tables for readers, the raw numbers as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Table:
    """A titled table of cells that are already text.

    Attributes
    ----------
    title : str
        Heading above the table.
    columns : sequence of str
        Names of the columns; the first holds names and is aligned left.
    rows : sequence of sequences of str
        As wide as `columns`.
    notes : sequence of str
        What a reader must know to read the numbers, one paragraph each.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """Return the table under its heading, padded so that plain text aligns too."""
        return "\n\n".join(
            [f"## {self.title}", markdown_table(self.columns, self.rows), *self.notes]
        )


@dataclass(frozen=True)
class Report:
    """What a suite found.

    Attributes
    ----------
    suite : str
        Name of the suite, and of the files.
    tables : sequence of Table
        For readers.
    measurements : dict
        For programs: everything measured, every repeat.
    """

    suite: str
    tables: Sequence[Table]
    measurements: dict[str, Any] = field(default_factory=dict)

    def markdown(self) -> str:
        """Return all tables."""
        return "\n\n".join(table.markdown() for table in self.tables) + "\n"


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, the first column left-aligned, the others right.

    Raises
    ------
    ValueError
        If a row is not as wide as the header.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(
                f"A row needs {len(columns)} cells, one per column; got {len(row)}:"
                f" {list(row)}."
            )
    # A bar inside a cell would begin a new one.
    cells = [[text.replace("|", r"\|") for text in row] for row in [columns, *rows]]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(columns))]
    lines = [_line(row, widths) for row in cells]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([lines[0], _line(rule, widths), *lines[1:]])


def write_report(
    report: Report, header: dict[str, str], folder: Path
) -> tuple[Path, Path]:
    """Write ``SUITE.json`` and ``SUITE.md`` into a folder, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    as_json = folder / f"{report.suite}.json"
    as_markdown = folder / f"{report.suite}.md"
    content = {
        "suite": report.suite,
        "header": header,
        "tables": [
            {
                "title": table.title,
                "columns": list(table.columns),
                "rows": [list(row) for row in table.rows],
                "notes": list(table.notes),
            }
            for table in report.tables
        ],
        "measurements": report.measurements,
    }
    as_json.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    facts = [[f"{name}:", value] for name, value in header.items()]
    lines = "\n".join(f"- {name} {value}" for name, value in facts)
    as_markdown.write_text(
        f"# Benchmark: {report.suite}\n\n{lines}\n\n{report.markdown()}",
        encoding="utf-8",
    )
    return as_json, as_markdown


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first = row[0].ljust(widths[0])
    others = (
        text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)
    )
    return "| " + " | ".join([first, *others]) + " |"
