"""Classes to predict: one per row, several labels, several outputs, soft labels."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from sk_mixup import metrics, training
from sk_mixup.encoding import IGNORED, check_target_kind, fit_classes
from sk_mixup.estimators._checks import check_classes_left, check_same_classes
from sk_mixup.estimators.tasks._class_weight import multiplied, row_weights
from sk_mixup.estimators.tasks._task import Task

if TYPE_CHECKING:
    from sk_mixup.training import TargetKind


@dataclass(frozen=True)
class OneClass(Task):
    """One class per row.

    Attributes
    ----------
    class_weight : dict, list of dict, "balanced" or None
    """

    class_weight: Any = None

    stratifies: ClassVar[bool] = True

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.target.classes_)

    @property
    def fitted(self) -> dict[str, Any]:
        """Classes and outputs."""
        return {
            "classes_": self.target.classes_,
            "n_outputs_": self.target.n_outputs_,
        }

    def weighted(
        self, labels: torch.Tensor, weight: np.ndarray | None
    ) -> np.ndarray | None:
        """Multiply the weights of rows with those of their classes."""
        if self.class_weight is None:
            return weight
        rows = row_weights(self.class_weight, self.target, labels.numpy())
        return multiplied(rows, weight)

    def check_same_classes(self, classes: Any) -> None:
        """Check that a training goes on with the classes that it began with."""
        check_same_classes(self.target, classes)

    def check_classes_left(self, labels: torch.Tensor) -> None:
        """Check that two classes are left without the rows of weight zero."""
        check_classes_left(self.target, labels)


@dataclass(frozen=True)
class SeveralLabels(OneClass):
    """Each of several labels, or not."""

    stratifies: ClassVar[bool] = False

    @property
    def n_classes(self) -> int:
        """Yes and no."""
        return 2

    @property
    def kind(self) -> TargetKind:
        """One logit per label."""
        return training.MultiLabel(self.target.n_outputs_)


@dataclass(frozen=True)
class SeveralOutputs(OneClass):
    """A class for each of several outputs."""

    stratifies: ClassVar[bool] = False

    @property
    def n_classes(self) -> int:
        """The most of any output."""
        return max(map(len, self.target.classes_))

    @property
    def kind(self) -> TargetKind:
        """Logits of every output, side by side."""
        return training.MultiOutput(list(map(len, self.target.classes_)))


@dataclass(frozen=True)
class SoftClasses(OneClass):
    """Probabilities of classes."""

    @property
    def kind(self) -> TargetKind:
        """Logits of the classes, for soft targets."""
        return training.SoftLabels(len(self.target.classes_))

    def binned(self, y: torch.Tensor) -> torch.Tensor:
        """Return the most probable class."""
        return y.argmax(1)


@dataclass(frozen=True)
class Pixels(OneClass):
    """A class per pixel, or several labels per pixel."""

    stratifies: ClassVar[bool] = False

    @property
    def kind(self) -> TargetKind:
        """Logits of the classes at every place."""
        target = self.target
        return training.PixelClasses(
            len(target.classes_),
            target.size_,
            target.ignored_code_,
            soft=target.soft_,
            exclusive=target.exclusive_,
        )


_BY_KIND: dict[str, type[OneClass]] = {
    "classes": OneClass,
    "labels": SeveralLabels,
    "columns": SeveralOutputs,
    "soft": SoftClasses,
    "pixels": Pixels,
}


# Kinds of encoders that `target_kind` has another word for.
_NAMES = {"columns": "outputs"}


@dataclass(frozen=True)
class Classification:
    """What a classifier knows of its targets beforehand.

    Attributes
    ----------
    class_weight : dict, list of dict, "balanced" or None
    target_kind : str
        What a target is; "auto": what its values say.
    ignore_index : int
        Value of pixels that do not count.
    """

    class_weight: Any = None
    target_kind: str = "auto"
    ignore_index: int = IGNORED

    is_classifier: ClassVar[bool] = True

    def check(self, before: Task | None) -> None:
        """Check the kind; class weights are checked with the classes."""
        check_target_kind(self.target_kind)
        if before is None or self.target_kind == "auto":
            return
        known = _NAMES.get(before.target.kind, before.target.kind)
        if known != self.target_kind:
            raise ValueError(
                f"target_kind={self.target_kind!r}: the training that goes on began"
                f" with {known!r}. Say that, or begin anew with fit and"
                " warm_start=False."
            )

    def fit(self, y: Any, weight: np.ndarray | None, classes: Any) -> Task:
        """Read labels; `classes` where they may lack some."""
        target = fit_classes(
            y, classes, self.target_kind, ignore_index=self.ignore_index
        )
        return self.of(target)

    def of(self, target: Any) -> Task:
        """Return the task of labels that were read before."""
        return _BY_KIND[target.kind](target, self.class_weight)


def ignored_class(criterion: Any, prefixed: Mapping[str, Any], module: Any) -> int:
    """Return which value marks pixels that do not count: that of the criterion.

    Parameters
    ----------
    criterion : object
        As the parameter of an estimator.
    prefixed : mapping
        Parameters with a prefix.
    module : object
        A skorch net may have said it.
    """
    for value in (
        prefixed.get("criterion__ignore_index"),
        getattr(criterion, "ignore_index", None),
        getattr(module, "criterion__ignore_index", None),
    ):
        if isinstance(value, numbers.Integral):
            return int(value)
    return IGNORED


def mean_iou_of(
    target: Any, y: Any, predicted: np.ndarray, sample_weight: Any = None
) -> float:
    """Return the mean IoU of predicted masks; parameters as for `mean_iou`.

    Of several labels per pixel, each is a mask of its own; of probabilities, the most
    probable class counts.
    """
    if target.soft_:
        y = target.transform(y) if np.ndim(y) > predicted.ndim - 1 else y
        y = y.argmax(1) if target.exclusive_ else y > 0.5
    if not target.exclusive_:
        channels = [
            metrics.mean_iou(
                y[:, j], predicted[:, j], labels=[1], sample_weight=sample_weight
            )
            for j in range(predicted.shape[1])
        ]
        return float(np.mean(channels))
    return metrics.mean_iou(
        y, predicted, ignore_index=target.ignore_index, sample_weight=sample_weight
    )


def right_rows(target: Any, predicted: np.ndarray, y: Any) -> np.ndarray:
    """Return which rows of several outputs, or of soft labels, are right."""
    if target.kind == "columns":
        rows: np.ndarray = np.all(target.read(y) == predicted.astype(object), axis=1)
        return rows
    soft = target.transform(y)
    rows = target.inverse_transform(soft.argmax(axis=1)) == predicted
    return rows
