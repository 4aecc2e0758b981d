"""What `None` means: epochs, rates, schedules, presets."""

from sk_mixup.training.recipes._course import Course, CourseRates, follows_plan
from sk_mixup.training.recipes._knobs import Knobs, asks_several_times, check_knobs
from sk_mixup.training.recipes._recipe import (
    AUTO_EARLY_STOPPING_ROWS,
    Recipe,
    image_recipe,
    module_recipe,
    resolve_device,
    text_recipe,
    tuning_recipe,
)
from sk_mixup.training.recipes._schedule import StepSchedule
from sk_mixup.training.recipes._tables import PRESETS, fold_counts, table_recipe

__all__ = [
    "AUTO_EARLY_STOPPING_ROWS",
    "PRESETS",
    "Course",
    "CourseRates",
    "Knobs",
    "Recipe",
    "StepSchedule",
    "asks_several_times",
    "check_knobs",
    "fold_counts",
    "follows_plan",
    "image_recipe",
    "module_recipe",
    "resolve_device",
    "table_recipe",
    "text_recipe",
    "tuning_recipe",
]
