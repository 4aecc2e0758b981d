"""What reaches a net that takes tables: numbers and categories, encoded."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from sk_mixup.encoding import TableEncoder, as_table
from sk_mixup.inputs._dataset import to_host
from sk_mixup.inputs._lazy import LazyRows
from sk_mixup.inputs._rows import Rows

# Wider tables get fewer bins per column, and none at all beyond the last step.
_BINS = ((64, 48), (256, 16))


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

    def __init__(self, categorical_features: Any, seed: int, name: str) -> None:
        self.encoder = TableEncoder(categorical_features, seed=seed)
        self.name = name

    def check(self, X: Any) -> Any:
        """Return a DataFrame or a 2-D array."""
        if isinstance(X, (Rows, LazyRows, torch.utils.data.Dataset)):
            raise TypeError(
                f"{self.name}: the bundled net for tables takes a DataFrame or a 2-D"
                f" array; got {type(X).__name__}. Give a module of your own, or a net"
                " for arrays such as module='resnet'."
            )
        X = to_host(X)  # Tables are encoded there.
        return as_table(X, estimator_name=self.name)

    def fit_transform(self, X: Any) -> dict[str, torch.Tensor]:
        """Learn the encoding, and encode."""
        return _as_tensors(self.encoder.fit_transform(X))

    def transform(self, X: Any) -> dict[str, torch.Tensor]:
        """Encode what `check` returned."""
        return _as_tensors(self.encoder.transform(X))

    def net_arguments(self, n_outputs: int) -> dict[str, Any]:
        """Return what the bundled net needs to know of the table."""
        encoder = self.encoder
        edges = None
        for limit, n_bins in _BINS:
            if encoder.n_numeric_ <= limit:
                edges = [_thinned(e, n_bins) for e in encoder.bin_edges_]
                break
        return {
            "n_numeric": encoder.n_numeric_,
            "n_indicators": len(encoder.indicator_columns_),
            "n_levels": list(encoder.n_levels_),
            "n_outputs": n_outputs,
            "bin_edges": edges,
        }

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
