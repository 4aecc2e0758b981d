"""What a regressor knows of a number beside its mean: its head, and their levels."""

from __future__ import annotations

import itertools
from typing import Any

from sk_mixup.training import GaussianHead, QuantileHead, RegressionHead

HEADS = ("mean", "quantile", "gaussian")


def check_head(head: Any, quantiles: Any, criterion: Any) -> None:
    """Check the parameters `head`, `quantiles` and `criterion` of a regressor.

    Raises
    ------
    ValueError, TypeError
    """
    if not isinstance(head, str) or head not in HEADS:
        raise ValueError(f"head must be one of {HEADS}; got {head!r}.")
    if head != "mean" and criterion is not None:
        loss = "pinball loss" if head == "quantile" else "Gaussian likelihood"
        raise ValueError(
            f"criterion={criterion!r}: head={head!r} trains with the {loss}. Leave"
            " criterion out, or say head='mean'."
        )
    if head == "quantile":
        levels = quantile_levels("quantiles", quantiles)
        if any(a >= b for a, b in itertools.pairwise(levels)):
            raise ValueError(f"quantiles must increase; got {quantiles!r}.")
        if not levels[0] <= 0.5 <= levels[-1]:
            raise ValueError(
                "quantiles must reach to both sides of 0.5, or hold it: predict returns"
                f" the median; got {quantiles!r}."
            )


def make_head(head: str, quantiles: Any, n_outputs: int) -> RegressionHead | None:
    """Return the head of a regressor; None: the mean alone."""
    if head == "quantile":
        return QuantileHead(n_outputs, quantile_levels("quantiles", quantiles))
    return GaussianHead(n_outputs) if head == "gaussian" else None


def quantile_levels(name: str, values: Any) -> list[float]:
    """Return levels of quantiles as floats in (0, 1).

    Raises
    ------
    ValueError, TypeError
    """
    try:
        levels = [float(value) for value in values]
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must be a sequence of numbers between 0 and 1; got {values!r}."
        ) from error
    if not levels or not all(0.0 < level < 1.0 for level in levels):
        raise ValueError(
            f"{name} must hold numbers between 0 and 1, at least one; got {values!r}."
        )
    return levels
