"""Mixed rows for any estimator: a resampler, and a wrapper that trains on them.

What these need of an estimator is `fit`, and of the wrapper's that it takes weights: no
net and no gradient. For nets, `MixupClassifier` mixes anew in every batch instead.
"""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.resampling._draws import MixedRows as MixedRows
    from sk_mixup.resampling._resampler import MixupResampler as MixupResampler
    from sk_mixup.resampling._tables import (
        as_rows as as_rows,
        mix_between as mix_between,
    )
    from sk_mixup.resampling._wrapper import MixupWrapper as MixupWrapper
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._draws": "MixedRows",
            "._resampler": "MixupResampler",
            "._tables": "as_rows mix_between",
            "._wrapper": "MixupWrapper",
        },
    )
