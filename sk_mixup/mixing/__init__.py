"""Sample mixing for any PyTorch loop: draw a plan once, apply it anywhere.

This room needs torch alone. A *method* draws everything random about a batch into a
:class:`MixPlan`; applying the plan is pure.

The methods come from their registry, `sk_mixup.mixing.methods`.
"""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports
from sk_mixup.mixing.methods import METHODS

if TYPE_CHECKING:
    from sk_mixup.mixing._collate import MixCollate as MixCollate
    from sk_mixup.mixing._companion import (
        Companion as Companion,
        companions_of as companions_of,
    )
    from sk_mixup.mixing._context import MixContext as MixContext
    from sk_mixup.mixing._method import Method as Method
    from sk_mixup.mixing._preview import MixPreview as MixPreview
    from sk_mixup.mixing._registry import (
        list_methods as list_methods,
        resolve_method as resolve_method,
    )
    from sk_mixup.mixing._trial import try_layers as try_layers
    from sk_mixup.mixing.draws import (
        BetaLaw as BetaLaw,
        ClippedLaw as ClippedLaw,
        CosineSchedule as CosineSchedule,
        FixedLaw as FixedLaw,
        KernelPairing as KernelPairing,
        LamLaw as LamLaw,
        LinearSchedule as LinearSchedule,
        MemoryPairing as MemoryPairing,
        MixStreams as MixStreams,
        NearestPairing as NearestPairing,
        OneSidedBetaLaw as OneSidedBetaLaw,
        UniformLaw as UniformLaw,
        WithoutHesitation as WithoutHesitation,
        alpha_for_smoothing as alpha_for_smoothing,
        expected_smoothing as expected_smoothing,
    )
    from sk_mixup.mixing.layers import MixedPass as MixedPass, mix_layer as mix_layer
    from sk_mixup.mixing.losses import (
        BinaryCrossEntropy as BinaryCrossEntropy,
        DecoupledCrossEntropy as DecoupledCrossEntropy,
        RankMixupLoss as RankMixupLoss,
        SoftCrossEntropy as SoftCrossEntropy,
        TwoHotBinaryCrossEntropy as TwoHotBinaryCrossEntropy,
    )
    from sk_mixup.mixing.methods import *  # noqa: F403
    from sk_mixup.mixing.plans import (
        MixedTargets as MixedTargets,
        MixPlan as MixPlan,
        mixed_loss as mixed_loss,
        output_activation as output_activation,
        row_means as row_means,
        target_form as target_form,
        unreduced as unreduced,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._collate": "MixCollate",
            "._companion": "Companion companions_of",
            "._context": "MixContext",
            "._method": "Method",
            "._preview": "MixPreview",
            "._registry": "list_methods resolve_method",
            "._trial": "try_layers",
            ".draws": (
                "BetaLaw ClippedLaw CosineSchedule FixedLaw KernelPairing LamLaw "
                "LinearSchedule MemoryPairing MixStreams NearestPairing "
                "OneSidedBetaLaw UniformLaw WithoutHesitation alpha_for_smoothing "
                "expected_smoothing"
            ),
            ".layers": "MixedPass mix_layer",
            ".losses": (
                "BinaryCrossEntropy DecoupledCrossEntropy RankMixupLoss "
                "SoftCrossEntropy TwoHotBinaryCrossEntropy"
            ),
            ".methods": " ".join(METHODS.values()),
            ".plans": (
                "MixPlan MixedTargets mixed_loss output_activation row_means "
                "target_form unreduced"
            ),
        },
    )
