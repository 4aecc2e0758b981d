"""Scores of probabilities, among them one that forgives what one number repairs.

Plain NumPy functions: they judge the output of any classifier.
"""

from sk_mixup.metrics._brier import brier_score, sharpness
from sk_mixup.metrics._iou import mean_iou
from sk_mixup.metrics._refined import refined_log_loss, refined_log_loss_scorer
from sk_mixup.metrics._rows import check_proba
from sk_mixup.metrics._temperature import fit_temperature

__all__ = [
    "brier_score",
    "check_proba",
    "fit_temperature",
    "mean_iou",
    "refined_log_loss",
    "refined_log_loss_scorer",
    "sharpness",
]
