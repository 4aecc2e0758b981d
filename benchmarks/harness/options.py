"""The settings of one run, as the suites see them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

#: Suites that cannot run without a folder of data sets.
NEED_DATA = frozenset(
    {
        *("adult", "methods", "images", "text", "audio"),
        *("sweep", "tabular", "label_noise", "recipe"),
        *("metatune", "metatune_search", "wrapper", "claims"),
    }
)


@dataclass(frozen=True)
class Options:
    """Settings of one run.

    Attributes
    ----------
    suite : str
        Name of the suite.
    data : Path or None
        Folder of the data sets.
    quick : bool
        Few repeats and small data.
    output : Path
        Folder of the reports.
    timm : Path or None
        timm's ``data/mixup.py``.
    threads : int
        Threads of every contestant.
    only : tuple of str
        Data sets to run; empty: all.
    models : tuple of str
        Models to run, in the suites on tables; empty: all.
    seeds : int or None
        Number of seeds, in the suites on tables, or of rounds of the sweep; None: the
        suite's own.
    work : Path or None
        Folder of finished cells, in the suites on tables (None: that of the reports),
        and of runs of sweep (default net) and processes (None: none are kept).
    scale : str
        How large, in the suites ``claims`` and ``methods``.
    jobs : int
        Cells side by side, in the suite ``claims``.
    alphas : int
        Alphas of the default net, in the suite ``sweep``.
    """

    suite: str
    data: Path | None = None
    quick: bool = False
    output: Path = Path("benchmarks/results")
    timm: Path | None = None
    threads: int = 2
    only: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    seeds: int | None = None
    work: Path | None = None
    scale: str = "cpu"
    jobs: int = 1
    alphas: int = 9

    def pick(self, full: T, quick: T) -> T:
        """Return one of two values, the second in quick runs."""
        return quick if self.quick else full

    @property
    def command(self) -> str:
        """The command that repeats this run.

        Folders are named by a placeholder: a report is published, and where somebody
        keeps data is nobody's business.
        """
        words = ["python -m benchmarks", self.suite]
        if self.data is not None and self.suite in NEED_DATA:
            words.append("--data DIR")
        if self.only:
            words.append(f"--only {','.join(self.only)}")
        # Which writes the report of an earlier run again.
        if self.models and self.models != ("none",):
            words.append(f"--models {','.join(self.models)}")
        if self.seeds is not None:
            words.append(f"--seeds {self.seeds}")
        if self.timm is not None and self.suite == "mixing":
            words.append("--timm FILE")
        if self.threads != Options.threads:
            words.append(f"--threads {self.threads}")
        if self.scale != Options.scale:
            words.append(f"--scale {self.scale}")
        if self.alphas != Options.alphas:
            words.append(f"--alphas {self.alphas}")
        if self.quick:
            words.append("--quick")
        return " ".join(words)
