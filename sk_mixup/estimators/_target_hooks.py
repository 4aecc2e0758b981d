"""What classifier and regressor say differently of their targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from sk_mixup.training import TargetKind


class TargetHooks:
    """The questions that the way of a fit asks of a leaf."""

    _is_classifier: bool

    def _fit_target(self, y: Any, weight: np.ndarray | None, classes: Any) -> Any:
        """Return a target encoder fitted on `y`."""
        raise NotImplementedError

    def _fitted_target(self, target: Any) -> dict[str, Any]:
        """Return fitted attributes that describe the target."""
        raise NotImplementedError

    def _check_same_classes(self, classes: Any) -> None:
        """Check that a training goes on with the classes that it began with."""

    def _check_classes_left(self, target: Any, labels: torch.Tensor) -> None:
        """Check what is left without the rows of weight zero."""

    def _class_weighted(
        self, target: Any, labels: torch.Tensor, weight: np.ndarray | None
    ) -> np.ndarray | None:
        return weight

    def _start_calibration(self, data: Any, objective: Any) -> dict[str, Any]:
        """Return fitted attributes of a calibration that is to come."""
        return {}

    def _calibrated(self, training: Any) -> dict[str, Any]:
        """Return fitted attributes of the calibration of a trained net."""
        return {}

    def _n_classes(self, target: Any) -> int | None:
        """Return the number of classes, the most of several outputs; None: numbers."""
        return None

    def _target_kind(self, target: Any) -> TargetKind | None:
        """Return what targets are that are not one class or some numbers per row."""
        return None

    def _stratifies(self, target: Any) -> bool:
        """Whether a validation part keeps the shares of the classes."""
        return False
