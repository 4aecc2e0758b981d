"""What an estimator makes of X and y before it looks at their values.

Data sets bring their targets along, and an iterable has neither a length nor rows to
pick.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch

from sk_mixup.inputs import (
    ArrayInput,
    DatasetRows,
    is_files,
    is_stream,
    join_targets,
    read_targets,
    spec_of,
    to_host,
)
from sk_mixup.training import StreamData


def given_targets(owner: str, table: Any, y: Any) -> Any:
    """Return `y`, or the targets that a data set has.

    Raises
    ------
    ValueError
        If there are none.
    """
    if y is None and isinstance(table, DatasetRows):
        y = read_targets(table)
    if y is None:
        raise ValueError(
            f"This {owner} estimator requires y to be passed, but the target y is None."
        )
    return _in_one(y)


def _in_one(y: Any) -> Any:
    """Return targets as an array on the host, where they are tensors.

    Raises
    ------
    TypeError
        For what yields them one by one.
    """
    if isinstance(y, (Iterator, torch.utils.data.DataLoader)):
        raise TypeError(
            f"y is a {type(y).__name__}, whose entries cannot be counted or picked."
            " Give list(y), an array or a Series."
        )
    if isinstance(y, (list, tuple)) and y and isinstance(y[0], torch.Tensor):
        return join_targets(list(y))
    return to_host(y)


def brings_targets(X: Any) -> bool:
    """Whether `X` is a data set, which may have targets of its own."""
    return isinstance(X, (DatasetRows, torch.utils.data.Dataset))


def scored_targets(owner: str, X: Any, y: Any) -> Any:
    """Return `y`, or the targets of a data set that is scored."""
    if y is None and is_files(X):
        return X.read_target()
    if y is not None or not brings_targets(X):
        return _in_one(y)
    rows = X if isinstance(X, DatasetRows) else DatasetRows(X)
    return given_targets(owner, rows, None)


def refuse_given(
    what: str, reasons: Mapping[str, str], given: Mapping[str, Any]
) -> None:
    """Refuse the arguments that are given, each for its reason.

    Raises
    ------
    ValueError
    """
    for name, value in given.items():
        if value is not None:
            raise ValueError(f"{name} cannot be used with {what}: {reasons[name]}.")


def refuse_for_streams(early_stopping: Any, **given: Any) -> None:
    """Say which of some arguments and parameters an iterable data set cannot serve.

    Raises
    ------
    ValueError
    """
    reasons = {
        "y": "it yields pairs (input, target) itself",
        "sample_weight": "weights are one per row of a known number",
        "groups": "groups are one per row of a known number",
        "y_val": "it yields pairs (input, target) itself",
        "sample_weight_val": "weights are one per row of a known number",
        "class_weight": "how often each class occurs is not known before training",
    }
    refuse_given("an iterable data set", reasons, given)
    if early_stopping is True:
        raise ValueError(
            "early_stopping=True cannot hold out a part of an iterable data set. Give"
            " X_val, or say early_stopping='auto' or False."
        )


def predicted_batches(
    source: Any, X: Any, options: dict[str, Any]
) -> Callable[[int], Iterable[Any]]:
    """Return what gives the inputs of an iterable data set in batches of a size.

    Parameters
    ----------
    source : ArrayInput
        Fitted.
    X : IterableDataset
    options : dict
        Of the `DataLoader`.
    """
    options = {k: v for k, v in options.items() if k not in ("batch_size", "drop_last")}
    # A loader draws a seed for its workers, by default from the global state.
    options.setdefault("generator", torch.Generator().manual_seed(0))
    data = StreamData(X, match=_Matcher(source), collate=source.collate)
    return lambda size: data.loader(options, batch_size=size)


def new_stream(source: Any, X: Any, target: Any = None, *, fits: bool) -> StreamData:
    """Return the training data of an iterable data set.

    Parameters
    ----------
    source : ArrayInput
        Learns the form of a row where `fits`, and checks it otherwise.
    X : IterableDataset
    target : encoder or None
        None: not known yet.
    fits : bool
    """
    if not is_stream(X):
        raise TypeError(
            f"X_val must be a data set or arrays with y_val; got {type(X).__name__}."
        )
    if not isinstance(source, ArrayInput):
        raise TypeError(
            f"X is the iterable data set {type(X).__name__}, and this module takes"
            " tables or texts. Give a module of your own, or a net for arrays."
        )
    data = StreamData(X, collate=source.collate)
    if fits:
        source.fit_stream(data.collate(data.first(2)))
    data.match = _Matcher(source)
    data.encode = None if target is None else _Encoder(target)
    return data


class _Encoder:
    """Picklable: loaders hand it to their workers."""

    def __init__(self, target: Any) -> None:
        self.target = target

    def __call__(self, targets: Any) -> torch.Tensor:
        return torch.from_numpy(self.target.transform(targets))


class _Matcher:
    def __init__(self, source: Any) -> None:
        self.source = source

    def __call__(self, x: Any) -> Any:
        return self.source.matched(x, spec_of(x))
