"""What fitted estimators predict: of classes, and of numbers with their intervals."""

from sk_mixup.estimators.predictions._classes import ClassPredictor
from sk_mixup.estimators.predictions._intervals import IntervalRegressor

__all__ = ["ClassPredictor", "IntervalRegressor"]
