"""Losses made for mixed targets."""

from sk_mixup.mixing.losses._cross_entropies import BinaryCrossEntropy, SoftCrossEntropy
from sk_mixup.mixing.losses._pairs import (
    DecoupledCrossEntropy,
    TwoHotBinaryCrossEntropy,
)
from sk_mixup.mixing.losses._rank import RankMixupLoss

__all__ = [
    "BinaryCrossEntropy",
    "DecoupledCrossEntropy",
    "RankMixupLoss",
    "SoftCrossEntropy",
    "TwoHotBinaryCrossEntropy",
]
