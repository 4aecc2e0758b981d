"""Outputs on their way to the host: those of many blocks together, as a fetch waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

# Outputs that wait on their device.
_FETCHED_BYTES = 2**26


def fetched(outputs: Iterable[Tensor]) -> Iterator[Tensor]:
    """Bring tensors to the host, several at a time.

    Parameters
    ----------
    outputs : iterable of Tensor of shape (n, ...)

    Yields
    ------
    output : Tensor of shape (m, ...)
        Of one or several of them, in their order; those of the host as they are.
    """
    waiting: list[Tensor] = []
    n_bytes = 0
    for output in outputs:
        if output.device.type == "cpu":
            yield output
            continue
        waiting.append(output)
        n_bytes += output.numel() * output.element_size()
        if n_bytes >= _FETCHED_BYTES:
            yield torch.cat(waiting).cpu()
            waiting, n_bytes = [], 0
    if waiting:
        yield torch.cat(waiting).cpu()
