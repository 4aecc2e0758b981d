"""Class labels to codes and back.

Labels keep the dtype that the user knows them by (nullable integers come back as
integers, not as the floats that NumPy would make of them), and scikit-learn's own
checks and words decide what a classification target is.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sk_mixup.encoding._container import as_pandas, is_frame


class ClassEncoder:
    """Encode class labels as 0 to ``n_classes - 1`` in sorted order.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted labels, in the dtype of `y`.

    Examples
    --------
    >>> from sk_mixup.encoding import ClassEncoder
    >>> encoder = ClassEncoder().fit(["yes", "no", "yes"])
    >>> encoder.classes_.tolist(), encoder.transform(["yes", "no"])
    (['no', 'yes'], array([1, 0]))
    >>> encoder.inverse_transform([0, 1]).tolist()
    ['no', 'yes']
    """

    kind: ClassVar[Literal["classes"]] = "classes"
    n_outputs_: ClassVar[int] = 1
    classes_: np.ndarray

    def fit(self, y: Any, classes: Any = None) -> ClassEncoder:
        """Learn the classes.

        Parameters
        ----------
        y : array-like of shape (n_samples,)
            Labels: integers, text, booleans, whole floats; any pandas dtype of these.
        classes : array-like of shape (n_classes,), default=None
            All classes, where `y` may lack some (``partial_fit``).

        Returns
        -------
        self : ClassEncoder

        Raises
        ------
        ValueError
            If `y` is None, empty, has missing values, is continuous or multilabel, has
            one class only, or has labels outside `classes`.
        """
        labels = _read_labels(y, "y")
        if labels.dtype != object:
            # Labels read as objects are text, which is always a class.
            check_classification_targets(labels)
        known = _sorted_unique(labels)
        if classes is not None:
            known = _sorted_unique(_read_labels(classes, "classes"))
            _codes_of(labels, known)
        if len(known) < 2:
            source = "classes" if classes is not None else "y"
            raise ValueError(
                f"A classifier needs at least 2 classes, but {source} contains only one"
                f" class: {known.tolist()[0]!r}."
            )
        self.classes_ = known
        return self

    def has_classes(self, classes: Any) -> bool:
        """Whether these are the classes, in any order."""
        return set(np.asarray(classes).tolist()) == set(self.classes_.tolist())

    def transform(self, y: Any) -> np.ndarray:
        """Return the codes of labels.

        Parameters
        ----------
        y : array-like of shape (n_samples,)

        Returns
        -------
        codes : ndarray of shape (n_samples,), dtype int64

        Raises
        ------
        ValueError
            If `y` has missing values or labels that `fit` did not see.
        """
        return _codes_of(_read_labels(y, "y", warns=False), self.classes_)

    def read(self, y: Any) -> np.ndarray:
        """Return labels as they are, known or not, of shape (n_samples,)."""
        return _read_labels(y, "y", warns=False)

    def inverse_transform(self, codes: Any) -> np.ndarray:
        """Return the labels of codes.

        Parameters
        ----------
        codes : array-like of int of shape (n_samples,)

        Returns
        -------
        labels : ndarray of shape (n_samples,), dtype of ``classes_``

        Raises
        ------
        ValueError
            If a code is negative or has no class.
        """
        codes = np.asarray(codes, dtype=np.int64)
        if codes.size and not 0 <= codes.min() <= codes.max() < len(self.classes_):
            raise ValueError(
                f"codes must lie in [0, {len(self.classes_) - 1}]; got values from"
                f" {codes.min()} to {codes.max()}."
            )
        values: np.ndarray = self.classes_[codes]
        return values


def _read_labels(y: Any, name: str, *, warns: bool = True) -> np.ndarray:
    """Return labels as a 1-D array, text as objects, the rest as numbers or bools.

    A column vector counts as a vector, with scikit-learn's warning if it `warns`.
    """
    if y is None:
        raise ValueError(
            "This classifier requires y to be passed, but the target y is None."
        )
    frame = as_pandas(y)
    labels = _unwrap_extension(y if frame is None else frame, name)
    if isinstance(labels, np.ndarray) and not labels.dtype.isnative:
        labels = labels.astype(labels.dtype.newbyteorder("="))
    labels = column_or_1d(labels, warn=warns)
    if len(labels) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape=(0,)) in {name} while a minimum of 1"
            " is required."
        )
    if labels.dtype.kind in "UST":
        labels = labels.astype(object)
    if labels.dtype == object:
        return _narrow_objects(labels, name)
    if labels.dtype.kind in "fmM":
        n_missing = int(np.isnan(labels).sum())
        if n_missing:
            _raise_missing(n_missing, name)
        if labels.dtype.kind == "f" and np.isinf(labels).any():
            raise ValueError(f"Input {name} contains infinity, which is no class.")
    values: np.ndarray = labels
    return values


def _unwrap_extension(y: Any, name: str) -> Any:
    """Turn nullable and Arrow numbers into NumPy's, which would make floats of them."""
    dtype = getattr(y, "dtype", None)
    if is_frame(y) and y.shape[1] == 1:
        dtype = y.dtypes.iloc[0]
    numpy_dtype = getattr(dtype, "numpy_dtype", None)
    if numpy_dtype is None or numpy_dtype.kind not in "biuf":
        return y
    n_missing = int(np.sum(np.asarray(y.isna())))
    if n_missing:
        _raise_missing(n_missing, name)
    return y.to_numpy(dtype=numpy_dtype)


