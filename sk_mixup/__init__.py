"""Mixup and the family of sample mixing behind scikit-learn estimators.

The estimators take pandas DataFrames as they are, or a PyTorch module of your own; the
methods live in :mod:`sk_mixup.mixing` and serve any training loop.
"""

from typing import TYPE_CHECKING, Any

from sk_mixup._moved import find_moved_modules
from sk_mixup.estimators import MixupClassifier, MixupRegressor
from sk_mixup.exceptions import MixupWarning

if TYPE_CHECKING:
    from sk_mixup.model_selection import MixupRandomizedSearchCV, MixupSearchCV
    from sk_mixup.saving import load

__version__ = "0.1.0"

find_moved_modules()

__all__ = [
    "MixupClassifier",
    "MixupRandomizedSearchCV",
    "MixupRegressor",
    "MixupSearchCV",
    "MixupWarning",
    "__version__",
    "load",
]

# Imported when they are asked for: who searches nothing need not wait for them.
_SEARCHES = ("MixupRandomizedSearchCV", "MixupSearchCV")


def __getattr__(name: str) -> Any:
    """Import a search, or what reads files."""
    if name == "load":
        from sk_mixup.saving import load

        return load
    if name not in _SEARCHES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sk_mixup import model_selection

    return getattr(model_selection, name)
