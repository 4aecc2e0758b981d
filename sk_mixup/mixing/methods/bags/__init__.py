"""Methods for bags of instances."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing.methods.bags._bag_mixup import BagMixup as BagMixup
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._bag_mixup": "BagMixup",
        },
    )
