"""Many small trainings as one: weights stacked, one step for all members."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.training.packing._crew import (
        gains as gains,
        most_threads as most_threads,
    )
    from sk_mixup.training.packing._key import (
        FOLDS_OF_MEMBERS as FOLDS_OF_MEMBERS,
        pack_key as pack_key,
        unfusable_reason as unfusable_reason,
    )
    from sk_mixup.training.packing._member import PackMember as PackMember
    from sk_mixup.training.packing._together import train_together as train_together
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._crew": "gains most_threads",
            "._key": "FOLDS_OF_MEMBERS pack_key unfusable_reason",
            "._member": "PackMember",
            "._together": "train_together",
        },
    )
