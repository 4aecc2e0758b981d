"""Mixup and the family of sample mixing behind scikit-learn estimators.

The estimators take pandas DataFrames as they are, or a PyTorch module of your own; the
methods live in :mod:`sk_mixup.mixing` and serve any training loop.
"""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports
from sk_mixup._moved import find_moved_modules

if TYPE_CHECKING:
    from sk_mixup.estimators import (
        MixupClassifier as MixupClassifier,
        MixupRegressor as MixupRegressor,
    )
    from sk_mixup.exceptions import MixupWarning as MixupWarning
    from sk_mixup.model_selection import (
        MixupRandomizedSearchCV as MixupRandomizedSearchCV,
        MixupSearchCV as MixupSearchCV,
    )
    from sk_mixup.saving import load as load
else:
    __all__ = [
        *lazy_exports(
            __name__,
            {
                ".estimators": "MixupClassifier MixupRegressor",
                ".exceptions": "MixupWarning",
                ".model_selection": "MixupRandomizedSearchCV MixupSearchCV",
                ".saving": "load",
            },
        ),
        "__version__",
    ]

__version__ = "0.1.0"

find_moved_modules()
