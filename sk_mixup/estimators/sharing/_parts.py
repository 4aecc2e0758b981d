"""Rows of which every process has a part.

The target, the weights and the encoding of columns are those of
all rows: targets and weights travel whole, of tables a sample, with every category.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.api.types import union_categoricals

from sk_mixup.estimators._checks import normalized
from sk_mixup.estimators.sharing._whole import Whole, width
from sk_mixup.inputs import TableInput, TextInput
from sk_mixup.processes import Processes

# Rows that the encoding is learnt from: all of small parts, and a sample of large ones.
_SAMPLED_ROWS = 200_000
_SAMPLED_LEVELS = 10_000


class Parts(Whole):
    """A part of the rows in each process.

    Parameters
    ----------
    processes : Processes
    """

    is_parts = True
    processes: Processes

    def check(self, table: Any, y: Any) -> None:
        """Check that every process has rows, with the same columns."""
        counts = self.processes.exchange(len(table))
        if 0 in counts:
            raise ValueError(
                f"distributed='parts': process {counts.index(0)} of {len(counts)} has"
                f" no rows (rows per process: {counts}). Give every process some, or"
                " start fewer processes."
            )
        self.processes.check_alike(
            "columns", _columns(table), "Give every part the same columns."
        )

    def all_targets(self, y: Any) -> Any:
        """Return the targets of all rows."""
        parts = self.processes.exchange(y)
        if isinstance(y, (pd.DataFrame, pd.Series)):
            return _concatenated(parts)
        return np.concatenate([np.asarray(part) for part in parts])

    def all_weights(self, weight: np.ndarray | None, n_rows: int) -> Any:
        """Return the weights of all rows, or None."""
        found = self.processes.exchange((weight, n_rows))
        if all(part is None for part, _ in found):
            return None
        return np.concatenate([np.ones(n) if w is None else w for w, n in found])

    def own_weights(self, weight: Any, n_rows: int) -> Any:
        """Return the weights of own rows, None only if it is so in all processes."""
        has = self.processes.any(weight is not None)
        return np.ones(n_rows) if has and weight is None else weight

    def weighted(self, task: Any, labels: torch.Tensor, weight: Any) -> Any:
        """Return the weights of own rows, those of their classes included."""
        counts = self.processes.exchange(len(labels))
        start = sum(counts[: self.processes.rank])
        whole = self.processes.joined(labels)
        every = task.weighted(whole, self.all_weights(weight, len(labels)))
        return None if every is None else every[start : start + len(labels)]

    def check_classes_left(self, task: Any, labels: torch.Tensor) -> None:
        """Check what is left without the rows of weight zero."""
        whole = self.processes.joined(labels)
        assert whole is not None
        task.check_classes_left(whole)

    def normalized(self, weight: Any) -> torch.Tensor | None:
        """Return weights of mean 1 over all rows; None where they are all alike."""
        given = None if weight is None else np.asarray(weight, dtype=np.float64)
        found = [part for part in self.processes.exchange(given) if part is not None]
        if given is None or not found:
            return None
        start = sum(map(len, found[: self.processes.rank]))
        every = normalized(np.concatenate(found))
        return None if every is None else every[start : start + len(given)]

    def encoded(self, source: Any, table: Any, *, fits: bool) -> Any:
        """Return the encoded rows, by an encoding that is that of all rows."""
        if not fits or not isinstance(source, (TableInput, TextInput)):
            return super().encoded(source, table, fits=fits)
        if not isinstance(table, (pd.DataFrame, np.ndarray)):
            return super().encoded(source, table, fits=fits)
        most = max(1, _SAMPLED_ROWS // self.processes.size)
        source.fit_transform(_concatenated(self.processes.exchange(_few(table, most))))
        return source.transform(table)

    def seen(self, x: Any, y: torch.Tensor, weight: Any) -> tuple[Any, ...]:
        """Return rows that the embedding of columns is chosen by."""
        most = max(1, _SAMPLED_ROWS // self.processes.size)
        rows = torch.from_numpy(_chosen(len(y), most))
        own = {name: part[rows] for name, part in x.items()}
        found = self.processes.exchange((own, y[rows]))
        return (
            {name: torch.cat([part[name] for part, _ in found]) for name in x},
            torch.cat([part for _, part in found]),
            self.processes.joined(None if weight is None else weight[rows]),
        )

    def total(self, n_rows: int) -> int:
        """Return the number of all rows."""
        return int(self.processes.total(n_rows))

    def any_of(self, problem: str | None) -> str | None:
        """Return what is wrong in any process."""
        found = self.processes.exchange(problem)
        return next((one for one in found if one is not None), None)

    def facts(self, facts: dict[str, Any], n_rows: int) -> dict[str, Any]:
        """Return facts of all rows, from those of the own ones."""
        joined = dict(facts)
        if "class_counts" in facts:
            joined["class_counts"] = sum(self.processes.exchange(facts["class_counts"]))
        if facts.get("information") is not None:
            joined["information"] = self.processes.mean(facts["information"], n_rows)
        return joined


def _columns(table: Any) -> Any:
    if isinstance(table, pd.DataFrame):
        return [str(name) for name in table.columns]
    return f"{width(table)} columns"


def _chosen(n_rows: int, most: int) -> np.ndarray:
    """Return the numbers of some rows, the same in every call."""
    if n_rows <= most:
        return np.arange(n_rows)
    random = np.random.default_rng(0)
    return np.sort(random.choice(n_rows, most, replace=False))


def _few(table: Any, most: int) -> Any:
    """Return some rows of a table, and one of every category."""
    rows = _chosen(len(table), most)
    if not isinstance(table, pd.DataFrame):
        return table[rows]
    if len(rows) < len(table):
        firsts = [
            np.flatnonzero(~table[name].duplicated().to_numpy())[:_SAMPLED_LEVELS]
            for name in table.columns
            if not pd.api.types.is_numeric_dtype(table[name].dtype)
        ]
        rows = np.unique(np.concatenate([rows, *firsts]))
    return table.iloc[rows]


def _concatenated(parts: list[Any]) -> Any:
    """Return tables one below the other; categories are those of all."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    if isinstance(parts[0], pd.Series):
        return _column(parts)
    columns = {
        name: _column([part[name] for part in parts]) for name in parts[0].columns
    }
    return pd.DataFrame(columns)


def _column(parts: list[pd.Series]) -> pd.Series:
    if all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
        return pd.Series(union_categoricals(parts, ignore_order=True))
    return pd.concat(parts, ignore_index=True)
