"""The methods, one a file: each draws everything random about a batch into a plan.

This is their registry: a line in its table makes a method known to `sk_mixup.mixing`,
to `list_methods`, which lists them in this order, and by its short name to `mix=`; the
import above it, to checkers. A method is imported when somebody asks for it.
"""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing.methods._alignmix import AlignMix as AlignMix
    from sk_mixup.mixing.methods._balanced import BalancedMixup as BalancedMixup
    from sk_mixup.mixing.methods._cmixup import CMixup as CMixup
    from sk_mixup.mixing.methods._cutmix import CutMix as CutMix
    from sk_mixup.mixing.methods._featmix import FeatMix as FeatMix
    from sk_mixup.mixing.methods._featureswap import FeatureSwap as FeatureSwap
    from sk_mixup.mixing.methods._fmix import FMix as FMix
    from sk_mixup.mixing.methods._gridmix import GridMix as GridMix
    from sk_mixup.mixing.methods._hidmix import HidMix as HidMix
    from sk_mixup.mixing.methods._mamix import MAMix as MAMix
    from sk_mixup.mixing.methods._manifold import ManifoldMixup as ManifoldMixup
    from sk_mixup.mixing.methods._mixup import Mixup as Mixup
    from sk_mixup.mixing.methods._noisy import NoisyFeatureMixup as NoisyFeatureMixup
    from sk_mixup.mixing.methods._oneof import OneOf as OneOf
    from sk_mixup.mixing.methods._per_key import PerKey as PerKey
    from sk_mixup.mixing.methods._regmixup import RegMixup as RegMixup
    from sk_mixup.mixing.methods._remix import Remix as Remix
    from sk_mixup.mixing.methods._repeat import Repeat as Repeat
    from sk_mixup.mixing.methods._resizemix import ResizeMix as ResizeMix
    from sk_mixup.mixing.methods._smoothmix import SmoothMix as SmoothMix
    from sk_mixup.mixing.methods._waveform import WaveformMix as WaveformMix
    from sk_mixup.mixing.methods.attention import (
        MergeMix as MergeMix,
        TokenMix as TokenMix,
        TransMix as TransMix,
    )
    from sk_mixup.mixing.methods.bags import BagMixup as BagMixup
    from sk_mixup.mixing.methods.learned import (
        AdAutoMix as AdAutoMix,
        AutoMix as AutoMix,
        SAMix as SAMix,
    )
    from sk_mixup.mixing.methods.maps import (
        FeatureCutMix as FeatureCutMix,
        PatchUp as PatchUp,
    )
    from sk_mixup.mixing.methods.puzzle import (
        CoMixup as CoMixup,
        PuzzleMix as PuzzleMix,
    )
    from sk_mixup.mixing.methods.saliency import (
        AttentiveMix as AttentiveMix,
        GuidedMix as GuidedMix,
        SaliencyMix as SaliencyMix,
        SnapMix as SnapMix,
        SSMix as SSMix,
    )

# Short name, class, module.
_LINES = (
    # Linear
    ("mixup", "Mixup", "._mixup"),
    ("reg_mixup", "RegMixup", "._regmixup"),
    ("noisy_feature_mixup", "NoisyFeatureMixup", "._noisy"),
    # Hidden layers
    ("manifold", "ManifoldMixup", "._manifold"),
    ("align_mix", "AlignMix", "._alignmix"),
    ("feature_cutmix", "FeatureCutMix", ".maps"),
    ("patch_up", "PatchUp", ".maps"),
    # Tables
    ("feature_swap", "FeatureSwap", "._featureswap"),
    ("feat_mix", "FeatMix", "._featmix"),
    ("hid_mix", "HidMix", "._hidmix"),
    # Masks
    ("cutmix", "CutMix", "._cutmix"),
    ("resize_mix", "ResizeMix", "._resizemix"),
    ("grid_mix", "GridMix", "._gridmix"),
    ("smooth_mix", "SmoothMix", "._smoothmix"),
    ("f_mix", "FMix", "._fmix"),
    # Attention
    ("trans_mix", "TransMix", ".attention"),
    ("token_mix", "TokenMix", ".attention"),
    ("merge_mix", "MergeMix", ".attention"),
    # Learned
    ("auto_mix", "AutoMix", ".learned"),
    ("sa_mix", "SAMix", ".learned"),
    ("ad_auto_mix", "AdAutoMix", ".learned"),
    # Saliency
    ("saliency_mix", "SaliencyMix", ".saliency"),
    ("guided_mix", "GuidedMix", ".saliency"),
    ("attentive_mix", "AttentiveMix", ".saliency"),
    ("snap_mix", "SnapMix", ".saliency"),
    ("ss_mix", "SSMix", ".saliency"),
    ("puzzle_mix", "PuzzleMix", ".puzzle"),
    ("co_mixup", "CoMixup", ".puzzle"),
    # Imbalance, regression, audio
    ("remix", "Remix", "._remix"),
    ("ma_mix", "MAMix", "._mamix"),
    ("balanced_mixup", "BalancedMixup", "._balanced"),
    ("c_mixup", "CMixup", "._cmixup"),
    ("waveform_mix", "WaveformMix", "._waveform"),
    # Bags of instances
    ("bag_mixup", "BagMixup", ".bags"),
    # Combining
    ("one_of", "OneOf", "._oneof"),
    ("repeat", "Repeat", "._repeat"),
    ("per_key", "PerKey", "._per_key"),
)

#: Class by short name, in the order of the lines above.
METHODS = {short_name: name for short_name, name, _ in _LINES}

# Checkers read the names off the imports above.
if not TYPE_CHECKING:
    __all__ = lazy_exports(
        __name__,
        {
            home: " ".join(name for _, name, other in _LINES if other == home)
            for _, _, home in _LINES
        },
    )
