"""What a fit leaves behind to be looked at: outputs, importance, history, versions."""

from sk_mixup.estimators.results._history import history_frame
from sk_mixup.estimators.results._importance import (
    check_has_columns,
    check_importance,
    importance_of,
)
from sk_mixup.estimators.results._outputs import as_tensors, check_outputs, joined
from sk_mixup.estimators.results._versions import VERSIONS, versions, warn_of_versions

__all__ = [
    "VERSIONS",
    "as_tensors",
    "check_has_columns",
    "check_importance",
    "check_outputs",
    "history_frame",
    "importance_of",
    "joined",
    "versions",
    "warn_of_versions",
]
