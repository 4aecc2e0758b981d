"""From a table and a target to the arrays that a net trains on, and back."""

from sk_mixup.encoding._classes import ClassEncoder
from sk_mixup.encoding._container import as_table
from sk_mixup.encoding._table import EncodedTable, TableEncoder
from sk_mixup.encoding._target import TargetScaler

__all__ = ["ClassEncoder", "EncodedTable", "TableEncoder", "TargetScaler", "as_table"]
