"""Searches that train all candidates and folds of a sweep together.

scikit-learn's searches in everything but the training: see `MixupSearchCV`.
"""

from sk_mixup.model_selection._ensemble import (
    FoldEnsembleClassifier,
    FoldEnsembleRegressor,
)
from sk_mixup.model_selection._search import MixupRandomizedSearchCV, MixupSearchCV

__all__ = [
    "FoldEnsembleClassifier",
    "FoldEnsembleRegressor",
    "MixupRandomizedSearchCV",
    "MixupSearchCV",
]
