"""All encoders of what a classifier predicts, by one name."""

from sk_mixup.encoding._classes import ClassEncoder
from sk_mixup.encoding._multilabel import LabelMatrixEncoder
from sk_mixup.encoding._multioutput import ClassMatrixEncoder
from sk_mixup.encoding._pixels import PixelEncoder
from sk_mixup.encoding._soft_labels import SoftLabelEncoder

TargetEncoder = (
    ClassEncoder
    | LabelMatrixEncoder
    | ClassMatrixEncoder
    | SoftLabelEncoder
    | PixelEncoder
)
