"""What reaches a net that takes arrays: the values that the user gave.

Of any rank, cast to float32 at most.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils import check_array

from sk_mixup.encoding import as_table


class ArrayInput:
    """Pass arrays on as they are, for modules that the user brings.

    Floats become float32, uint8 (pixels) and other integers keep their dtype.

    Parameters
    ----------
    name : str
        What messages call the estimator.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.shape: tuple[int, ...] | None = None

    def check(self, X: Any) -> Any:
        """Return the DataFrame, or an array of at least two dimensions."""
        if isinstance(X, torch.Tensor):
            X = X.detach().cpu().numpy()
        if hasattr(X, "columns") or not hasattr(X, "ndim") or X.ndim <= 2:
            X = as_table(X, estimator_name=self.name)
            if hasattr(X, "columns") or X.dtype.kind not in "fiub":
                X = self._numbers(X)
        array = check_array(
            X,
            dtype=None,
            allow_nd=True,
            ensure_all_finite=True,
            estimator=self.name,
            input_name="X",
        )
        if array.dtype.kind not in "fiub":
            raise ValueError(
                f"X has dtype {array.dtype}; a module of your own takes numbers."
            )
        return X if hasattr(X, "columns") else array

    def _numbers(self, X: Any) -> Any:
        """Refuse columns that are no numbers, by name."""
        if not hasattr(X, "columns"):
            return check_array(X, dtype="numeric", estimator=self.name)
        text = [
            str(name)
            for name, dtype in X.dtypes.items()
            if getattr(dtype, "kind", "O") not in "fiub"
        ]
        if text:
            raise ValueError(
                f"X: columns {text} hold no numbers, and a module of your own gets the"
                " values as they are. Encode them in a Pipeline (OrdinalEncoder,"
                " OneHotEncoder, StandardScaler), or use module=None, which encodes"
                " tables itself."
            )
        return X

    def fit_transform(self, X: Any) -> torch.Tensor:
        """Remember the shape of a row, and convert."""
        array = np.asarray(X)
        self.shape = array.shape[1:]
        return self._convert(array)

    def transform(self, X: Any) -> torch.Tensor:
        """Convert what `check` returned."""
        array = np.asarray(X)
        if array.shape[1:] != self.shape:
            raise ValueError(
                f"X has rows of shape {array.shape[1:]}, but {self.name} was fitted on"
                f" rows of shape {self.shape}."
            )
        return self._convert(array)

    def _convert(self, array: np.ndarray) -> torch.Tensor:
        if array.dtype.kind == "O":
            array = array.astype(np.float64)
        if array.dtype.kind == "f" or array.dtype == bool:
            array = array.astype(np.float32, copy=False)
        elif array.dtype.kind in "iu" and array.dtype != np.uint8:
            array = array.astype(np.int64, copy=False)
        # torch wants writable memory and positive strides; it never writes here.
        if not array.flags.writeable or any(s < 0 for s in array.strides):
            array = array.copy()
        return torch.from_numpy(np.ascontiguousarray(array))

    def net_arguments(self, n_outputs: int) -> None:
        """Nothing: the user's module knows its input."""

    @property
    def columns(self) -> None:
        """Nothing: each entry of a row is a column of its own."""

    def after_training(self, module: Any) -> None:
        """Nothing to fill in."""
