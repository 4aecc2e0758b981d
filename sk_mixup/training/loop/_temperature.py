"""The temperature of a trained net: what it is fitted on, and what it does.

Predictions are made of ``outputs / T``. What an output is, and of which target, an
`Objective` knows; the search is that of `sk_mixup.metrics.fit_temperature`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sk_mixup.metrics import fit_temperature
from sk_mixup.mixing import output_activation
from sk_mixup.training.feeds import ArrayData, StreamData, split_weight
from sk_mixup.training.loop._fetching import on_host
from sk_mixup.training.loop._prediction import (
    call_module,
    is_compiled,
    predict_outputs,
)
from sk_mixup.training.objectives import MemberObjective, Objective

if TYPE_CHECKING:
    from sk_mixup.training.objectives import MultiOutputObjective

# One temperature, or one per output.
Temperature = float | list[float]
# Minus a log-likelihood of the label, so that a temperature has something to say.
_LIKELIHOODS = (
    nn.CrossEntropyLoss,
    nn.NLLLoss,
    nn.BCEWithLogitsLoss,
    nn.BCELoss,
)
# How far temperatures lie from 1, as the standard deviation of their logarithm. Mixing
# asks for low ones. Without it, a part of some hundred rows shows more of its own noise
# than of the net: on telco, 450 rows said 1.4 where 1 was right.
_SPREAD, _MIXED_SPREAD = 0.05, 1.0
_TINY = torch.finfo(torch.float64).tiny


def takes_temperature(objective: Any) -> bool:
    """Say whether outputs are logits, or their probabilities, as far as is known.

    They are for torch's cross-entropies, and for a criterion that declares
    `output_activation` as "softmax" or "sigmoid"; not where a wrapped net says itself
    how probabilities are made.
    """
    if getattr(_of_one(objective), "nonlinearity", None) is not None:
        return False
    if objective.per_pixel:
        return False
    criterion = objective.criterion
    if isinstance(criterion, _LIKELIHOODS):
        return True
    return output_activation(criterion) in ("softmax", "sigmoid")


def no_temperature(objective: Any) -> Temperature:
    """Return the temperature that changes nothing."""
    objective = _of_one(objective)
    if _has_heads(objective):
        return [1.0] * len(objective.kind.sizes)
    return 1.0


def tempered(
    objective: Any, outputs: Tensor, temperature: Temperature
) -> Tensor | list[Tensor]:
    """Return the probabilities of raw outputs at a temperature.

    Parameters
    ----------
    objective : Objective
    outputs : Tensor of shape (n, ...)
    temperature : float or list of float
        A list for several outputs.

    Returns
    -------
    proba : Tensor of float64, or a list of such
    """
    objective = _of_one(objective)
    if objective.per_pixel:
        return objective.probabilities(outputs)
    if _has_heads(objective):
        assert isinstance(temperature, list)
        return [
            _tempered(one, head, temperature[j])
            for j, one, head in objective.heads(outputs)
        ]
    assert isinstance(temperature, float)
    return _tempered(objective, outputs, temperature)


def decided(objective: Any, proba: Tensor) -> Tensor:
    """Return the class that is predicted at some probabilities, int64.

    Parameters
    ----------
    objective : Objective
    proba : Tensor of shape (n, n_classes)
    """
    return _of_one(objective).decided(proba)


def log_tempered(
    objective: Any, outputs: Tensor, temperature: Temperature
) -> Tensor | list[Tensor]:
    """Return the logarithms of what `tempered` returns, also of tiny probabilities.

    Parameters
    ----------
    objective, outputs, temperature :
        As for `tempered`.
    """
    objective = _of_one(objective)
    if _has_heads(objective):
        assert isinstance(temperature, list)
        return [
            _log_tempered(one, head, temperature[j])
            for j, one, head in objective.heads(outputs)
        ]
    assert isinstance(temperature, float)
    return _log_tempered(objective, outputs, temperature)


def log_odds(objective: Any, outputs: Tensor, temperature: Temperature) -> Tensor:
    """Return the log-odds of the second of two classes, float64 of shape (n,).

    Above zero where `tempered` has the second class as the more probable one.

    Parameters
    ----------
    objective, outputs, temperature :
        As for `tempered`.
    """
    log_proba = log_tempered(objective, outputs, temperature)
    proba = tempered(objective, outputs, temperature)
    assert isinstance(log_proba, Tensor)
    assert isinstance(proba, Tensor)
    odds = log_proba[:, 1] - log_proba[:, 0]
    # A difference that probabilities cannot show is a tie for `predict`.
    return odds.masked_fill(proba[:, 1] == proba[:, 0], 0.0)


def temperature_of(
    objective: Any,
    outputs: Tensor,
    y: Tensor,
    weight: Tensor | None = None,
    *,
    mixes: bool = True,
    spread: float | None = None,
) -> Temperature:
    """Return the temperature that minimises the log-loss of clean rows.

    Parameters
    ----------
    objective : Objective
        One that `takes_temperature`. Its class weights, where it has some, count.
    outputs : Tensor of shape (n, ...)
        Raw.
    y : Tensor of shape (n,) or (n, k)
    weight : Tensor of shape (n,) or None
    mixes : bool, default=True
        Whether the training was mixed.
    spread : float or None, default=None
        How far temperatures lie from 1, as the standard deviation of their logarithm;
        None: as is usual with mixing, or without.

    Returns
    -------
    temperature : float, or list of float for several outputs
        1.0 where outputs are not finite.
    """
    objective = _of_one(objective)
    if spread is None:
        spread = _MIXED_SPREAD if mixes else _SPREAD
    if _has_heads(objective):
        return [
            _fitted(one, head, y[:, j], weight, spread)
            for j, one, head in objective.heads(outputs)
        ]
    return _fitted(objective, outputs, y, weight, spread)


def outputs_of(
    net: Any, objective: Any, data: ArrayData | StreamData
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return raw outputs, targets and weights of clean rows, on the CPU.

    Parameters
    ----------
    net : skorch net
        Trained.
    objective : Objective
    data : ArrayData or StreamData
    """
    module = net.for_prediction(net.module_)
    if isinstance(data, ArrayData):
        options = net.get_params_for("iterator_valid")
        width = getattr(net.module_, "n_members", 1) * (objective.n_classes or 1)
        outputs = predict_outputs(
            module, data.X, net.place_, objective.read, options, width
        )
        return outputs, data.y, data.weight
    module.eval()
    parts: list[Tensor] = []
    targets: list[Tensor] = []
    with torch.inference_mode():
        for x, y in net.get_iterator(data, training=False):
            output = objective.read(call_module(module, x))
            # What a CUDA graph returns is written over by its next run.
            parts.append(output.clone() if is_compiled(module) else output)
            targets.append(split_weight(y)[0])
    return *on_host((torch.cat(parts), torch.cat(targets))), None


