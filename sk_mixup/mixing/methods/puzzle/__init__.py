"""Puzzles of images: each place comes from the row that has most to show there."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing.methods.puzzle._co_mixup import CoMixup as CoMixup
    from sk_mixup.mixing.methods.puzzle._puzzle import PuzzleMix as PuzzleMix
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._co_mixup": "CoMixup",
            "._puzzle": "PuzzleMix",
        },
    )
