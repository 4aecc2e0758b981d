"""The rows of a fit that one process has, or all of them alike."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd
import torch

from sk_mixup.estimators import sharing
from sk_mixup.estimators._checks import normalized
from sk_mixup.processes import Processes

_ALIKE = (
    "With distributed='auto' all processes are given the same X and y; for a part of"
    " the rows each, say distributed='parts'."
)


class Whole:
    """All rows, in one process or the same in each.

    Parameters
    ----------
    processes : Processes or None
    """

    is_parts = False

    def __init__(self, processes: Processes | None) -> None:
        self.processes = processes

    def check(self, table: Any, y: Any) -> None:
        """Check that all processes have the same rows."""
        if self.processes is not None:
            shown = f"{len(table)} rows and {width(table)} columns"
            self.processes.check_alike("X", shown, _ALIKE)
            values = pd.util.hash_array(_flat(y), categorize=False)
            digest = zlib.crc32(values.tobytes())
            self.processes.check_alike("y", f"targets (digest {digest:x})", _ALIKE)

    def all_targets(self, y: Any) -> Any:
        """Return the targets of all rows."""
        return y

    def all_weights(self, weight: np.ndarray | None, n_rows: int) -> Any:
        """Return the weights of all rows, or None."""
        return weight

    def own_weights(self, weight: Any, n_rows: int) -> Any:
        """Return the weights of own rows, None only if it is so in all processes."""
        return weight

    def weighted(self, task: Any, labels: torch.Tensor, weight: Any) -> Any:
        """Return the weights of own rows, those of their classes included."""
        return task.weighted(labels, weight)

    def check_classes_left(self, task: Any, labels: torch.Tensor) -> None:
        """Check what is left without the rows of weight zero."""
        task.check_classes_left(labels)

    def normalized(self, weight: Any) -> torch.Tensor | None:
        """Return weights of mean 1 over all rows; None where they are all alike."""
        return normalized(weight)

    def encoded(self, source: Any, table: Any, *, fits: bool) -> Any:
        """Return the encoded rows."""
        return source.fit_transform(table) if fits else source.transform(table)

    def seen(self, x: Any, y: torch.Tensor, weight: Any) -> tuple[Any, ...]:
        """Return rows that the embedding of columns is chosen by."""
        return x, y, weight

    def total(self, n_rows: int) -> int:
        """Return the number of all rows."""
        return n_rows

    def any_of(self, problem: str | None) -> str | None:
        """Return what is wrong in any process."""
        return problem

    def facts(self, facts: dict[str, Any], n_rows: int) -> dict[str, Any]:
        """Return facts of all rows, from those of the own ones."""
        return facts


def rows_of(processes: Processes | None) -> Whole:
    """Return how the rows of a fit are spread.

    Parameters
    ----------
    processes : Processes or None
    """
    if processes is not None and processes.parts:
        return sharing.Parts(processes)
    return Whole(processes)


def _flat(y: Any) -> np.ndarray:
    values = np.asarray(y).reshape(-1)
    return values if values.dtype.kind in "biuf" else values.astype(str).astype(object)


def width(table: Any) -> Any:
    shape = getattr(table, "shape", None)
    return "some" if shape is None or len(shape) < 2 else shape[1]
