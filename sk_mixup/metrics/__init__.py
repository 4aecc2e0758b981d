"""Scores of probabilities, among them one that forgives what one number repairs.

Plain NumPy functions: they judge the output of any classifier.
"""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.metrics._brier import (
        brier_score as brier_score,
        sharpness as sharpness,
    )
    from sk_mixup.metrics._iou import mean_iou as mean_iou
    from sk_mixup.metrics._refined import (
        refined_log_loss as refined_log_loss,
        refined_log_loss_scorer as refined_log_loss_scorer,
    )
    from sk_mixup.metrics._rows import check_proba as check_proba
    from sk_mixup.metrics._temperature import fit_temperature as fit_temperature
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._brier": "brier_score sharpness",
            "._iou": "mean_iou",
            "._refined": "refined_log_loss refined_log_loss_scorer",
            "._rows": "check_proba",
            "._temperature": "fit_temperature",
        },
    )
