"""From a table and a target to the arrays that a net trains on, and back."""

from sk_mixup.encoding._alike import Alike
from sk_mixup.encoding._audio import LogMelSpectrogram
from sk_mixup.encoding._categorical import Levels
from sk_mixup.encoding._classes import ClassEncoder
from sk_mixup.encoding._classifier_target import (
    TARGET_KINDS,
    TargetEncoder,
    check_target_kind,
    fit_classes,
    target_kind_of,
)
from sk_mixup.encoding._container import as_table
from sk_mixup.encoding._counts import TableCounts
from sk_mixup.encoding._known import KnownNumbers
from sk_mixup.encoding._multilabel import LabelMatrixEncoder
from sk_mixup.encoding._multioutput import ClassMatrixEncoder
from sk_mixup.encoding._numeric import RobustScale
from sk_mixup.encoding._pixels import IGNORED, PixelEncoder
from sk_mixup.encoding._roles import find_categorical
from sk_mixup.encoding._soft_labels import SoftLabelEncoder
from sk_mixup.encoding._sparse import SparseScale
from sk_mixup.encoding._table import EncodedTable, TableEncoder
from sk_mixup.encoding._target import TargetScaler
from sk_mixup.encoding._target_bins import MAX_CLASSES, target_edges
from sk_mixup.encoding._text import (
    KINDS,
    as_texts,
    copied_tokenizer,
    padded,
    padding_id,
    token_lists,
    train_tokenizer,
)
from sk_mixup.encoding._values import FrequentValues

__all__ = [
    "IGNORED",
    "KINDS",
    "MAX_CLASSES",
    "TARGET_KINDS",
    "Alike",
    "ClassEncoder",
    "ClassMatrixEncoder",
    "EncodedTable",
    "FrequentValues",
    "KnownNumbers",
    "LabelMatrixEncoder",
    "Levels",
    "LogMelSpectrogram",
    "PixelEncoder",
    "RobustScale",
    "SoftLabelEncoder",
    "SparseScale",
    "TableCounts",
    "TableEncoder",
    "TargetEncoder",
    "TargetScaler",
    "as_table",
    "as_texts",
    "check_target_kind",
    "copied_tokenizer",
    "find_categorical",
    "fit_classes",
    "padded",
    "padding_id",
    "target_edges",
    "target_kind_of",
    "token_lists",
    "train_tokenizer",
]
