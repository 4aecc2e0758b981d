"""The temperature of members together, when each row has been left out by few of them.

A mean of members is less sure than each of them, and no row is new to all of them. But
where two members or more have left out a row, their mean can be judged; from one member
to two the best temperature falls by so much, and from there to all of them by about as
much again, as the share of the variance that a mean takes away does.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from sk_mixup.nets import joined_output
from sk_mixup.training.loop._temperature import Temperature, temperature_of

# How the temperature of a mean compares with that of one, where no row tells: on
# validation rows of nets without mixing between 0.7 (clean, many classes) and 1.
_OF_ONE = 0.85


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
    )
    n_each = n_members // n_folds
    if n_each < 2 or isinstance(single, list) or outputs.ndim != 3:
        scale = _OF_ONE
        if isinstance(single, list):
            return [value * scale for value in single]
        return single * scale
    several = outputs.unflatten(1, (n_each, n_folds)).transpose(1, 2).flatten(0, 1)
    mean = temperature_of(
        objective,
        joined_output(several, objective.joins),
        y[:, :n_folds].flatten(0, 1),
        None if weight is None else weight[:, :n_folds].flatten(),
    )
    assert isinstance(mean, float)
    further = (1.0 - 1.0 / n_members) / (1.0 - 1.0 / n_each)
    by = math.log(mean) - math.log(single)
    return math.exp(math.log(single) + further * min(by, 0.0))
