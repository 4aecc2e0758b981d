"""What the estimators take: tables, arrays, and whatever a net reads."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.inputs._array import ArrayInput as ArrayInput, spec_of as spec_of
    from sk_mixup.inputs._bags import BagInput as BagInput
    from sk_mixup.inputs._containers import refuse_uncountable as refuse_uncountable
    from sk_mixup.inputs._dataset import (
        DatasetRows as DatasetRows,
        is_dataset as is_dataset,
        is_stream as is_stream,
        join_inputs as join_inputs,
        read_targets as read_targets,
        split_item as split_item,
        to_host as to_host,
    )
    from sk_mixup.inputs._files import is_files as is_files
    from sk_mixup.inputs._folder import ImageFolder as ImageFolder
    from sk_mixup.inputs._item_targets import join_targets as join_targets
    from sk_mixup.inputs._lazy import ArrayRows as ArrayRows, LazyRows as LazyRows
    from sk_mixup.inputs._parquet import (
        ParquetRows as ParquetRows,
        joined_frames as joined_frames,
    )
    from sk_mixup.inputs._rows import Rows as Rows, as_rows as as_rows
    from sk_mixup.inputs._shaped import ShapedInput as ShapedInput
    from sk_mixup.inputs._sparse import (
        SPARSE_NETS as SPARSE_NETS,
        SparseRows as SparseRows,
        holds_sparse as holds_sparse,
        is_sparse as is_sparse,
    )
    from sk_mixup.inputs._sparse_table import (
        SparseTableInput as SparseTableInput,
    )
    from sk_mixup.inputs._table import TableInput as TableInput
    from sk_mixup.inputs._text import TextInput as TextInput
    from sk_mixup.inputs._tokenizer import TextTokenizer as TextTokenizer
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._array": "ArrayInput spec_of",
            "._bags": "BagInput",
            "._containers": "refuse_uncountable",
            "._dataset": (
                "DatasetRows is_dataset is_stream join_inputs read_targets split_item "
                "to_host"
            ),
            "._files": "is_files",
            "._folder": "ImageFolder",
            "._item_targets": "join_targets",
            "._lazy": "ArrayRows LazyRows",
            "._parquet": "ParquetRows joined_frames",
            "._rows": "Rows as_rows",
            "._shaped": "ShapedInput",
            "._sparse": "SPARSE_NETS SparseRows holds_sparse is_sparse",
            "._sparse_table": "SparseTableInput",
            "._table": "TableInput",
            "._text": "TextInput",
            "._tokenizer": "TextTokenizer",
        },
    )
