"""How much a net needs each column: by how much its loss rises without it.

A column is taken away by permuting it (Breiman, 2001), on rows that the net was not
trained on, where there are such. Of members that leave out folds, each is asked about
its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sk_mixup.inputs import TableInput, holds_sparse
from sk_mixup.training import (
    ArrayData,
    MemberRows,
    call_module,
    predict_outputs,
    select,
    split_weight,
)

#: A column is permuted so often, in at most so many rows.
REPEATS, MOST_ROWS = 5, 4096
# Rows, or places of members, that run together.
_BLOCK = 512


def check_importance(importance: Any) -> None:
    """Check the parameter.

    Raises
    ------
    ValueError
    """
    if importance is None or importance == "permutation":
        return
    raise ValueError(f"importance must be None or 'permutation'; got {importance!r}.")


def check_has_columns(source: Any, train: Any, features: Mapping[str, Any]) -> None:
    """Check that there are columns to permute.

    Raises
    ------
    ValueError
        Before training.
    """
    if isinstance(source, TableInput) and isinstance(train, ArrayData):
        return
    if not isinstance(train, ArrayData):
        what = "rows of an iterable data set come once, in an order of their own"
        if train.n_rows is not None:
            what = "rows of files come in an order of their own"
    elif holds_sparse(train.X):
        what = "those of a sparse X are too many to try"
    elif not features or getattr(train.X, "ndim", 0) != 2:
        what = "X has none: it is no table"
    else:
        return
    raise ValueError(
        f"importance='permutation' permutes the columns of X, and {what}. Say"
        " importance=None."
    )


def importance_of(training: Any) -> np.ndarray:
    """Return the share of every feature in the rise of the loss, float64.

    Parameters
    ----------
    training : Training
        That has ended.
    """
    net, data = training.net, training.data
    rows = data.valid if isinstance(data.valid, ArrayData) else data.train
    generator = torch.Generator().manual_seed(data.streams.split_seed % 2**63)
    module = net.module_
    objective = training.fitted.objective
    inner = getattr(objective, "inner", objective)
    of_members = isinstance(rows, MemberRows)
    n_places = (
        MOST_ROWS // rows.n_members if isinstance(rows, MemberRows) else MOST_ROWS
    )
    places = torch.randperm(len(rows), generator=generator)[:n_places].sort().values
    x, y = rows[places]
    y, weight = split_weight(y)

    def outputs(values: Any) -> Tensor:
        if not of_members:
            return predict_outputs(module, values, net.place_, objective.read)
        blocks = range(0, len(places), _BLOCK)
        parts = [select(values, slice(start, start + _BLOCK)) for start in blocks]
        found = [inner.read(call_module(module, _moved(p, net.place_))) for p in parts]
        return torch.cat(found).flatten(0, 1).cpu()

    if of_members:
        y = y.flatten(0, 1)
        weight = None if weight is None else weight.flatten()

    @torch.inference_mode()
    def loss(values: Any) -> float:
        output, target = outputs(values).to(net.place_), y.to(net.place_)
        each = inner.rows(inner.scored(output), target).double().cpu()
        if each.ndim and weight is not None:
            each = each * weight
        return float(each.mean())

    module.eval()
    orders = [torch.randperm(len(places), generator=generator) for _ in range(REPEATS)]
    rises = _rises(loss, x, list(_entries(data.source, data.features)), orders)
    total = rises.sum()
    return rises / total if total > 0 else rises


def _rises(
    loss: Callable[[Any], float],
    x: Any,
    features: list[dict[str, Tensor] | Tensor],
    orders: list[Tensor],
) -> np.ndarray:
    """Return the mean rise of the loss without each feature; at least 0."""
    before = loss(x)
    rises = np.zeros(len(features))
    for j, entries in enumerate(features):
        if _is_constant(x, entries):
            continue
        losses = [loss(_permuted(x, entries, order)) for order in orders]
        # A squared rank, as selection takes it, would make much of a fall by chance.
        rises[j] = max(float(np.mean(losses)) - before, 0.0)
    return rises


def _entries(
    source: Any, features: Mapping[str, Any]
) -> Iterator[dict[str, Tensor] | Tensor]:
    """Yield for every feature the entries of an encoded row that speak of it."""
    if not isinstance(source, TableInput):
        for j in range(features["n_features_in_"]):
            yield torch.tensor([j])
        return
    encoder = source.encoder
    owners = {
        # Missing indicators stand behind the numbers.
        "numeric": np.r_[encoder.numeric_columns_, encoder.indicator_columns_],
        "categorical": encoder.categorical_columns_,
    }
    for j in range(encoder.n_features_):
        yield {
            key: torch.from_numpy(np.flatnonzero(columns == j))
            for key, columns in owners.items()
        }


def _permuted(x: Any, entries: Any, order: Tensor) -> Any:
    if isinstance(entries, dict):
        return {key: _permuted(x[key], entries[key], order) for key in x}
    if not len(entries):
        return x
    changed = x.clone()
    changed[..., entries] = x[order][..., entries]
    return changed


def _is_constant(x: Any, entries: Any) -> bool:
    if isinstance(entries, dict):
        return all(_is_constant(x[key], entries[key]) for key in x)
    values = x[..., entries]
    return bool((values == values[:1]).all())


def _moved(x: Any, device: Any) -> Any:
    return {key: value.to(device) for key, value in x.items()}
