"""A class per pixel, or probabilities per pixel: masks that belong to images.

Masks are large, so classes become bytes as long as there are few of them, and stay
bytes until their loss is computed.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from sk_mixup.encoding._matrix import IGNORED

# Codes of bytes: the last one is of pixels that do not count.
_MOST_BYTES = 255
_SUM_SLACK = 1e-3


class PixelEncoder:
    """Encode the classes of pixels as 0 to ``n_classes - 1`` in sorted order.

    Parameters
    ----------
    ignore_index : int, default=-100
        Value of pixels that do not count.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Sorted classes without `ignore_index`; of probabilities, the channels.
    size_ : tuple of int or None
        Height and width of the masks, or the lengths of other axes; None: not known.
    soft_ : bool
        Whether masks are numbers per class, (channels, height, width).
    exclusive_ : bool
        Whether a pixel has one class; False: masks of several labels that may overlap.
    ignored_code_ : int
        What `transform` makes of `ignore_index`.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_mixup.encoding import PixelEncoder
    >>> masks = np.array([[[0, 7], [7, 255]]], dtype=np.uint8)
    >>> encoder = PixelEncoder(ignore_index=255).fit(masks)
    >>> encoder.classes_.tolist(), encoder.transform(masks).tolist()
    ([0, 7], [[[0, 1], [1, 255]]])
    """

    kind: ClassVar[Literal["pixels"]] = "pixels"
    n_outputs_: ClassVar[int] = 1
    classes_: np.ndarray
    size_: tuple[int, ...] | None
    soft_: bool
    exclusive_: bool

    def __init__(self, ignore_index: int = IGNORED) -> None:
        self.ignore_index = ignore_index

    def fit(self, y: Any, classes: Any = None) -> PixelEncoder:
        """Learn the classes.

        Parameters
        ----------
        y : array-like of shape (n_samples, *size) or (n_samples, n_classes, *size)
            Integers or booleans: a class per pixel. Floats: probabilities of classes
            per pixel, or, where they do not sum to 1, a yes or no per label and pixel.
        classes : array-like of shape (n_classes,), default=None
            All classes, where `y` may lack some.

        Returns
        -------
        self : PixelEncoder

        Raises
        ------
        ValueError
            If `y` holds no masks, one class, or classes that are not in `classes`.
        """
        if classes is not None and np.ndim(y) == 1:
            # Of an iterable data set, whose masks nobody has seen.
            self.size_, self.soft_, self.exclusive_ = None, False, True
            self.classes_ = self._known(np.asarray(classes))
            return self
        masks = read_masks(y)
        self.soft_ = masks.dtype.kind == "f"
        self.size_ = tuple(masks.shape[2 if self.soft_ else 1 :])
        if self.soft_:
            _check_shares(masks)
            self.classes_ = np.arange(masks.shape[1])
            sums = masks.sum(axis=1, dtype=np.float64)
            one = bool((np.abs(sums - 1.0) <= _SUM_SLACK).all())
            self.exclusive_ = one and masks.shape[1] > 1
            return self
        self.exclusive_ = True
        found = np.unique(masks)
        if classes is None:
            self.classes_ = self._known(found)
            return self
        self.classes_ = self._known(np.asarray(classes))
        self.transform(masks)
        return self

    @property
    def ignored_code_(self) -> int:
        """What `transform` makes of `ignore_index`."""
        return _MOST_BYTES if len(self.classes_) <= _MOST_BYTES else -1

    def has_classes(self, classes: Any) -> bool:
        """Whether these are the classes, in any order."""
        return set(np.asarray(classes).tolist()) == set(self.classes_.tolist())

    def transform(self, y: Any) -> np.ndarray:
        """Return the codes of masks.

        Parameters
        ----------
        y : array-like of shape (n_samples, *size) or (n_samples, n_classes, *size)

        Returns
        -------
        codes : ndarray
            uint8 (int32 where there are more than 255 classes) for classes, float32 for
            probabilities.

        Raises
        ------
        ValueError
            If masks are of another size or kind than in `fit`, or hold other classes.
        """
        masks = read_masks(y)
        self._check_form(masks)
        if self.soft_:
            _check_shares(masks)
            return masks.astype(np.float32)
        few = len(self.classes_) <= _MOST_BYTES
        dtype = np.uint8 if few else np.int32
        counts = masks != self.ignore_index
        codes = np.searchsorted(self.classes_, masks)
        codes[codes == len(self.classes_)] = 0
        strange = counts & (self.classes_[codes] != masks)
        if strange.any():
            values = np.unique(masks[strange])[:5].tolist()
            raise ValueError(
                f"y contains classes that were not seen in fit: {values}; known are"
                f" {self.classes_.tolist()[:20]}. For pixels that do not count say"
                " criterion__ignore_index."
            )
        coded: np.ndarray = np.where(counts, codes, self.ignored_code_).astype(dtype)
        return coded

    def inverse_transform(self, codes: Any) -> np.ndarray:
        """Return the classes of codes, of shape (n_samples, *size)."""
        if not self.exclusive_:
            return np.asarray(codes).astype(np.int64)
        values: np.ndarray = self.classes_[np.asarray(codes, dtype=np.int64)]
        return values

    def _known(self, classes: np.ndarray) -> np.ndarray:
        known: np.ndarray = np.unique(classes)
        known = known[known != self.ignore_index]
        if len(known) < 2:
            held = f" beside {self.ignore_index}, which does not count"
            raise ValueError(
                "Pixels need at least 2 classes, but y contains only one class"
                f"{held if len(known) < len(np.unique(classes)) else ''}:"
                f" {known.tolist()}."
            )
        return known

    def _check_form(self, masks: np.ndarray) -> None:
        if (masks.dtype.kind == "f") != self.soft_:
            here = "probabilities (floats)" if not self.soft_ else "classes (integers)"
            raise ValueError(
                f"y holds {here} of pixels, and in fit it held"
                f" {'probabilities' if self.soft_ else 'classes'}."
            )
        shape = tuple(masks.shape[1:])
        size = self.size_ or shape
        wanted = (len(self.classes_), *size) if self.soft_ else size
        if shape != wanted:
            raise ValueError(
                f"y has masks of shape {shape}, but in fit they had {wanted}."
            )


def read_masks(y: Any) -> np.ndarray:
    """Return masks as integers (booleans as well) or floats.

    Raises
    ------
    ValueError
        If they are of different sizes, have no axis of places, or hold anything else.
    """
    if hasattr(y, "cpu"):
        y = y.detach().cpu().numpy()
    if isinstance(y, (list, tuple)):
        shapes = {np.shape(mask) for mask in y}
        if len(shapes) > 1:
            raise ValueError(
                f"y holds masks of {len(shapes)} sizes, such as"
                f" {sorted(shapes)[:2]}: all must have one size."
            )
    masks = np.asarray(y)
    if masks.dtype.kind not in "biuf":
        raise ValueError(
            f"y holds masks of dtype {masks.dtype}: classes of pixels are integers or"
            " booleans of shape (n_samples, height, width), probabilities floats of"
            " shape (n_samples, n_classes, height, width)."
        )
    least = 4 if masks.dtype.kind == "f" else 2
    if masks.ndim < min(least, 3) or 0 in masks.shape:
        raise ValueError(
            f"target_kind='pixels' means masks, and y has shape {masks.shape}."
        )
    if masks.dtype.kind == "f" and masks.ndim < least:
        raise ValueError(
            f"y holds floats of shape {masks.shape}. Probabilities of pixels have shape"
            " (n_samples, n_classes, height, width); classes are integers: y.astype("
            "int). For numbers per pixel there is no estimator."
        )
    if masks.dtype.kind == "b":
        return masks.astype(np.uint8)
    if not masks.dtype.isnative:
        masks = masks.astype(masks.dtype.newbyteorder("="))
    return masks


def _check_shares(masks: np.ndarray) -> None:
    if not bool(((masks >= -1e-6) & (masks <= 1 + 1e-6)).all()):
        raise ValueError(
            "y holds floats per pixel outside [0, 1] (or NaN); probabilities lie in"
            f" it. They go from {masks.min():g} to {masks.max():g}."
        )
