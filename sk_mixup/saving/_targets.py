"""The encoder of a target as fields, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from sk_mixup.encoding import (
    ClassEncoder,
    ClassMatrixEncoder,
    LabelMatrixEncoder,
    PixelEncoder,
    SoftLabelEncoder,
    TargetScaler,
)
from sk_mixup.saving._fields import Fields
from sk_mixup.saving._values import ValueWriter

#: What classifiers predict, and "numbers".
KINDS = ("classes", "labels", "columns", "soft", "pixels", "numbers")
# More outputs than any target has, and fewer than fill a memory.
_MOST_OUTPUTS = 2**20


def target_state(target: Any, writer: ValueWriter) -> dict[str, Any]:
    """Return a fitted encoder of targets as JSON."""
    kind = getattr(target, "kind", "numbers")
    names = getattr(target, "_names", None)
    state: dict[str, Any] = {
        "kind": kind,
        "names": None if names is None else writer.write(list(names), "y: its columns"),
    }
    if kind == "numbers":
        return state | {
            "mean_": writer.write(target.mean_, "y"),
            "scale_": writer.write(target.scale_, "y"),
            "ndim_": int(target.ndim_),
            # Of a scaler that need not scale.
            "scales": bool(getattr(target, "scales", True)),
        }
    if kind == "labels":
        return state | {"n_outputs_": int(target.n_outputs_)}
    known = target.classes_ if kind == "columns" else [target.classes_]
    state["classes_"] = [writer.write(classes, "y: its classes") for classes in known]
    if kind == "soft":
        state["order"] = writer.write(target._order, "y")
    if kind == "pixels":
        size = target.size_
        state["ignore_index"] = int(target.ignore_index)
        state["size"] = writer.write(None if size is None else list(size), "y")
        state["soft"] = bool(target.soft_)
        state["exclusive"] = bool(target.exclusive_)
    return state


def target_of(given: Fields) -> Any:
    """Return the encoder of what `target_state` returned."""
    kind = given.text("kind", KINDS)
    names = None
    if given.has("names"):
        names = given.values.read_all(given.raw("names"))
    made: Any = _MAKERS[kind](given, names)
    return made


def _numbers(given: Fields, names: list[Any] | None) -> TargetScaler:
    scaler = TargetScaler()
    vars(scaler)["scales"] = given.flag("scales")
    scaler.mean_ = given.array("mean_", "f").astype(np.float64)
    n_outputs = scaler.n_outputs_ = len(scaler.mean_)
    scaler.scale_ = given.array("scale_", "f", n_outputs).astype(np.float64)
    scaler.ndim_ = given.integer("ndim_", 1, 2)
    if n_outputs < 1 or (scaler.ndim_ == 1 and n_outputs > 1):
        raise ValueError(f"{n_outputs} outputs have {scaler.ndim_} dimensions")
    if not np.isfinite(np.r_[scaler.mean_, scaler.scale_]).all():
        raise ValueError("the scale of the target is not finite")
    scaler._names = _fitting(names, n_outputs)
    return scaler


def _labels(given: Fields, names: list[Any] | None) -> LabelMatrixEncoder:
    encoder = LabelMatrixEncoder()
    encoder.n_outputs_ = given.integer("n_outputs_", 1, _MOST_OUTPUTS)
    encoder.classes_ = np.arange(encoder.n_outputs_)
    encoder._names = _fitting(names, encoder.n_outputs_)
    return encoder


def _one_class(given: Fields, names: list[Any] | None = None) -> ClassEncoder:
    (classes,) = _classes(given)
    return _class_encoder(classes)


def _columns(given: Fields, names: list[Any] | None) -> ClassMatrixEncoder:
    encoder = ClassMatrixEncoder()
    encoder.classes_ = _classes(given)
    encoder.n_outputs_ = len(encoder.classes_)
    encoder._encoders = [_class_encoder(classes) for classes in encoder.classes_]
    encoder._names = _fitting(names, encoder.n_outputs_)
    return encoder


def _soft(given: Fields, names: list[Any] | None) -> SoftLabelEncoder:
    encoder = SoftLabelEncoder()
    encoder._encoder = _one_class(given)
    encoder.classes_ = encoder._encoder.classes_
    n_classes = len(encoder.classes_)
    encoder._order = given.array("order", "i", n_classes).astype(np.int64)
    if sorted(encoder._order.tolist()) != list(range(n_classes)):
        raise ValueError("classes share a column")
    encoder._names = _fitting(names, n_classes)
    return encoder


def _pixels(given: Fields, names: list[Any] | None) -> PixelEncoder:
    lowest = np.iinfo(np.int64)
    encoder = PixelEncoder(
        given.integer("ignore_index", int(lowest.min), int(lowest.max))
    )
    (encoder.classes_,) = _classes(given, least=1)
    encoder.soft_, encoder.exclusive_ = given.flag("soft"), given.flag("exclusive")
    size = given.value("size")
    if size is not None:
        if not isinstance(size, list) or not all(
            isinstance(n, int) and 0 < n < _MOST_OUTPUTS for n in size
        ):
            raise ValueError("the size of the masks is none")
        size = tuple(size)
    encoder.size_ = size
    return encoder


_MAKERS: dict[str, Any] = {
    "classes": _one_class,
    "labels": _labels,
    "columns": _columns,
    "soft": _soft,
    "pixels": _pixels,
    "numbers": _numbers,
}


def _classes(given: Fields, least: int = 2) -> list[np.ndarray]:
    found = given.values.read_all(given.raw("classes_"))
    if not found or not all(isinstance(c, np.ndarray) and c.ndim == 1 for c in found):
        raise ValueError("classes are no arrays")
    for classes in found:
        known = classes.tolist()
        if len(known) < least or len(set(known)) != len(known):
            raise ValueError(f"{len(known)} classes are too few, or one stands twice")
    return found


def _class_encoder(classes: np.ndarray) -> ClassEncoder:
    encoder = ClassEncoder()
    encoder.classes_ = classes
    return encoder


def _fitting(names: list[Any] | None, n_columns: int) -> list[Any] | None:
    if names is not None and len(names) != n_columns:
        raise ValueError(f"{n_columns} columns of y have {len(names)} names")
    return names
