"""Parts of a report that a run does not measure anew, from the files of the last one.

A suite of several parts takes long, and a part that has changed is run alone. What is
kept of the others says when, and by which version, it was measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness.report import Report, Table

_KEPT = "Kept from an earlier run"


def with_earlier_parts(report: Report, folder: Path) -> Report:
    """Return a report with what the last one has and this one lacks.

    Parameters
    ----------
    report : Report
    folder : Path
        Where the files of the last one are; without them nothing is added.
    """
    file = folder / f"{report.suite}.json"
    if not file.is_file():
        return report
    content = json.loads(file.read_text(encoding="utf-8"))
    new = {table.title: table for table in report.tables}
    tables = [
        new.pop(table["title"], None) or _kept(table, content["header"])
        for table in content["tables"]
    ]
    measurements = dict(content["measurements"])
    # A part that was not asked for is empty, or missing.
    measurements.update(
        (name, value)
        for name, value in report.measurements.items()
        if value or name not in measurements
    )
    return Report(report.suite, [*tables, *new.values()], measurements)


def _kept(table: Mapping[str, Any], header: Mapping[str, str]) -> Table:
    notes = list(table["notes"])
    if not any(note.startswith(_KEPT) for note in notes):
        load = header["load average at the start"]
        notes.append(
            f"{_KEPT}: `{header['command']}`, {header['date']}, git commit"
            f" {header['git commit']}, load average {load}."
        )
    return Table(table["title"], table["columns"], table["rows"], notes)
