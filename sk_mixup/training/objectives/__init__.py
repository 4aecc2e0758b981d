"""Losses of mixed rows for every kind of target."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.training.objectives._criteria import (
        Constant as Constant,
        criterion_name as criterion_name,
        named_criterion as named_criterion,
        plain_function as plain_function,
        resolved_criterion as resolved_criterion,
    )
    from sk_mixup.training.objectives._head_losses import (
        GaussianLoss as GaussianLoss,
        PinballLoss as PinballLoss,
    )
    from sk_mixup.training.objectives._heads import TargetKind as TargetKind
    from sk_mixup.training.objectives._member_rows import (
        MemberRowsObjective as MemberRowsObjective,
    )
    from sk_mixup.training.objectives._members import (
        MemberObjective as MemberObjective,
        join_members as join_members,
    )
    from sk_mixup.training.objectives._multilabel import (
        MultiLabel as MultiLabel,
        MultiLabelObjective as MultiLabelObjective,
    )
    from sk_mixup.training.objectives._multioutput import (
        MultiOutput as MultiOutput,
        MultiOutputObjective as MultiOutputObjective,
    )
    from sk_mixup.training.objectives._objective import (
        MOST_DENSE_CLASSES as MOST_DENSE_CLASSES,
        Objective as Objective,
        main_output as main_output,
    )
    from sk_mixup.training.objectives._pixels import (
        PixelClasses as PixelClasses,
        PixelObjective as PixelObjective,
    )
    from sk_mixup.training.objectives._regression_heads import (
        GaussianHead as GaussianHead,
        QuantileHead as QuantileHead,
        RegressionHead as RegressionHead,
    )
    from sk_mixup.training.objectives._soft_labels import (
        SoftLabelObjective as SoftLabelObjective,
        SoftLabels as SoftLabels,
    )
    from sk_mixup.training.objectives._units import (
        Units as Units,
        check_counts as check_counts,
        loss_of_deviation as loss_of_deviation,
        units_of as units_of,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._criteria": (
                "Constant criterion_name named_criterion plain_function "
                "resolved_criterion"
            ),
            "._head_losses": "GaussianLoss PinballLoss",
            "._heads": "TargetKind",
            "._member_rows": "MemberRowsObjective",
            "._members": "MemberObjective join_members",
            "._multilabel": "MultiLabel MultiLabelObjective",
            "._multioutput": "MultiOutput MultiOutputObjective",
            "._objective": "MOST_DENSE_CLASSES Objective main_output",
            "._pixels": "PixelClasses PixelObjective",
            "._regression_heads": "GaussianHead QuantileHead RegressionHead",
            "._soft_labels": "SoftLabelObjective SoftLabels",
            "._units": "Units check_counts loss_of_deviation units_of",
        },
    )
