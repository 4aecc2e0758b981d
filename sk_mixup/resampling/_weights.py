"""How an estimator is given the weights of its rows."""

from __future__ import annotations

from typing import Any

from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter


def weight_keyword(estimator: Any) -> str | None:
    """Return the keyword of `fit` that takes weights of rows; None if there is none.

    A pipeline passes those of its last step on, under that step's name.

    Parameters
    ----------
    estimator : estimator

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sk_mixup.resampling._weights import weight_keyword
    >>> weight_keyword(make_pipeline(StandardScaler(), Ridge()))
    'ridge__sample_weight'
    """
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        inner = weight_keyword(last)
        return None if inner is None else f"{name}__{inner}"
    return "sample_weight" if has_fit_parameter(estimator, "sample_weight") else None


def passed_weights(estimator: Any, weights: Any) -> dict[str, Any]:
    """Return the keywords that give an estimator of our own its weights.

    With scikit-learn's metadata routing, steps of a pipeline are asked to take them
    that nobody has told; the estimator is changed for that.

    Parameters
    ----------
    estimator : estimator
    weights : ndarray of shape (n_rows,)
    """
    if not get_config()["enable_metadata_routing"]:
        keyword = weight_keyword(estimator)
        assert keyword is not None
        return {keyword: weights}
    _request_weights(estimator, True)
    return {"sample_weight": weights}


def _request_weights(estimator: Any, wanted: bool) -> None:
    if isinstance(estimator, Pipeline):
        steps = [step for _, step in estimator.steps]
        for step in steps[:-1]:
            _request_weights(step, False)
        _request_weights(steps[-1], wanted)
    elif has_fit_parameter(estimator, "sample_weight"):
        request = estimator.get_metadata_routing()
        told = getattr(request, "fit", None)
        if told is not None and told.requests.get("sample_weight") is None:
            estimator.set_fit_request(sample_weight=wanted)
