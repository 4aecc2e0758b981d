"""Batches that a DataLoader makes, with the options that a net was given for it."""

from __future__ import annotations

import inspect
from typing import Any

from torch.utils.data import DataLoader, RandomSampler, SequentialSampler

from sk_mixup.inputs import DatasetRows
from sk_mixup.processes import Processes
from sk_mixup.training.feeds._batches import (
    ArrayData,
    LoadedBatches,
    LoaderBatches,
    as_is,
)
from sk_mixup.training.feeds._last_batch import JoinedBatches, count_batches
from sk_mixup.training.feeds._shared import OwnRows, SharedSampler
from sk_mixup.training.feeds._stream_data import StreamData


def training_batches(net: Any, dataset: ArrayData) -> Any:
    """Return training batches of arrays from the loader that the user configured.

    Parameters
    ----------
    net : skorch net
    dataset : ArrayData

    Returns
    -------
    batches : DataLoader or LoaderBatches
    """
    options = _options(net, True, len(dataset))
    loader = net.iterator_train
    shared = _shared(net)
    # Another loader, or a function of the user's, may hand out rows themselves.
    copies = not _is_loader(loader) or "collate_fn" in options
    made = loader(dataset, **_joining(loader, dataset, options, shared))
    made = _own_rows(made, shared)
    device = net.place_
    # On the CPU there is nothing to move.
    if device.type == "cpu" and not copies:
        return made
    return LoaderBatches(made, device, copies=copies)


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
    options = _options(net, training, len(dataset))
    collate = options.pop("collate_fn", None)
    loader = getattr(net, _name(training))
    data = LoadedBatches(dataset.X, dataset, collate)
    shared = _shared(net) if training else None
    if training:
        options = _joining(loader, data, options, shared)
    made = _own_rows(loader(data, collate_fn=as_is, **options), shared)
    return LoaderBatches(made, net.place_, copies=collate is not None)


def stream_batches(net: Any, dataset: StreamData, training: bool) -> LoaderBatches:
    """Return batches of an iterable data set; parameters as for `loaded_batches`.

    Raises
    ------
    ValueError
        For a batch of all rows.
    """
    options = _options(net, training)
    size = options.get("batch_size")
    if size == -1:
        raise ValueError(
            "batch_size=-1 means all rows, and nobody knows how many an iterable"
            " data set has. Give a number."
        )
    copies = "collate_fn" in options
    joins = training and size != 1 and not options.get("drop_last", False)
    made = dataset.loader(options)
    if training:
        made = _own_rows(made, _shared(net))
    return LoaderBatches(made, net.place_, copies=copies, joins=joins)


def _options(net: Any, training: bool, n_rows: int | None = None) -> dict[str, Any]:
    options: dict[str, Any] = net.get_params_for(_name(training))
    if "batch_sampler" not in options:
        options.setdefault("batch_size", net.batch_size)
    if options.get("batch_size") == -1 and n_rows is not None:
        options["batch_size"] = n_rows
    shared = _shared(net)
    if training and shared is not None and shared.parts:
        size = options.get("batch_size")
        if size is not None:
            options["batch_size"] = max(1, size // shared.size)
    return options


def _shared(net: Any) -> Processes | None:
    """Return the processes that a training is shared by."""
    run = net.run_
    return None if run is None or run.shared is None else run.shared.processes


def _own_rows(made: Any, shared: Processes | None) -> Any:
    """Return what a process trains on, of a loader that gives all of them all rows.

    Those of torch load the shares of their batches alone, see `_joining`.
    """
    if shared is None or shared.parts:
        return made
    sampler = getattr(made, "batch_sampler", None)
    return made if isinstance(sampler, SharedSampler) else OwnRows(made, shared)


def _name(training: bool) -> str:
    return "iterator_train" if training else "iterator_valid"


def _is_loader(loader: Any) -> bool:
    return isinstance(loader, type) and issubclass(loader, DataLoader)


def _joining(
    loader: Any,
    data: Any,
    options: dict[str, Any],
    shared: Processes | None = None,
) -> dict[str, Any]:
    """Return options of a loader whose last batch has more than one row.

    The order of rows, and what is drawn for it, stay as they are. Batches that a user
    makes (a `batch_sampler`, ``batch_size=None``) are left alone. Of processes with
    the same rows, each loads its share of every batch.
    """
    size = options.get("batch_size")
    if size is None or size == 1 or options.get("drop_last", False):
        return options
    if not _is_loader(loader):
        return options
    taken = inspect.signature(loader).parameters
    if "batch_sampler" not in taken and not any(
        p.kind is p.VAR_KEYWORD for p in taken.values()
    ):
        return options
    sampler = options.get("sampler")
    if sampler is None and options.get("shuffle"):
        sampler = RandomSampler(data, generator=options.get("generator"))
    elif sampler is None:
        sampler = SequentialSampler(data)
    try:
        n_rows = len(sampler)
    except TypeError:
        return options
    shares = shared is not None and not shared.parts
    if not shares and count_batches(n_rows, size) == -(-n_rows // size):
        return options
    gone = ("batch_size", "shuffle", "sampler", "drop_last")
    rest = {key: value for key, value in options.items() if key not in gone}
    batches: Any = JoinedBatches(sampler, size)
    if shares:
        assert shared is not None
        batches = SharedSampler(batches, shared)
    return rest | {"batch_sampler": batches}
