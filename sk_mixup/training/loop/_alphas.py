"""How strongly to mix, found out by members that try.

Half of the members mix their rows and half do not, while the learning rate is level:
those with gates mix, since they fit more and soonest too much, and mixing the others
instead costs what it gains there (``docs/decisions/members.md``). At the turn each half
has been judged by rows that its members had not seen. Where one is clearly better, all
members go on as it did; else each goes on as it was, and the ensemble has some of both.
The halves differ in gates too, so that this is about the two as they are and not about
mixing alone; halves that differ in nothing else decide no better, and err more. A
member that has mixed and then stops is no loss: that is how mixing is often ended. The
losses are taken at the best temperature of each half: mixing makes a net less sure,
which one number puts right again.
"""

from __future__ import annotations

import copy
from statistics import fmean
from typing import Any

import torch
from skorch.callbacks import Callback
from torch import Tensor, nn

from sk_mixup.mixing import Mixup
from sk_mixup.training.feeds import MemberRows
from sk_mixup.training.loop._fetching import on_host
from sk_mixup.training.loop._prediction import call_module
from sk_mixup.training.loop._temperature import takes_temperature, temperature_of
from sk_mixup.training.recipes import Course

# Rows of all members that run together.
_ROWS = 512


class ChooseAlpha(Callback):
    """Lets all members mix in the better way, once the learning rate turns.

    Parameters
    ----------
    course : Course
    valid : MemberRows
        What each member has not seen.
    """

    def __init__(self, course: Course, valid: MemberRows) -> None:
        self.course = course
        self.valid = valid

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Note what the members mix with."""
        alphas = self._alphas(net)
        net.history.record("event_alpha", fmean(alphas))

    def _alphas(self, net: Any) -> list[float]:
        method = net.run_.method
        given = 0.0 if method is None else method.alpha
        return given if isinstance(given, list) else [given] * self.valid.n_members

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Choose at the turn."""
        alphas = self._alphas(net)
        if not self.course.turns or len(set(alphas)) < 2:
            return
        losses = losses_by_alpha(net, net.run_.objective, self.valid, alphas)
        net.history.record(
            "event_alpha_losses",
            {alpha: float(rows.mean()) for alpha, rows in losses.items()},
        )
        chosen = chosen_alpha(losses)
        if chosen is None:
            return
        if chosen == 0.0:
            net.run_.method = None
        else:
            net.run_.method = Mixup([chosen] * len(alphas), per="member")


def chosen_alpha(losses: dict[float, Tensor]) -> float | None:
    """Return the alpha whose losses are clearly the least; None: no one's are.

    Parameters
    ----------
    losses : dict of float to Tensor of shape (n_rows,)
        Per alpha.
    """
    means = {alpha: float(rows.mean()) for alpha, rows in losses.items()}
    best = min(means, key=means.__getitem__)
    for alpha, rows in losses.items():
        if alpha == best:
            continue
        variance = sum(float(one.var()) / len(one) for one in (rows, losses[best]))
        if not means[alpha] - means[best] > variance**0.5:
            return None
    return best


@torch.no_grad()
def losses_by_alpha(
    net: Any, objective: Any, valid: MemberRows, alphas: list[float]
) -> dict[float, Tensor]:
    """Return the losses of rows that members have not seen, per alpha of theirs."""
    inner = objective.inner
    there = _tensors_of(inner.criterion)
    (outputs, y, weight), here = on_host((_outputs(net, valid), there))
    if any(a is not b for a, b in zip(here, there, strict=True)):
        # The criterion has weights where the net is, and losses are computed here.
        inner = copy.deepcopy(inner, dict(zip(map(id, there), here, strict=True)))
    losses: dict[float, Tensor] = {}
    for alpha in sorted(set(alphas)):
        who = [k for k, other in enumerate(alphas) if other == alpha]
        output, label = outputs[:, who].flatten(0, 1), y[:, who].flatten(0, 1)
        rows_weight = None if weight is None else weight[:, who].flatten()
        if takes_temperature(inner) and inner.activation != "none":
            found = temperature_of(inner, output, label, rows_weight)
            if isinstance(found, float):
                output = output / found
        rows = inner.rows(inner.scored(output), label)
        losses[alpha] = (rows if rows_weight is None else rows * rows_weight).double()
    return losses


@torch.no_grad()
def member_outputs(net: Any, data: MemberRows) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return raw outputs of members for rows of their own, on the CPU.

    Returns
    -------
    outputs : Tensor of shape (n, n_members, width)
    y : Tensor of shape (n, n_members, ...)
    weight : Tensor of shape (n, n_members) or None
    """
    found: tuple[Tensor, Tensor, Tensor | None] = on_host(_outputs(net, data))
    return found


def _outputs(net: Any, data: MemberRows) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return what `member_outputs` does, where the net is."""
    module = net.module_
    was_training = module.training
    module.eval()
    device = net.place_
    here = data.to(device)
    parts, labels, weights = [], [], []
    for start in range(0, len(data), _ROWS):
        x, y = here[slice(start, start + _ROWS)]
        y, weight = y if isinstance(y, tuple) else (y, None)
        parts.append(call_module(module, x))
        labels.append(y)
        if weight is not None:
            weights.append(weight)
    module.train(was_training)
    joined = torch.cat(weights) if weights else None
    return torch.cat(parts), torch.cat(labels), joined


def _tensors_of(criterion: Any) -> list[Tensor]:
    if not isinstance(criterion, nn.Module):
        return []
    return [*criterion.parameters(), *criterion.buffers()]
