"""What reaches a net for tables of a sparse matrix: its columns as numbers."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch

from sk_mixup.encoding import SparseScale, as_table
from sk_mixup.inputs._containers import refuse_uncountable
from sk_mixup.inputs._dataset import to_host
from sk_mixup.inputs._sparse import SPARSE_NETS, SparseRows, is_sparse, sparse_rows

# Of so many columns, hidden layers are so wide at most.
_WIDE_FROM, _WIDE_HIDDEN = 4096, 128


class SparseTableInput:
    """Encode sparse matrices for the multilayer perceptron.

    Columns are numbers, without bins or vectors for the values that they repeat, and
    stay sparse until a batch of them is read.

    Parameters
    ----------
    module : str or None
        The name of the net.
    categorical_features : object
        As for the estimator.
    seed : int
    name : str
        What messages call the estimator.
    """

    kind: ClassVar[str] = "table"

    def __init__(
        self, module: Any, categorical_features: Any, seed: int, name: str
    ) -> None:
        self.module = module
        self.categorical_features = categorical_features
        self.seed = seed
        self.name = name
        self.scale: SparseScale | None = None

    def check(self, X: Any) -> SparseRows:
        """Return checked rows.

        Raises
        ------
        TypeError
            For a net that takes none.
        ValueError
            For values that are no finite numbers, and columns said to be categories.
        """
        if self.module not in SPARSE_NETS:
            raise TypeError(
                f"Sparse input is not supported by module={self.module!r}, which makes"
                f" a vector of every column: {self.name} got a {type(X).__name__} of"
                f" shape {tuple(X.shape)}. Use module='mlp' or a module of your own, or"
                " pass a dense array: X.toarray()."
            )
        given = self.categorical_features
        if not isinstance(given, (str, type(None))) and _names_any(given):
            raise ValueError(
                f"categorical_features={given!r}: the columns of a sparse X enter as"
                " numbers. Encode categories by a OneHotEncoder, or give a DataFrame."
            )
        if is_sparse(X):
            return sparse_rows(X, self.name)
        refuse_uncountable(X, self.name)
        table = as_table(to_host(X), estimator_name=self.name)
        return sparse_rows(_compressed(table, self.name), self.name)

    def fit_transform(self, X: SparseRows) -> dict[str, Any]:
        """Learn the scales, and encode."""
        columns, values = X.entries()
        self.scale = SparseScale.fit(columns, values, X.width, seed=self.seed)
        return self.transform(X)

    def transform(self, X: SparseRows) -> dict[str, Any]:
        """Encode what `check` returned."""
        assert self.scale is not None
        if X.width != self.n_features:
            raise ValueError(
                f"X has {X.width} features, but {self.name} is expecting"
                f" {self.n_features} features as input."
            )
        values = self.scale.apply(X.columns.numpy(), X.values.numpy())
        return {
            "numeric": X.with_values(torch.from_numpy(values)),
            "categorical": torch.empty(len(X), 0, dtype=torch.int64),
        }

    @property
    def n_features(self) -> int:
        """Number of columns."""
        assert self.scale is not None
        return len(self.scale.scale)

    def net_arguments(self, n_outputs: int) -> dict[str, Any]:
        """Return what the net needs to know: how many numbers there are."""
        return {
            "n_numeric": self.n_features,
            "n_indicators": 0,
            "n_levels": [],
            "n_outputs": n_outputs,
        }

    def narrowed(self, net: dict[str, Any]) -> dict[str, Any]:
        """Return arguments of the net of a recipe: one perceptron, no wider than pays.

        Weights, gradients and their averages are as many times the columns.
        """
        width = net["d_hidden"]
        if self.n_features > _WIDE_FROM:
            width = min(width, _WIDE_HIDDEN)
        return net | {"n_members": 1, "d_hidden": width}

    @property
    def columns(self) -> dict[str, torch.Tensor]:
        """Column of each entry of an encoded row."""
        none = torch.empty(0, dtype=torch.int64)
        return {"numeric": torch.arange(self.n_features), "categorical": none}

    def after_training(self, module: Any) -> None:
        """Nothing to fill in."""


def _names_any(categorical_features: Any) -> bool:
    """Whether a mask, positions or names say of a column that it is a category."""
    items = np.asarray(categorical_features)
    return bool(items.any()) if items.dtype == bool else items.size > 0


def _compressed(table: Any, name: str) -> Any:
    """Return a dense table of numbers as a sparse matrix."""
    from scipy.sparse import csr_matrix

    values = np.asarray(table)
    try:
        return csr_matrix(values.astype(np.float64))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"X: {name} was fitted on a sparse matrix, whose columns are numbers, and"
            f" got a table with others ({error})."
        ) from error
