"""Sample mixing for any PyTorch loop: draw a plan once, apply it anywhere.

This room needs torch alone. A *method* draws everything random about a batch into a
:class:`MixPlan`; applying the plan is pure.
"""

from sk_mixup.mixing._alignmix import AlignMix
from sk_mixup.mixing._balanced import BalancedMixup
from sk_mixup.mixing._beta import alpha_for_smoothing, expected_smoothing
from sk_mixup.mixing._cmixup import CMixup
from sk_mixup.mixing._collate import MixCollate
from sk_mixup.mixing._context import MixContext
from sk_mixup.mixing._cutmix import CutMix
from sk_mixup.mixing._featmix import FeatMix
from sk_mixup.mixing._featureswap import FeatureSwap
from sk_mixup.mixing._fmix import FMix
from sk_mixup.mixing._gridmix import GridMix
from sk_mixup.mixing._hidmix import HidMix
from sk_mixup.mixing._hooks import mix_layer
from sk_mixup.mixing._laws import (
    BetaLaw,
    ClippedLaw,
    FixedLaw,
    LamLaw,
    OneSidedBetaLaw,
    UniformLaw,
)
from sk_mixup.mixing._losses import BinaryCrossEntropy, SoftCrossEntropy
from sk_mixup.mixing._mamix import MAMix
from sk_mixup.mixing._manifold import ManifoldMixup
from sk_mixup.mixing._memory import MemoryPairing
from sk_mixup.mixing._method import Method
from sk_mixup.mixing._mixup import Mixup
from sk_mixup.mixing._noisy import NoisyFeatureMixup
from sk_mixup.mixing._oneof import OneOf
from sk_mixup.mixing._pair_losses import DecoupledCrossEntropy, TwoHotBinaryCrossEntropy
from sk_mixup.mixing._pairing_weighted import KernelPairing, NearestPairing
from sk_mixup.mixing._per_key import PerKey
from sk_mixup.mixing._plan import MixPlan
from sk_mixup.mixing._preview import MixPreview
from sk_mixup.mixing._rank_loss import RankMixupLoss
from sk_mixup.mixing._registry import list_methods, resolve_method
from sk_mixup.mixing._regmixup import RegMixup
from sk_mixup.mixing._remix import Remix
from sk_mixup.mixing._repeat import Repeat
from sk_mixup.mixing._resizemix import ResizeMix
from sk_mixup.mixing._schedules import (
    CosineSchedule,
    LinearSchedule,
    WithoutHesitation,
)
from sk_mixup.mixing._smoothmix import SmoothMix
from sk_mixup.mixing._streams import MixStreams
from sk_mixup.mixing._targets import (
    MixedTargets,
    mixed_loss,
    output_activation,
    row_means,
    target_form,
    unreduced,
)
from sk_mixup.mixing._trial import try_layers
from sk_mixup.mixing._waveform import WaveformMix

__all__ = [
    "AlignMix",
    "BalancedMixup",
    "BetaLaw",
    "BinaryCrossEntropy",
    "CMixup",
    "ClippedLaw",
    "CosineSchedule",
    "CutMix",
    "DecoupledCrossEntropy",
    "FMix",
    "FeatMix",
    "FeatureSwap",
    "FixedLaw",
    "GridMix",
    "HidMix",
    "KernelPairing",
    "LamLaw",
    "LinearSchedule",
    "MAMix",
    "ManifoldMixup",
    "MemoryPairing",
    "Method",
    "MixCollate",
    "MixContext",
    "MixPlan",
    "MixPreview",
    "MixStreams",
    "MixedTargets",
    "Mixup",
    "NearestPairing",
    "NoisyFeatureMixup",
    "OneOf",
    "OneSidedBetaLaw",
    "PerKey",
    "RankMixupLoss",
    "RegMixup",
    "Remix",
    "Repeat",
    "ResizeMix",
    "SmoothMix",
    "SoftCrossEntropy",
    "TwoHotBinaryCrossEntropy",
    "UniformLaw",
    "WaveformMix",
    "WithoutHesitation",
    "alpha_for_smoothing",
    "expected_smoothing",
    "list_methods",
    "mix_layer",
    "mixed_loss",
    "output_activation",
    "resolve_method",
    "row_means",
    "target_form",
    "try_layers",
    "unreduced",
]
