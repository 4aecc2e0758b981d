"""Fits on files that memory does not hold: what one pass over them tells."""

from sk_mixup.estimators.files._pass import (
    FileData,
    check_target,
    encoded_files,
    read_files,
    refuse_beside_files,
    refuse_settings,
)

__all__ = [
    "FileData",
    "check_target",
    "encoded_files",
    "read_files",
    "refuse_beside_files",
    "refuse_settings",
]
