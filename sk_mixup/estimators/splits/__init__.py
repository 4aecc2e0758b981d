"""Which rows are learnt from, and which are left out: validation, folds, members."""

from sk_mixup.estimators.splits._fold_members import (
    fold_settings,
    found_alpha,
    member_counts,
    members_method,
)
from sk_mixup.estimators.splits._folds import fold_problem, folds_of
from sk_mixup.estimators.splits._holdout import hold_out, split_problem

__all__ = [
    "fold_problem",
    "fold_settings",
    "folds_of",
    "found_alpha",
    "hold_out",
    "member_counts",
    "members_method",
    "split_problem",
]
