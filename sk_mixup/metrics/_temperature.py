"""The temperature that suits some labels best: one number, by a bounded search.

Probabilities are ``softmax(logits / T)``. ``T > 1`` takes confidence away, ``T < 1``
gives it back, as mixed training often needs; the order of the classes stays.

The search minimises log-loss plus ``(log T)^2 / (2 n s^2)``, which is a prior:
``log T`` is normal around 0, with standard deviation `s`. At ``s = 1``, of a thousand
rows nobody notices it. Where few rows are all predicted right, their likelihood alone
would send `T` to 0, and the first error would then cost any amount. Smoothed labels
would prevent that too, yet pull hard where classes are many and rows few. As the prior
is 0 at ``T = 1``, log-loss is never above that of ``T = 1``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from sk_mixup.metrics._rows import check_weight

Activation = Literal["softmax", "sigmoid"]
Floats = NDArray[np.float64]

#: The search ends here.
LOWEST, HIGHEST = 0.01, 100.0
# The grid that brackets the best: averages of several members may have several dips.
_GRID = np.linspace(np.log(LOWEST), np.log(HIGHEST), 9)
# Of log T, around what was found.
_STRETCH = 1e-3
# In nats: where rows leave no doubt, as after a training that got its own by heart, a
# narrow prior gives way to the wide one.
_MOST_PENALTY = 8.0
# More values than these are thinned out for the search: one number needs few rows.
_MOST_VALUES = 2**23
# Values per block: what fits into a cache is read once.
_BLOCK_VALUES = 2**16


def fit_temperature(
    logits: ArrayLike,
    y: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    activation: Activation = "softmax",
    spread: float = 1.0,
) -> float:
    """Return the temperature that minimises the log-loss of some rows.

    Parameters
    ----------
    logits : array-like of shape (n,), (n, C) or (n, k, C)
        One logit means two classes, and the second of them. Of k members,
        probabilities are averaged: ``mean_k softmax(logits_k / T)``.
    y : array-like of shape (n,) or (n, C)
        Class indices, or a probability per class.
    weight : array-like of shape (n,), default=None
        Row weights.
    activation : {"softmax", "sigmoid"}, default="softmax"
        What makes probabilities. "sigmoid": a sigmoid per class, scaled to sum to one.
    spread : float, default=1.0
        Standard deviation of the prior on ``log T``. Smaller ones ask for more rows
        before they believe in a temperature far from 1.

    Returns
    -------
    temperature : float
        Between 0.01 and 100. Log-loss is at most that of temperature 1.

    Raises
    ------
    ValueError
        If shapes do not fit, or logits are not finite.

    Notes
    -----
    The prior, normal around 0 and worth about a row at a spread of 1, keeps rows that
    are all predicted right from asking for certainty.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On Calibration of Modern Neural
       Networks", ICML 2017.

    Examples
    --------
    Logits of 0.5 say 62 %, and 3 of 4 rows are right:

    >>> from sk_mixup.metrics import fit_temperature
    >>> logits, y = [[0.5, 0.0]] * 400, [0, 0, 0, 1] * 100
    >>> round(fit_temperature(logits, y), 2)
    0.46
    """
    z, target, share = _checked(logits, y, weight)
    step = max(1, -(-z.size // _MOST_VALUES))
    few = z[::step], target[::step], share[::step] / share[::step].sum()
    # Rows that weights leave in effect.
    n_rows = 1.0 / float((share**2).sum())

    def penalized(log_t: float) -> float:
        loss = _mean_loss(*few, float(np.exp(log_t)), activation)
        wide = log_t**2 / 2.0
        return loss + min(wide / spread**2, _MOST_PENALTY + wide) / n_rows

    near = _bounded_minimum(penalized, spread * np.array([-4.0, 0.0, 4.0]))
    far = _bounded_minimum(penalized, _GRID)
    best = float(np.exp(_polished(penalized, min(near, far, key=penalized))))
    found, plain = (_mean_loss(z, target, share, t, activation) for t in (best, 1.0))
    return best if found < plain else 1.0


def log_loss_at(
    logits: ArrayLike,
    y: ArrayLike,
    weight: ArrayLike | None,
    temperature: float,
    *,
    activation: Activation = "softmax",
) -> float:
    """Return the mean log-loss at a temperature; parameters as `fit_temperature`."""
    return _mean_loss(*_checked(logits, y, weight), temperature, activation)


def _bounded_minimum(function: Callable[[float], float], grid: Floats) -> float:
    values = [function(float(point)) for point in grid]
    lowest = int(np.argmin(values))
    bounds = grid[max(lowest - 1, 0)], grid[min(lowest + 1, len(grid) - 1)]
    result = minimize_scalar(
        function, bounds=bounds, method="bounded", options={"xatol": 1e-6}
    )
    return float(result.x)


def _polished(function: Callable[[float], float], point: float) -> float:
    """Return the lowest point of the parabola around a minimum that was searched for.

    Values near a minimum differ by rounding alone within 1e-8: where a search ends
    there is chance. Slopes over a wider stretch tell the place to 1e-12.
    """
    left, middle, right = (function(point + by) for by in (-_STRETCH, 0.0, _STRETCH))
    curvature = left - 2.0 * middle + right
    if curvature <= 0:
        return point
    step = _STRETCH * (left - right) / (2.0 * curvature)
    return point + step if abs(step) < _STRETCH else point


def _checked(
    logits: ArrayLike, y: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray[np.floating], NDArray[Any], Floats]:
    """Return logits per class, targets, and weights that sum to one."""
    z = np.asarray(logits)
    if not np.issubdtype(z.dtype, np.floating):
        z = z.astype(np.float64)
    if z.ndim == 1:
        z = z[:, None]
    if z.ndim not in (2, 3) or 0 in z.shape:
        raise ValueError(
            "logits must have shape (n,), (n, n_classes) or (n, n_members, n_classes),"
            f" none of them 0; got shape {np.shape(logits)}."
        )
    if z.shape[-1] == 1:
        # A softmax over 0 and a logit is its sigmoid.
        z = np.concatenate([np.zeros_like(z), z], axis=-1)
    if not np.isfinite(z).all():
        raise ValueError("logits must be finite; some are NaN or infinite.")
    target, n_classes = np.asarray(y), z.shape[-1]
    if target.shape == (len(z), n_classes):
        target = target.astype(np.float64)
    elif target.shape == (len(z),):
        target = target.astype(np.int64)
        if target.min() < 0 or target.max() >= n_classes:
            raise ValueError(
                f"y must hold class indices from 0 to {n_classes - 1}; got"
                f" {target.min()} to {target.max()}."
            )
    else:
        raise ValueError(
            f"y must have shape ({len(z)},) or ({len(z)}, {n_classes}) for logits of"
            f" shape {np.shape(logits)}; got shape {target.shape}."
        )
    return z, target, check_weight("weight", weight, len(z))


def _mean_loss(
    z: NDArray[np.floating],
    target: NDArray[Any],
    share: Floats,
    temperature: float,
    activation: Activation,
) -> float:
    total, size = 0.0, max(1, _BLOCK_VALUES // z[0].size)
    for start in range(0, len(z), size):
        rows = slice(start, start + size)
        log_p = _log_proba(z[rows].astype(np.float64) / temperature, activation)
        y = target[rows]
        if y.ndim == 1:
            loss = -log_p[np.arange(len(y)), y]
        else:
            loss = -(log_p * y).sum(axis=1)
        total += float(loss @ share[rows])
    return total


def _log_proba(z: Floats, activation: Activation) -> Floats:
    """Return log-probabilities of shape (rows, n_classes)."""
    if activation == "sigmoid":
        z = -np.logaddexp(0.0, -z)
    z = z - z.max(axis=-1, keepdims=True)
    z -= np.log(np.exp(z).sum(axis=-1, keepdims=True))
    if z.ndim == 2:
        return z
    top = z.max(axis=1)
    return np.asarray(top + np.log(np.exp(z - top[:, None]).mean(axis=1)))
