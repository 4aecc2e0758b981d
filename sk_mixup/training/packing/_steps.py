"""The steps of an epoch, for members whose data differ in length.

Members stand in the order of their rows, longest first. Those with a batch at some step
are then the first ones, and those whose batch has the same number of rows, as the last
ones of an epoch differ in, stand side by side: no rows are padded and no members
masked. A row left over joins the batch before it, as in a training alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sk_mixup.training.feeds import count_batches


class Span(NamedTuple):
    """Consecutive members whose batches have equally many rows."""

    low: int
    high: int
    size: int


def spans_at(step: int, lengths: Sequence[int], batch_size: int) -> tuple[Span, ...]:
    """Return the spans of one step.

    Parameters
    ----------
    step : int
    lengths : sequence of int
        Rows of each member, falling.
    batch_size : int
    """
    # More than one row is left to all of them.
    if (step + 1) * batch_size + 1 < lengths[-1]:
        return (Span(0, len(lengths), batch_size),)
    spans: list[Span] = []
    for k, length in enumerate(lengths):
        n_batches = count_batches(length, batch_size)
        if step >= n_batches:
            break
        is_last = step == n_batches - 1
        size = length - step * batch_size if is_last else batch_size
        if spans and spans[-1].size == size:
            spans[-1] = spans[-1]._replace(high=k + 1)
        else:
            spans.append(Span(k, k + 1, size))
    return tuple(spans)


def stretches(
    lengths: Sequence[int], batch_size: int, longest: int
) -> Iterator[tuple[int, int, tuple[Span, ...]]]:
    """Yield ``(first step, number of steps, spans)`` of an epoch in order.

    Parameters
    ----------
    lengths : sequence of int
        Rows of each member, falling.
    batch_size : int
    longest : int
        Most steps that are made ready together.
    """
    n_steps = count_batches(lengths[0], batch_size)
    first, spans = 0, spans_at(0, lengths, batch_size)
    for step in range(1, n_steps + 1):
        now = spans_at(step, lengths, batch_size) if step < n_steps else ()
        if now == spans and step - first < longest:
            continue
        yield first, step - first, spans
        first, spans = step, now
