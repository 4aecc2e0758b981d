"""Batches made ready for their steps: plans drawn, small inputs mixed, some ahead.

A step of a small net is a chain of short calls, and a call of a kind that has not run
for a millisecond finds the processor's caches filled with other code: a draw costs
three times as much between two steps as in a row of draws. Batches that are slices of
data in memory are therefore prepared a few at a time. The streams are read in the same
order either way, so the training is the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from skorch.dataset import unpack_data
from torch import Tensor

from sk_mixup.mixing import Method, MixContext, MixPlan, MixStreams
from sk_mixup.training._batches import TensorBatches, split_weight
from sk_mixup.training._objective import Objective

# Batches prepared in a row.
_AHEAD = 32
# Inputs up to this size are mixed ahead; larger ones would hold memory for no gain.
_SMALL_BYTES = 2**17


class MixedBatch(NamedTuple):
    """What a step needs.

    Attributes
    ----------
    batch : tuple
        As the iterator gave it.
    plan : MixPlan or None
        None: no mixing.
    x : Tensor, dict or None
        The mixed input, where it was mixed ahead.
    target : Tensor or None
        The mixed target in the form of `Objective.dense_targets`.
    """

    batch: Any
    plan: MixPlan | None = None
    x: Any = None
    target: Tensor | None = None


def mixed_batches(
    iterator: Iterable[Any],
    method: Method | None,
    objective: Objective,
    *,
    streams: MixStreams,
    context: MixContext,
    mixes_inside: bool,
) -> Iterator[MixedBatch]:
    """Draw the plan of every batch.

    Parameters
    ----------
    iterator : iterable of (x, y)
        `TensorBatches`, or any other loader, whose batches are taken one by one.
    method : Method or None
    objective : Objective
    streams : MixStreams
    context : MixContext
    mixes_inside : bool
        Whether the net mixes its embedded input itself.

    Yields
    ------
    mixed : MixedBatch
    """
    if method is None:
        yield from map(MixedBatch, iterator)
        return
    small = 0 if mixes_inside else _SMALL_BYTES
    in_memory = isinstance(iterator, TensorBatches)
    size = _AHEAD if in_memory and not method.reads_module else 1
    batches = iter(iterator)
    while block := list(itertools.islice(batches, size)):
        inputs, labels = zip(*map(unpack_data, block), strict=True)
        targets = [split_weight(y) for y in labels]
        plans = [
            method.draw(x, y, generator=streams, context=context)
            for x, (y, _) in zip(inputs, targets, strict=True)
        ]
        if not in_memory:  # and not on the device yet
            yield from map(MixedBatch, block, plans)
            continue
        mixed = [
            plan.apply(x)
            if not plan.is_identity and plan.site is None and _n_bytes(x) <= small
            else None
            for x, plan in zip(inputs, plans, strict=True)
        ]
        dense = [
            None if y is None or plan.is_identity else plan.targets(y)
            for y, plan in zip(objective.dense_targets(targets), plans, strict=True)
        ]
        yield from map(MixedBatch, block, plans, mixed, dense)


def _n_bytes(x: Any) -> int:
    if isinstance(x, Tensor):
        return x.numel() * x.element_size()
    values = x.values() if isinstance(x, Mapping) else x
    return sum(_n_bytes(value) for value in values)
