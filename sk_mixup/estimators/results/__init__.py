"""What a fit leaves behind to be looked at: outputs, importance, history, versions."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.estimators.results._history import history_frame as history_frame
    from sk_mixup.estimators.results._importance import (
        check_has_columns as check_has_columns,
        check_importance as check_importance,
        importance_of as importance_of,
    )
    from sk_mixup.estimators.results._outputs import (
        as_tensors as as_tensors,
        check_outputs as check_outputs,
        joined as joined,
    )
    from sk_mixup.estimators.results._versions import (
        VERSIONS as VERSIONS,
        versions as versions,
        warn_of_versions as warn_of_versions,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._history": "history_frame",
            "._importance": "check_has_columns check_importance importance_of",
            "._outputs": "as_tensors check_outputs joined",
            "._versions": "VERSIONS versions warn_of_versions",
        },
    )
