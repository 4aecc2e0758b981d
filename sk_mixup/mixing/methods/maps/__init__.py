"""Methods that take places of feature maps from the partner."""

from sk_mixup.mixing.methods.maps._feature_cutmix import FeatureCutMix
from sk_mixup.mixing.methods.maps._patch_up import PatchUp

__all__ = ["FeatureCutMix", "PatchUp"]
