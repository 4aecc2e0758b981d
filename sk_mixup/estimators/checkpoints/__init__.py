"""A training on the disk: stored as it goes, taken up where it was killed."""

from sk_mixup.estimators.checkpoints._begin import (
    checkpoint_of,
    folder_of,
    kept_seed,
)
from sk_mixup.estimators.checkpoints._callbacks import not_storable
from sk_mixup.estimators.checkpoints._digest import digest
from sk_mixup.estimators.checkpoints._keeper import Checkpoint, kept
from sk_mixup.estimators.checkpoints._state import TrainingState

__all__ = [
    "Checkpoint",
    "TrainingState",
    "checkpoint_of",
    "digest",
    "folder_of",
    "kept",
    "kept_seed",
    "not_storable",
]
