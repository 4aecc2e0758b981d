"""What methods may know of the training data: counts, columns, information."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sk_mixup.inputs import holds_sparse
from sk_mixup.mixing import Method
from sk_mixup.mixing.plans import count_columns
from sk_mixup.training.feeds._batches import ArrayData, move, select
from sk_mixup.training.feeds._stream_data import StreamData
from sk_mixup.turns import warnings_ignored

# Rows that tell enough of a column; ten thousand take 30 ms per number.
_INFORMATION_ROWS = 10_000
_NEIGHBORS = 3
_TRACE = 1e-9


def mix_facts(
    train: ArrayData | StreamData,
    method: Method | None,
    *,
    n_classes: int | None,
    columns: Mapping[str, Tensor] | None,
    seed: int,
) -> dict[str, Any]:
    """Return the fields of `MixContext` that describe the training data.

    Parameters
    ----------
    train : ArrayData or StreamData
    method : Method or None
        Facts that are dear to find are found only for a method that uses them.
    n_classes : int or None
        None: regression.
    columns : mapping of str to Tensor, or None
        Column of each entry of a row, per tensor of the input, for encoded tables.
    seed : int
        Of random choices among the rows.

    Returns
    -------
    facts : dict
    """
    facts: dict[str, Any] = {"columns": columns}
    if columns is not None:
        facts["n_columns"] = count_columns(columns.values())
    if train.weight is not None:
        facts["has_weights"] = True
    if isinstance(train, StreamData):
        # Nothing else is known of rows that come later.
        counts = getattr(train, "class_counts", None)
        return facts if counts is None else facts | {"class_counts": counts}
    if method is not None and n_classes is not None and train.y.ndim == 1:
        facts["class_counts"] = torch.bincount(train.y, minlength=n_classes)
    if method is not None and method.needs_information and not method.never_mixes:
        if holds_sparse(train.X):
            raise ValueError(
                f"mix: {type(method).__name__} asks what each column says of the"
                " target, which is not found out for the many columns of a sparse X."
                " Use another method, such as mix='mixup', or X.toarray()."
            )
        facts["information"] = column_information(
            train, n_classes=n_classes, columns=columns, seed=seed
        )
    return facts


def facts_on(facts: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """Return facts with those on a device that every batch is mixed with.

    Parameters
    ----------
    facts : dict
        As of `mix_facts`; what is there already stays what it is.
    device : torch.device
    """
    there = {
        key: move(facts[key], device)
        for key in ("columns", "class_counts")
        if facts.get(key) is not None
    }
    return facts | there


def column_information(
    train: ArrayData,
    *,
    n_classes: int | None,
    columns: Mapping[str, Tensor] | None,
    seed: int,
) -> Tensor | None:
    """Estimate the mutual information of each column with the target, in nats.

    Parameters
    ----------
    train : ArrayData
    n_classes : int or None
        None: regression. The information is the mean over the outputs: numbers,
        labels, or the probabilities of soft labels.
    columns : mapping of str to Tensor, or None
        As for `mix_facts`. A column is known by its first entry: a number, and not its
        missing indicator. None: the entries of a 2-D tensor are the columns.
    seed : int
        Of the choice among many rows, and of the estimate.

    Returns
    -------
    information : Tensor of shape (n_columns,), float32, or None
        None for input that is no table. A column of which nothing is known, such as a
        category that is another one in every row, has 0.
    """
    n_rows = len(train)
    x: Any = train.X
    y = train.y
    if n_rows > _INFORMATION_ROWS:
        random = np.random.default_rng(seed)
        chosen = random.choice(n_rows, _INFORMATION_ROWS, replace=False)
        index = torch.from_numpy(np.sort(chosen))
        x, y = select(x, index), y[index]
    else:
        x = select(x, slice(None))
    table = _table(x, columns)
    if table is None:
        return None
    values, is_discrete = table
    outputs = y.reshape(len(y), -1).cpu().numpy()
    if y.is_floating_point() and bool((outputs != np.floor(outputs)).any()):
        n_classes = None  # Probabilities are numbers, and no classes.
    means = np.mean(
        [_information(values, is_discrete, out, n_classes, seed) for out in outputs.T],
        axis=0,
    )
    # Rounding may leave a trace in columns that tell nothing.
    return torch.from_numpy(np.where(means > _TRACE, means, 0.0)).float()


def token_information(
    train: ArrayData | StreamData,
    *,
    n_classes: int | None,
    columns: Mapping[str, Tensor],
    n_numeric: int,
    seed: int,
) -> Tensor | None:
    """Estimate what each number and each category of an encoded table tells.

    Parameters
    ----------
    train, n_classes, seed :
        As for `column_information`.
    columns : mapping of str to Tensor
        With the keys "numeric" and "categorical".
    n_numeric : int
        Numbers, without missing indicators.

    Returns
    -------
    information : Tensor of shape (n_numeric + n_categorical,), or None
        Numbers, then categories.
    """
    if isinstance(train, StreamData):
        return None
    found = column_information(train, n_classes=n_classes, columns=columns, seed=seed)
    if found is None:
        return None
    ids = torch.cat([columns["numeric"][:n_numeric], columns["categorical"]])
    return found[ids]


def _table(
    x: Tensor | Mapping[str, Tensor] | tuple[Tensor, ...],
    columns: Mapping[str, Tensor] | None,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return one value per row and column, and which columns hold codes."""
    if isinstance(x, Tensor):
        if x.ndim != 2:
            return None
        return x.cpu().numpy(), np.full(x.shape[1], not x.is_floating_point())
    if columns is None or isinstance(x, tuple):
        return None
    values: dict[int, np.ndarray] = {}
    for key, ids in columns.items():
        part = x[key].cpu().numpy()
        for entry, column in enumerate(ids.tolist()):
            values.setdefault(column, part[:, entry])
    parts = [values[column] for column in sorted(values)]
    # One dtype for all, and one that holds every code.
    table = np.stack([part.astype(np.float64) for part in parts], axis=1)
    return table, np.array([part.dtype.kind != "f" for part in parts])


def _information(
    values: np.ndarray,
    is_discrete: np.ndarray,
    y: np.ndarray,
    n_classes: int | None,
    seed: int,
) -> np.ndarray:
    information = np.zeros(values.shape[1])
    # Neighbours are sought within a class, or within a category for numbers to predict:
    # without two rows of one kind there are none.
    if n_classes is not None:
        known = is_discrete | _repeats(y)
    else:
        known = np.array(
            [
                _repeats(column) if discrete else len(y) > _NEIGHBORS
                for column, discrete in zip(values.T, is_discrete, strict=True)
            ],
            dtype=bool,
        )
    # A column of one value tells nothing, whatever the estimate's noise says.
    known &= (values != values[:1]).any(0)
    if not known.any():
        return information
    # Not above: it takes longer to import than all the rest.
    from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

    estimate = mutual_info_regression if n_classes is None else mutual_info_classif
    with warnings_ignored(UserWarning):
        # Many classes among few rows are no news to somebody who fits a classifier.
        information[known] = estimate(
            values[:, known],
            y,
            discrete_features=is_discrete[known],
            n_neighbors=_NEIGHBORS,
            random_state=seed,
        )
    return information


def _repeats(labels: np.ndarray) -> bool:
    return len(np.unique(labels)) < len(labels)
