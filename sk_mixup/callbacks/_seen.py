"""What batches were mixed to: as it was seen, and what is recorded of it.

A step must not wait for its device: what is seen stays there until the epoch ends, and
comes to the host in one message with all else that is read then.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Targets and lambdas of batches of one size, and the labels of all.
Batches = tuple[Tensor, Tensor, Tensor]


class Seen:
    """What the first batches of an epoch were mixed to."""

    def __init__(self) -> None:
        self.n_batches = 0
        self.lam: list[Tensor] = []
        self.targets: list[Tensor] = []
        self.target_lam: list[Tensor] = []
        self.labels: list[Tensor] = []

    def add(self, y: Any, plan: Any, n_classes: int | None) -> None:
        """Look at a plan."""
        self.n_batches += 1
        if plan is None:
            return
        lam = plan.lam.detach().float().flatten()
        self.lam.append(lam)
        y = label_of(y)
        unknown = plan.pool is not None and plan.pool[1] is None
        if n_classes is None or unknown:
            return
        y = y.to(plan.lam.device)
        self.targets.append(plan.targets(y, n_classes).flatten(0, -2))
        self.labels.append(y.flatten())
        self.target_lam.append(lam)

    def batches(self) -> list[Batches]:
        """Return targets and lambdas of batches of one size, and the labels of all."""
        if not self.targets:
            return []
        y = torch.cat(self.labels)
        alike: dict[Any, list[tuple[Tensor, Tensor]]] = defaultdict(list)
        for targets, lam in zip(self.targets, self.target_lam, strict=True):
            alike[targets.shape, lam.shape].append((targets, lam))
        found = []
        for batches in alike.values():
            targets, lam = (torch.stack(part) for part in zip(*batches, strict=True))
            found.append((targets, lam, y))
        return found

    def lams(self) -> tuple[Tensor | None, Tensor | None]:
        """Return lambda, and the mean entropy of targets, as far as there are some."""
        if not self.lam:
            return None, None
        lam = torch.cat(self.lam)
        if not self.targets:
            return lam, None
        targets = torch.cat(self.targets)
        each = torch.special.entr(targets.clamp(0.0, 1.0)).sum(-1)
        return lam, each.mean()


def summary(lam: Tensor | None, entropy: Tensor | None) -> dict[str, float]:
    """Return what is recorded of batches that were mixed."""
    if lam is None:
        return {}
    low, high = np.quantile(lam.numpy(), [0.1, 0.9]).tolist()
    found = {"lam_mean": float(lam.mean()), "lam_low": low, "lam_high": high}
    if entropy is not None:
        found["target_entropy"] = float(entropy)
    return found


def label_of(y: Any) -> Tensor:
    """Return targets without the weights beside them."""
    found: Tensor = y[0] if isinstance(y, (tuple, list)) else y
    return found
