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
_AHEAD = 16
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
        The mixed target in the form of `Objective.dense_target`.
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
        for batch in iterator:
            yield MixedBatch(batch)
        return

    def prepare(batch: Any) -> MixedBatch:
        x, y = unpack_data(batch)
        y, weight = split_weight(y)
        plan = method.draw(x, y, generator=streams, context=context)
        if plan.is_identity:
            return MixedBatch(batch, plan)
        # A loader's batch is not on the device yet.
        if not in_memory:
            return MixedBatch(batch, plan)
        target = objective.dense_target(y, weight, plan)
        at_input = plan.site is None and not mixes_inside
        if at_input and _n_bytes(x) <= _SMALL_BYTES:
            return MixedBatch(batch, plan, plan.apply(x), target)
        return MixedBatch(batch, plan, None, target)

    in_memory = isinstance(iterator, TensorBatches)
    size = _AHEAD if in_memory and not method.reads_module else 1
    batches = iter(iterator)
    while block := [prepare(batch) for batch in itertools.islice(batches, size)]:
        yield from block


def _n_bytes(x: Any) -> int:
    if isinstance(x, Tensor):
        return x.numel() * x.element_size()
    values = x.values() if isinstance(x, Mapping) else x
    return sum(_n_bytes(value) for value in values)
