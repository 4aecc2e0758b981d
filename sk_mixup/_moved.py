"""Where modules went: pickles of earlier versions name classes by their old modules.

An old name is found only when somebody asks for it, which unpickling does. It stands
for a module that looks every name up in the new one.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# (old package, new package): modules, less their underscore. Version 0.1.
_MOVED = {
    ("sk_mixup", "sk_mixup.estimators"): (
        "base checks classifier compat "
        "intake out_of_fold parameters reading regressor settings training"
    ),
    ("sk_mixup.mixing", "sk_mixup.mixing.methods"): (
        "alignmix balanced cmixup cutmix featmix featureswap fmix gridmix "
        "hidmix mamix manifold mixup noisy oneof per_key regmixup remix "
        "repeat resizemix smoothmix waveform wrapper"
    ),
    ("sk_mixup.mixing", "sk_mixup.mixing.draws"): (
        "beta laws memory pairing pairing_weighted schedules streams"
    ),
    ("sk_mixup.mixing", "sk_mixup.mixing.plans"): ("boxes labels plan targets union"),
    ("sk_mixup.mixing", "sk_mixup.mixing.layers"): ("hooks sites"),
    ("sk_mixup.training", "sk_mixup.training.feeds"): (
        "ahead batches facts loaders stream_data streams"
    ),
    ("sk_mixup.training", "sk_mixup.training.setup"): (
        "building check_mixing initialize modules trial tuning"
    ),
    ("sk_mixup.training", "sk_mixup.training.loop"): (
        "callbacks ema forward net prediction progress run steps temperature"
    ),
    ("sk_mixup.training", "sk_mixup.training.objectives"): (
        "head_losses heads members multilabel multioutput objective regression_heads"
    ),
    ("sk_mixup.training", "sk_mixup.training.recipes"): (
        "horizon knobs recipe schedule"
    ),
}
_RENAMED = {
    "sk_mixup._preview": "sk_mixup.estimators.previews._preview",
    "sk_mixup._preview_table": "sk_mixup.estimators.previews._table",
    "sk_mixup.estimators._preview": "sk_mixup.estimators.previews._preview",
    "sk_mixup.estimators._preview_table": "sk_mixup.estimators.previews._table",
    "sk_mixup._holdout": "sk_mixup.estimators.splits._holdout",
    "sk_mixup.estimators._holdout": "sk_mixup.estimators.splits._holdout",
    "sk_mixup.mixing._losses": "sk_mixup.mixing.losses._cross_entropies",
    "sk_mixup.mixing._mask_method": "sk_mixup.mixing.methods._masks",
    "sk_mixup.mixing._mask_plan": "sk_mixup.mixing.plans._masks",
    "sk_mixup.mixing._pair_losses": "sk_mixup.mixing.losses._pairs",
    "sk_mixup.mixing._rank_loss": "sk_mixup.mixing.losses._rank",
    "sk_mixup.mixing._resize_plan": "sk_mixup.mixing.plans._resize",
    "sk_mixup.mixing._stack_plan": "sk_mixup.mixing.plans._stack",
    "sk_mixup.mixing._swap_plan": "sk_mixup.mixing.plans._swap",
    "sk_mixup.mixing._table_method": "sk_mixup.mixing.methods._tables",
    "sk_mixup.training._soft_objective": "sk_mixup.training.objectives._soft_labels",
    "sk_mixup.training._table_recipe": "sk_mixup.training.recipes._tables",
}

#: New module by old module.
MOVED: dict[str, str] = {
    f"{old}._{name}": f"{new}._{name}"
    for (old, new), names in _MOVED.items()
    for name in names.split()
} | _RENAMED


class _OldNames(MetaPathFinder, Loader):
    """Finds modules by the names that they had."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return a specification for an old name; None for any other."""
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Leave that to Python."""
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Let the module look names up in the new one."""
        new = importlib.import_module(MOVED[module.__name__])

        def look_up(name: str) -> Any:
            return getattr(new, name)

        # Python looks names of a module up by this (PEP 562), which stubs do not know.
        module.__getattr__ = look_up  # type: ignore[method-assign]


def find_moved_modules() -> None:
    """Let imports find old names, after all that exists."""
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        sys.meta_path.append(_OldNames())
