"""Many small trainings as one: weights stacked, one step for all members."""

from sk_mixup.training.packing._crew import gains, most_threads
from sk_mixup.training.packing._key import FOLDS_OF_MEMBERS, pack_key, unfusable_reason
from sk_mixup.training.packing._member import PackMember
from sk_mixup.training.packing._together import train_together

__all__ = [
    "FOLDS_OF_MEMBERS",
    "PackMember",
    "gains",
    "most_threads",
    "pack_key",
    "train_together",
    "unfusable_reason",
]
