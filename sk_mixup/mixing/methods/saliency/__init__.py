"""Methods that look at the input, or at what the net makes of it, before they mix."""

from sk_mixup.mixing.methods.saliency._attentive_mix import AttentiveMix
from sk_mixup.mixing.methods.saliency._guided_mix import GuidedMix
from sk_mixup.mixing.methods.saliency._looking import LookingMethod
from sk_mixup.mixing.methods.saliency._saliency_mix import SaliencyMix
from sk_mixup.mixing.methods.saliency._snap_mix import SnapMix
from sk_mixup.mixing.methods.saliency._ss_mix import SSMix

__all__ = [
    "AttentiveMix",
    "GuidedMix",
    "LookingMethod",
    "SSMix",
    "SaliencyMix",
    "SnapMix",
]