def _of_one(objective: Any) -> Objective:
    """Return the objective of one net: members are joined before they are looked at."""
    one: Objective = objective
    return objective.inner if isinstance(objective, MemberObjective) else one


def _has_heads(objective: Objective) -> TypeGuard[MultiOutputObjective]:
    return objective.has_heads


def _tempered(objective: Objective, outputs: Tensor, temperature: float) -> Tensor:
    if temperature == 1.0:
        return objective.probabilities(outputs)
    logits = _logits(objective, outputs) / temperature
    if objective.activation != "none":
        return objective.probabilities(logits)
    # The net returns probabilities, and the objective passes them on.
    one = objective.per_label or _has_one(logits)
    return objective.probabilities(logits.sigmoid() if one else logits.softmax(-1))


def _log_tempered(objective: Objective, outputs: Tensor, temperature: float) -> Tensor:
    if objective.nonlinearity is not None:
        # What it does is known by its values alone.
        return _tempered(objective, outputs, temperature).log()
    logits = _logits(objective, outputs) / temperature
    if objective.per_label:
        return functional.logsigmoid(logits)
    if _has_one(logits):
        yes = logits.reshape(-1)
        return functional.logsigmoid(torch.stack([-yes, yes], 1))
    if objective.activation == "sigmoid":
        logits = functional.logsigmoid(logits)
    return logits.log_softmax(1)


def _fitted(
    objective: Objective,
    outputs: Tensor,
    y: Tensor,
    weight: Tensor | None,
    spread: float,
) -> float:
    logits = _logits(objective, outputs)
    if not logits.isfinite().all():
        return 1.0
    rows = None if weight is None else weight.double()
    if objective.per_label:
        # A row per label: one logit, and one yes or no.
        if rows is not None:
            rows = rows.repeat_interleave(y.shape[1])
        shares = _class_weights(objective, y)
        shares = None if shares is None else shares.reshape(-1)
        logits, y = logits.reshape(-1), y.reshape(-1).round().long()
    else:
        shares = _class_weights(objective, y)
        if logits.ndim == 2 and logits.shape[1] == 1:
            logits = logits.reshape(-1)
    if shares is not None:
        rows = shares if rows is None else rows * shares
    if rows is not None and not bool((rows > 0).any()):
        return 1.0
    one = objective.activation == "sigmoid" and not _has_one(logits)
    return fit_temperature(
        logits.numpy(),
        y.numpy(),
        None if rows is None else np.asarray(rows.numpy()),
        activation="sigmoid" if one else "softmax",
        spread=spread,
    )


def _logits(objective: Objective, outputs: Tensor) -> Tensor:
    """Return what a temperature divides, float64."""
    outputs = outputs.double()
    if objective.per_label:
        outputs = outputs.flatten(1)
    if objective.activation != "none":
        return outputs
    if objective.per_label or _has_one(outputs):
        return outputs.clamp(_TINY, 1.0 - 2.0**-53).logit()
    return outputs.clamp(min=_TINY).log()


def _has_one(outputs: Tensor) -> bool:
    """Whether there is one value per row, that of the second class."""
    return outputs.ndim == 1 or outputs.shape[-1] == 1


def _class_weights(objective: Objective, y: Tensor) -> Tensor | None:
    """Return the weights by class in which the criterion counts rows, or labels."""
    criterion = objective.criterion
    positive = getattr(criterion, "pos_weight", None)
    if isinstance(criterion, nn.BCEWithLogitsLoss) and positive is not None:
        positive = positive.detach().cpu().double().reshape(-1)
        if objective.per_label:
            return 1.0 + (positive - 1.0) * y.double()
        if len(positive) == 1:
            positive = torch.stack([torch.ones_like(positive[0]), positive[0]])
        return _by_class(positive, y)
    weight = getattr(criterion, "weight", None)
    if isinstance(criterion, (nn.CrossEntropyLoss, nn.NLLLoss)) and weight is not None:
        return _by_class(weight.detach().cpu().double(), y)
    return None


def _by_class(weight: Tensor, y: Tensor) -> Tensor:
    return weight[y] if y.ndim == 1 else y.double() @ weight
