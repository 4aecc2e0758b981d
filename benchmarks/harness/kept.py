"""Finished runs in a file, so that a suite that takes long can go on where it ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class KeptRuns:
    """Runs of a file, one JSON object a line.

    Each is handed out once: the n-th repeat of a run is the n-th of its kind there.

    Parameters
    ----------
    file : Path
        Made when the first run is kept.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
        self._left = [json.loads(line) for line in lines]

    def take(self, which: dict[str, Any]) -> Any:
        """Return what the next run of a kind has found; None: there is none."""
        for number, line in enumerate(self._left):
            if line["which"] == which:
                return self._left.pop(number)["found"]
        return None

    def keep(self, which: dict[str, Any], found: Any) -> None:
        """Append a run; `take` will find it in another process."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"which": which, "found": found}) + "\n")
