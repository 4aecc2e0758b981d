"""What is predicted: a task per kind of target, and what belongs to it."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.estimators.tasks._classes import (
        Classification as Classification,
        ignored_class as ignored_class,
        mean_iou_of as mean_iou_of,
        right_rows as right_rows,
    )
    from sk_mixup.estimators.tasks._heads import quantile_levels as quantile_levels
    from sk_mixup.estimators.tasks._numbers import (
        Numbers as Numbers,
        Regression as Regression,
    )
    from sk_mixup.estimators.tasks._task import Task as Task, Tasks as Tasks
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._classes": "Classification ignored_class mean_iou_of right_rows",
            "._heads": "quantile_levels",
            "._numbers": "Numbers Regression",
            "._task": "Task Tasks",
        },
    )
