"""One prepared training, as a member of a pack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sk_mixup.training.feeds import ArrayData
from sk_mixup.training.loop import BestWeights, MixingRun
from sk_mixup.training.recipes import Knobs


@dataclass
class PackMember:
    """A training up to its first step.

    Attributes
    ----------
    net : skorch net
        Initialized, with its callbacks attached. Its weights are where the training
        starts, and become those where it ends.
    run : MixingRun
        Method, streams and objective.
    train : ArrayData
        Members of one fold should share the tensors of one object.
    valid : ArrayData or None
    n_epochs : int
        At most.
    knobs : Knobs
    schedule : str, callable or None
        As `start_run` takes it.
    dropout_seed : int
        Of its masks.
    """

    net: Any
    run: MixingRun
    train: ArrayData
    valid: ArrayData | None
    n_epochs: int
    knobs: Knobs
    schedule: Any
    dropout_seed: int

    @property
    def planned_epochs(self) -> int:
        """Epochs as they are planned now; `n_epochs` are the most."""
        best = self.best_weights
        if best is None or best.course is None:
            return self.n_epochs
        return best.course.n_epochs

    @property
    def best_weights(self) -> BestWeights | None:
        """The callback that stops the training early, if there is one."""
        for _, callback in self.net.callbacks_:
            if type(callback) is BestWeights:
                return callback
        return None

    @property
    def batch_size(self) -> int:
        """Rows per training batch."""
        size = int(self.net.batch_size)
        return len(self.train) if size == -1 else size
