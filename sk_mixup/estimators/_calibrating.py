"""The temperature of a classifier: when it is fitted, on what, and what it costs.

Validation rows need one more forward pass. Where there are none, no row is given up:
`calibration="temperature"` trains on folds, and fits on what each says of the rows that
it has not seen. The net that is kept is trained on all rows, as without calibration.
"""

from __future__ import annotations

from typing import Any, Literal

from sk_mixup.estimators._out_of_fold import fold_problem, out_of_fold
from sk_mixup.estimators._reading import FitData
from sk_mixup.estimators._training import Training
from sk_mixup.training import (
    ArrayData,
    MemberRows,
    joint_temperature,
    member_outputs,
    no_temperature,
    outputs_of,
    takes_temperature,
    temperature_of,
)

#: Below so many rows without a validation part, "auto" trains on folds; 0: never.
AUTO_CROSS_FIT_ROWS = 0

_Way = Literal["validation", "folds", "keep", "none"]


class CalibrationMixin:
    """Fits `temperature_` at the end of a training."""

    calibration: Any

    def _start_calibration(self, data: FitData, objective: Any) -> dict[str, Any]:
        """Check `calibration` before a training; return the temperature so far."""
        start = no_temperature(objective)
        if self._way_to_calibrate(data, objective) == "keep":
            start = getattr(self, "temperature_", start)
        return {"temperature_": start}

    def _calibrated(self, training: Training) -> dict[str, Any]:
        """Return the temperature of a net that was trained."""
        data, objective = training.data, training.fitted["_objective_"]
        way = self._way_to_calibrate(data, objective)
        if way == "validation" and isinstance(data.valid, MemberRows):
            outputs, y, weight = member_outputs(training.net, data.valid)
            found = joint_temperature(objective, outputs, y, weight, data.members[1])
            return {"temperature_": found}
        if way == "validation":
            assert data.valid is not None
            rows = outputs_of(training.net, objective, data.valid)
        elif way == "folds":
            rows = out_of_fold(self, training)
        else:
            return {}
        mixes = training.run.method is not None
        return {"temperature_": temperature_of(objective, *rows, mixes=mixes)}

    def _way_to_calibrate(self, data: FitData, objective: Any) -> _Way:
        """Say what a temperature is fitted on.

        Raises
        ------
        ValueError
            If there must be one, and cannot.
        """
        given = self.calibration
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
        problem = _no_folds(data, stratified=self._stratifies(data.target))  # type: ignore[attr-defined]
        if must and problem is not None and not (data.partial and data.going_on):
            raise ValueError(
                "calibration='temperature' needs rows that the training does not see,"
                f" and {problem}. Give X_val and y_val to fit, or say"
                " calibration='auto', which calibrates where it can."
            )
        if data.going_on:
            return "keep"
        if must:
            return "folds"
        few = isinstance(data.train, ArrayData) and (
            len(data.train) < AUTO_CROSS_FIT_ROWS
        )
        return "folds" if few and problem is None else "none"


def _no_folds(data: FitData, *, stratified: bool) -> str | None:
    """Say why a net cannot be trained on folds; None where it can."""
    if data.partial:
        return "partial_fit holds out none"
    if data.going_on:
        return "warm_start goes on with weights that have seen all rows"
    if not isinstance(data.train, ArrayData):
        return "an iterable data set cannot be split"
    return fold_problem(data.train, stratified=stratified)
