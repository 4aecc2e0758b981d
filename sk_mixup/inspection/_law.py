"""The law of lambda as a picture: what an alpha does is hard to guess from it."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_mixup.inspection._style import GREY, dress, next_color
from sk_mixup.mixing import expected_smoothing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray


def check_alphas(alphas: Sequence[Any]) -> None:
    """Raise a ValueError unless there are alphas, and all of them numbers >= 0."""
    if not alphas:
        raise ValueError(
            "No alphas to draw: use MixDisplay.from_alpha([0.2, 1.0]), or a method"
            " with a number as alpha and the Beta law."
        )
    for alpha in alphas:
        if not isinstance(alpha, numbers.Real) or not 0 <= float(alpha) < math.inf:
            raise ValueError(f"alphas must be numbers of at least 0; got {alpha!r}.")


def draw_law(ax: Axes, alphas: Sequence[float], fold: bool) -> None:
    """Draw the density of lambda, or of max(lambda, 1 - lambda), for each alpha."""
    # Not at the ends, where the density of a small alpha is infinite.
    lam = np.linspace(0.5 if fold else 0.0, 1.0, 401)[1:-1]
    highest = 0.0
    for alpha in alphas:
        if expected_smoothing(float(alpha)) == 0:
            ax.axvline(1.0, label=f"α = {alpha:g}: λ = 1", color=GREY, linestyle="--")
            continue
        density = beta_density(lam, float(alpha)) * (2.0 if fold else 1.0)
        color = next_color(ax)
        ax.plot(lam, density, color=color, label=f"α = {alpha:g}")
        ax.fill_between(lam, density, color=color, alpha=0.07)
        # Without the steep ends of small alphas, which would flatten all the rest.
        highest = max(highest, float(np.quantile(density, 0.95)))
    ax.set(
        xlim=(0.5 if fold else 0.0, 1.0),
        ylim=(0.0, 1.15 * highest if highest else 1.0),
        xlabel="λ, share of the own sample",
        ylabel="Density",
    )
    dress(ax)


def beta_density(lam: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Return the density of Beta(alpha, alpha) inside (0, 1)."""
    log_beta = 2 * math.lgamma(alpha) - math.lgamma(2 * alpha)
    exponent = (alpha - 1.0) * (np.log(lam) + np.log1p(-lam)) - log_beta
    return np.asarray(np.exp(exponent))


def law_of(method: Any) -> dict[str, Any]:
    """Return what `plot_law` needs of a method whose lambda has a Beta law."""
    alpha = getattr(method, "alpha", None)
    if (
        not isinstance(alpha, numbers.Real)
        or getattr(method, "law", "beta") != "beta"
        or getattr(method, "single_target", False)
    ):
        return {}
    # None stands for the default of methods that fold.
    fold = getattr(method, "fold", False)
    return {"alphas": [float(alpha)], "fold": fold is None or bool(fold)}
