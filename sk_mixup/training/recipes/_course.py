"""How a training goes: up, level as long as that pays, and down.

No one number of epochs suits all tables. Where labels are partly chance, a few epochs
learn what there is; where they follow from the columns, the loss falls for a hundred.
Nothing is guessed beforehand here: the learning rate stays where it is while the
validation loss goes on falling. Then the training returns to its best weights, and the
rate falls to zero over a share of the epochs that led to them. So a short training gets
a short end and a long one a long end, and what is spent beyond the best epoch is
bounded. The losses are smoothed: one lucky epoch proves nothing, nor does a bad one.

A patience without such an end is not the same: the weights of a constant rate are never
as good as those that it leads to (measured: log-loss .257 against .230).
"""

from __future__ import annotations

import math
from typing import Any

from skorch.callbacks import Callback

from sk_mixup.mixing import Method

# Epochs of the rise; of the end, at least, and as a share of those before.
_RISE, _LEAST_FALL, _FALL = 2, 3, 0.5
# By what share of itself the smoothed loss must fall to count as falling.
_TOLERANCE = 1e-3
_SMOOTHING = 0.5


class Course:
    """The planned epochs of a training, and the learning rate in each.

    Parameters
    ----------
    longest : int
        Epochs at most, the last ones included.
    patience : int, default=8
        Epochs at a level rate in which the loss must have fallen.

    Attributes
    ----------
    n_epochs : int
        Of the whole training, as far as is known now.
    rate : float
        Share of the learning rate in the next epoch.
    turns : bool
        Whether the last epoch was the last at a level rate.
    goes_back : bool
        Whether the next epoch starts with the best weights.

    Examples
    --------
    >>> from sk_mixup.training import Course
    >>> course = Course(longest=100, patience=2)
    >>> for loss in (0.9, 0.7, 0.6, 0.5, 0.6, 0.6):
    ...     course.look(loss)
    >>> course.goes_back, course.n_epochs
    (True, 9)
    """

    def __init__(self, longest: int, patience: int = 8) -> None:
        self.longest = longest
        self.patience = patience
        self.begin()

    def begin(self) -> None:
        """Start anew."""
        self.n_epochs = self.longest
        self.turns = self.goes_back = False
        self._epoch = 0
        self._turn: int | None = None
        self._best, self._best_at = math.inf, 0
        self._smooth: float | None = None
        self._least, self._least_at = math.inf, 0
        self._check_bound()

    @property
    def is_over(self) -> bool:
        """Whether the last epoch has been."""
        return self._epoch >= self.n_epochs

    @property
    def rate(self) -> float:
        """Share of the learning rate in the next epoch."""
        if self._turn is not None:
            n_left = self.n_epochs - self._turn
            return max(0.0, 1.0 - (self._epoch - self._turn + 0.5) / max(n_left, 1))
        rise = min(_RISE, self.longest // 4)
        return min(1.0, (self._epoch + 0.5) / rise) if rise else 1.0

    def look(self, loss: float) -> None:
        """Take in the validation loss of an epoch.

        Parameters
        ----------
        loss : float
        """
        self._epoch += 1
        self.turns = self.goes_back = False
        if self._turn is not None:
            return
        if loss < self._best:
            self._best, self._best_at = loss, self._epoch
        smooth = loss if self._smooth is None else self._smooth
        self._smooth = _SMOOTHING * loss + (1.0 - _SMOOTHING) * smooth
        if not math.isfinite(self._least) or (
            self._smooth < self._least - _TOLERANCE * abs(self._least)
        ):
            self._least, self._least_at = self._smooth, self._epoch
        if self._epoch - self._least_at >= self.patience:
            self._turn_down()
        else:
            self._check_bound()

    def _check_bound(self) -> None:
        """Turn where the epochs left are those of the end."""
        if self._epoch + self._length_of_fall() >= self.longest:
            self._turn_down()

    def _length_of_fall(self) -> int:
        return max(_LEAST_FALL, math.ceil(_FALL * self._best_at))

    def _turn_down(self) -> None:
        self._turn = self._epoch
        self.turns = self._epoch > 0
        self.n_epochs = min(self._epoch + self._length_of_fall(), self.longest)
        self.goes_back = 0 < self._best_at < self._epoch


class CourseRates(Callback):
    """Sets the learning rate of every epoch as a course says.

    Parameters
    ----------
    course : Course
        Looked at before every epoch.
    """

    def __init__(self, course: Course) -> None:
        self.course = course

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Take the rates as they are for level ones."""
        for group in net.optimizer_.param_groups:
            group["initial_lr"] = group["lr"]

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Set the rates, and note the first of them."""
        groups = net.optimizer_.param_groups
        for group in groups:
            group["lr"] = group["initial_lr"] * self.course.rate
        net.history.record("event_lr", groups[0]["lr"])


def follows_plan(method: Method | None) -> bool:
    """Whether what a method does depends on how many epochs are planned.

    Parameters
    ----------
    method : Method or None
    """
    if method is None:
        return False
    return any(
        any(callable(getattr(part, name, None)) for name in ("alpha", "p"))
        or any(getattr(part, name, None) for name in ("off_first", "off_last"))
        for part in method.walk()
        if isinstance(part, Method)
    )
