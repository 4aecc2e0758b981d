"""A criterion tried on outputs of the untrained module, for rows of a whole batch.

Two rows would not tell a class from a share per class: shapes that do not belong
together are then stretched to fit, and nobody hears of it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.training.objectives import Objective, criterion_name

_SLACK = 0.02
_OF_NUMBERS = (
    nn.MSELoss,
    nn.L1Loss,
    nn.SmoothL1Loss,
    nn.HuberLoss,
    nn.PoissonNLLLoss,
)


@torch.no_grad()
def try_criterion(
    objective: Objective,
    output: Tensor,
    y: Tensor,
    device: Any,
    *,
    module: str,
    made_up: bool,
) -> None:
    """Check that a criterion takes these outputs and targets.

    One that takes a share per class and not the class itself is given shares.

    Parameters
    ----------
    objective : Objective
    output : Tensor
    y : Tensor
    device : object
        Where the criterion is.
    module : str
        Its name, for messages.
    made_up : bool
        Whether rows and targets are examples, whose values say nothing.

    Raises
    ------
    ValueError
    """
    name = criterion_name(objective.criterion)
    _refuse_for_classes(objective, name)
    _check_logarithms(objective, name, output, module)
    output, y = _of_other_length(objective, output.to(device), y.to(device))
    loss: Tensor | None
    try:
        loss = objective.rows(objective.scored(output), y)
    except Exception as error:
        _check_returns_tensor(objective, name, output, y)
        loss = _of_shares(objective, output, y)
        if loss is None:
            raise ValueError(
                f"criterion: {name} failed on outputs of shape {tuple(output.shape)}"
                f" and targets of shape {tuple(y.shape)}, dtype {y.dtype}:"
                f" {type(error).__name__}: {error}"
            ) from error
        objective.take_soft_targets()
    if made_up:
        return
    if bool(output.isfinite().all()) and not bool(loss.isfinite().all()):
        raise ValueError(
            f"criterion: {name} is not finite on outputs of the untrained {module} from"
            f" {output.min():g} to {output.max():g}, and targets from {y.min():g} to"
            f" {y.max():g}. Check what it takes: the module may have to end with an"
            " activation, and y to be of another range."
        )


@torch.no_grad()
def check_rows(
    objective: Objective, output: Tensor, y: Tensor, device: Any, *, needs_rows: bool
) -> None:
    """Check that a criterion returns one loss per row, or one where that serves.

    Parameters
    ----------
    objective, output, y, device :
        As for `try_criterion`.
    needs_rows : bool
        Whether one of all rows does not serve.

    Raises
    ------
    ValueError
    """
    name = criterion_name(objective.criterion)
    output = objective.scored(output.to(device))
    loss = objective.rows(output, y.to(device))
    if loss.ndim == 0 and (needs_rows or len(y) == 1):
        raise ValueError(
            f"criterion: {name} returns one number per batch. Mixed targets and weights"
            " need one loss per row: give a criterion with reduction='none' (or a"
            " `reduction` parameter), or mix=None."
        )
    if loss.ndim and loss.shape != (len(y),):
        raise ValueError(
            f"criterion: {name} returned shape {tuple(loss.shape)} for {len(y)} rows."
        )


def _refuse_for_classes(objective: Objective, name: str) -> None:
    """Refuse losses of numbers, which would broadcast classes against outputs."""
    if type(objective) is not Objective or objective.n_classes is None:
        return
    if objective.takes_pairs and isinstance(objective.criterion, _OF_NUMBERS):
        raise ValueError(
            f"criterion: {name} is for numbers, and y holds classes. Leave criterion"
            " out, give a loss of classes such as 'cross_entropy', or take"
            " MixupRegressor."
        )


def _of_other_length(
    objective: Objective, output: Tensor, y: Tensor
) -> tuple[Tensor, Tensor]:
    """Return one row less where rows and classes could be taken for each other."""
    if len(y) > 2 and output.ndim > 1 and len(y) == output.shape[1]:
        return output[:-1], y[:-1]
    return output, y


def _check_returns_tensor(
    objective: Objective, name: str, output: Tensor, y: Tensor
) -> None:
    try:
        loss = objective.criterion(output, y)
    except Exception:  # This is not what was wrong.
        return
    if not isinstance(loss, Tensor):
        raise ValueError(
            f"criterion: {name} must return a tensor; it returned"
            f" {type(loss).__name__}."
        )


def _of_shares(objective: Objective, output: Tensor, y: Tensor) -> Tensor | None:
    """Return the loss against a share per class; None if that is none either."""
    if type(objective) is not Objective or objective.n_classes is None:
        return None
    if not objective.takes_pairs or output.ndim != 2:
        return None
    soft = Objective(objective.criterion, objective.n_classes)
    soft.take_soft_targets()
    try:
        loss = soft.rows(output, y)
    except Exception:  # The first error says more.
        return None
    fits = isinstance(loss, Tensor) and (loss.ndim == 0 or len(loss) == len(y))
    return loss if fits else None


def _check_logarithms(
    objective: Objective, name: str, output: Tensor, module: str
) -> None:
    """Refuse logits where logarithms of probabilities are meant."""
    criterion = objective.criterion
    if not isinstance(criterion, (nn.NLLLoss, nn.KLDivLoss)) or objective.takes_log:
        return
    if objective.n_classes is None or output.ndim != 2:
        return
    total = output.double().exp().sum(1)
    if bool(((total - 1.0).abs() > _SLACK).any()):
        raise ValueError(
            f"criterion: {name} takes the logarithms of probabilities, and {module}"
            f" returns others: their exponentials sum to {float(total[0]):g}, not to 1."
            " Use criterion=nn.CrossEntropyLoss, or end the module with"
            " nn.LogSoftmax(1)."
        )
