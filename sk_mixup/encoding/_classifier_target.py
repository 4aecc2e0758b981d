"""The encoder of whatever a classifier is to predict.

What `y` is can be said, by `target_kind`, or is read off its values; then it can differ
between the folds of one table (see `sk_mixup.encoding._matrix`). A search that sees all
rows asks `target_kind_of` once and says the answer to every fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sk_mixup import encoding
from sk_mixup.encoding._matrix import (
    IGNORED,
    Kind,
    is_mask_array,
    matrix_kind,
    read_matrix,
)

if TYPE_CHECKING:
    from sk_mixup.encoding._target_encoders import TargetEncoder

TARGET_KINDS = ("auto", "classes", "labels", "outputs", "soft", "pixels")
"""Values of `target_kind`."""

_ENCODERS = {
    "classes": "ClassEncoder",
    "labels": "LabelMatrixEncoder",
    "outputs": "ClassMatrixEncoder",
    "soft": "SoftLabelEncoder",
}


def fit_classes(
    y: Any,
    classes: Any = None,
    target_kind: str = "auto",
    *,
    ignore_index: int = IGNORED,
) -> TargetEncoder:
    """Return a fitted encoder of the kind of target that `y` is.

    Parameters
    ----------
    y : array-like of shape (n_samples,), (n_samples, k) or (n_samples, ...)
        See `sk_mixup.encoding._matrix` for what a matrix is taken as; three axes or
        more are masks.
    classes : array-like, list of array-like, or None
        As the encoder of the kind takes them.
    target_kind : str, default="auto"
        What `y` is: one class per row ("classes"), a yes or no for each of several
        labels ("labels"), a class for each of several outputs ("outputs"),
        probabilities of classes ("soft"), or a class per pixel ("pixels"). "auto":
        what its values say.
    ignore_index : int, default=-100
        Value of pixels that do not count.

    Raises
    ------
    ValueError
        For targets of no kind, or of another than was said, or as the encoder raises.

    Examples
    --------
    >>> from sk_mixup.encoding import fit_classes
    >>> matrices = [[[0, 1], [1, 1]], [["a", 1], ["b", 2]], [[0.2, 0.8], [1.0, 0.0]]]
    >>> [fit_classes(y).kind for y in (["no", "yes"], *matrices)]
    ['classes', 'labels', 'columns', 'soft']
    >>> fit_classes([[0, 1], [1, 0]], target_kind="outputs").kind
    'columns'
    """
    kind = target_kind_of(y, classes, target_kind)
    if kind == "pixels":
        return encoding.PixelEncoder(ignore_index).fit(y, classes=classes)
    encoder = getattr(encoding, _ENCODERS[kind])()
    fitted: TargetEncoder = encoder.fit(y, classes=classes)
    return fitted


def target_kind_of(y: Any, classes: Any = None, target_kind: str = "auto") -> Kind:
    """Return what `y` is, as `target_kind` says it.

    Parameters
    ----------
    y, classes, target_kind :
        As for `fit_classes`.

    Raises
    ------
    ValueError
        For targets of no kind.

    Examples
    --------
    >>> from sk_mixup.encoding import target_kind_of
    >>> target_kind_of([[0.2, 0.8], [1.0, 0.0]]), target_kind_of([0, 1])
    ('soft', 'classes')
    """
    check_target_kind(target_kind)
    if target_kind == "pixels" or (target_kind == "auto" and is_mask_array(y)):
        return "pixels"
    matrix = read_matrix(y)
    if target_kind == "classes" and matrix is not None:
        raise ValueError(
            f"target_kind='classes' means one label per row, and y has"
            f" {len(matrix.columns)} columns. Use y.argmax(1) for one-hot rows, or say"
            " what the columns are: target_kind='labels', 'outputs' or 'soft'."
        )
    if target_kind in ("labels", "outputs") and read_matrix(y, least=1) is None:
        raise ValueError(
            f"target_kind={target_kind!r} means a matrix with a column for each, and y"
            f" has shape {np.shape(y)}. For one class per row leave target_kind out;"
            " for a single column give y.reshape(-1, 1)."
        )
    if target_kind != "auto":
        return target_kind  # type: ignore[return-value]
    if matrix is None:
        return "classes"
    # A class list of its own for each column says it: they have classes.
    if isinstance(classes, Sequence) and all(map(_is_list, classes)) and len(classes):
        return "outputs"
    return matrix_kind(matrix)


def check_target_kind(target_kind: Any) -> None:
    """Check the parameter.

    Raises
    ------
    ValueError
        With what it may be.
    """
    if not isinstance(target_kind, str) or target_kind not in TARGET_KINDS:
        raise ValueError(
            f"target_kind must be one of {list(TARGET_KINDS)}; got {target_kind!r}."
        )


def _is_list(value: Any) -> bool:
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes))
