"""Losses of all members, each that of its own training.

Cross-entropy against blended labels is one product with the log-probabilities, made of
targets that are ready before the step. Criteria that treat rows one by one are called
once with the rows of all members. Anything else is called member by member.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.mixing import MixPlan
from sk_mixup.mixing.plans import LinearPlan, sent
from sk_mixup.training.feeds import dense_target
from sk_mixup.training.loop import MixingRun, count_hits
from sk_mixup.training.objectives import (
    MOST_DENSE_CLASSES,
    MultiLabelObjective,
    Objective,
    SoftLabelObjective,
)
from sk_mixup.training.packing._blocks import FreeBlock, LinearBlock, Part, Targets

#: Criteria of torch that treat rows one by one.
ROWWISE = (
    nn.BCELoss, nn.BCEWithLogitsLoss, nn.CrossEntropyLoss, nn.HuberLoss, nn.L1Loss,
    nn.MSELoss, nn.NLLLoss, nn.PoissonNLLLoss, nn.SmoothL1Loss,
)  # fmt: skip


def loss_kind(objective: Objective) -> str:
    """Return how the losses of members are computed: "dense", "rows" or "each"."""
    criterion = objective.criterion
    # Members of several folds have targets of several scales.
    own = getattr(objective, "counts_in_units", False)
    if own or objective._form is not None or type(criterion) not in ROWWISE:
        return "each"
    if type(objective) is Objective and objective.n_classes is not None:
        whole = getattr(criterion, "ignore_index", -100) == -100
        if type(criterion) is nn.CrossEntropyLoss and whole:
            return "dense"
        if type(criterion) is nn.NLLLoss and whole and objective.takes_log:
            return "dense"
    if type(objective) is SoftLabelObjective and objective._is_plain:
        return "dense"
    if type(objective) in (Objective, MultiLabelObjective, SoftLabelObjective):
        return "rows"
    return "each"


class BlockLoss:
    """Losses and hits of the steps of one block.

    Parameters
    ----------
    runs : sequence of MixingRun
        Of the members of the block.
    """

    def __init__(self, runs: Sequence[MixingRun]) -> None:
        self.runs = runs
        self.counts = runs[0].objective.counts

    def __call__(self, part: Part, output: Tensor) -> Tensor:
        """Return the sum of the losses of a part's members."""
        raise NotImplementedError

    def gradient(self, part: Part, output: Tensor) -> Tensor:
        """Return the gradient of the sum of the losses by the outputs."""
        with torch.enable_grad():
            leaf = output.detach().requires_grad_()
            self(part, leaf).backward()
        assert leaf.grad is not None
        return leaf.grad

    def losses(self) -> Tensor:
        """Return the losses of all members and steps, (members, steps)."""
        raise NotImplementedError

    def hits(self) -> Tensor | None:
        """Return the weight of right predictions per member; None: no classes."""
        raise NotImplementedError


