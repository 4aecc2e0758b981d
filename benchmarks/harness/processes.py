"""Measurements in a fresh process, where nothing is imported or cached yet."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def run_python(arguments: Sequence[str], *, timeout: float = 1800.0) -> dict[str, Any]:
    """Run this interpreter and read the JSON object on the last line it prints.

    Parameters
    ----------
    arguments : sequence of str
        As after ``python``: ``["-c", code]`` or ``["-m", module, ...]``.
    timeout : float
        Seconds after which the process is ended.

    Raises
    ------
    RuntimeError
        If the process fails or prints no JSON, with the end of what it wrote.
    """
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
    what = " ".join(argument.splitlines()[0] for argument in arguments[:2])
    if result.returncode != 0:
        raise RuntimeError(
            f"`python {what}` ended with code {result.returncode}:\n"
            f"{result.stderr[-2000:]}"
        )
    lines = result.stdout.strip().splitlines()
    try:
        answer = json.loads(lines[-1])
    except (IndexError, json.JSONDecodeError) as error:
        raise RuntimeError(
            f"`python {what}` printed no JSON; it ended with:\n{result.stdout[-2000:]}"
        ) from error
    if not isinstance(answer, dict):
        raise RuntimeError(f"`python {what}` printed {answer!r}, no JSON object.")
    return answer
