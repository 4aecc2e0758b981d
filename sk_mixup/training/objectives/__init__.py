"""Losses of mixed rows for every kind of target."""

from sk_mixup.training.objectives._criteria import (
    Constant,
    criterion_name,
    named_criterion,
    plain_function,
    resolved_criterion,
)
from sk_mixup.training.objectives._head_losses import GaussianLoss, PinballLoss
from sk_mixup.training.objectives._heads import TargetKind
from sk_mixup.training.objectives._member_rows import MemberRowsObjective
from sk_mixup.training.objectives._members import MemberObjective, join_members
from sk_mixup.training.objectives._multilabel import MultiLabel, MultiLabelObjective
from sk_mixup.training.objectives._multioutput import MultiOutput, MultiOutputObjective
from sk_mixup.training.objectives._objective import (
    MOST_DENSE_CLASSES,
    Objective,
    main_output,
)
from sk_mixup.training.objectives._pixels import PixelClasses, PixelObjective
from sk_mixup.training.objectives._regression_heads import (
    GaussianHead,
    QuantileHead,
    RegressionHead,
)
from sk_mixup.training.objectives._soft_labels import SoftLabelObjective, SoftLabels
from sk_mixup.training.objectives._units import (
    Units,
    check_counts,
    loss_of_deviation,
    units_of,
)

__all__ = [
    "MOST_DENSE_CLASSES",
    "Constant",
    "GaussianHead",
    "GaussianLoss",
    "MemberObjective",
    "MemberRowsObjective",
    "MultiLabel",
    "MultiLabelObjective",
    "MultiOutput",
    "MultiOutputObjective",
    "Objective",
    "PinballLoss",
    "PixelClasses",
    "PixelObjective",
    "QuantileHead",
    "RegressionHead",
    "SoftLabelObjective",
    "SoftLabels",
    "TargetKind",
    "Units",
    "check_counts",
    "criterion_name",
    "join_members",
    "loss_of_deviation",
    "main_output",
    "named_criterion",
    "plain_function",
    "resolved_criterion",
    "units_of",
]
