"""Whether rows lie in files, asked without what reads them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from sk_mixup.inputs._parquet import ParquetRows


def is_files(X: Any) -> TypeGuard[ParquetRows]:
    """Whether `X` is a `ParquetRows`.

    There is none where nobody has imported the class.
    """
    module = sys.modules.get("sk_mixup.inputs._parquet")
    return module is not None and isinstance(X, module.ParquetRows)
