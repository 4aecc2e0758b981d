"""A fit that several processes share: what each has, and what all must agree on."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.estimators.sharing._agreement import (
        check_net as check_net,
        shared as shared,
    )
    from sk_mixup.estimators.sharing._parts import (
        Parts as Parts,
        Whole as Whole,
        rows_of as rows_of,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._agreement": "check_net shared",
            "._parts": "Parts Whole rows_of",
        },
    )
