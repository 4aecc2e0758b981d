"""Looking at a training does not change it: what a look draws is drawn again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch


def keeping_draws(outputs: Iterator[Any]) -> Iterator[Any]:
    """Let torch's generator of the host be, while outputs are computed.

    A loader of torch draws a seed for its workers, whether it has any or not, and the
    dropout of the next epoch would read on behind it.

    Parameters
    ----------
    outputs : iterator

    Yields
    ------
    output : object
        The same ones.
    """
    while True:
        with torch.random.fork_rng(devices=[]):
            try:
                output = next(outputs)
            except StopIteration:
                return
        yield output
