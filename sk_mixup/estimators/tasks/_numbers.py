"""Numbers to predict, as means or with what is known beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from skorch import NeuralNet
from torch import nn

from sk_mixup.encoding import TargetScaler
from sk_mixup.estimators.tasks._heads import check_head, make_head
from sk_mixup.estimators.tasks._task import Task
from sk_mixup.training import (
    Objective,
    RegressionHead,
    Units,
    check_counts,
    resolved_criterion,
    seeded_globals,
    units_of,
)


@dataclass(frozen=True)
class Numbers(Task):
    """One or several numbers per row.

    Attributes
    ----------
    head : RegressionHead or None
        None: their means alone.
    """

    head: RegressionHead | None = None
    #: In which the criterion sees the target.
    units: Units = "standard"

    @property
    def scale(self) -> torch.Tensor | None:
        """What differences are multiplied by for the criterion; None: nothing."""
        if self.units != "difference":
            return None
        return torch.from_numpy(self.target.scale_.astype(np.float32))

    @property
    def kind(self) -> RegressionHead | None:
        """What the net returns beside means."""
        return self.head

    @property
    def fitted(self) -> dict[str, Any]:
        """The head."""
        return {"_head_": self.head}


@dataclass(frozen=True)
class Regression:
    """What a regressor knows of its targets beforehand.

    Attributes
    ----------
    head : str
    quantiles : sequence of float
    criterion : object
        As the parameters of the estimator.
    criterion_params : dict
        Those of the criterion.
    module : object
        A skorch net may bring its criterion along.
    """

    head: Any
    quantiles: Any
    criterion: Any
    criterion_params: dict[str, Any] = field(default_factory=dict)
    module: Any = None

    is_classifier: ClassVar[bool] = False
    class_weight: ClassVar[None] = None

    def check(self, before: Task | None) -> None:
        """Check the head, which a training that goes on must keep."""
        check_head(self.head, self.quantiles, self.criterion)
        if not isinstance(before, Numbers):
            return
        n_values = 1 if before.head is None else before.head.n_values
        known = "mean" if before.head is None else before.head.short_name
        levels = getattr(before.head, "levels", None)
        same = levels is None or levels == tuple(map(float, self.quantiles))
        if known != self.head or not same:
            shown = f"{n_values} quantiles {levels}" if levels else f"{known!r}"
            raise ValueError(
                f"head={self.head!r} with quantiles={self.quantiles!r}: the training"
                f" that goes on began with head {shown}. Say the same, or fit anew with"
                " warm_start=False."
            )

    def fit(self, y: Any, weight: np.ndarray | None, classes: Any) -> Task:
        """Read numbers and learn their scale."""
        task = self.of(TargetScaler().fit(y, sample_weight=weight))
        if task.units != "own":
            return task
        scaler = TargetScaler(scales=False).fit(y, sample_weight=weight)
        check_counts(self._criterion(), float(scaler.transform(y).min()))
        return self.of(scaler)

    def _units(self, scaler: TargetScaler) -> Units:
        criterion = self._criterion()
        if criterion is None or self.head != "mean":
            return "standard"
        losses = Objective(criterion, None)
        if not losses.takes_pairs:
            return "standard"
        width = None if scaler.ndim_ == 1 else scaler.n_outputs_
        return units_of(losses.rows, width, scaler.scale_)

    def _criterion(self) -> Any:
        """Return the loss; None for the default, and where it cannot be made."""
        given, params = self.criterion, dict(self.criterion_params)
        if given is None and isinstance(self.module, NeuralNet):
            given = self.module.criterion
            params = self.module.get_params_for("criterion") | params
        if given is None:
            return None
        try:
            made, arguments = resolved_criterion(given, params)
            if isinstance(made, nn.Module):
                return made
            with seeded_globals(0):
                return made(**arguments)
        except Exception:
            # What is wrong with it is said where the net is built.
            return None

    def of(self, target: Any) -> Numbers:
        """Return the task of numbers that were read before."""
        head = make_head(self.head, self.quantiles, target.n_outputs_)
        return Numbers(target, head, self._units(target) if target.scales else "own")
