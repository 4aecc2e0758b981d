"""Checks of numbers, row weights and classes, before any training."""

from __future__ import annotations

import math
import numbers
import os
from typing import Any

import numpy as np
import pandas as pd
import torch

from sk_mixup.inputs import to_host
from sk_mixup.training import module_kind

# Sums of weights below 2**500 are finite, and so are their products with others.
_MOST_BITS = 500


def check_weight(name: str, weight: Any, n_rows: int) -> np.ndarray | None:
    """Return weights as float64.

    Raises
    ------
    ValueError
        If they are of another length, NaN, infinite, negative or all zero.
    """
    if weight is None:
        return None
    weight = _as_numbers(name, weight)
    if weight.ndim == 0:
        weight = np.full(n_rows, float(weight))
    if weight.ndim != 1:
        raise ValueError(
            f"{name}: Sample weights must be 1D array or scalar; got shape"
            f" {weight.shape}. Flatten it, for example by .ravel()."
        )
    if len(weight) != n_rows:
        raise ValueError(
            f"{name}.shape == ({len(weight)},), expected ({n_rows},): one weight per"
            " row of X."
        )
    if not np.isfinite(weight).all():
        row = int(np.flatnonzero(~np.isfinite(weight))[0])
        raise ValueError(
            f"{name} must be finite; row {row} is {weight[row]} (NaN or infinity). Give"
            " such rows a weight of 0 to leave them out."
        )
    if (weight < 0).any():
        row = int(np.flatnonzero(weight < 0)[0])
        raise ValueError(
            f"{name}: Negative values in data; row {row} is {weight[row]}. Weights"
            " must be at least 0."
        )
    if not weight.any():
        raise ValueError(
            f"{name}: Sample weights must contain at least one non-zero number; all"
            f" {n_rows} are zero."
        )
    return in_range(weight)


def in_range(weight: np.ndarray) -> np.ndarray:
    """Return weights whose sums are finite: only their ratios count.

    Very large and very small ones are scaled by a power of two, which rounds nothing.
    """
    _, exponent = np.frexp(weight.max())
    if abs(int(exponent)) <= _MOST_BITS:
        return weight
    return np.ldexp(weight, -int(exponent))


def _as_numbers(name: str, weight: Any) -> np.ndarray:
    """Return an array of float64; text that looks like numbers is none."""
    given = to_host(weight)
    try:
        raw = np.asarray(given)
        mixed: Any = raw.ravel() if raw.dtype.kind in "OUS" else []
        texts = [x for x in mixed if isinstance(x, (str, bytes))]
        if raw.dtype.kind not in "biufO" or texts:
            what = repr(texts[0]) if texts else f"dtype {raw.dtype}"
            raise TypeError(f"it holds {what}")
        return np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must hold numbers, one per row: {error}. Convert it, for example"
            " by np.asarray(..., dtype=float)."
        ) from error


def check_count(name: str, value: Any) -> None:
    """Check that a parameter is None or an int of at least 1."""
    if value is None:
        return
    if not isinstance(value, numbers.Integral) or isinstance(value, bool):
        raise TypeError(
            f"{name} must be None or an int of at least 1; got {value!r} of type"
            f" {type(value).__name__}."
        )
    if value < 1:
        raise ValueError(f"{name} must be an int of at least 1; got {value}.")


def check_path(value: Any) -> None:
    """Check that `checkpoint` is the path of a folder."""
    if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
        raise TypeError(
            "checkpoint must be None or the path of a folder; got"
            f" {value!r} of type {type(value).__name__}."
        )


def check_positive(name: str, value: Any) -> None:
    """Check that a parameter is None or a positive finite number."""
    if value is None:
        return
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise TypeError(
            f"{name} must be None or a positive number; got {value!r} of type"
            f" {type(value).__name__}."
        )
    if not 0 < float(value) < math.inf:
        raise ValueError(f"{name} must be a positive finite number; got {value!r}.")


def normalized(weight: Any) -> torch.Tensor | None:
    """Return weights of mean 1 as float32; None where they are all alike."""
    if weight is None:
        return None
    weight = torch.from_numpy(in_range(np.asarray(weight, dtype=np.float64)))
    if bool((weight == weight[0]).all()):
        return None
    if not bool(weight.mean().isfinite()):
        weight = weight / weight.max()
    return (weight / weight.mean()).float()


def drop_weightless(
    table: Any,
    labels: torch.Tensor,
    weight: np.ndarray | None,
    groups: torch.Tensor | None = None,
) -> tuple[Any, torch.Tensor, np.ndarray | None, torch.Tensor | None]:
    """Leave out the rows of weight zero."""
    if weight is None or weight.all():
        return table, labels, weight, groups
    kept = np.flatnonzero(weight)
    table = table.iloc[kept] if hasattr(table, "iloc") else table[kept]
    rows = torch.from_numpy(kept)
    return table, labels[rows], weight[kept], None if groups is None else groups[rows]


def check_groups(groups: Any, n_rows: int) -> torch.Tensor | None:
    """Return a code per group and row, int64.

    Raises
    ------
    ValueError
        If the shape is wrong or a value is missing.
    """
    if groups is None:
        return None
    values = np.asarray(to_host(groups))
    # pandas knows neither NumPy's texts nor the byte order of other machines.
    if values.dtype.kind == "T":
        values = values.astype(object)
    elif not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    if values.shape != (n_rows,):
        raise ValueError(
            f"groups must have shape ({n_rows},), one per row of X; got shape"
            f" {values.shape}."
        )
    codes, _ = pd.factorize(values)
    if (codes < 0).any():
        row = int(np.flatnonzero(codes < 0)[0])
        raise ValueError(
            f"groups: row {row} has no group (a missing value). Give every row one; a"
            " row that may mix with none gets a group of its own."
        )
    return torch.from_numpy(codes.astype(np.int64))


def check_same_classes(target: Any, classes: Any) -> None:
    """Check that a training goes on with the classes that it began with."""
    if not target.has_classes(classes):
        known = target.classes_
        shown = (
            [one.tolist() for one in known]
            if isinstance(known, list)
            else known.tolist()
        )
        raise ValueError(
            f"classes={list(classes)!r} differ from those of the first call, {shown}."
        )


def check_classes_left(target: Any, labels: torch.Tensor) -> None:
    """Check that every output has two classes without the rows of weight zero."""
    if target.kind not in ("classes", "columns"):
        return
    known = target.classes_ if target.kind == "columns" else [target.classes_]
    for j, codes in enumerate(labels.reshape(len(labels), -1).T):
        left = torch.unique(codes)
        if len(left) < 2:
            where = f"column {j} of y" if target.kind == "columns" else "y"
            label = known[j].tolist()[int(left[0])]
            raise ValueError(
                f"{where} holds one class with positive weight, {label!r}: a"
                " classifier needs at least 2."
            )


def check_takes_masks(module: Any) -> None:
    """Refuse nets of the library for targets of a class per pixel.

    Raises
    ------
    ValueError
    """
    if module_kind(module) == "bundled":
        named = "None" if module is None else repr(module)
        raise ValueError(
            f"y holds masks, a class per pixel, and module={named} is a net of the"
            " library, which returns one answer per row. Give a module of your own that"
            " returns (B, n_classes, height, width)."
        )
