"""The estimators, and the way of a fit."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.estimators._base import BaseMixup as BaseMixup
    from sk_mixup.estimators._classifier import MixupClassifier as MixupClassifier
    from sk_mixup.estimators._defaults import new_streams as new_streams
    from sk_mixup.estimators._fitted import Fitted as Fitted
    from sk_mixup.estimators._reading import (
        FitData as FitData,
        GivenRows as GivenRows,
        read as read,
    )
    from sk_mixup.estimators._regressor import MixupRegressor as MixupRegressor
    from sk_mixup.estimators._settings import Settings as Settings
    from sk_mixup.estimators._training import Training as Training, prepare as prepare
    from sk_mixup.estimators._user_code import drawing_apart as drawing_apart
    from sk_mixup.estimators.splits import fold_settings as fold_settings
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._base": "BaseMixup",
            "._classifier": "MixupClassifier",
            "._defaults": "new_streams",
            "._fitted": "Fitted",
            "._reading": "FitData GivenRows read",
            "._regressor": "MixupRegressor",
            "._settings": "Settings",
            "._training": "Training prepare",
            "._user_code": "drawing_apart",
            ".splits": "fold_settings",
        },
    )
