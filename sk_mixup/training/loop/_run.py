"""What a net knows while it trains, and the accuracy of its mixed batches."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sk_mixup.mixing import Method, MixContext, MixPlan
from sk_mixup.training.feeds import MixedBatch, TrainStreams, facts_on
from sk_mixup.training.loop._forward import Forward
from sk_mixup.training.loop._steps import Stepper
from sk_mixup.training.objectives import Objective

if TYPE_CHECKING:
    from sk_mixup.training.loop._shared import SharedSteps

# Outputs are kept this many batches before their accuracy is counted at once.
FLUSH = 64


@dataclass
class MixingRun:
    """What a net needs while it trains; dropped afterwards.

    Attributes
    ----------
    method : Method or None
    streams : TrainStreams
    objective : Objective
    n_epochs : int
        Planned epochs of this training.
    facts : dict
        What `MixContext` says of the training data.
    augment : tuple of callables
        Change the input of every batch before it is mixed.
    forward : Forward or None
        How the module is called; None: as it is.
    stepper : Stepper or None
        Takes the steps; None: the plain ones.
    interrupt : KeyboardInterrupt or None
        What has ended the training before its time: Ctrl-C.
    lend : callable or None
        Lets trainings in other threads have the global random states, between steps.
    shared : SharedSteps or None
        What several processes do together; None: there is one.
    """

    method: Method | None
    streams: TrainStreams
    objective: Objective
    n_epochs: int
    facts: dict[str, Any] = field(default_factory=dict)
    augment: tuple[Any, ...] = ()
    forward: Forward | None = None
    stepper: Stepper | None = None
    interrupt: KeyboardInterrupt | None = None
    lend: Callable[[], None] | None = None
    shared: SharedSteps | None = None
    epoch: int = 0
    has_no_step: bool = True
    #: Whether a method looks at what the module makes of a batch, in the midst of it.
    is_asked: bool = False
    context: MixContext | None = None
    mixed: MixedBatch | None = None
    #: The plan of the last training step, with its label weights.
    passed: MixPlan | None = None
    steps_plainly: bool = False
    #: Batches in `pending` before the present one.
    n_counted: int = 0
    #: X and y as callbacks are told of them.
    given: dict[str, Any] = field(default_factory=dict)
    #: Prepares the training anew after a callback has changed the module.
    restart: Callable[[], None] | None = None
    hooks: dict[str, list[Any]] = field(default_factory=dict)
    pending: list[tuple[Tensor, Tensor, MixPlan | None, Tensor | None]] = field(
        default_factory=list
    )
    hits: list[Tensor] = field(default_factory=list)
    #: What is recorded of the present epoch, and is not read yet.
    records: list[Any] = field(default_factory=list)

    @property
    def may_ask_again(self) -> bool:
        """Whether the optimizer may ask for the loss of a batch several times."""
        if self.steps_plainly:
            return False
        return self.stepper is None or self.stepper.asks_again


def ask(net: Any, x: Any) -> Any:
    """Run the module on rows for a method that looks: as in a step, but uncompiled.

    Parameters
    ----------
    net : skorch net
        Which trains.
    x : Tensor, dict or tuple
    """
    run = net.run_
    run.is_asked = True
    try:
        return net.infer(x)
    finally:
        run.is_asked = False


def context_of(net: Any) -> MixContext:
    """Return what a method is told of the epoch that begins."""
    run = net.run_
    run.facts = facts_on(run.facts, net.place_)
    return MixContext(
        run.epoch,
        run.n_epochs,
        net.module_,
        call=functools.partial(ask, net),
        criterion=run.objective.row_losses,
        **run.facts,
    )


@torch.no_grad()
def count_hits(run: MixingRun) -> None:
    """Count the lambda-weighted accuracy of the batches kept so far, all at once."""
    if not run.pending:
        return
    outputs, targets = [], []
    pairs: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for output, y, plan, target in run.pending:
        if run.objective.per_pixel:
            pixels: Any = run.objective
            run.hits.append(pixels.mixed_agreement(output, y, plan))
            continue
        # A plan may have more rows than the batch, of which each counts for less.
        if target is not None and target.shape == output.shape:
            outputs.append(output)
            # Dense targets hold -1/rows for a whole label.
            targets.append(target * -len(y))
        elif plan is None or plan.is_identity:
            whole = torch.ones((), device=y.device).expand(len(y))
            pairs.append((output, y, y, torch.stack((whole, whole - 1))))
        else:
            parts = plan.label_parts(y)
            if len(parts) % 2:
                parts.append((torch.zeros_like(parts[0][0]), parts[0][1]))
            for own, other in zip(parts[::2], parts[1::2], strict=True):
                shares = torch.stack((own[0], other[0])) * (
                    plan.n_counted / len(own[1])
                )
                pairs.append((output, own[1], other[1], shares))
    run.pending.clear()
    if targets:
        predicted = run.objective.labels(torch.cat(outputs)).unsqueeze(1)
        run.hits.append(torch.cat(targets).gather(1, predicted).sum())
    # A batch too small to be mixed has one share for all members of a row.
    forms = dict.fromkeys((p[1].ndim, p[3].ndim) for p in pairs)
    for form in forms:
        alike = [p for p in pairs if (p[1].ndim, p[3].ndim) == form]
        run.hits.append(_hits(run.objective, alike))


def _hits(
    objective: Objective, pairs: list[tuple[Tensor, Tensor, Tensor, Tensor]]
) -> Tensor:
    output, own_y, other_y = (torch.cat([p[i] for p in pairs]) for i in range(3))
    own_share, other_share = torch.cat([p[3] for p in pairs], 1)
    predicted = objective.labels(output)
    if own_share.ndim == 2 and predicted.shape[:2] != own_share.shape:
        # Members mixed the same rows, with partners of their own: judged as one net.
        shares = zip(own_share.unbind(1), other_share.unbind(1), strict=True)
        members = zip(own_y.unbind(1), other_y.unbind(1), shares, strict=True)
        each = [
            (own * objective.agreement(predicted, y)).sum()
            + (other * objective.agreement(predicted, other_label)).sum()
            for y, other_label, (own, other) in members
        ]
        return torch.stack(each).mean()
    own_right = objective.agreement(predicted, own_y)
    other_right = objective.agreement(predicted, other_y)
    if own_right.ndim > own_share.ndim:  # of members
        own_share, other_share = own_share.unsqueeze(1), other_share.unsqueeze(1)
    return (own_share * own_right + other_share * other_right).sum()
