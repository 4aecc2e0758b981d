"""Methods that read where a net looks: masks, and weights of labels, by attention."""

from sk_mixup.mixing.methods.attention._grid import grid_of
from sk_mixup.mixing.methods.attention._merge_mix import MergeMix
from sk_mixup.mixing.methods.attention._token_mix import TokenMix
from sk_mixup.mixing.methods.attention._trans_mix import AttentionPlan, TransMix

__all__ = ["AttentionPlan", "MergeMix", "TokenMix", "TransMix", "grid_of"]
