"""Mixup as tutorials write it: five lines, one lambda per batch."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


class TextbookMixup:
    """Blend a batch with a shuffled copy of itself, and their one-hot targets.

    Parameters
    ----------
    alpha : float
        Parameter of the Beta law.
    n_classes : int
        Width of the targets.
    seed : int
        Of NumPy's generator, which draws lambda; partners come from torch.
    """

    def __init__(self, alpha: float, n_classes: int, seed: int = 0) -> None:
        self.alpha = alpha
        self.n_classes = n_classes
        self.rng = np.random.default_rng(seed)

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mixed batch and its targets."""
        lam = self.rng.beta(self.alpha, self.alpha)
        perm = torch.randperm(len(x))
        mixed = lam * x + (1 - lam) * x[perm]
        own = functional.one_hot(y, self.n_classes).float()
        other = functional.one_hot(y[perm], self.n_classes).float()
        return mixed, lam * own + (1 - lam) * other
