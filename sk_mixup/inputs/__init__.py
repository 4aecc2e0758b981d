"""What the estimators take: tables, arrays, and whatever a net reads."""

from sk_mixup.inputs._array import ArrayInput
from sk_mixup.inputs._table import TableInput

__all__ = ["ArrayInput", "TableInput"]
