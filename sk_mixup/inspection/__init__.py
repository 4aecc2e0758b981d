"""Look at what a net is trained on, and at what it learnt, as numbers and pictures.

Calibration knows nothing of how a model was trained; any scikit-learn classifier can be
looked at. matplotlib is imported by the displays when they draw, not with this package.
"""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.inspection._attacks import (
        PerturbedRows as PerturbedRows,
        perturbed_rows as perturbed_rows,
    )
    from sk_mixup.inspection._calibration import (
        ReliabilityCurve as ReliabilityCurve,
        expected_calibration_error as expected_calibration_error,
        reliability_curve as reliability_curve,
    )
    from sk_mixup.inspection._calibration_interval import (
        calibration_error_interval as calibration_error_interval,
    )
    from sk_mixup.inspection._history import HistoryDisplay as HistoryDisplay
    from sk_mixup.inspection._interpolation import (
        InterpolationCurve as InterpolationCurve,
        InterpolationDisplay as InterpolationDisplay,
        interpolation_curve as interpolation_curve,
    )
    from sk_mixup.inspection._mix import MixDisplay as MixDisplay
    from sk_mixup.inspection._monitor import MonitorDisplay as MonitorDisplay
    from sk_mixup.inspection._noise import (
        NoiseDisplay as NoiseDisplay,
        NoiseStudy as NoiseStudy,
        noise_study as noise_study,
        wrong_labels as wrong_labels,
    )
    from sk_mixup.inspection._predict_mixed import predict_mixed as predict_mixed
    from sk_mixup.inspection._reliability import (
        ReliabilityDisplay as ReliabilityDisplay,
    )
    from sk_mixup.inspection._robustness import (
        RobustnessCurve as RobustnessCurve,
        RobustnessDisplay as RobustnessDisplay,
        robustness_curve as robustness_curve,
    )
    from sk_mixup.inspection._sweep import AlphaSweepDisplay as AlphaSweepDisplay
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._attacks": "PerturbedRows perturbed_rows",
            "._calibration": (
                "ReliabilityCurve expected_calibration_error reliability_curve"
            ),
            "._calibration_interval": "calibration_error_interval",
            "._history": "HistoryDisplay",
            "._interpolation": (
                "InterpolationCurve InterpolationDisplay interpolation_curve"
            ),
            "._mix": "MixDisplay",
            "._monitor": "MonitorDisplay",
            "._noise": "NoiseDisplay NoiseStudy noise_study wrong_labels",
            "._predict_mixed": "predict_mixed",
            "._reliability": "ReliabilityDisplay",
            "._robustness": "RobustnessCurve RobustnessDisplay robustness_curve",
            "._sweep": "AlphaSweepDisplay",
        },
    )
