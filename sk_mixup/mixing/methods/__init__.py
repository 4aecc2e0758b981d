"""The methods, one a file: each draws everything random about a batch into a plan."""

from sk_mixup.mixing.methods._alignmix import AlignMix
from sk_mixup.mixing.methods._balanced import BalancedMixup
from sk_mixup.mixing.methods._cmixup import CMixup
from sk_mixup.mixing.methods._cutmix import CutMix
from sk_mixup.mixing.methods._featmix import FeatMix
from sk_mixup.mixing.methods._featureswap import FeatureSwap
from sk_mixup.mixing.methods._fmix import FMix
from sk_mixup.mixing.methods._gridmix import GridMix
from sk_mixup.mixing.methods._hidmix import HidMix
from sk_mixup.mixing.methods._mamix import MAMix
from sk_mixup.mixing.methods._manifold import ManifoldMixup
from sk_mixup.mixing.methods._mixup import Mixup
from sk_mixup.mixing.methods._noisy import NoisyFeatureMixup
from sk_mixup.mixing.methods._oneof import OneOf
from sk_mixup.mixing.methods._per_key import PerKey
from sk_mixup.mixing.methods._regmixup import RegMixup
from sk_mixup.mixing.methods._remix import Remix
from sk_mixup.mixing.methods._repeat import Repeat
from sk_mixup.mixing.methods._resizemix import ResizeMix
from sk_mixup.mixing.methods._smoothmix import SmoothMix
from sk_mixup.mixing.methods._waveform import WaveformMix

__all__ = [
    "AlignMix",
    "BalancedMixup",
    "CMixup",
    "CutMix",
    "FMix",
    "FeatMix",
    "FeatureSwap",
    "GridMix",
    "HidMix",
    "MAMix",
    "ManifoldMixup",
    "Mixup",
    "NoisyFeatureMixup",
    "OneOf",
    "PerKey",
    "RegMixup",
    "Remix",
    "Repeat",
    "ResizeMix",
    "SmoothMix",
    "WaveformMix",
]
