"""Mixed rows as they were before encoding, to be looked at."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.estimators.previews._preview import preview as preview
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._preview": "preview",
        },
    )
