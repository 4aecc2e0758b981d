"""What the target of a search is, for all of its folds."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from sk_mixup.encoding import target_kind_of
from sk_mixup.model_selection._last_step import last_step, path_to_last


def with_known_kind(estimator: Any, y: Any) -> Any:
    """Return the estimator, its net told what a matrix of targets is.

    A fold sees some of the rows, and may take soft labels of people who agree, or
    outputs that lack a class there, for something else.

    Parameters
    ----------
    estimator : estimator
        Alone or a pipeline.
    y : object
        All targets.
    """
    if getattr(last_step(estimator), "target_kind", None) != "auto":
        return estimator
    try:
        kind = "classes" if y is None else target_kind_of(y)
    except (TypeError, ValueError):
        return estimator  # The fits have the words for it.
    if kind == "classes":
        return estimator
    name = "__".join((*path_to_last(estimator), "target_kind"))
    return clone(estimator).set_params(**{name: kind})


def refuse_masks(search: Any, estimator: Any) -> None:
    """Refuse what a search cannot do with a class per pixel.

    Raises
    ------
    ValueError
        If the predictions of folds would be kept or averaged.
    """
    if getattr(last_step(estimator), "target_kind", None) != "pixels":
        return
    for name in ("ensemble", "store_oof"):
        if value := getattr(search, name, None):
            raise ValueError(
                f"{name}={value!r} keeps the predictions of folds, and y holds masks,"
                f" whose predictions are too large for that. Leave {name} out."
            )
