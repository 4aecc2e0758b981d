"""What is predicted: a task per kind of target, and what belongs to it."""

from sk_mixup.estimators.tasks._classes import (
    Classification,
    ignored_class,
    mean_iou_of,
    right_rows,
)
from sk_mixup.estimators.tasks._heads import quantile_levels
from sk_mixup.estimators.tasks._numbers import Numbers, Regression
from sk_mixup.estimators.tasks._task import Task, Tasks

__all__ = [
    "Classification",
    "Numbers",
    "Regression",
    "Task",
    "Tasks",
    "ignored_class",
    "mean_iou_of",
    "quantile_levels",
    "right_rows",
]
