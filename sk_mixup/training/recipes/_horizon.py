"""What pickled trainings of version 0.1 hold, kept so that they can be read.

There a training began with a short plan and changed to a long one; see `Course` for how
its length is found now. A model that goes on training gets a new course.
"""

from __future__ import annotations

from typing import Any

import torch


class Horizon:
    """The planned epochs of a training of version 0.1."""


class PlannedCosine(torch.optim.lr_scheduler.LRScheduler):
    """The schedule of a training of version 0.1, which is over."""

    def get_lr(self) -> list[Any]:
        """Return the rates as they are."""
        return [group["lr"] for group in self.optimizer.param_groups]