class DenseLoss(BlockLoss):
    """Cross-entropy as a product with targets; see `Objective.dense_targets`."""

    def __init__(self, runs: Sequence[MixingRun], block: LinearBlock) -> None:
        super().__init__(runs)
        self._block = block
        self._kept: list[Tensor] = []
        self._targets: Tensor | None = None
        self._takes_log = runs[0].objective.takes_log

    def __call__(self, part: Part, output: Tensor) -> Tensor:
        """Return the sum of the losses of a part's members."""
        if self._targets is None:
            self._targets = self._dense(output)
        if self._takes_log:
            logs = output.clamp(min=torch.finfo(output.dtype).tiny).log()
        else:
            logs = functional.log_softmax(output, -1)
        self._kept.append(logs.detach())
        return torch.dot(logs.view(-1), self._targets[part.step].reshape(-1))

    def gradient(self, part: Part, output: Tensor) -> Tensor:
        """Return the gradient of the sum of the losses by the outputs."""
        if self._takes_log:
            return super().gradient(part, output)
        if self._targets is None:
            self._targets = self._dense(output)
        logs = functional.log_softmax(output, -1)
        self._kept.append(logs)
        return torch._log_softmax_backward_data(
            self._targets[part.step], logs, -1, output.dtype
        )

    def losses(self) -> Tensor:
        """Return the losses of all members and steps, (members, steps)."""
        assert self._targets is not None
        self._logs = torch.stack(self._kept)
        return (self._logs * self._targets).sum((2, 3)).t()

    def hits(self) -> Tensor:
        """Return the weight of right predictions per member."""
        return _agreement(self.runs, self._block.targets, self._logs.transpose(0, 1))

    def _dense(self, output: Tensor) -> Tensor:
        """Return the targets in the order of the steps: (steps, members, rows, C)."""
        targets, n_classes = self._block.targets, output.shape[-1]
        objectives = [run.objective for run in self.runs]
        y, n_rows = targets.y, self._block.size
        shares = targets.shares
        if all(o._is_plain for o in objectives) and targets.weight is None:
            narrow = n_classes <= MOST_DENSE_CLASSES
            clean = self._clean(y, n_classes, output.dtype)
            if shares is None:
                return clean.transpose(0, 1).contiguous()
            # In the precision of `Objective.dense_targets`.
            dense = clean.float() if narrow else clean
            mixed = _mixed(targets, dense)
            if mixed.dtype != clean.dtype:
                # Batches that are known to be clean have targets of full precision.
                is_clean = ((shares.lam == 1.0) & shares.on_host).unsqueeze(3)
                mixed = torch.where(is_clean, clean, mixed.to(clean.dtype))
            return mixed.transpose(0, 1).contiguous()
        dense = self._smoothed(y, n_classes, output.dtype).div_(n_rows)
        own, other = target_shares(targets, host=targets.weight is None)
        if shares is not None:
            mixed = targets.partners(dense) * other.unsqueeze(3).to(dense)
            dense = dense.mul_(own.unsqueeze(3).to(dense)).add_(mixed)
        elif targets.weight is not None:
            dense = dense.mul_(targets.weight.unsqueeze(3).to(dense))
        return dense.transpose(0, 1).contiguous()

    def _clean(self, y: Tensor, n_classes: int, dtype: torch.dtype) -> Tensor:
        """Return the targets of unmixed rows."""
        share = -1.0 / self._block.size
        if y.is_floating_point():
            return (y * share).to(dtype)
        dense = torch.zeros((*y.shape, n_classes), dtype=dtype, device=y.device)
        return dense.scatter_(3, y.unsqueeze(3), share)

    def _smoothed(self, y: Tensor, n_classes: int, dtype: torch.dtype) -> Tensor:
        """Return what each row's own label takes of every log-probability."""
        criteria = [run.objective.criterion for run in self.runs]
        each = [getattr(c, "label_smoothing", 0.0) for c in criteria]
        if len(set(each)) == 1:
            smoothing = torch.full((1, 1, 1, 1), each[0], dtype=dtype, device=y.device)
        else:
            smoothing = sent(torch.tensor(each, dtype=dtype), y.device)
            smoothing = smoothing.view(-1, 1, 1, 1)
        dense = torch.zeros((*y.shape, n_classes), dtype=dtype, device=y.device)
        dense.scatter_(3, y.unsqueeze(3), 1.0)
        dense = dense * (1.0 - smoothing) + smoothing / n_classes
        if criteria[0].weight is not None:
            weight = torch.stack([c.weight for c in criteria]).to(dense)
            dense = dense * weight.view(-1, 1, 1, n_classes)
        return dense.neg_()


class RowLoss(BlockLoss):
    """A criterion called with the rows of all members."""

    def __init__(self, runs: Sequence[MixingRun], block: LinearBlock) -> None:
        super().__init__(runs)
        self._block = block
        self._losses: list[Tensor] = []
        self._outputs: list[Tensor] = []
        targets = block.targets
        self._partners = None
        if targets.shares is not None:
            self._partners = targets.partners(targets.y)
            host = type(runs[0].objective) is not MultiLabelObjective
            host = host and targets.weight is None
            self._own, self._other = target_shares(targets, host=host)

    def __call__(self, part: Part, output: Tensor) -> Tensor:
        """Return the sum of the losses of a part's members."""
        objective, targets = self.runs[0].objective, self._block.targets
        shape, step = output.shape[:2], part.step
        flat = objective.scored(output.flatten(0, 1))
        loss = objective.rows(flat, targets.y[:, step].flatten(0, 1)).view(shape)
        if self._partners is not None:
            other = self._partners[:, step].flatten(0, 1)
            other_loss = objective.rows(flat, other).view(shape)
            own_share, other_share = self._own[:, step], self._other[:, step]
            if targets.weight is None:
                own_share, other_share = own_share.to(loss), other_share.to(loss)
            loss = own_share * loss + other_share * other_loss
        elif targets.weight is not None:
            loss = loss * targets.weight[:, step]
        means = loss.mean(1)
        self._losses.append(means.detach())
        if self.counts:
            self._outputs.append(output.detach())
        return means.sum()

    def losses(self) -> Tensor:
        """Return the losses of all members and steps, (members, steps)."""
        return torch.stack(self._losses, 1)

    def hits(self) -> Tensor | None:
        """Return the weight of right predictions per member; None: no classes."""
        if not self.counts:
            return None
        return _agreement(self.runs, self._block.targets, torch.stack(self._outputs, 1))


