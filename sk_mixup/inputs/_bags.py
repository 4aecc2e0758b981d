"""Rows that are bags: several instances each, as many as they happen to have.

A bag is an array (instances, features). Nets get bags padded to one length, and a mask
of the instances that are there; numbers are standardized over all instances, which the
padding is no part of.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch

from sk_mixup.inputs._dataset import to_host

_SMALLEST = 1e-12


class BagInput:
    """Take bags of instances for the bundled net of bags.

    Parameters
    ----------
    name : str
        What messages call the estimator.

    Attributes
    ----------
    mean, std : ndarray of shape (n_features,), float64, or None
        Of the instances of the training bags.
    """

    kind: ClassVar[str] = "bags"
    #: Rows have no one shape.
    shape: ClassVar[None] = None

    def __init__(self, name: str) -> None:
        self.name = name
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None

    def check(self, X: Any) -> np.ndarray:
        """Return an array of bags, each of shape (instances, features).

        Parameters
        ----------
        X : sequence of array-like, ndarray, Tensor, Series or DataFrame of one column
            A bag per row.

        Raises
        ------
        ValueError
            Naming the bag that is wrong.
        """
        if hasattr(X, "columns"):
            if X.shape[1] != 1:
                raise ValueError(
                    f"X: module='mil' takes one bag per row; the DataFrame has"
                    f" {X.shape[1]} columns. Give the column of bags, X['NAME']."
                )
            X = X.iloc[:, 0]
        given = to_host(X)
        given = given.to_numpy() if hasattr(given, "to_numpy") else given
        if getattr(given, "ndim", 1) == 2 or not hasattr(given, "__len__"):
            shape = getattr(given, "shape", None)
            raise ValueError(
                "X: module='mil' takes bags, a list of arrays (instances, features)"
                f" with an entry per row; got {type(X).__name__}"
                f"{'' if shape is None else f' of shape {shape}'}. One instance per row"
                " is a table, for module=None."
            )
        if not len(given):
            raise ValueError("X holds no bags; at least 1 is needed.")
        bags = np.empty(len(given), dtype=object)
        n_features = None if self.mean is None else len(self.mean)
        for i, bag in enumerate(given):
            bags[i] = _read(i, bag)
            n_features = n_features or bags[i].shape[1]
            if bags[i].shape[1] != n_features:
                where = "bag 0" if self.mean is None else "fit"
                raise ValueError(
                    f"X: bag {i} has {bags[i].shape[1]} features per instance, and in"
                    f" {where} they were {n_features}."
                )
        return bags

    def fit_transform(self, X: np.ndarray) -> dict[str, torch.Tensor]:
        """Learn means and deviations of features, and encode."""
        instances = np.concatenate(list(X))
        self.mean = instances.mean(axis=0, dtype=np.float64)
        std = instances.std(axis=0, dtype=np.float64)
        self.std = np.where(std > _SMALLEST, std, 1.0)
        return self.transform(X)

    def transform(self, X: np.ndarray) -> dict[str, torch.Tensor]:
        """Encode what `check` returned."""
        assert self.mean is not None
        assert self.std is not None
        longest = max(map(len, X))
        padded = np.zeros((len(X), longest, len(self.mean)), dtype=np.float32)
        mask = np.zeros((len(X), longest), dtype=bool)
        for i, bag in enumerate(X):
            padded[i, : len(bag)] = (bag - self.mean) / self.std
            mask[i, : len(bag)] = True
        return {
            "instances": torch.from_numpy(padded),
            "mask": torch.from_numpy(mask),
        }

    def net_arguments(self, n_outputs: int) -> dict[str, Any]:
        """Return what the bundled net needs to know of the bags."""
        assert self.mean is not None
        return {"d_in": len(self.mean), "n_outputs": n_outputs}

    @property
    def columns(self) -> None:
        """Nothing: instances have features, and bags have none."""

    def after_training(self, module: Any) -> None:
        """Nothing to fill in."""


def _read(i: int, bag: Any) -> np.ndarray:
    """Return one bag as floats.

    Raises
    ------
    ValueError
    """
    try:
        array = np.asarray(to_host(bag), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"X: bag {i} must be an array of numbers (instances, features): {error}."
        ) from error
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(
            f"X: bag {i} has shape {array.shape}; a bag has shape (instances, features)"
            " and at least one instance. A bag of single numbers is bag.reshape(-1, 1)."
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"X: bag {i} contains NaN or infinity. Drop such instances, or fill them"
            " in."
        )
    return array
