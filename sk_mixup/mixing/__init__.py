"""Sample mixing for any PyTorch loop: draw a plan once, apply it anywhere.

This room needs torch alone. A *method* draws everything random about a batch into a
:class:`MixPlan`; applying the plan is pure.
"""

from sk_mixup.mixing._collate import MixCollate
from sk_mixup.mixing._cutmix import CutMix
from sk_mixup.mixing._law import expected_smoothing
from sk_mixup.mixing._manifold import ManifoldMixup, mix_layer
from sk_mixup.mixing._method import Method, MixContext
from sk_mixup.mixing._mixup import Mixup
from sk_mixup.mixing._oneof import OneOf
from sk_mixup.mixing._plan import MixPlan
from sk_mixup.mixing._registry import list_methods, resolve_method
from sk_mixup.mixing._streams import MixStreams
from sk_mixup.mixing._targets import MixedTargets, mixed_loss, row_means, unreduced

__all__ = [
    "CutMix",
    "ManifoldMixup",
    "Method",
    "MixCollate",
    "MixContext",
    "MixPlan",
    "MixStreams",
    "MixedTargets",
    "Mixup",
    "OneOf",
    "expected_smoothing",
    "list_methods",
    "mix_layer",
    "mixed_loss",
    "resolve_method",
    "row_means",
    "unreduced",
]
