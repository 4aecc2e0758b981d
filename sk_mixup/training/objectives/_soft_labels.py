"""Soft labels that the user gives: a probability per class and row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing import MixPlan
from sk_mixup.training.objectives._heads import TargetKind
from sk_mixup.training.objectives._objective import Objective


class SoftLabels(TargetKind):
    """Probabilities, float32 of shape (B, n_classes).

    Parameters
    ----------
    n_classes : int
    """

    name = "soft labels, a probability per class"

    def __init__(self, n_classes: int) -> None:
        self.width = n_classes

    def default_criterion(self, output: Tensor) -> type[nn.Module]:
        """Return cross-entropy, binary for a module with one logit."""
        one_logit = output.ndim == 1 or output.shape[1] != self.width
        return nn.BCEWithLogitsLoss if one_logit else nn.CrossEntropyLoss

    def objective(self, criterion: Any, *, takes_log: bool) -> Objective:
        """Return a `SoftLabelObjective`."""
        return SoftLabelObjective(criterion, self.width, takes_log=takes_log)

    def _check_width(self, module: str, output: Tensor) -> None:
        width = output[0].numel()
        one_logit = width == 1 and self.width == 2
        if output.ndim <= 2 and (width == self.width or one_logit):
            return
        logit = " (or one logit)" if self.width == 2 else ""
        raise ValueError(
            f"module: {module} returns shape {tuple(output.shape)} for {len(output)}"
            f" rows, and y has probabilities of {self.width} classes: it must return"
            f" {self.width} values per row{logit}."
        )


class SoftLabelObjective(Objective):
    """Loss against probabilities of classes.

    A row counts as much of a hit as its label says of the class that is predicted: the
    accuracy to be expected of labels drawn by these probabilities.
    """

    def dense_targets(
        self, batches: Sequence[tuple[Tensor, Any]]
    ) -> Sequence[Tensor | None]:
        """Return targets whose product with log-probabilities is the loss."""
        if not self._is_plain or any(weight is not None for _, weight in batches):
            return [None] * len(batches)
        return [y * (-1.0 / len(y)) for y, _ in batches]

    def rows(self, output: Tensor, y: Tensor) -> Tensor:
        """Return one loss per row; a scalar criterion stays a scalar."""
        if self._is_plain and output.ndim == 2:
            # Of log-probabilities, which every caller makes of logits beforehand.
            return -(output * y.to(output.dtype)).sum(1)
        if isinstance(self.criterion, nn.NLLLoss):
            shares = y.to(output.dtype)
            if self.criterion.weight is not None:
                shares = shares * self.criterion.weight
            return -(output * shares).sum(1)
        return super().rows(output, y)

    def agreement(self, predicted: Tensor, y: Tensor) -> Tensor:
        """Return what every row's label says of the predicted class."""
        return y.gather(1, predicted.unsqueeze(1)).squeeze(1)

    def _mean(self, output: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
        loss = self.rows(output, y)
        return loss.mean() if weight is None else (loss * weight).mean()

    def _soft(
        self, output: Tensor, y: Tensor, plan: MixPlan | None
    ) -> tuple[Tensor, Tensor]:
        target = y if plan is None else plan.targets(y)
        if self._has_one_logit(output):
            output, target = output.reshape(-1), target[:, 1]
        return output, target.to(torch.promote_types(output.dtype, target.dtype))

    def _aligned(self, output: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if self._has_one_logit(output):
            return output.reshape(len(y)), y[:, 1].to(output.dtype)
        return output, y.to(output.dtype)

    def _has_one_logit(self, output: Tensor) -> bool:
        return self.n_classes == 2 and output[0].numel() == 1
