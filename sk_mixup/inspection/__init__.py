"""Look at what a model learnt: calibration, as numbers and as a picture.

Nothing here knows how a model was trained; any scikit-learn classifier can be looked
at. matplotlib is imported by the displays when they draw, not with this package.
"""

from sk_mixup.inspection._calibration import (
    ReliabilityCurve,
    expected_calibration_error,
    reliability_curve,
)
from sk_mixup.inspection._reliability import ReliabilityDisplay

__all__ = [
    "ReliabilityCurve",
    "ReliabilityDisplay",
    "expected_calibration_error",
    "reliability_curve",
]
