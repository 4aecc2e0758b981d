"""The methods, one a file: each draws everything random about a batch into a plan.

This is their registry: a line here makes a method known to `sk_mixup.mixing`, to
`list_methods`, which lists them in this order, and by its short name to `mix=`.
"""

# ruff: isort: skip_file
from typing import TYPE_CHECKING

from sk_mixup.mixing._method import Method

# Linear
from sk_mixup.mixing.methods._mixup import Mixup as Mixup
from sk_mixup.mixing.methods._regmixup import RegMixup as RegMixup
from sk_mixup.mixing.methods._noisy import NoisyFeatureMixup as NoisyFeatureMixup

# Hidden layers
from sk_mixup.mixing.methods._manifold import ManifoldMixup as ManifoldMixup
from sk_mixup.mixing.methods._alignmix import AlignMix as AlignMix
from sk_mixup.mixing.methods.maps import FeatureCutMix as FeatureCutMix
from sk_mixup.mixing.methods.maps import PatchUp as PatchUp

# Tables
from sk_mixup.mixing.methods._featureswap import FeatureSwap as FeatureSwap
from sk_mixup.mixing.methods._featmix import FeatMix as FeatMix
from sk_mixup.mixing.methods._hidmix import HidMix as HidMix

# Masks
from sk_mixup.mixing.methods._cutmix import CutMix as CutMix
from sk_mixup.mixing.methods._resizemix import ResizeMix as ResizeMix
from sk_mixup.mixing.methods._gridmix import GridMix as GridMix
from sk_mixup.mixing.methods._smoothmix import SmoothMix as SmoothMix
from sk_mixup.mixing.methods._fmix import FMix as FMix

# Attention
from sk_mixup.mixing.methods.attention import TransMix as TransMix
from sk_mixup.mixing.methods.attention import TokenMix as TokenMix
from sk_mixup.mixing.methods.attention import MergeMix as MergeMix

# Learned
from sk_mixup.mixing.methods.learned import AutoMix as AutoMix
from sk_mixup.mixing.methods.learned import SAMix as SAMix
from sk_mixup.mixing.methods.learned import AdAutoMix as AdAutoMix

# Saliency
from sk_mixup.mixing.methods.saliency import SaliencyMix as SaliencyMix
from sk_mixup.mixing.methods.saliency import GuidedMix as GuidedMix
from sk_mixup.mixing.methods.saliency import AttentiveMix as AttentiveMix
from sk_mixup.mixing.methods.saliency import SnapMix as SnapMix
from sk_mixup.mixing.methods.saliency import SSMix as SSMix
from sk_mixup.mixing.methods.puzzle import PuzzleMix as PuzzleMix
from sk_mixup.mixing.methods.puzzle import CoMixup as CoMixup

# Imbalance, regression, audio
from sk_mixup.mixing.methods._remix import Remix as Remix
from sk_mixup.mixing.methods._mamix import MAMix as MAMix
from sk_mixup.mixing.methods._balanced import BalancedMixup as BalancedMixup
from sk_mixup.mixing.methods._cmixup import CMixup as CMixup
from sk_mixup.mixing.methods._waveform import WaveformMix as WaveformMix

# Bags of instances
from sk_mixup.mixing.methods.bags import BagMixup as BagMixup

# Combining
from sk_mixup.mixing.methods._oneof import OneOf as OneOf
from sk_mixup.mixing.methods._repeat import Repeat as Repeat
from sk_mixup.mixing.methods._per_key import PerKey as PerKey

#: The methods in the order of the lines above.
METHODS: tuple[type[Method], ...] = tuple(
    value
    for value in list(globals().values())
    if isinstance(value, type) and issubclass(value, Method) and value is not Method
)

# Checkers read the names off the lines above.
if not TYPE_CHECKING:
    __all__ = [method.__name__ for method in METHODS]