def _narrow_objects(labels: np.ndarray, name: str) -> np.ndarray:
    """Check labels held as objects; whole numbers and booleans get their own dtype."""
    types = set(map(type, labels))
    if types == {str}:
        return labels
    missing = _missing(labels)
    if missing.any():
        _raise_missing(int(missing.sum()), name)
    if all(issubclass(kind, str) for kind in types):
        return labels
    for base, dtype in (
        ((bool, np.bool_), np.bool_),
        ((int, np.integer), np.int64),
        ((float, np.floating, int, np.integer), np.float64),
    ):
        if all(issubclass(t, base) for t in types) and (
            dtype == np.bool_ or not types & {bool, np.bool_}
        ):
            return _narrowed(labels, dtype, name)
    found = ", ".join(sorted(kind.__name__ for kind in types))
    if len(types) > 1:
        raise ValueError(
            f"Unknown label type: {name} mixes labels of type {found}, which have no"
            f" common order. Make them one type, for example {name}.astype(str)."
        )
    if types == {bytes}:
        check_classification_targets(labels)  # Has the words for it.
    raise ValueError(
        f"Unknown label type: {name} holds objects of type {found}, and labels are"
        f" text, numbers or booleans. Make them text: [str(label) for label in {name}]."
    )


def _narrowed(labels: np.ndarray, dtype: Any, name: str) -> np.ndarray:
    """Return numbers held as objects in a dtype that holds them all exactly."""
    if dtype != np.int64:
        return labels.astype(dtype)
    low, high = min(labels), max(labels)
    for kind in (np.int64, np.uint64):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return labels.astype(kind)
    raise ValueError(
        f"{name} holds {low if low < 0 else high}; labels are integers of 64 bits at"
        f" most. Make them text: {name}.astype(str)."
    )


def _missing(values: np.ndarray) -> np.ndarray:
    import pandas as pd

    return np.asarray(pd.isna(values))


def _raise_missing(count: int, name: str) -> None:
    raise ValueError(
        f"Input {name} contains NaN. {count} of its values are missing: drop these"
        " rows, or give them a label of their own."
    )


def _sorted_unique(labels: np.ndarray) -> np.ndarray:
    if labels.dtype != object:
        return np.unique(labels)
    # np.unique sorts all rows of an object array, with one Python call per comparison.
    unique = sorted(set(labels.tolist()))
    out = np.empty(len(unique), dtype=object)
    out[:] = unique
    return out


def _codes_of(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the position of each label in sorted `classes`."""
    # As floats, which NumPy makes of both kinds, large integers are no longer apart.
    kinds = {labels.dtype.kind, classes.dtype.kind}
    if labels.dtype != object and classes.dtype != object and kinds != set("iu"):
        codes = np.searchsorted(classes, labels)
        codes[codes == len(classes)] = 0
        unseen = classes[codes] != labels
    else:
        find = {label: code for code, label in enumerate(classes.tolist())}.get
        codes = np.array([find(label, -1) for label in labels.tolist()])
        unseen = codes < 0
    if unseen.any():
        strange = list(dict.fromkeys(labels[unseen].tolist()))
        more = ", ..." if len(strange) > 5 else ""
        shown = ", ".join(map(repr, strange[:5])) + more
        raise ValueError(
            f"y contains labels that are not among the classes: {shown}. The classes"
            f" are {_shorten(classes)}."
        )
    return codes.astype(np.int64, copy=False)


def _shorten(classes: np.ndarray) -> str:
    shown = ", ".join(map(repr, classes[:20].tolist()))
    return f"[{shown}{', ...' if len(classes) > 20 else ''}]"
