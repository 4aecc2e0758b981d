"""A training on the disk: stored as it goes, taken up where it was killed."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.estimators.checkpoints._begin import (
        checkpoint_of as checkpoint_of,
        folder_of as folder_of,
        kept_seed as kept_seed,
    )
    from sk_mixup.estimators.checkpoints._callbacks import not_storable as not_storable
    from sk_mixup.estimators.checkpoints._digest import digest as digest
    from sk_mixup.estimators.checkpoints._keeper import (
        Checkpoint as Checkpoint,
        kept as kept,
    )
    from sk_mixup.estimators.checkpoints._state import TrainingState as TrainingState
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._begin": "checkpoint_of folder_of kept_seed",
            "._callbacks": "not_storable",
            "._digest": "digest",
            "._keeper": "Checkpoint kept",
            "._state": "TrainingState",
        },
    )
