"""Several outputs at once: a head, and one class per row, for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.mixing import MixPlan
from sk_mixup.training.objectives._heads import TargetKind
from sk_mixup.training.objectives._objective import Objective, main_output


class MultiOutput(TargetKind):
    """Class indices, int64 of shape (B, n_outputs).

    A module returns one tensor per output, as a tuple or list, or all of them side by
    side as one tensor. Where every output has two classes, a head may be one logit.

    Parameters
    ----------
    sizes : sequence of int
        Number of classes of each output.
    """

    name = "several outputs per row (multioutput)"

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = tuple(sizes)
        self.width = sum(self.sizes)

    def read(self, output: Any) -> Tensor:
        """Return the heads side by side."""
        if isinstance(output, (tuple, list)) and self._are_heads(output):
            return torch.cat([head.reshape(len(head), -1) for head in output], 1)
        return main_output(output)

    def check_output(self, module: str, output: Any, n_rows: int) -> None:
        """Check the widths of the heads, or of the tensor that holds them all."""
        if isinstance(output, (tuple, list)) and not self._are_heads(output):
            first = output[0] if output else None
            joined = isinstance(first, Tensor) and self._widths(first) is not None
            if not (isinstance(output, tuple) and joined):
                found = [
                    tuple(head.shape)
                    if isinstance(head, Tensor)
                    else type(head).__name__
                    for head in output
                ]
                raise ValueError(
                    f"module: {module} returns {len(output)} parts of shapes {found},"
                    f" and {self._wanted()}"
                )
        super().check_output(module, output, n_rows)

    def default_criterion(self, output: Tensor) -> type[nn.Module]:
        """Return cross-entropy, binary for heads of one logit."""
        one_logit = self._widths(output) != self.sizes
        return nn.BCEWithLogitsLoss if one_logit else nn.CrossEntropyLoss

    def objective(self, criterion: Any, *, takes_log: bool) -> Objective:
        """Return a `MultiOutputObjective`."""
        return MultiOutputObjective(criterion, self, takes_log=takes_log)

    def split(self, output: Tensor) -> Sequence[Tensor]:
        """Return the heads of a joined output."""
        widths = self._widths(output)
        assert widths is not None
        return output.split(widths, 1)

    def _widths(self, output: Tensor) -> tuple[int, ...] | None:
        """Return the widths of the heads in a joined output; None if it is none."""
        if output.ndim != 2:
            return None
        if output.shape[1] == self.width:
            return self.sizes
        return self._ones() if output.shape[1] == len(self.sizes) else None

    def _ones(self) -> tuple[int, ...] | None:
        return (1,) * len(self.sizes) if set(self.sizes) == {2} else None

    def _are_heads(self, output: Sequence[Any]) -> bool:
        if len(output) != len(self.sizes):
            return False
        if not all(isinstance(head, Tensor) and head.ndim in (1, 2) for head in output):
            return False
        widths = tuple(1 if head.ndim == 1 else head.shape[1] for head in output)
        return widths in (self.sizes, self._ones())

    def _check_width(self, module: str, output: Tensor) -> None:
        if self._widths(output) is None:
            raise ValueError(
                f"module: {module} returns shape {tuple(output.shape)} for"
                f" {len(output)} rows, and {self._wanted()}"
            )

    def _wanted(self) -> str:
        logit = " (or one logit each)" if self._ones() else ""
        return (
            f"y has {len(self.sizes)} outputs of {list(self.sizes)} classes: it must"
            f" return one tensor per output of these widths{logit}, or one tensor of"
            f" shape (rows, {self.width})."
        )


class MultiOutputObjective(Objective):
    """Mean over the outputs of each one's loss.

    The mean, and not the sum, so that a learning rate that suits one output suits many.
    A row counts as much of a hit as it has outputs that are right.

    Parameters
    ----------
    criterion : callable
        As for `Objective`; serves every output.
    kind : MultiOutput
    takes_log : bool
        As for `Objective`.
    """

    has_heads = True

    def __init__(
        self, criterion: Any, kind: MultiOutput, *, takes_log: bool = False
    ) -> None:
        super().__init__(criterion, None, takes_log=takes_log)
        self.counts = True
        self.kind = kind
        self._outputs = [
            Objective(criterion, size, takes_log=takes_log) for size in kind.sizes
        ]

    def __call__(
        self,
        output: Any,
        y: Tensor,
        weight: Tensor | None = None,
        plan: MixPlan | None = None,
        target: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of a batch; parameters as for `Objective`."""
        losses = [
            objective(head, y[:, j], weight, _plan_of(plan, j))
            for j, objective, head in self.heads(output)
        ]
        return torch.stack(losses).mean()

    def rows(self, output: Tensor, y: Tensor) -> Tensor:
        """Return one loss per row; a scalar criterion stays a scalar."""
        return torch.stack(
            [objective.rows(head, y[:, j]) for j, objective, head in self.heads(output)]
        ).mean(0)

    def read(self, output: Any) -> Tensor:
        """Return the heads side by side."""
        return self.kind.read(output)

    @property
    def joins(self) -> str:
        """Members are averaged: no one softmax spans several heads."""
        return "none"

    def labels(self, output: Any) -> Tensor:
        """Return the most probable class of every output, (rows, n_outputs), int64."""
        return torch.stack([o.labels(head) for _, o, head in self.heads(output)], 1)

    def agreement(self, predicted: Tensor, y: Tensor) -> Tensor:
        """Return the share of right outputs of every row."""
        return (predicted == y).float().mean(1)

    # A matrix per output: their numbers of classes differ.
    def probabilities(self, output: Tensor) -> list[Tensor]:  # type: ignore[override]
        """Return class probabilities of every output, float64."""
        return [o.probabilities(head) for _, o, head in self.heads(output)]

    def heads(self, output: Any) -> list[tuple[int, Objective, Tensor]]:
        """Return number, objective and values of every head."""
        heads = self.kind.split(self.read(output))
        pairs = zip(self._outputs, heads, strict=True)
        return [(j, objective, head) for j, (objective, head) in enumerate(pairs)]


def _plan_of(plan: MixPlan | None, j: int) -> MixPlan | None:
    """Return the plan with the kept targets of one output."""
    if plan is None or plan.pool is None:
        return plan
    x, y = plan.pool
    return plan if y is None else plan.with_pool((x, y[:, j]))
