"""Mixed rows for any estimator: a resampler, and a wrapper that trains on them.

What these need of an estimator is `fit`, and of the wrapper's that it takes weights: no
net and no gradient. For nets, `MixupClassifier` mixes anew in every batch instead.
"""

from sk_mixup.resampling._draws import MixedRows
from sk_mixup.resampling._resampler import MixupResampler
from sk_mixup.resampling._tables import as_rows, mix_between
from sk_mixup.resampling._wrapper import MixupWrapper

__all__ = ["MixedRows", "MixupResampler", "MixupWrapper", "as_rows", "mix_between"]
