"""A training on the disk: stored as it goes, taken up where it was killed."""

from sk_mixup.estimators.checkpoints._begin import checkpoint_of
from sk_mixup.estimators.checkpoints._digest import digest
from sk_mixup.estimators.checkpoints._keeper import Checkpoint, kept

__all__ = ["Checkpoint", "checkpoint_of", "digest", "kept"]
