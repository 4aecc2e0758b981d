"""Finished pieces of a long run, kept in a file of JSON lines.

A run that was cut off goes on where it stood. A cell counts only for the very code that
made it: its key holds a fingerprint of the library, comments and docstrings left out.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Missing(Exception):
    """A cell is not in the file and was not to be computed."""


class Cells:
    """Results by key, appended to a file as they come.

    Parameters
    ----------
    file : Path
        Read if it is there; lines that are no JSON (a run cut off while writing) are
        passed over.
    common : dict
        Belongs to every key: what all cells of this run share.
    """

    def __init__(self, file: Path, common: dict[str, Any]) -> None:
        self.file = file
        self.common = common
        self._known: dict[str, Any] = {}
        if file.is_file():
            for line in file.read_text(encoding="utf-8").splitlines():
                try:
                    cell = json.loads(line)
                    self._known[_text(cell["key"])] = cell["result"]
                except (json.JSONDecodeError, KeyError, TypeError):
                    continue

    def get(self, key: dict[str, Any], compute: Callable[[], Any] | None) -> Any:
        """Return the result of a key, computed and kept if it is not known.

        Parameters
        ----------
        key : dict
            What tells this cell from the others.
        compute : callable or None
            Returns what JSON can hold. None: only look.

        Raises
        ------
        Missing
            If the cell is not known and `compute` is None.
        """
        key = self.common | key
        if (text := _text(key)) in self._known:
            return self._known[text]
        if compute is None:
            raise Missing(text)
        # Read back as from the file, so that both ways give the same.
        result = json.loads(json.dumps(compute()))
        self._known[text] = result
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a+b") as lines:
            # After a line that was cut off, begin a new one.
            if lines.tell() > 0:
                lines.seek(-1, 2)
                if lines.read(1) != b"\n":
                    lines.write(b"\n")
            line = json.dumps({"key": key, "result": result})
            lines.write(line.encode() + b"\n")
        return result


def fingerprint(*places: Path) -> str:
    """Return a short hash of what Python files do.

    Parameters
    ----------
    *places : Path
        Files, or folders whose ``*.py`` are all taken.
    """
    files: list[Path] = []
    for place in places:
        files += sorted(place.rglob("*.py")) if place.is_dir() else [place]
    digest = hashlib.sha256()
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_text(body[0]):
                node.body = body[1:]  # type: ignore[attr-defined]
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _text(key: dict[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)
