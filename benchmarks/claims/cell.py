"""A cell: one training, or one measurement, that a run can stop after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.claims.scales import Scale

#: Raised where what is trained or measured changes, so that no old cell is taken.
PROTOCOL = 1


@dataclass(frozen=True)
class Cell:
    """One training.

    Attributes
    ----------
    kind : str
        What is trained and measured, a key of `kinds.KINDS`.
    setting : str
        What differs between cells that are compared: a way of mixing, a mistake.
    seed : int
    of : tuple of (str, value)
        What tells groups of one kind apart: epochs, share of wrong labels, data set.
    """

    kind: str
    setting: str
    seed: int
    of: tuple[tuple[str, Any], ...] = ()

    @property
    def group(self) -> tuple[Any, ...]:
        """What cells that are compared share."""
        return (self.kind, *self.of)

    def key(self, scale: Scale) -> dict[str, Any]:
        """Return what tells the cell from all others in the file."""
        return {
            "protocol": PROTOCOL,
            "scale": scale.name,
            "kind": self.kind,
            "setting": self.setting,
            "seed": self.seed,
            **dict(self.of),
        }

    def words(self) -> str:
        """Return the cell in words."""
        of = "".join(f", {name} {value}" for name, value in self.of)
        return f"{self.kind}: {self.setting}{of}, seed {self.seed}"


@dataclass(frozen=True)
class Place:
    """Where a cell finds its data, and leaves what later cells use.

    Attributes
    ----------
    data, work : Path
    scale : Scale
    """

    data: Path
    work: Path
    scale: Scale
