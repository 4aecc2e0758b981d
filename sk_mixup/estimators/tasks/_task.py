"""What is predicted: the questions that a fit asks of its target, in one place.

A *task* is a target that was read, of one kind: one class per row, several labels,
several outputs, soft labels, numbers. What a fit does differently for a kind stands in
its class, and nowhere is it asked which kind it is. `Tasks` is what an estimator knows
of its targets before it has seen one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import torch

if TYPE_CHECKING:
    from sk_mixup.training import TargetKind


@dataclass(frozen=True)
class Task:
    """A target that was read.

    Attributes
    ----------
    target : encoder
        Fitted.
    """

    target: Any

    #: Whether a validation part keeps the shares of the classes.
    stratifies: ClassVar[bool] = False

    @property
    def n_classes(self) -> int | None:
        """Number of classes, the most of several outputs; None: numbers."""
        return None

    @property
    def kind(self) -> TargetKind | None:
        """What the targets are if not one class, or some numbers, per row."""
        return None

    @property
    def scale(self) -> torch.Tensor | None:
        """What a criterion sees differences multiplied by; None: nothing."""
        return None

    @property
    def n_outputs(self) -> int:
        """Values that a net returns per row."""
        if self.kind is not None:
            return self.kind.width
        return self.n_classes or int(self.target.n_outputs_)

    @property
    def fitted(self) -> dict[str, Any]:
        """Attributes of a fitted estimator that describe the target."""
        raise NotImplementedError

    def encode(self, y: Any) -> torch.Tensor:
        """Return targets as the training reads them."""
        return torch.from_numpy(self.target.transform(y))

    def weighted(
        self, labels: torch.Tensor, weight: np.ndarray | None
    ) -> np.ndarray | None:
        """Return the weights of rows, those of their classes included."""
        return weight

    def binned(self, y: torch.Tensor) -> torch.Tensor:
        """Return targets as the embedding of columns is chosen by them."""
        return y

    def check_same_classes(self, classes: Any) -> None:
        """Check that a training goes on with the classes that it began with."""

    def check_classes_left(self, labels: torch.Tensor) -> None:
        """Check what is left without the rows of weight zero."""


class Tasks(Protocol):
    """What an estimator knows of its targets beforehand."""

    #: Whether it predicts classes.
    is_classifier: ClassVar[bool]

    @property
    def class_weight(self) -> Any:
        """The parameter, None for numbers."""

    def check(self, before: Task | None) -> None:
        """Check parameters, also against a task that a training goes on with.

        Raises
        ------
        ValueError, TypeError
        """

    def fit(self, y: Any, weight: np.ndarray | None, classes: Any) -> Task:
        """Read a target."""

    def of(self, target: Any) -> Task:
        """Return the task of a target that was read before."""
