"""Which rows are learnt from, and which are left out: validation, folds, members."""

from sk_mixup.estimators.splits._fold_members import (
    TRIED_ALPHAS,
    found_alpha,
    member_counts,
    members_method,
    tried_alphas,
)
from sk_mixup.estimators.splits._folds import fold_problem, folds_of
from sk_mixup.estimators.splits._holdout import hold_out, split_problem

__all__ = [
    "TRIED_ALPHAS",
    "fold_problem",
    "folds_of",
    "found_alpha",
    "hold_out",
    "member_counts",
    "members_method",
    "split_problem",
    "tried_alphas",
]
