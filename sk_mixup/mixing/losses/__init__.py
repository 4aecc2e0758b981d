"""Losses made for mixed targets."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing.losses._cross_entropies import (
        BinaryCrossEntropy as BinaryCrossEntropy,
        SoftCrossEntropy as SoftCrossEntropy,
    )
    from sk_mixup.mixing.losses._pairs import (
        DecoupledCrossEntropy as DecoupledCrossEntropy,
        TwoHotBinaryCrossEntropy as TwoHotBinaryCrossEntropy,
    )
    from sk_mixup.mixing.losses._rank import RankMixupLoss as RankMixupLoss
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._cross_entropies": "BinaryCrossEntropy SoftCrossEntropy",
            "._pairs": "DecoupledCrossEntropy TwoHotBinaryCrossEntropy",
            "._rank": "RankMixupLoss",
        },
    )
