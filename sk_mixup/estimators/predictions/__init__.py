"""What fitted estimators predict: of classes, and of numbers with their intervals."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.estimators.predictions._classes import (
        ClassPredictor as ClassPredictor,
    )
    from sk_mixup.estimators.predictions._intervals import (
        IntervalRegressor as IntervalRegressor,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._classes": "ClassPredictor",
            "._intervals": "IntervalRegressor",
        },
    )
