"""The temperature of a classifier: when it is fitted, and on what.

Validation rows need one more forward pass. Where there are none, no row is given up:
`calibration="temperature"` trains on folds, and fits on what each says of the rows that
it has not seen. The net that is kept is trained on all rows, as without calibration.
"""

from __future__ import annotations

from typing import Any, Literal

from sk_mixup.estimators._reading import FitData
from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators.splits import fold_problem
from sk_mixup.training import ArrayData, no_temperature, takes_temperature

#: Below so many rows without a validation part, "auto" trains on folds; 0: never.
AUTO_CROSS_FIT_ROWS = 0

Way = Literal["validation", "folds", "keep", "none"]


def first_temperature(settings: Settings, data: FitData, objective: Any) -> Any:
    """Check `calibration` before a training; return the temperature so far.

    None for numbers, which have none.
    """
    if not settings.tasks.is_classifier:
        return None
    start = no_temperature(objective)
    if way_to_calibrate(settings, data, objective) == "keep":
        assert data.before is not None
        return start if data.before.temperature is None else data.before.temperature
    return start


def way_to_calibrate(settings: Settings, data: FitData, objective: Any) -> Way:
    """Say what a temperature is fitted on.

    Raises
    ------
    ValueError
        If there must be one, and cannot.
    """
    if not settings.tasks.is_classifier:
        return "none"
    given = settings.calibration
    if given is not None and given not in ("auto", "temperature"):
        raise ValueError(
            f"calibration must be 'auto', 'temperature' or None; got {given!r}."
        )
    if given is None:
        return "none"
    must = given == "temperature"
    if not takes_temperature(objective):
        if not must:
            return "none"
        if getattr(objective, "nonlinearity", None) is not None:
            raise ValueError(
                "calibration='temperature' needs logits, and predict_nonlinearity of"
                " the wrapped net makes probabilities of outputs in its own way. Leave"
                " predict_nonlinearity='auto', or say calibration=None."
            )
        if (why := getattr(objective, "why_no_temperature", None)) is not None:
            raise ValueError(
                f"calibration='temperature': {why}. Say calibration=None or 'auto'."
            )
        criterion = objective.criterion
        name = getattr(criterion, "__name__", None) or type(criterion).__name__
        raise ValueError(
            f"calibration='temperature' needs outputs that are logits, and nobody"
            f" knows whether those of criterion={name} are. If so, let it have the"
            " attribute output_activation='softmax' (or 'sigmoid'); otherwise say"
            " calibration=None."
        )
    if data.valid is not None:
        return "validation"
    going_on = data.before is not None
    problem = _no_folds(settings, data)
    if must and problem is not None and not (settings.partial and going_on):
        raise ValueError(
            "calibration='temperature' needs rows that the training does not see,"
            f" and {problem}. Give X_val and y_val to fit, or say"
            " calibration='auto', which calibrates where it can."
        )
    if going_on:
        return "keep"
    if must:
        return "folds"
    few = isinstance(data.train, ArrayData) and len(data.train) < AUTO_CROSS_FIT_ROWS
    return "folds" if few and problem is None else "none"


def _no_folds(settings: Settings, data: FitData) -> str | None:
    """Say why a net cannot be trained on folds; None where it can."""
    if settings.partial:
        return "partial_fit holds out none"
    if data.before is not None:
        return "warm_start goes on with weights that have seen all rows"
    if not isinstance(data.train, ArrayData):
        return "an iterable data set cannot be split"
    return fold_problem(data.train, stratified=data.task.stratifies)
