"""The estimators, and the way of a fit."""

from sk_mixup.estimators._base import BaseMixup
from sk_mixup.estimators._classifier import MixupClassifier
from sk_mixup.estimators._reading import FitData
from sk_mixup.estimators._regressor import MixupRegressor
from sk_mixup.estimators._training import Training

__all__ = [
    "BaseMixup",
    "FitData",
    "MixupClassifier",
    "MixupRegressor",
    "Training",
]
