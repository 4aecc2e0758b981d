"""What a measured value is wanted to be, printed beside it.

A missed target is shown and never an exit code: on a shared machine one run proves
little, and the interval beside the value says how much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Target:
    """A bound for a value.

    Attributes
    ----------
    sense : {"at most", "at least"}
        Which side of the bound is wanted.
    limit : float
        The bound.
    unit : str
        Printed behind the bound.
    """

    sense: Literal["at most", "at least"]
    limit: float
    unit: str = ""

    def is_met(self, value: float) -> bool:
        """Whether a value lies on the wanted side."""
        if self.sense == "at most":
            return value <= self.limit
        return value >= self.limit

    def cells(self, value: float) -> list[str]:
        """Return the two cells of a table: the target, and whether it is met."""
        wanted = f"{self.sense} {self.limit:g} {self.unit}".rstrip()
        return [wanted, "met" if self.is_met(value) else "missed"]


#: The two cells where nothing is asked of a value.
NO_TARGET = ["", ""]
