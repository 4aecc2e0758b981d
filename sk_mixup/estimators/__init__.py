"""The estimators, and the way of a fit."""

from sk_mixup.estimators._base import BaseMixup
from sk_mixup.estimators._classifier import MixupClassifier
from sk_mixup.estimators._defaults import new_streams
from sk_mixup.estimators._fitted import Fitted
from sk_mixup.estimators._reading import FitData, GivenRows, read
from sk_mixup.estimators._regressor import MixupRegressor
from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators._training import Training, prepare
from sk_mixup.estimators._user_code import drawing_apart
from sk_mixup.estimators.splits import fold_settings

__all__ = [
    "BaseMixup",
    "FitData",
    "Fitted",
    "GivenRows",
    "MixupClassifier",
    "MixupRegressor",
    "Settings",
    "Training",
    "drawing_apart",
    "fold_settings",
    "new_streams",
    "prepare",
    "read",
]
