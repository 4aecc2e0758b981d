"""A fitted classifier or regressor as a document, and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sk_mixup.estimators import Fitted, MixupClassifier, MixupRegressor
from sk_mixup.saving._fields import Fields
from sk_mixup.saving._nets import StoredNet, net_state
from sk_mixup.saving._params import params_of, params_state
from sk_mixup.saving._sources import source_of, source_state
from sk_mixup.saving._targets import target_of, target_state
from sk_mixup.saving._values import ValueWriter
from sk_mixup.training import TrainStreams

#: By the name of their class.
ESTIMATORS: dict[str, Any] = {
    "MixupClassifier": MixupClassifier,
    "MixupRegressor": MixupRegressor,
}


def estimator_state(
    estimator: Any, writer: ValueWriter
) -> tuple[dict[str, Any], list[str]]:
    """Return a fitted estimator as JSON, and the parameters that are left out.

    Raises
    ------
    TypeError
        For an estimator of another class, and for what no file can hold.
    NotFittedError
    """
    name = type(estimator).__name__
    if ESTIMATORS.get(name) is not type(estimator):
        raise TypeError(
            f"{name} is a class of your own, and files are made of"
            f" {' and '.join(ESTIMATORS)} alone. Use pickle."
        )
    check_is_fitted(estimator)
    fitted = estimator._fitted()
    params, left_out = params_state(estimator, writer)
    state = {
        "class": name,
        "params": params,
        "left_out": left_out,
        "source": source_state(fitted.source, writer),
        "target": target_state(fitted.task.target, writer),
        "net": net_state(fitted.net, fitted.objective, writer),
        "features": _features_state(fitted.features, writer),
        "temperature": writer.write(fitted.temperature, "temperature_"),
        "n_iter": None if fitted.n_iter is None else int(fitted.n_iter),
        "alpha": _alpha_state(fitted.alpha, writer),
        # Where the random numbers of a training that goes on begin.
        "seed": int(fitted.streams.dropout_seed),
    }
    return state, left_out


def estimator_of(given: Fields, module: Any = None) -> Any:
    """Return the estimator of what `estimator_state` returned.

    Parameters
    ----------
    given : Fields
    module : object
        A module that the file does not know.
    """
    kind = ESTIMATORS[given.text("class", ESTIMATORS)]
    estimator = kind(**params_of(kind, given.fields("params"), module))
    source = source_of(given.fields("source"), estimator)
    target = target_of(given.fields("target"))
    tasks = estimator._tasks()
    if tasks.is_classifier != hasattr(target, "kind"):
        raise ValueError("the target is none of such an estimator")
    tasks.check(None)
    task = tasks.of(target)
    net, objective = StoredNet.of(given.fields("net")).build(estimator, source, task)
    fitted = Fitted(
        net=net,
        source=source,
        task=task,
        objective=objective,
        streams=TrainStreams(given.integer("seed", 0, 2**32 - 1)),
        features=_features_of(given.fields("features"), source),
        temperature=_temperature_of(given.value("temperature"), task),
        n_iter=given.integer("n_iter") if given.has("n_iter") else None,
        alpha=_alpha_of(given.value("alpha")),
    )
    vars(estimator).update(fitted.attributes())
    return estimator


def _features_state(features: dict[str, Any], writer: ValueWriter) -> dict[str, Any]:
    state: dict[str, Any] = {}
    if "n_features_in_" in features:
        state["n"] = int(features["n_features_in_"])
    if "feature_names_in_" in features:
        state["names"] = [str(name) for name in features["feature_names_in_"]]
    return state


def _features_of(given: Fields, source: Any) -> dict[str, Any]:
    features: dict[str, Any] = {}
    if given.has("n"):
        known = source.n_features if source.kind == "table" else None
        if known is None and source.kind not in ("text", "bags"):
            known = (source.shape or (None,))[0]
        features["n_features_in_"] = n = given.integer("n", 1)
        if known is not None and n != known:
            raise ValueError(f"{n} features are said to be {known}")
    if given.has("names"):
        names = given.list("names")
        if not all(isinstance(name, str) for name in names):
            raise ValueError("a feature has no text for a name")
        if len(names) != features.get("n_features_in_"):
            raise ValueError(f"{len(names)} names are said to be of other features")
        features["feature_names_in_"] = np.array(names, dtype=object)
    return features


def _temperature_of(found: Any, task: Any) -> Any:
    """Return a temperature, or one for each of several outputs."""
    if task.n_classes is None:
        return None
    values = found if isinstance(found, list) else [found]
    if not all(isinstance(v, float) and 0.0 < v < math.inf for v in values):
        raise ValueError(f"{str(found)[:80]} is no temperature")
    kind = task.target.kind
    if isinstance(found, list) != (kind == "columns") or (
        kind == "columns" and len(values) != task.target.n_outputs_
    ):
        raise ValueError("there are temperatures for other outputs")
    return found


def _alpha_state(alpha: Any, writer: ValueWriter) -> Any:
    return None if callable(alpha) else writer.write(alpha, "alpha_")


def _alpha_of(found: Any) -> Any:
    if found is not None and not isinstance(found, (float, int, np.ndarray)):
        raise ValueError(f"alpha_ is {str(found)[:80]}")
    return found
