"""Look at what a net is trained on, and at what it learnt, as numbers and pictures.

Calibration knows nothing of how a model was trained; any scikit-learn classifier can be
looked at. matplotlib is imported by the displays when they draw, not with this package.
"""

from sk_mixup.inspection._attacks import PerturbedRows, perturbed_rows
from sk_mixup.inspection._calibration import (
    ReliabilityCurve,
    expected_calibration_error,
    reliability_curve,
)
from sk_mixup.inspection._calibration_interval import calibration_error_interval
from sk_mixup.inspection._history import HistoryDisplay
from sk_mixup.inspection._interpolation import (
    InterpolationCurve,
    InterpolationDisplay,
    interpolation_curve,
)
from sk_mixup.inspection._mix import MixDisplay
from sk_mixup.inspection._monitor import MonitorDisplay
from sk_mixup.inspection._noise import (
    NoiseDisplay,
    NoiseStudy,
    noise_study,
    wrong_labels,
)
from sk_mixup.inspection._predict_mixed import predict_mixed
from sk_mixup.inspection._reliability import ReliabilityDisplay
from sk_mixup.inspection._robustness import (
    RobustnessCurve,
    RobustnessDisplay,
    robustness_curve,
)
from sk_mixup.inspection._sweep import AlphaSweepDisplay

__all__ = [
    "AlphaSweepDisplay",
    "HistoryDisplay",
    "InterpolationCurve",
    "InterpolationDisplay",
    "MixDisplay",
    "MonitorDisplay",
    "NoiseDisplay",
    "NoiseStudy",
    "PerturbedRows",
    "ReliabilityCurve",
    "ReliabilityDisplay",
    "RobustnessCurve",
    "RobustnessDisplay",
    "calibration_error_interval",
    "expected_calibration_error",
    "interpolation_curve",
    "noise_study",
    "perturbed_rows",
    "predict_mixed",
    "reliability_curve",
    "robustness_curve",
    "wrong_labels",
]
