"""Methods that read where a net looks: masks, and weights of labels, by attention."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing.methods.attention._grid import grid_of as grid_of
    from sk_mixup.mixing.methods.attention._merge_mix import MergeMix as MergeMix
    from sk_mixup.mixing.methods.attention._token_mix import TokenMix as TokenMix
    from sk_mixup.mixing.methods.attention._trans_mix import (
        AttentionPlan as AttentionPlan,
        TransMix as TransMix,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._grid": "grid_of",
            "._merge_mix": "MergeMix",
            "._token_mix": "TokenMix",
            "._trans_mix": "AttentionPlan TransMix",
        },
    )
