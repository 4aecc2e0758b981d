"""The temperature of members together, when each row has been left out by few of them.

A mean of members is less sure than each of them, and no row is new to all of them. But
where two members or more have left out a row, their mean can be judged; from one member
to two the best temperature falls by so much, and from there to all of them by about as
much again, as the share of the variance that a mean takes away does.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from sk_mixup.nets import joined_output
from sk_mixup.training.loop._temperature import (
    Temperature,
    temperature_of,
    tempered,
)

# How the temperature of a mean compares with that of one, where no row tells. On
# validation rows it was 0.95 to 1 where labels are mostly chance, of which members know
# the same little, and 0.7 to 0.85 where they follow from the columns.
_OF_CHANCE, _OF_CLEAN, _KNOWN_UP_TO = 0.95, 0.75, 0.25
_SPREAD = 0.3


def joint_temperature(
    objective: Any,
    outputs: Tensor,
    y: Tensor,
    weight: Tensor | None,
    n_folds: int,
) -> Temperature:
    """Return the temperature of the mean of all members.

    Parameters
    ----------
    objective : Objective or MemberObjective
    outputs : Tensor of shape (n, n_members, width)
        Raw, of rows that the member has not seen; members `k` and ``k + n_folds`` have
        the same rows.
    y : Tensor of shape (n, n_members, ...)
    weight : Tensor of shape (n, n_members) or None
    n_folds : int

    Returns
    -------
    temperature : float, or list of float for several outputs
    """
    n_members = outputs.shape[1]
    single = temperature_of(
        objective,
        outputs.flatten(0, 1),
        y.flatten(0, 1),
        None if weight is None else weight.flatten(),
        spread=_SPREAD,
    )
    n_each = n_members // n_folds
    if n_each < 2 or isinstance(single, list) or outputs.ndim != 3:
        if isinstance(single, list):
            return [value * _OF_CHANCE for value in single]
        known = _left_unknown(objective, outputs, y, single)
        by = min(1.0, known / _KNOWN_UP_TO)
        return single * (_OF_CLEAN + by * (_OF_CHANCE - _OF_CLEAN))
    several = outputs.unflatten(1, (n_each, n_folds)).transpose(1, 2).flatten(0, 1)
    mean = temperature_of(
        objective,
        joined_output(several, objective.joins),
        y[:, :n_folds].flatten(0, 1),
        None if weight is None else weight[:, :n_folds].flatten(),
        spread=_SPREAD,
    )
    assert isinstance(mean, float)
    further = (1.0 - 1.0 / n_members) / (1.0 - 1.0 / n_each)
    by = math.log(mean) - math.log(single)
    return math.exp(math.log(single) + further * min(by, 0.0))


def _left_unknown(
    objective: Any, outputs: Tensor, y: Tensor, temperature: float
) -> float:
    """Return the share of what the labels tell that members do not know."""
    if y.ndim != 2 or y.is_floating_point():
        return 1.0
    labels = y.flatten()
    proba = tempered(objective, outputs.flatten(0, 1), temperature)
    assert isinstance(proba, Tensor)
    own = proba[torch.arange(len(labels)), labels].clamp(min=1e-12)
    shares = torch.bincount(labels).double() / len(labels)
    entropy = torch.special.entr(shares).sum()
    return float(-own.log().mean() / entropy.clamp(min=1e-12))
