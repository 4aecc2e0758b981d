"""What a wrapped skorch net says of its predictions: nonlinearity and threshold."""

from __future__ import annotations

import numbers
from typing import Any

import torch
from torch import Tensor

from sk_mixup.training.objectives import Objective, TargetKind


def take_decisions(
    net: Any, objective: Objective, output: Tensor, kind: TargetKind | None
) -> None:
    """Let an objective predict as the net that is wrapped would.

    Parameters
    ----------
    net : skorch net
        Initialized.
    objective : Objective
        Gets the nonlinearity and the threshold.
    output : Tensor
        What the module returns for some rows.
    kind : TargetKind or None

    Raises
    ------
    ValueError, TypeError
        For a `predict_nonlinearity` or `threshold` that could not hold.
    """
    _take_nonlinearity(net, objective, output, kind)
    threshold = getattr(net, "threshold", 0.5)
    if isinstance(threshold, Tensor) and threshold.numel() == 1:
        threshold = threshold.item()
    if not isinstance(threshold, numbers.Real) or not 0 <= float(threshold) <= 1:
        raise ValueError(
            f"module: threshold={threshold!r} must be a number from 0 to 1."
        )
    if threshold != 0.5 and objective.n_classes != 2:
        raise ValueError(
            f"module: threshold={threshold!r} is for two classes. Leave it"
            " out and decide on what predict_proba returns."
        )
    objective.threshold = float(threshold)


def _take_nonlinearity(
    net: Any, objective: Objective, output: Tensor, kind: TargetKind | None
) -> None:
    given = net.predict_nonlinearity
    if isinstance(given, str) and given == "auto":
        return
    if given is None:
        if not objective.counts or objective.activation == "none":
            return
        given = _as_it_is
    if not callable(given):
        raise TypeError(
            f"module: predict_nonlinearity={given!r} must be a callable, 'auto' or"
            " None."
        )
    if not objective.counts:
        raise ValueError(
            f"module: predict_nonlinearity={given!r} is for classes; outputs for"
            " numbers are on the scale of the standardised y. Give the module this"
            " function as its last layer, or transform y by scikit-learn's"
            " TransformedTargetRegressor."
        )
    if kind is not None and kind.sizes:
        raise ValueError(
            f"module: predict_nonlinearity={given!r} is for one output, and y has"
            f" {len(kind.sizes)}. Leave it 'auto'."
        )
    objective.nonlinearity = given
    width = objective.n_classes or output[0].numel()
    try:
        proba = objective.probabilities(output)
    except Exception as error:
        raise ValueError(
            f"module: predict_nonlinearity={given!r} failed on outputs of shape"
            f" {tuple(output.shape)}: {type(error).__name__}: {error}"
        ) from error
    if proba.shape != (len(output), width):
        raise ValueError(
            f"module: predict_nonlinearity={given!r} made probabilities of shape"
            f" {tuple(proba.shape)} of outputs of shape {tuple(output.shape)}; it must"
            f" return {width} per row."
        )


def _as_it_is(output: Tensor) -> Tensor:
    return torch.as_tensor(output)
