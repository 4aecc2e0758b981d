"""Methods that take places of feature maps from the partner."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing.methods.maps._feature_cutmix import (
        FeatureCutMix as FeatureCutMix,
    )
    from sk_mixup.mixing.methods.maps._patch_up import PatchUp as PatchUp
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._feature_cutmix": "FeatureCutMix",
            "._patch_up": "PatchUp",
        },
    )
