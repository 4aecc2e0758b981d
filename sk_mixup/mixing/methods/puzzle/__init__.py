"""Puzzles of images: each place comes from the row that has most to show there."""

from sk_mixup.mixing.methods.puzzle._co_mixup import CoMixup
from sk_mixup.mixing.methods.puzzle._puzzle import PuzzleMix

__all__ = ["CoMixup", "PuzzleMix"]
