"""The loss of a net that is several nets in one.

Each member is judged by its own loss, and the losses are averaged: the loss of the
average would train one net of which the members are parts. What is validated and
predicted is the joined output, of which an objective knows nothing special.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from sk_mixup.mixing import MixPlan
from sk_mixup.mixing.plans import MemberPlan
from sk_mixup.training.objectives._objective import Objective, parts, summed


class MemberObjective:
    """The objective of one net, applied to every member of an output.

    Parameters
    ----------
    inner : Objective or another one with its methods
        Of one member. Everything that is not the loss is asked of it.

    Notes
    -----
    An output of shape (rows, n_members, width) is that of members; any other one is
    passed on.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __call__(
        self,
        output: Any,
        y: Tensor,
        weight: Tensor | None = None,
        plan: MixPlan | None = None,
        target: Tensor | None = None,
    ) -> Tensor:
        """Return the mean loss of the members; arguments as for `Objective`."""
        inner = self.inner
        output = inner.read(output)
        if output.ndim != 3:
            loss: Tensor = inner(output, y, weight, plan, target)
            return loss
        if isinstance(plan, MemberPlan) and target is None:
            return _of_rows(inner)(output, y, weight, plan)
        if target is not None and target.ndim == 3:
            whole = functional.log_softmax(output, 2).flatten()
            return torch.dot(whole, target.flatten().to(whole.dtype)) / output.shape[1]
        if target is not None:
            # Linear in the log-probabilities, of which the mean is taken first.
            mean = functional.log_softmax(output, 2).mean(1)
            return torch.dot(mean.reshape(-1), target.view(-1).to(mean.dtype))
        takes_pairs = type(inner) is Objective and not inner.takes_mixed_rows(plan)
        if not takes_pairs:
            losses = [inner(one, y, weight, plan) for one in output.unbind(1)]
            return torch.stack(losses).mean()
        if plan is None or plan.is_identity:
            rows = self._rows(output, y)
            return (rows if weight is None else rows * weight).mean()
        losses = [
            share * self._rows(output, part) for share, part in parts(plan, y, weight)
        ]
        return summed(losses).mean()

    def row_losses(self, output: Any, y: Tensor) -> Tensor:
        """Return one loss per row, the mean of the members."""
        inner = self.inner
        output = inner.read(output)
        if output.ndim != 3:
            losses: Tensor = inner.row_losses(output, y)
            return losses
        members = [inner.row_losses(part, y) for part in output.unbind(1)]
        return torch.stack(members).mean(0)

    def _rows(self, output: Tensor, y: Tensor) -> Tensor:
        """Return the mean over members of the loss of every row."""
        n_rows, n_members = output.shape[:2]
        repeated = y.repeat_interleave(n_members, 0)
        rows = self.inner.scored(output.reshape(-1, output.shape[2]))
        loss: Tensor = self.inner.rows(rows, repeated)
        return loss.view(n_rows, n_members).mean(1)

    def dense_targets(
        self, batches: Sequence[tuple[Tensor, Any]]
    ) -> Sequence[Tensor | None]:
        """Return dense targets, see `Objective.dense_targets`."""
        dense: Sequence[Tensor | None] = self.inner.dense_targets(batches)
        return dense

    def kept(self, output: Any) -> Tensor:
        """Return one output per row for the accuracy of a mixed batch."""
        output = self.inner.read(output).detach()
        return output.mean(1) if output.ndim == 3 else output

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # a copy in the making
            raise AttributeError(name)
        return getattr(self.inner, name)


def _of_rows(inner: Any) -> Any:
    # The other module builds on this one.
    from sk_mixup.training.objectives._member_rows import MemberRowsObjective

    return MemberRowsObjective(inner)


def join_members(module: Any, objective: Objective) -> Objective | MemberObjective:
    """Tell a net of several members how to join them, and return their objective.

    Nets without members, and their objectives, stay as they are.
    """
    if getattr(module, "n_members", 1) == 1:
        return objective
    module.joins = objective.joins
    return MemberObjective(objective)
