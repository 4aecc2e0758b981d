"""The loss of members that have rows of their own.

In every place of a batch each member stands before another row, so targets and weights
have the axis of members that outputs have. Member by member it is the loss of one net;
criteria that treat rows alike get the rows of all members in one call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sk_mixup.mixing import MixPlan
from sk_mixup.training.objectives._members import MemberObjective
from sk_mixup.training.objectives._objective import Objective


class MemberRowsObjective:
    """The objective of one net, for outputs, targets and weights of members.

    Parameters
    ----------
    inner : Objective or another one with its methods
        Of one member.

    Notes
    -----
    Outputs have shape (B, n_members, width), targets (B, n_members, ...) and weights
    (B, n_members). The loss is the mean over places and members.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @classmethod
    def of(cls, objective: MemberObjective | Any) -> MemberRowsObjective:
        """Return that of the members whose objective is given."""
        is_joined = isinstance(objective, MemberObjective)
        return cls(objective.inner if is_joined else objective)

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
        if plan is None or plan.is_identity:
            flat = None if weight is None else weight.flatten()
            loss: Tensor = inner(output.flatten(0, 1), y.flatten(0, 1), flat)
            return loss
        if type(inner) is not Objective or inner.takes_mixed_rows(plan):
            has_axis = getattr(plan, "has_own_rows", True)
            losses = []
            for k in range(output.shape[1]):
                own_y, own_weight = y, weight
                if has_axis:
                    own_y = y[:, k]
                    own_weight = None if weight is None else weight[:, k]
                losses.append(inner(output[:, k], own_y, own_weight, plan.of_member(k)))
            return torch.stack(losses).mean()
        own_share, other_share = plan.label_weights
        if own_share.ndim == 1:
            own_share, other_share = own_share.unsqueeze(1), other_share.unsqueeze(1)
        if weight is not None:
            own_share = own_share * plan.own_rows(weight)
            other_share = other_share * plan.partner_rows(weight)
        shape = output.shape[:2]
        rows = inner.scored(output.flatten(0, 1))
        own = inner.rows(rows, plan.own_rows(y).flatten(0, 1)).view(shape)
        other = inner.rows(rows, plan.partner_rows(y).flatten(0, 1)).view(shape)
        return (own_share * own + other_share * other).mean()

    def dense_targets(
        self, batches: Sequence[tuple[Tensor, Any]]
    ) -> Sequence[Tensor | None]:
        """Return no dense targets: pairs are looked up."""
        return [None] * len(batches)

    def kept(self, output: Any) -> Tensor:
        """Return what the accuracy of a mixed batch is counted of."""
        kept: Tensor = self.inner.read(output).detach()
        return kept

    def labels(self, output: Any) -> Tensor:
        """Return what each member says of its row."""
        output = self.inner.read(output)
        labels: Tensor = self.inner.labels(output.flatten(0, 1))
        return labels.view(*output.shape[:2], *labels.shape[1:])

    def agreement(self, predicted: Tensor, y: Tensor) -> Tensor:
        """Return how far members are right, of shape (B, n_members) over n_members."""
        right = self.inner.agreement(predicted.flatten(0, 1), y.flatten(0, 1))
        shares: Tensor = right.view(predicted.shape[:2]) / predicted.shape[1]
        return shares

    def __getattr__(self, name: str) -> Any:
        if name == "inner":  # a copy in the making
            raise AttributeError(name)
        return getattr(self.inner, name)
