"""A progress bar over a whole training, with the time left."""

from __future__ import annotations

from typing import Any

from skorch.callbacks import Callback, PrintLog

from sk_mixup.training.loop._notebook_bar import in_notebook, notebook_bar
from sk_mixup.training.recipes import Course

_FORMAT = "{l_bar}{bar}| {n:.1f}/{total} [{elapsed}<{remaining}{postfix}]"


class TrainingBar(Callback):
    """Count epochs, batch by batch, below skorch's table.

    skorch's own bar lives for one epoch, and reads the loss of every batch.

    Parameters
    ----------
    n_epochs : int
        Planned.
    course : Course or None, default=None
        Where the plan may change.
    """

    def __init__(self, n_epochs: int, course: Course | None = None) -> None:
        self.n_epochs = n_epochs
        self.course = course

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the bar, and let the table print above it."""
        from tqdm import tqdm

        options: dict[str, Any] = {
            "total": self._planned,
            "unit": "epoch",
            "bar_format": _FORMAT,
        }
        if in_notebook():
            self.bar_: Any = notebook_bar(**options)
        else:
            self.bar_ = tqdm(leave=False, **options)
        self.logs_ = [c for _, c in net.callbacks_ if type(c) is PrintLog]
        self.sinks_ = [log.sink for log in self.logs_]
        for log in self.logs_:
            if log.sink is print:
                log.sink = tqdm.write

    def on_epoch_begin(
        self, net: Any, dataset_train: Any = None, **kwargs: Any
    ) -> None:
        """Learn how much a batch is."""
        self.done_ = float(round(self.bar_.n))
        try:
            self.share_ = 1.0 / -(-len(dataset_train) // net.batch_size)
        except (TypeError, ZeroDivisionError):  # a stream
            self.share_ = 0.0

    def on_batch_begin(self, net: Any, training: bool = False, **kwargs: Any) -> None:
        """Go on by a batch."""
        if training:
            self.bar_.update(min(self.share_, self.done_ + 1.0 - self.bar_.n))

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Show the loss."""
        self.bar_.total = self._planned
        self.bar_.update(self.done_ + 1.0 - self.bar_.n)
        key = "valid_loss" if "valid_loss" in net.history[-1] else "train_loss"
        self.bar_.set_postfix_str(f"{key} {net.history[-1, key]:.4f}")

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Close the bar, and let the table print as before."""
        self.bar_.close()
        for log, sink in zip(self.logs_, self.sinks_, strict=True):
            log.sink = sink
        del self.bar_, self.logs_, self.sinks_

    @property
    def _planned(self) -> int:
        return self.n_epochs if self.course is None else self.course.n_epochs
