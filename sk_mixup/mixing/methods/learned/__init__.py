"""Methods whose masks are learnt: a mix block trains beside the net."""

from sk_mixup.mixing.methods.learned._ad_auto_mix import AdAutoMix
from sk_mixup.mixing.methods.learned._auto_mix import AutoMix
from sk_mixup.mixing.methods.learned._beside import BlockCompanion
from sk_mixup.mixing.methods.learned._sa_mix import SAMix

__all__ = ["AdAutoMix", "AutoMix", "BlockCompanion", "SAMix"]
