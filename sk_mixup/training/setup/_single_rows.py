"""Whether a module can train on the one row that a batch may have."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sk_mixup.training.feeds import move, seeded_globals, select
from sk_mixup.training.loop import call_module, copied

# They take the variance of the rows of a batch.
_OF_BATCHES = (nn.modules.batchnorm._BatchNorm,)


def check_single_rows(net: Any, sample: Any, n_rows: int | None) -> None:
    """Try a module with batch normalisation on one row, where batches have one.

    Parameters
    ----------
    net : skorch net
        Initialized.
    sample : Tensor, dict or tuple
        Some rows of input, on the CPU.
    n_rows : int or None
        Of the training; None: nobody knows.

    Raises
    ------
    ValueError
        If it cannot train on one row.
    """
    module = net.module_
    if net.batch_size != 1 and n_rows != 1:
        return
    if not any(isinstance(part, _OF_BATCHES) for part in module.modules()):
        return
    row = move(select(sample, slice(1)), net.place_)
    trial = copied(module).train()
    try:
        with seeded_globals(0), torch.no_grad():
            call_module(trial, row)
    except ValueError as error:
        cause, remedy = (
            ("batch_size=1", "Give a batch_size of at least 2")
            if n_rows != 1
            else ("X with one row", "Give more rows")
        )
        raise ValueError(
            f"module: {type(module).__name__} has batch normalisation, which cannot"
            f" train on {cause}: {error}. {remedy}, or a module with"
            " LayerNorm or GroupNorm."
        ) from error
