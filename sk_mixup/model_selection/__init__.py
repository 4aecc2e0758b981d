"""Searches that train all candidates and folds of a sweep together.

scikit-learn's searches in everything but the training: see `MixupSearchCV`.
"""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.model_selection._ensemble import (
        FoldEnsembleClassifier as FoldEnsembleClassifier,
        FoldEnsembleRegressor as FoldEnsembleRegressor,
    )
    from sk_mixup.model_selection._search import (
        MixupRandomizedSearchCV as MixupRandomizedSearchCV,
        MixupSearchCV as MixupSearchCV,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._ensemble": "FoldEnsembleClassifier FoldEnsembleRegressor",
            "._search": "MixupRandomizedSearchCV MixupSearchCV",
        },
    )
