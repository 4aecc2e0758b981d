"""Numbers to predict, as means or with what is known beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sk_mixup.encoding import TargetScaler
from sk_mixup.estimators.tasks._heads import check_head, make_head
from sk_mixup.estimators.tasks._task import Task
from sk_mixup.training import RegressionHead


@dataclass(frozen=True)
class Numbers(Task):
    """One or several numbers per row.

    Attributes
    ----------
    head : RegressionHead or None
        None: their means alone.
    """

    head: RegressionHead | None = None

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
    """

    head: Any
    quantiles: Any
    criterion: Any

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
        return self.of(TargetScaler().fit(y, sample_weight=weight))

    def of(self, target: Any) -> Task:
        """Return the task of numbers that were read before."""
        return Numbers(target, make_head(self.head, self.quantiles, target.n_outputs_))
