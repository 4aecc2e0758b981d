"""Targets as people hand them over: arrays, lists, one-hot rows of any dtype.

A plain loop gets its labels from wherever it likes. Class indices are a vector of
integers here, and everything else is floats; what is clear becomes one of the two, and
what is not is refused with the number of classes that was meant.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing._params import check_integer

# Few operations know these.
_WIDE = (torch.uint16, torch.uint32, torch.uint64)


def as_targets(y: Any, device: torch.device | None = None) -> Tensor:
    """Return targets as a tensor.

    Parameters
    ----------
    y : Tensor, array or list of shape (B, ...)
    device : torch.device or None
        Where an array or a list goes; a tensor stays.

    Raises
    ------
    TypeError
        If there are none, or if they are no numbers.
    """
    if isinstance(y, Tensor):
        return y.long() if y.dtype in _WIDE else y
    if y is None:
        raise TypeError(
            "y is None, and a call returns mixed targets. Give class indices, soft"
            " labels or numbers; for the input alone, plan = method.draw(x) and"
            " plan.apply(x)."
        )
    try:
        if hasattr(y, "__array__"):  # without an import of NumPy
            array = y.__array__()
            # A copy: arrays may be read-only, run backwards or be of another's order.
            if array.dtype.kind in "biuf":
                array = array.astype(array.dtype.newbyteorder("="), copy=True)
            else:
                array = array.tolist()
            return as_targets(torch.as_tensor(array, device=device))
        return torch.as_tensor(y, device=device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"y must hold numbers, as a tensor, an array or a list; got"
            f" {type(y).__name__}: {error}. Encode classes as 0 to n_classes - 1."
        ) from error


def check_classes(n_classes: Any) -> None:
    """Check a number of classes.

    Raises
    ------
    TypeError, ValueError
        Naming it and the value received.
    """
    if not torch.compiler.is_compiling():
        check_integer("n_classes", n_classes, low=1)


def class_targets(y: Tensor, n_classes: int | None, dtype: torch.dtype) -> Tensor:
    """Return class indices of shape (B,), or floats.

    Parameters
    ----------
    y : Tensor of shape (B, ...)
        Floats stay as they are. Integers and bools are class indices of shape (B,), or
        indicators of shape (B, n_classes).
    n_classes : int or None
    dtype : torch.dtype
        Of what indicators become.

    Raises
    ------
    ValueError, TypeError
        If class indices come without `n_classes` or do not fit it.
    """
    if y.is_floating_point():
        return y
    if n_classes is None:
        raise ValueError(
            f"y holds class indices (dtype {y.dtype}): say n_classes, or convert y to"
            " floats if it holds numbers to predict."
        )
    check_classes(n_classes)
    if y.ndim == 1:
        check_class_range(y, n_classes)
        return y
    if y.ndim == 2 and y.shape[1] == n_classes and n_classes > 1:
        _check_indicators(y)
        return y.to(dtype)
    remedy = ""
    if y.ndim == 2:
        remedy = (
            " Give y[:, 0]."
            if y.shape[1] == 1
            else f" Rows of yes and no need a column for each of n_classes={n_classes}."
        )
    raise ValueError(
        f"Class indices have shape (B,); got y of shape {tuple(y.shape)} and dtype"
        f" {y.dtype}.{remedy}"
    )


def check_width(y: Tensor, n_classes: int | None) -> None:
    """Hold floats against the number of classes that was said beside them.

    Raises
    ------
    TypeError
        For a vector of floats, which are numbers.
    ValueError
        For rows of another width.
    """
    if n_classes is None:
        return
    check_classes(n_classes)
    if not y.is_floating_point():
        return
    if y.ndim == 1:
        raise TypeError(
            f"n_classes={n_classes} needs class indices (an integer y); got y of dtype"
            f" {y.dtype}."
        )
    if y.shape[1] != n_classes:
        raise ValueError(
            f"n_classes={n_classes}, but y holds floats of shape {tuple(y.shape)}:"
            f" {y.shape[1]} per row. Leave n_classes out for numbers to predict; for"
            " soft labels give one column per class."
        )


def check_class_range(y: Tensor, n_classes: int) -> None:
    """Raise where class indices do not fit (on the CPU, where a look is free)."""
    if y.device.type != "cpu" or not len(y) or torch.compiler.is_compiling():
        return
    low, high = (int(bound) for bound in torch.aminmax(y))
    if low < 0 or high >= n_classes:
        raise ValueError(
            f"y holds class index {low if low < 0 else high}, outside 0 to"
            f" n_classes - 1 = {n_classes - 1}."
        )


def _check_indicators(y: Tensor) -> None:
    if y.dtype == torch.bool or y.device.type != "cpu" or not len(y):
        return
    if torch.compiler.is_compiling():
        return
    low, high = (int(bound) for bound in torch.aminmax(y))
    if low < 0 or high > 1:
        raise ValueError(
            f"y of dtype {y.dtype} and shape {tuple(y.shape)} must be one-hot rows or"
            f" labels of 0 and 1; it holds {low if low < 0 else high}. Class indices"
            " have shape (B,); convert numbers to predict to floats."
        )
