"""What `None` means: epochs, rates, schedules, presets."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.training.recipes._course import (
        Course as Course,
        CourseRates as CourseRates,
        follows_plan as follows_plan,
    )
    from sk_mixup.training.recipes._fused_step import (
        apply_fused as apply_fused,
        take_step as take_step,
    )
    from sk_mixup.training.recipes._knobs import (
        Knobs as Knobs,
        asks_several_times as asks_several_times,
        check_knobs as check_knobs,
    )
    from sk_mixup.training.recipes._muon import MuonAdamW as MuonAdamW
    from sk_mixup.training.recipes._recipe import (
        AUTO_EARLY_STOPPING_ROWS as AUTO_EARLY_STOPPING_ROWS,
        Recipe as Recipe,
        image_recipe as image_recipe,
        module_recipe as module_recipe,
        resolve_device as resolve_device,
        text_recipe as text_recipe,
        tuning_recipe as tuning_recipe,
    )
    from sk_mixup.training.recipes._schedule import StepSchedule as StepSchedule
    from sk_mixup.training.recipes._tables import (
        PRESETS as PRESETS,
        fold_counts as fold_counts,
        table_recipe as table_recipe,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._course": "Course CourseRates follows_plan",
            "._fused_step": "apply_fused take_step",
            "._knobs": "Knobs asks_several_times check_knobs",
            "._muon": "MuonAdamW",
            "._recipe": (
                "AUTO_EARLY_STOPPING_ROWS Recipe image_recipe module_recipe "
                "resolve_device text_recipe tuning_recipe"
            ),
            "._schedule": "StepSchedule",
            "._tables": "PRESETS fold_counts table_recipe",
        },
    )
