"""Which rows are learnt from, and which are left out: validation, folds, members."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.estimators.splits._fold_members import (
        fold_settings as fold_settings,
        found_alpha as found_alpha,
        member_counts as member_counts,
        members_method as members_method,
    )
    from sk_mixup.estimators.splits._folds import (
        fold_problem as fold_problem,
        folds_of as folds_of,
    )
    from sk_mixup.estimators.splits._holdout import (
        hold_out as hold_out,
        split_problem as split_problem,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._fold_members": "fold_settings found_alpha member_counts members_method",
            "._folds": "fold_problem folds_of",
            "._holdout": "hold_out split_problem",
        },
    )
