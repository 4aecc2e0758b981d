"""A fit that several processes share: what each has, and what all must agree on."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.estimators.sharing._agreement import (
        shared as shared,
        shared_steps as shared_steps,
    )
    from sk_mixup.estimators.sharing._parts import Parts as Parts
    from sk_mixup.estimators.sharing._whole import Whole as Whole, rows_of as rows_of
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._agreement": "shared shared_steps",
            "._parts": "Parts",
            "._whole": "Whole rows_of",
        },
    )
