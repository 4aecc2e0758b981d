"""Methods that look at the input, or at what the net makes of it, before they mix."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing.methods.saliency._attentive_mix import (
        AttentiveMix as AttentiveMix,
    )
    from sk_mixup.mixing.methods.saliency._guided_mix import GuidedMix as GuidedMix
    from sk_mixup.mixing.methods.saliency._looking import LookingMethod as LookingMethod
    from sk_mixup.mixing.methods.saliency._saliency_mix import (
        SaliencyMix as SaliencyMix,
    )
    from sk_mixup.mixing.methods.saliency._snap_mix import SnapMix as SnapMix
    from sk_mixup.mixing.methods.saliency._ss_mix import SSMix as SSMix
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._attentive_mix": "AttentiveMix",
            "._guided_mix": "GuidedMix",
            "._looking": "LookingMethod",
            "._saliency_mix": "SaliencyMix",
            "._snap_mix": "SnapMix",
            "._ss_mix": "SSMix",
        },
    )
