"""What the estimators take: tables, arrays, and whatever a net reads."""

from sk_mixup.inputs._array import ArrayInput, spec_of
from sk_mixup.inputs._bags import BagInput
from sk_mixup.inputs._containers import refuse_uncountable
from sk_mixup.inputs._dataset import (
    DatasetRows,
    is_dataset,
    is_stream,
    join_inputs,
    read_targets,
    split_item,
    to_host,
)
from sk_mixup.inputs._folder import ImageFolder
from sk_mixup.inputs._item_targets import join_targets
from sk_mixup.inputs._lazy import ArrayRows, LazyRows
from sk_mixup.inputs._parquet import ParquetRows, joined_frames
from sk_mixup.inputs._rows import Rows, as_rows
from sk_mixup.inputs._shaped import ShapedInput
from sk_mixup.inputs._sparse import SparseRows, holds_sparse, is_sparse
from sk_mixup.inputs._sparse_table import SPARSE_NETS, SparseTableInput
from sk_mixup.inputs._table import TableInput
from sk_mixup.inputs._text import TextInput
from sk_mixup.inputs._tokenizer import TextTokenizer

__all__ = [
    "SPARSE_NETS",
    "ArrayInput",
    "ArrayRows",
    "BagInput",
    "DatasetRows",
    "ImageFolder",
    "LazyRows",
    "ParquetRows",
    "Rows",
    "ShapedInput",
    "SparseRows",
    "SparseTableInput",
    "TableInput",
    "TextInput",
    "TextTokenizer",
    "as_rows",
    "holds_sparse",
    "is_dataset",
    "is_sparse",
    "is_stream",
    "join_inputs",
    "join_targets",
    "joined_frames",
    "read_targets",
    "refuse_uncountable",
    "spec_of",
    "split_item",
    "to_host",
]
