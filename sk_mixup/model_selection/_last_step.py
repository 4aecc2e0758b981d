"""The net inside a pipeline: found, held back while the steps before it are fitted.

A pipeline fits its last step as its very last act. With the `fit` of the net replaced
by one that only notes what it is given, the pipeline's own `fit` runs everything else
as it always does: caching, metadata routing, nesting.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline

from sk_mixup.estimators import BaseMixup, MixupClassifier, MixupRegressor


@dataclass(frozen=True)
class Given:
    """What the `fit` of a net is given.

    Attributes
    ----------
    X, y : object
    params : dict
    """

    X: Any
    y: Any
    params: dict[str, Any]


def last_step(estimator: Any) -> Any:
    """Return the last step of a pipeline, or of the pipeline that is its last step."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator


def path_to_last(estimator: Any) -> tuple[str, ...]:
    """Return the names of the steps that lead to the last one; () without pipeline."""
    path = []
    while isinstance(estimator, Pipeline):
        name, estimator = estimator.steps[-1]
        path.append(name)
    return tuple(path)


def why_not_ours(net: Any) -> str | None:
    """Say why an estimator is no net that this package knows how to train."""
    name = type(net).__name__
    if not isinstance(net, BaseMixup):
        return (
            f"{name} is not MixupClassifier or MixupRegressor, alone or as the last"
            " step of a Pipeline"
        )
    ours = (MixupClassifier.fit, MixupRegressor.fit)
    if type(net).fit not in ours or type(net)._fit is not BaseMixup._fit:
        return f"{name} has a fit of its own"
    if getattr(net, "_skl_callbacks", None):
        return f"scikit-learn's callbacks are set on {name}; set them on the search"
    return None


def fit_up_to_net(estimator: Any, X: Any, y: Any, fit_params: dict[str, Any]) -> Given:
    """Fit all steps before the net, and return what the net would be fitted with.

    Parameters
    ----------
    estimator : MixupClassifier, MixupRegressor or Pipeline that ends with one
        Its steps are fitted in place, the last one is left as it is.
    X, y : object
    fit_params : dict
    """
    if not isinstance(estimator, Pipeline):
        return Given(X, y, fit_params)
    net = last_step(estimator)
    caught: list[Given] = []

    def note(X: Any, y: Any = None, **params: Any) -> Any:
        caught.append(Given(X, y, params))
        return net

    vars(net)["fit"] = note
    try:
        estimator.fit(X, y, **fit_params)
    finally:
        del vars(net)["fit"]
    return caught[0]


def with_net(estimator: Any, net: Any) -> Any:
    """Return a pipeline with the same (fitted) steps and another net at its end."""
    if not isinstance(estimator, Pipeline):
        return net
    rebuilt = copy.copy(estimator)
    name, last = estimator.steps[-1]
    rebuilt.steps = [*estimator.steps[:-1], (name, with_net(last, net))]
    return rebuilt
