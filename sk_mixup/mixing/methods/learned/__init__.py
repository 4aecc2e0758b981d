"""Methods whose masks are learnt: a mix block trains beside the net."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.mixing.methods.learned._ad_auto_mix import AdAutoMix as AdAutoMix
    from sk_mixup.mixing.methods.learned._auto_mix import AutoMix as AutoMix
    from sk_mixup.mixing.methods.learned._beside import BlockCompanion as BlockCompanion
    from sk_mixup.mixing.methods.learned._sa_mix import SAMix as SAMix
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._ad_auto_mix": "AdAutoMix",
            "._auto_mix": "AutoMix",
            "._beside": "BlockCompanion",
            "._sa_mix": "SAMix",
        },
    )
