"""Callbacks of a training, for the parameter `callbacks` of the estimators."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.callbacks._monitor import MixMonitor as MixMonitor
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._monitor": "MixMonitor",
        },
    )