class EachLoss(BlockLoss):
    """The loss of every member by itself."""

    def __init__(
        self, runs: Sequence[MixingRun], block: LinearBlock | FreeBlock
    ) -> None:
        super().__init__(runs)
        self._block = block
        self._losses: list[list[Tensor]] = [[] for _ in runs]

    def __call__(self, part: Part, output: Tensor) -> Tensor:
        """Return the sum of the losses of a part's members."""
        total = output.new_zeros(())
        start = self._block.low
        for k in range(part.low, part.high):
            run = self.runs[k - start]
            y, weight, plan = self._target(k - start, part.step)
            target = None
            if plan is not None and not plan.is_identity and plan.pool is None:
                target = run.objective.dense_targets([(y, weight)])[0]
                target = None if target is None else dense_target(target, plan)
            loss = run.objective(output[k - part.low], y, weight, plan, target)
            self._losses[k - start].append(loss.detach())
            total = total + loss
            if self.counts:
                kept = run.objective.kept(output[k - part.low])
                run.pending.append((kept, y, plan, target))
        return total

    def losses(self) -> Tensor:
        """Return the losses of all members and steps, (members, steps)."""
        return torch.stack([torch.stack(losses) for losses in self._losses])

    def hits(self) -> Tensor | None:
        """Return the weight of right predictions per member; None: no classes."""
        if not self.counts:
            return None
        hits = []
        for run in self.runs:
            count_hits(run)
            hits.append(torch.stack(run.hits).sum())
            run.hits.clear()
        return torch.stack(hits)

    def _target(self, k: int, step: int) -> tuple[Tensor, Any, MixPlan | None]:
        if isinstance(self._block, FreeBlock):
            _, y, label = self._block.batches[k][step]
            weight = label[1] if isinstance(label, tuple) else None
            return y, weight, self._block.plans[k][step]
        targets = self._block.targets
        y = targets.y[k, step]
        weight = None if targets.weight is None else targets.weight[k, step]
        return y, weight, _plan(targets, k, step)


def make_loss(
    kind: str, runs: Sequence[MixingRun], block: LinearBlock | FreeBlock
) -> BlockLoss:
    """Return the loss of a block."""
    if isinstance(block, FreeBlock) or kind == "each":
        return EachLoss(runs, block)
    return DenseLoss(runs, block) if kind == "dense" else RowLoss(runs, block)


def target_shares(targets: Targets, *, host: bool) -> tuple[Tensor, Tensor]:
    """Return what own and partner's target of every row count, with their weights.

    Parameters
    ----------
    targets : Targets
    host : bool
        Whether lambda counts as the host knows it, in double precision, or rounded as
        in plans.
    """
    shares, weight = targets.shares, targets.weight
    if shares is None:
        whole = torch.ones((), device=targets.y.device)
        return whole, whole
    if shares.own is not None and shares.other is not None:
        own, other = shares.own, shares.other
    else:
        own = shares.lam
        own = own if host else own.float()
        other = 1.0 - own
    if weight is None:
        return own, other
    own = own.float() * weight
    return own, other.float() * targets.partners(weight)


def _mixed(targets: Targets, dense: Tensor) -> Tensor:
    """Blend dense targets in the ways in which plans do."""
    shares = targets.shares
    assert shares is not None
    partner = targets.partners(dense)
    if shares.own is None or shares.other is None:
        return partner.lerp_(dense, shares.lam.to(dense).unsqueeze(3))
    own, other = (t.to(dense).unsqueeze(3) for t in (shares.own, shares.other))
    product = own * dense + other * partner
    if not any(shares.hosts):
        return product
    return torch.where(shares.on_host.unsqueeze(3), partner.lerp_(dense, own), product)


def _plan(targets: Targets, k: int, step: int) -> MixPlan | None:
    shares = targets.shares
    if shares is None:
        return None
    partner = shares.partner[k, step]
    n_rows = len(partner)
    rows = shares.lam[k, step].float().expand(n_rows)
    if shares.numbers is not None:
        return LinearPlan(partner, rows, lam_host=float(shares.numbers[k, step]))
    assert shares.own is not None
    own = shares.own[k, step].float().expand(n_rows)
    return LinearPlan(partner, rows, label_lam=own)


@torch.no_grad()
def _agreement(runs: Sequence[MixingRun], targets: Targets, outputs: Tensor) -> Tensor:
    """Count right predictions by the shares of the labels, per member.

    Parameters
    ----------
    runs : sequence of MixingRun
    targets : Targets
    outputs : Tensor of shape (members, steps, rows, ...)
    """
    objective = runs[0].objective
    shape = targets.y.shape[:3]
    predicted = objective.labels(outputs.flatten(0, 2))

    def right(y: Tensor) -> Tensor:
        flat = y.flatten(0, 2)
        return objective.agreement(predicted, flat).float().view(shape)

    hits = right(targets.y)
    if targets.shares is not None:
        plain = Targets(targets.y, None, targets.shares)
        own, other = target_shares(plain, host=True)
        partner = right(targets.partners(targets.y))
        hits = own.float() * hits + other.float() * partner
    return hits.sum((1, 2))
