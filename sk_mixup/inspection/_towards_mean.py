"""Rows moved towards the mean of a reference set, as mixing moves them on average."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from sk_mixup.inspection._encoded import called, first_tensor, in_evaluation, mapped

#: Rows of one pass through a module.
BLOCK = 2048
_OTHERS = ("text", "bags")


def by_module(model: Any, x: Any, reference: Any, lam: float) -> Any:
    """Return what a net says of encoded rows that are moved.

    Parameters
    ----------
    model : MixupClassifier or MixupRegressor
        Fitted.
    x, reference : Tensor, dict or tuple
        Encoded rows.
    lam : float
        Share of the own row.

    Raises
    ------
    ValueError
        For texts and bags, whose parts have no places of their own.
    """
    module = model.module_
    kind = getattr(module, "input_kind", "any")
    if kind in _OTHERS:
        raise ValueError(
            f"towards='mean': {kind} has no mean, since its words or instances belong"
            " to no places. Use towards='rows'."
        )
    inside = bool(getattr(module, "mixes_inside", False))
    n_rows, found = len(first_tensor(x)), []
    with in_evaluation(module), torch.no_grad():
        mean = _embedded_mean(module, reference) if inside else _mean(reference)

        def moved(t: Tensor) -> Tensor:
            return lam * t + (1.0 - lam) * mean.to(t.dtype)

        for start in range(0, n_rows, BLOCK):
            rows = mapped(lambda t, low=start: t[low : low + BLOCK], x)
            if inside:
                outputs = called(module, rows, mix=moved)
            else:
                outputs = called(
                    module,
                    mapped(lambda t, m: lam * t + (1.0 - lam) * m, rows, mean),
                )
            found.append(model.decode(outputs))
    if isinstance(found[0], list):
        return [np.concatenate(parts) for parts in zip(*found, strict=True)]
    return np.concatenate(found)


def by_table(model: Any, ask: Any, rows: Any, reference: Any, lam: float) -> Any:
    """Return what an estimator says of rows of a table that are moved.

    Parameters
    ----------
    model : estimator
    ask : callable
        Its `predict` or `predict_proba`.
    rows, reference : DataFrame, ndarray or sparse matrix
    lam : float

    Raises
    ------
    ValueError
        For columns that hold no numbers.
    """
    if hasattr(rows, "columns"):
        others = [
            repr(name)
            for name in rows.columns
            if rows[name].dtype.kind not in "iuf" or reference[name].dtype.kind == "O"
        ]
        if others:
            raise ValueError(
                f"towards='mean': columns {', '.join(others)} hold no numbers and have"
                " no mean. Use towards='rows', which draws them, or encode them before"
                " the model."
            )
        return ask(rows * lam + (1.0 - lam) * reference.mean())
    if hasattr(rows, "toarray"):
        rows, reference = rows.toarray(), reference.toarray()
    if rows.dtype.kind not in "iuf":
        raise ValueError(
            f"towards='mean': X of dtype {rows.dtype} has no mean. Use towards='rows'."
        )
    return ask(lam * rows + (1.0 - lam) * np.nanmean(reference, axis=0))


def _mean(reference: Any) -> Any:
    """Return the mean of encoded rows, with an axis of rows."""
    for part in _parts(reference):
        if not part.is_floating_point():
            raise ValueError(
                f"towards='mean': X holds integers ({part.dtype}), such as ids, which"
                " have no mean. Use towards='rows' for nets that embed them."
            )
    return mapped(lambda t: t.double().mean(0, keepdim=True).to(t.dtype), reference)


def _embedded_mean(module: Any, reference: Any) -> Tensor:
    """Return the mean of what a net makes of rows before it mixes."""
    total: list[Tensor] = []
    n_rows = len(first_tensor(reference))

    def keep(t: Tensor) -> Tensor:
        total.append(t.double().sum(0, keepdim=True))
        return t

    for start in range(0, n_rows, BLOCK):
        rows = mapped(lambda t, low=start: t[low : low + BLOCK], reference)
        called(module, rows, mix=keep)
    return torch.stack(total).sum(0) / n_rows


def _parts(x: Any) -> list[Tensor]:
    found: list[Tensor] = []

    def keep(t: Tensor) -> Tensor:
        found.append(t)
        return t

    mapped(keep, x)
    return found
