"""Choose by evidence between the steps of AdamW and orthogonal ones.

Where labels follow from the columns, orthogonal steps from the first one on lead to far
lower losses (pendigits -30 %, letter and digits -7 %); where they are mostly chance,
they gain nothing and cost twice the time (``docs/decisions/steps.md``). A few epochs
tell the one from the other: by then the loss has fallen below half of what the shares
of the classes alone say, or it never will. What those epochs have learnt is given up,
as orthogonal steps that start from it gain nothing. All but the factors of columns:
which of these matter is known by then. They are scaled to one on average and stay as
they are, since beside steps that are as long in every direction they would only grow.
"""

from __future__ import annotations

from typing import Any

import torch
from skorch.callbacks import Callback
from torch import Tensor

from sk_mixup.training.feeds import MemberRows
from sk_mixup.training.loop._callbacks import BestWeights
from sk_mixup.training.recipes import Course

# Epochs and steps to wait, and how low the loss must be then: between .14 and .41 of
# what is known without the columns on the five tables that gain, .62 and more on the
# six that do not.
_EPOCHS, _STEPS, _SHARE = 2, 40, 0.5
# What a column keeps that a member has turned down to nothing.
_LEAST_FACTOR = 0.01


class ChooseSteps(Callback):
    """Begins a training anew, with orthogonal steps, where labels follow from columns.

    Parameters
    ----------
    course : Course
    best : BestWeights
        Of the same training.
    valid : MemberRows
        What the validation losses are of; labels of classes.
    """

    def __init__(self, course: Course, best: BestWeights, valid: MemberRows) -> None:
        self.course = course
        self.best = best
        self.known_ = loss_of_shares(valid)

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Keep the first weights; begin with plain steps."""
        state = net.module_.state_dict()
        self.first_: dict[str, Tensor] | None = {k: v.clone() for k, v in state.items()}
        groups = enumerate(net.optimizer_.param_groups)
        self.matrices_ = [place for place, group in groups if group["orthogonal"]]
        self._turn(net, orthogonal=False)

    def _turn(self, net: Any, *, orthogonal: bool) -> None:
        for place in self.matrices_:
            net.optimizer_.param_groups[place]["orthogonal"] = orthogonal

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Choose."""
        n_epochs = net.run_.epoch
        n_steps = n_epochs * net.history[-1, "train_batch_count"]
        if self.first_ is None or n_epochs < _EPOCHS or n_steps < _STEPS:
            return
        first, self.first_ = self.first_, None
        follows = net.history[-1, "valid_loss"] < _SHARE * self.known_
        net.history.record("event_orthogonal", bool(follows))
        if not follows:
            return
        net.module_.load_state_dict(first | _mean_one(net.module_))
        net.optimizer_.state.clear()
        self._turn(net, orthogonal=True)
        _keep_factors(net)
        self.course.longest -= n_epochs
        # The course, which it follows, begins anew with it.
        self.best.on_train_begin(net)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Forget the first weights."""
        self.first_ = None


def _mean_one(module: Any) -> dict[str, Tensor]:
    """Return the factors of columns, if any, at one on average in each member."""
    factors = getattr(module, "column_scale", None)
    if factors is None:
        return {}
    factors = factors.detach().clamp(min=_LEAST_FACTOR)
    return {"column_scale": factors / factors.mean(1, keepdim=True)}


def _keep_factors(net: Any) -> None:
    """Let the factors of columns, if any, be what they are."""
    factors = getattr(net.module_, "column_scale", None)
    for group in net.optimizer_.param_groups:
        if any(weight is factors for weight in group["params"]):
            group["lr"] = group["initial_lr"] = 0.0


def loss_of_shares(rows: MemberRows) -> float:
    """Return the log-loss of the shares of the classes, said of every row.

    Parameters
    ----------
    rows : MemberRows
    """
    found = rows.labels(slice(None))
    y, weight = found if isinstance(found, tuple) else (found, None)
    y = y.flatten()
    weight = torch.ones(len(y)) if weight is None else weight.flatten()
    counts = torch.bincount(y, weight.double())
    counts = counts[counts > 0]
    total = counts.sum()
    return float(-(counts * (counts / total).log()).sum() / len(y))
