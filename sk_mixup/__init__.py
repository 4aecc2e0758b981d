"""Mixup and the family of sample mixing behind scikit-learn estimators.

The estimators take pandas DataFrames as they are, or a PyTorch module of your own; the
methods live in :mod:`sk_mixup.mixing` and serve any training loop.
"""

from sk_mixup._classifier import MixupClassifier
from sk_mixup._regressor import MixupRegressor
from sk_mixup.exceptions import MixupWarning

__version__ = "0.1.0"

__all__ = ["MixupClassifier", "MixupRegressor", "MixupWarning", "__version__"]
