"""Batches that a DataLoader makes, with the options that a net was given for it."""

from __future__ import annotations

from typing import Any

from sk_mixup.inputs import DatasetRows
from sk_mixup.training.feeds._batches import (
    ArrayData,
    LoadedBatches,
    LoaderBatches,
    as_is,
)
from sk_mixup.training.feeds._stream_data import StreamData


def loaded_batches(net: Any, dataset: ArrayData, training: bool) -> LoaderBatches:
    """Return batches of a data set, whose items are loaded by a DataLoader.

    Parameters
    ----------
    net : skorch net
    dataset : ArrayData
        Its rows are those of a data set.
    training : bool
        Whether ``iterator_train`` counts, or ``iterator_valid``.

    Returns
    -------
    batches : LoaderBatches
    """
    assert isinstance(dataset.X, DatasetRows)
    options = _options(net, training)
    collate = options.pop("collate_fn", None)
    if options.get("batch_size") == -1:
        options["batch_size"] = len(dataset)
    data = LoadedBatches(dataset.X, dataset, collate)
    loader = getattr(net, _name(training))(data, collate_fn=as_is, **options)
    return LoaderBatches(loader, net.place_)


def stream_batches(net: Any, dataset: StreamData, training: bool) -> LoaderBatches:
    """Return batches of an iterable data set; parameters as for `loaded_batches`.

    Raises
    ------
    ValueError
        For a batch of all rows.
    """
    options = _options(net, training)
    if options.get("batch_size") == -1:
        raise ValueError(
            "batch_size=-1 means all rows, and nobody knows how many an iterable"
            " data set has. Give a number."
        )
    return LoaderBatches(dataset.loader(options), net.place_)


def _options(net: Any, training: bool) -> dict[str, Any]:
    options: dict[str, Any] = net.get_params_for(_name(training))
    if "batch_sampler" not in options:
        options.setdefault("batch_size", net.batch_size)
    return options


def _name(training: bool) -> str:
    return "iterator_train" if training else "iterator_valid"
