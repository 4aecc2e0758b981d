"""From a table and a target to the arrays that a net trains on, and back."""

from typing import TYPE_CHECKING

from sk_mixup._lazy import lazy_exports

if TYPE_CHECKING:
    from sk_mixup.encoding._alike import Alike as Alike
    from sk_mixup.encoding._audio import LogMelSpectrogram as LogMelSpectrogram
    from sk_mixup.encoding._categorical import Levels as Levels
    from sk_mixup.encoding._classes import ClassEncoder as ClassEncoder
    from sk_mixup.encoding._classifier_target import (
        TARGET_KINDS as TARGET_KINDS,
        check_target_kind as check_target_kind,
        fit_classes as fit_classes,
        target_kind_of as target_kind_of,
    )
    from sk_mixup.encoding._container import as_table as as_table
    from sk_mixup.encoding._counts import TableCounts as TableCounts
    from sk_mixup.encoding._known import KnownNumbers as KnownNumbers
    from sk_mixup.encoding._matrix import IGNORED as IGNORED
    from sk_mixup.encoding._multilabel import LabelMatrixEncoder as LabelMatrixEncoder
    from sk_mixup.encoding._multioutput import ClassMatrixEncoder as ClassMatrixEncoder
    from sk_mixup.encoding._numeric import RobustScale as RobustScale
    from sk_mixup.encoding._pixels import PixelEncoder as PixelEncoder
    from sk_mixup.encoding._roles import find_categorical as find_categorical
    from sk_mixup.encoding._soft_labels import SoftLabelEncoder as SoftLabelEncoder
    from sk_mixup.encoding._sparse import SparseScale as SparseScale
    from sk_mixup.encoding._table import (
        EncodedTable as EncodedTable,
        TableEncoder as TableEncoder,
    )
    from sk_mixup.encoding._target import TargetScaler as TargetScaler
    from sk_mixup.encoding._target_bins import (
        MAX_CLASSES as MAX_CLASSES,
        target_edges as target_edges,
    )
    from sk_mixup.encoding._target_encoders import TargetEncoder as TargetEncoder
    from sk_mixup.encoding._text import (
        KINDS as KINDS,
        as_texts as as_texts,
        copied_tokenizer as copied_tokenizer,
        padded as padded,
        padding_id as padding_id,
        token_lists as token_lists,
        train_tokenizer as train_tokenizer,
    )
    from sk_mixup.encoding._values import FrequentValues as FrequentValues
else:
    __all__ = lazy_exports(
        __name__,
        {
            "._alike": "Alike",
            "._audio": "LogMelSpectrogram",
            "._categorical": "Levels",
            "._classes": "ClassEncoder",
            "._classifier_target": (
                "TARGET_KINDS check_target_kind fit_classes target_kind_of"
            ),
            "._container": "as_table",
            "._counts": "TableCounts",
            "._known": "KnownNumbers",
            "._multilabel": "LabelMatrixEncoder",
            "._multioutput": "ClassMatrixEncoder",
            "._numeric": "RobustScale",
            "._matrix": "IGNORED",
            "._pixels": "PixelEncoder",
            "._roles": "find_categorical",
            "._soft_labels": "SoftLabelEncoder",
            "._sparse": "SparseScale",
            "._table": "EncodedTable TableEncoder",
            "._target": "TargetScaler",
            "._target_bins": "MAX_CLASSES target_edges",
            "._target_encoders": "TargetEncoder",
            "._text": (
                "KINDS as_texts copied_tokenizer padded padding_id token_lists "
                "train_tokenizer"
            ),
            "._values": "FrequentValues",
        },
    )
