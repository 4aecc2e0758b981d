"""Mixing as the collate step of a DataLoader."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.data import default_collate

from sk_mixup.mixing._method import Method
from sk_mixup.mixing.draws import MixStreams


class MixCollate:
    """Collate a list of (x, y) pairs and mix the batch.

    Without a generator it draws from torch's global one, which a DataLoader seeds
    differently in each worker.

    Parameters
    ----------
    method : Method
        How to mix.
    n_classes : int or None, default=None
        As for calling a method.
    generator : torch.Generator or None, default=None
        Source of all draws.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import DataLoader, TensorDataset
    >>> from sk_mixup.mixing import MixCollate, Mixup
    >>> data = TensorDataset(torch.randn(10, 3), torch.randint(0, 2, (10,)))
    >>> loader = DataLoader(data, batch_size=5, collate_fn=MixCollate(Mixup(), 2))
    >>> [x.shape for x, targets in loader]
    [torch.Size([5, 3]), torch.Size([5, 3])]
    """

    def __init__(
        self,
        method: Method,
        n_classes: int | None = None,
        *,
        generator: torch.Generator | MixStreams | None = None,
    ) -> None:
        self.method = method
        self.n_classes = n_classes
        self.generator = generator

    def __call__(self, samples: list[Any]) -> tuple[Any, Any]:
        """Return the mixed batch and its targets."""
        x, y = default_collate(samples)
        return self.method(x, y, n_classes=self.n_classes, generator=self.generator)
