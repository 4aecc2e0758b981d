"""Fits on files that memory does not hold: what one pass over them tells."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.estimators.files._pass import (
        FileData as FileData,
        check_target as check_target,
        encoded_files as encoded_files,
        read_files as read_files,
        refuse_beside_files as refuse_beside_files,
        refuse_settings as refuse_settings,
    )
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._pass": (
                "FileData check_target encoded_files read_files refuse_beside_files "
                "refuse_settings"
            ),
        },
    )
