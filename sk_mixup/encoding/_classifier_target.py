"""The encoder of whatever a classifier is to predict."""

from __future__ import annotations

from typing import Any

from sk_mixup.encoding._classes import ClassEncoder
from sk_mixup.encoding._matrix import matrix_kind, read_matrix
from sk_mixup.encoding._multilabel import LabelMatrixEncoder
from sk_mixup.encoding._multioutput import ClassMatrixEncoder
from sk_mixup.encoding._soft_labels import SoftLabelEncoder

TargetEncoder = (
    ClassEncoder | LabelMatrixEncoder | ClassMatrixEncoder | SoftLabelEncoder
)

_ENCODERS: dict[str, Any] = {
    "labels": LabelMatrixEncoder,
    "columns": ClassMatrixEncoder,
    "soft": SoftLabelEncoder,
}


def fit_classes(y: Any, classes: Any = None) -> TargetEncoder:
    """Return a fitted encoder of the kind of target that `y` is.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, k)
        See `sk_mixup.encoding._matrix` for what a matrix is taken as.
    classes : array-like, list of array-like, or None
        As the encoder of the kind takes them.

    Raises
    ------
    ValueError
        For targets of no kind, or as the encoder raises.

    Examples
    --------
    >>> from sk_mixup.encoding import fit_classes
    >>> matrices = [[[0, 1], [1, 1]], [["a", 1], ["b", 2]], [[0.2, 0.8], [1.0, 0.0]]]
    >>> [fit_classes(y).kind for y in (["no", "yes"], *matrices)]
    ['classes', 'labels', 'columns', 'soft']
    """
    matrix = read_matrix(y)
    encoder = ClassEncoder if matrix is None else _ENCODERS[matrix_kind(matrix)]
    fitted: TargetEncoder = encoder().fit(y, classes=classes)
    return fitted
