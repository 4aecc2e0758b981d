"""Batches made ready for their steps: plans drawn, small inputs mixed, some ahead.

A step of a small net is a chain of short calls, and a call of a kind that has not run
for a millisecond finds the processor's caches filled with other code: a draw costs
three times as much between two steps as in a row of draws. Batches that are slices of
data in memory are therefore prepared a few at a time. The streams are read in the same
order either way, so the training is the same.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from skorch.dataset import unpack_data
from torch import Tensor

from sk_mixup.mixing import Method, MixContext, MixPlan, MixStreams
from sk_mixup.mixing.plans import LinearPlan
from sk_mixup.training.feeds._batches import (
    BatchesInMemory,
    move,
    row_groups,
    split_weight,
)
from sk_mixup.training.objectives import Objective

# Batches prepared in a row, and the memory that they may take.
_AHEAD = 32
_AHEAD_BYTES = 2**24
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
    wide : tuple or None
        The batch with the rows of other processes, where the plan is for these.
    """

    batch: Any
    plan: MixPlan | None = None
    x: Any = None
    target: Tensor | None = None
    wide: Any = None


def mixed_batches(
    iterator: Iterable[Any],
    method: Method | None,
    objective: Objective,
    *,
    streams: MixStreams,
    context: MixContext,
    mixes_inside: bool,
    augment: Sequence[Callable[[Any], Any]] = (),
    device: Any = "cpu",
    gather: Callable[[Any, int], Any] | None = None,
) -> Iterator[MixedBatch]:
    """Draw the plan of every batch.

    Parameters
    ----------
    iterator : iterable of (x, y)
        `BatchesInMemory`, or any other loader, whose batches are taken one by one.
    method : Method or None
    objective : Objective
    streams : MixStreams
    context : MixContext
    mixes_inside : bool
        Whether the net mixes its embedded input itself.
    augment : sequence of callables
        Change the input of a batch, on the device, before it is mixed. They read a
        global generator, and are therefore called between the steps, as everywhere;
        elsewhere than on the host before those of a block.
    device : str or torch.device
    gather : callable or None
        Puts the rows of other processes behind those of a batch; None: partners are of
        the batch.

    Yields
    ------
    mixed : MixedBatch
    """
    device = torch.device(device)
    in_memory = isinstance(iterator, BatchesInMemory)
    size = _block_size(iterator, method, device, augments=bool(augment))
    if augment:
        iterator = _augmented(iterator, augment, device)
    if method is None:
        yield from map(MixedBatch, iterator)
        return
    if gather is not None:
        yield from _with_partners(iterator, method, gather, streams, context)
        return
    batches = iter(iterator)
    # Of methods that look at the net, plans are made at their steps.
    waits = method.reads_module and size > 1
    while block := list(itertools.islice(batches, size)):
        inputs, labels = zip(*map(unpack_data, block), strict=True)
        targets = [split_weight(y) for y in labels]
        draw = method.draw_ahead if waits else method.draw_many
        plans = draw(
            [(x, y) for x, (y, _) in zip(inputs, targets, strict=True)],
            generator=streams,
            contexts=[_with_groups(context, label) for label in labels],
        )
        if not in_memory:  # and not on the device yet
            yield from map(MixedBatch, block, plans)
        elif waits:
            for batch, x, y, plan in zip(block, inputs, targets, plans, strict=True):
                yield from _mixed([batch], [x], [y], [plan], objective, mixes_inside)
        else:
            yield from _mixed(
                block, inputs, targets, list(plans), objective, mixes_inside
            )


def _block_size(
    iterator: Any, method: Method | None, device: torch.device, *, augments: bool
) -> int:
    """Return for how many batches is drawn in a row."""
    if method is None or not isinstance(iterator, BatchesInMemory):
        return 1
    if device.type == "cpu" and (augments or method.reads_module):
        return 1
    # Elsewhere numbers are sent for many steps at once, of a method that looks at the
    # net as well: it does so when it makes its plan.
    if method.reads_module and not method.draws_first:
        return 1
    return max(1, min(_AHEAD, _AHEAD_BYTES // iterator.batch_bytes))


def _mixed(
    block: Sequence[Any],
    inputs: Sequence[Any],
    targets: Sequence[Any],
    plans: Sequence[MixPlan],
    objective: Objective,
    mixes_inside: bool,
) -> Iterator[MixedBatch]:
    """Mix what is mixed before its step."""
    mixed = [
        plan.apply(x)
        if not plan.is_identity
        and mixes_input(plan, mixes_inside)
        and _n_bytes(x) <= _SMALL_BYTES
        else None
        for x, plan in zip(inputs, plans, strict=True)
    ]
    dense = [
        # Labels from memory are not dense, and some weights are not known yet.
        None
        if y is None or plan.is_identity or plan.pool is not None or plan.weighs_late
        else dense_target(y, plan)
        for y, plan in zip(objective.dense_targets(targets), plans, strict=True)
    ]
    return map(MixedBatch, block, plans, mixed, dense)


def _with_partners(
    iterator: Iterable[Any],
    method: Method,
    gather: Callable[[Any, int], Any],
    streams: MixStreams,
    context: MixContext,
) -> Iterator[MixedBatch]:
    """Draw partners from the rows of all processes, a step at a time."""
    for batch in iterator:
        n_rows = len(split_weight(batch[1])[0])
        wide = x, y = gather(unpack_data(batch), n_rows)
        plan = method.draw(
            x, split_weight(y)[0], generator=streams, context=_with_groups(context, y)
        )
        assert isinstance(plan, LinearPlan)
        own = plan.of_first_rows(n_rows)
        yield MixedBatch(batch, own, wide=None if own.is_identity else wide)


def _augmented(
    iterator: Iterable[Any], steps: Sequence[Callable[[Any], Any]], device: torch.device
) -> Iterator[Any]:
    for batch in iterator:
        x, y = unpack_data(batch)
        x = move(x, device)
        with torch.no_grad():
            for step in steps:
                x = step(x)
        yield x, y


def mixes_input(plan: MixPlan, mixes_inside: bool) -> bool:
    """Whether a plan is for the input as it is, and not for what a net makes of it."""
    return plan.site is None and (plan.pastes or not mixes_inside)


def _with_groups(context: MixContext, y: Any) -> MixContext:
    groups = row_groups(y)
    return context if groups is None else dataclasses.replace(context, groups=groups)


def dense_target(y: Tensor, plan: MixPlan) -> Tensor:
    mixed = plan.targets(y)
    # The targets of a batch are made for the mean over its rows; a plan may have more.
    return mixed if len(mixed) == len(y) else mixed.mul_(len(y) / len(mixed))


def _n_bytes(x: Any) -> int:
    if isinstance(x, Tensor):
        return x.numel() * x.element_size()
    values = x.values() if isinstance(x, Mapping) else x
    return sum(_n_bytes(value) for value in values)
