"""What reaches a net that takes tables: numbers and categories, encoded."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch

from sk_mixup.encoding import MAX_CLASSES, TableEncoder, as_table, target_edges
from sk_mixup.inputs._containers import refuse_uncountable
from sk_mixup.inputs._dataset import to_host
from sk_mixup.inputs._lazy import LazyRows
from sk_mixup.inputs._rows import Rows

# Wider tables get fewer bins per column, and none at all beyond the last step.
_BINS = ((64, 48), (256, 16))
# Known values, and bins that a tree finds, are for tables up to this width.
_CLOSE_LOOK = 64
# A bin for so many rows, within limits: few rows would learn the noise of many bins,
# of a class and, more so, of a number.
_ROWS_PER_BIN, _ROWS_PER_BIN_OF_NUMBERS, _LEAST_BINS = 400, 700, 8
_LEAST_ROWS_IN_BIN = 64
# Beside them bins that share out the rows, as far as there are rows for them.
# Of many rows the tree makes bins enough to follow classes.
_ROWS_PER_EVEN_BIN, _LEAST_EVEN_BINS, _EVEN_UP_TO = 50, 4, 12_000


class TableInput:
    """Encode tables for the bundled net.

    Parameters
    ----------
    categorical_features : object
        As for the estimator.
    seed : int
    name : str
        What messages call the estimator.
    """

    kind: ClassVar[str] = "table"

    def __init__(self, categorical_features: Any, seed: int, name: str) -> None:
        self.encoder = TableEncoder(categorical_features, seed=seed)
        self.name = name
        self._target_edges: list[np.ndarray] | None = None

    def check(self, X: Any) -> Any:
        """Return a DataFrame or a 2-D array."""
        if isinstance(X, (Rows, LazyRows, torch.utils.data.Dataset)):
            raise TypeError(
                f"{self.name}: the bundled net for tables takes a DataFrame or a 2-D"
                f" array; got {type(X).__name__}. Give a module of your own, or a net"
                " for arrays such as module='resnet'."
            )
        refuse_uncountable(X, self.name)
        X = to_host(X)  # Tables are encoded there.
        return as_table(X, estimator_name=self.name)

    def fit_transform(self, X: Any) -> dict[str, torch.Tensor]:
        """Learn the encoding, and encode."""
        return _as_tensors(self.encoder.fit_transform(X))

    def transform(self, X: Any) -> dict[str, torch.Tensor]:
        """Encode what `check` returned."""
        return _as_tensors(self.encoder.transform(X))

    def look_at_target(
        self, x: dict[str, torch.Tensor], y: torch.Tensor, weight: torch.Tensor | None
    ) -> None:
        """Find the bins of the numbers by the target of the training rows.

        Parameters
        ----------
        x : dict of Tensor
            Encoded training rows; none of a validation part.
        y : Tensor of shape (n,) or (n, k)
        weight : Tensor of shape (n,) or None
        """
        encoder, n_rows = self.encoder, len(y)
        is_number = y.is_floating_point()
        many_classes = not is_number and int(y.max()) >= MAX_CLASSES
        if encoder.n_numeric_ > _CLOSE_LOOK or many_classes:
            return
        numeric, target = x["numeric"].numpy(), y.numpy()
        shares = None if weight is None else weight.numpy()
        n_rows_each = _ROWS_PER_BIN_OF_NUMBERS if is_number else _ROWS_PER_BIN
        n_bins = min(max(n_rows // n_rows_each, _LEAST_BINS), encoder.n_bins)
        owners = self.columns["numeric"][encoder.n_numeric_ :].tolist()
        found = []
        for j in range(encoder.n_numeric_):
            seen = np.ones(n_rows, dtype=bool)
            if j in owners:
                seen = numeric[:, encoder.n_numeric_ + owners.index(j)] == 0
            edges = target_edges(
                numeric[seen, j],
                target[seen],
                n_bins,
                min_rows=_LEAST_ROWS_IN_BIN,
                weight=None if shares is None else shares[seen],
                seed=encoder.seed % 2**32,
            )
            if is_number or n_rows <= _EVEN_UP_TO:
                # A tree makes steps of a smooth function, which quantiles follow.
                n_even = encoder.n_bins // 2
                if not is_number:
                    fit = max(n_rows // _ROWS_PER_EVEN_BIN, _LEAST_EVEN_BINS)
                    n_even = min(n_even, fit)
                even = _thinned(encoder.bin_edges_[j], n_even).numpy()
                edges = np.unique(np.r_[edges, even])
            found.append(edges)
        self._target_edges = found

    def net_arguments(self, n_outputs: int) -> dict[str, Any]:
        """Return what the bundled net needs to know of the table."""
        encoder = self.encoder
        edges = None
        if self._target_edges is not None:
            edges = [torch.from_numpy(e) for e in self._target_edges]
        for limit, n_bins in _BINS:
            if edges is None and encoder.n_numeric_ <= limit:
                edges = [_thinned(e, n_bins) for e in encoder.bin_edges_]
        return {
            "n_numeric": encoder.n_numeric_,
            "n_indicators": len(encoder.indicator_columns_),
            "n_levels": list(encoder.n_levels_),
            "n_outputs": n_outputs,
            "bin_edges": edges,
            "known_values": self._known_values(),
        }

    def _known_values(self) -> list[torch.Tensor] | None:
        """Return the frequent values of each column; None of a wide table."""
        found = [torch.from_numpy(f.values) for f in self.encoder.frequent_values_]
        return found if len(found) <= _CLOSE_LOOK else None

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return self.encoder.n_features_

    @property
    def columns(self) -> dict[str, torch.Tensor]:
        """Column of each entry of an encoded row: numbers, then categories.

        A missing indicator belongs to the column that it speaks of.
        """
        encoder = self.encoder
        n_numeric = encoder.n_numeric_
        owners = np.searchsorted(encoder.numeric_columns_, encoder.indicator_columns_)
        return {
            "numeric": torch.from_numpy(np.r_[np.arange(n_numeric), owners]).long(),
            "categorical": n_numeric + torch.arange(len(encoder.n_levels_)),
        }

    def after_training(self, module: Any) -> None:
        """Give meaning to embedding rows that no training row used."""
        categories = getattr(module, "categories", None)
        if categories is not None:
            counts = [torch.from_numpy(c) for c in self.encoder.level_counts_]
            categories.fill_untrained(counts)
        values = getattr(module, "values", None)
        if values is not None:
            found = [f for f in self.encoder.frequent_values_ if len(f.values)]
            values.table.fill_untrained([torch.from_numpy(f.counts) for f in found])


def _as_tensors(encoded: Any) -> dict[str, torch.Tensor]:
    return {
        "numeric": torch.from_numpy(encoded.numeric),
        "categorical": torch.from_numpy(encoded.categorical),
    }


def _thinned(edges: np.ndarray, n_bins: int) -> torch.Tensor:
    """Keep at most `n_bins` bins, evenly picked."""
    if len(edges) > n_bins + 1:
        edges = edges[np.linspace(0, len(edges) - 1, n_bins + 1).round().astype(int)]
    return torch.from_numpy(edges)
