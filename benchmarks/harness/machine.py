"""Where and with what a run was made, for the header of its report."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from benchmarks.harness.options import Options

PACKAGES = ("torch", "skorch", "scikit-learn", "pandas", "numpy")


def describe_machine(options: Options) -> dict[str, str]:
    """Return the header of a report, ready to print."""
    header = {
        "command": options.command,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "git commit": git_commit(),
        "CPU": cpu_model(),
        "cores": str(usable_cores()),
        "threads": str(options.threads),
        "load average at the start": load_average(),
        "python": platform.python_version(),
        **{name: package_version(name) for name in PACKAGES},
    }
    if options.quick:
        header["quick run"] = "few repeats and small data; not for quoting"
    return header


def cpu_model() -> str:
    """Return the name of the processor, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine() or "unknown"


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_average() -> str:
    """Return the one-minute load: how busy others kept the machine."""
    if hasattr(os, "getloadavg"):
        return f"{os.getloadavg()[0]:.2f}"
    return "unknown"


def package_version(name: str) -> str:
    """Return the version of an installed package."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def git_commit() -> str:
    """Return the commit, marked where the working tree differs from it."""
    commit = _git("rev-parse", "--short=12", "HEAD")
    if not commit:
        return "unknown"
    # New result files are no difference in what was measured.
    outputs = (":!benchmarks/results", ":!docs/tabular.png")
    changed = _git("status", "--porcelain", "--", ".", *outputs)
    return f"{commit} with uncommitted changes" if changed else commit


def _git(*arguments: str) -> str:
    try:
        result = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
