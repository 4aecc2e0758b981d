"""Best weights in memory, skorch's scores, and scikit-learn's callback protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from skorch.callbacks import Callback, EpochScoring

from sk_mixup.training.recipes import Course


class StopTraining(KeyboardInterrupt):
    """Ends a training; skorch keeps what was learnt, as after Ctrl-C."""


def is_interrupt(error: KeyboardInterrupt) -> bool:
    """Whether it is Ctrl-C, and not how a callback of skorch ends a training."""
    if isinstance(error, StopTraining):
        return False
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None:
        return True
    frame = last.tb_frame
    is_skorch = str(frame.f_globals.get("__name__")).startswith("skorch.callbacks")
    # A line of a callback may be where Ctrl-C struck; few raise it themselves.
    return not (is_skorch and "KeyboardInterrupt" in frame.f_code.co_names)


def score_anew(callbacks: Iterable[tuple[str, Any]]) -> None:
    """Let scores on training data be computed from predictions of their own.

    skorch would reuse the predictions made while training, which are those of mixed
    inputs, against unmixed labels.

    Parameters
    ----------
    callbacks : iterable of (str, callback)
        A net's initialized ones.
    """
    for _, callback in callbacks:
        if isinstance(callback, EpochScoring) and callback.on_train:
            callback.use_caching = False


def kept_scores(callbacks: Iterable[tuple[str, Any]]) -> list[EpochScoring]:
    """Return skorch's scores that have kept targets and outputs of an epoch's batches.

    Parameters
    ----------
    callbacks : iterable of (str, callback)
        A net's initialized ones.
    """
    return [
        callback
        for _, callback in callbacks
        if isinstance(callback, EpochScoring) and getattr(callback, "y_preds_", None)
    ]


def join_outputs(scores: Iterable[EpochScoring]) -> None:
    """Join the outputs of batches that scores have kept on a device.

    skorch fetches what it has kept of a batch, once for every score.
    """
    for score in scores:
        outputs = score.y_preds_
        if len({_form(output) for output in outputs}) == 1 and _form(outputs[0]):
            score.y_preds_ = [torch.cat(outputs)]


def _form(output: Any) -> Any:
    """Return what is equal for outputs that can be joined; None: they cannot."""
    if not isinstance(output, torch.Tensor) or output.device.type == "cpu":
        return None
    return (output.shape[1:], output.dtype, output.device) if output.ndim else None


class CountedAccuracy(EpochScoring):
    """skorch's accuracy on validation rows, as the validation has counted it already.

    skorch would keep the outputs of all its batches, and fetch them from their device.
    """

    def on_batch_end(self, net: Any, **kwargs: Any) -> None:
        """Keep nothing."""
        if net.run_ is None:  # somebody trains the net by itself
            super().on_batch_end(net, **kwargs)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record the accuracy as that of this score."""
        if net.run_ is None:
            super().on_epoch_end(net, **kwargs)
        elif (accuracy := net.history[-1].get(self.name)) is not None:
            self._record_score(net.history, accuracy)


def count_accuracy(net: Any) -> None:
    """Let the accuracy that skorch adds by itself be the one that is counted.

    Parameters
    ----------
    net : skorch net
        Initialized; one that the user gave keeps its own.
    """
    if net.wraps_:
        return
    net.callbacks_ = [
        (name, CountedAccuracy(**c.get_params()).initialize() if _is_plain(c) else c)
        for name, c in net.callbacks_
    ]


def _is_plain(callback: Any) -> bool:
    return (
        type(callback) is EpochScoring
        and callback.scoring == "accuracy"
        and callback.name == "valid_acc"
        and not callback.on_train
    )


class BestWeights(Callback):
    """Stop when the validation loss stops falling, and go back to its best epoch.

    Weights are kept in memory on their device: files collide between processes.

    Parameters
    ----------
    patience : int
        Epochs without improvement before the training ends.
    monitor : str
        What to watch in the history.
    first_epoch : int, default=0
        Epochs at the start that are neither kept nor waited for. Where a schedule ends
        a training at a learning rate of zero, an early epoch that looks best has been
        lucky.
    course : Course or None, default=None
        Says when the training is over, whatever the patience, and when to go back.
    """

    def __init__(
        self,
        patience: int = 10,
        monitor: str = "valid_loss",
        first_epoch: int = 0,
        course: Course | None = None,
    ) -> None:
        self.patience = patience
        self.monitor = monitor
        self.first_epoch = first_epoch
        self.course = course

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Forget earlier trainings."""
        self.best_loss_ = float("inf")
        self.best_epoch_ = 0
        self.state_: dict[str, torch.Tensor] | None = None
        self.waited_ = self.epoch_ = 0
        if self.course is not None:
            self.course.begin()

    def judge(self, net: Any) -> bool:
        """Say whether the last epoch is the best so far, and count if it is not."""
        loss = net.history[-1, self.monitor]
        self.epoch_ += 1
        if self.course is not None:
            self.course.look(loss)
        if self.epoch_ <= self.first_epoch:
            return False
        if loss < self.best_loss_:
            self.best_loss_, self.waited_ = loss, 0
            self.best_epoch_ = len(net.history)
            return True
        self.waited_ += 1
        return False

    @property
    def is_over(self) -> bool:
        """Whether a better epoch has been waited for long enough, or none will come."""
        if self.course is not None:
            return self.course.is_over
        return self.waited_ >= self.patience

    @property
    def goes_back(self) -> bool:
        """Whether the next epoch starts with the best weights."""
        return self.course is not None and self.course.goes_back

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Keep better weights, or take them; raise to stop."""
        if self.judge(net):
            self._keep(net.module_)
        if self.goes_back and self.state_ is not None:
            net.module_.load_state_dict(self.state_)
        if self.is_over:
            raise StopTraining

    @torch.no_grad()
    def _keep(self, module: torch.nn.Module) -> None:
        state = module.state_dict()
        if self.state_ is None:
            self.state_ = {key: value.clone() for key, value in state.items()}
            return
        for key, value in state.items():
            self.state_[key].copy_(value)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Restore the best weights."""
        if self.state_ is not None:
            net.module_.load_state_dict(self.state_)
        self.state_ = None


class ScikitLearnBridge(Callback):
    """Report each epoch to scikit-learn's callbacks (1.9 and later).

    Parameters
    ----------
    estimator : estimator
        Whose callbacks are called.
    context : sklearn.callback.CallbackContext
        The context of the fit.
    X, y : object
        Training data as the user gave them.
    fitted : callable
        Returns the fitted attributes so far.
    """

    def __init__(
        self,
        estimator: Any,
        context: Any,
        X: Any,
        y: Any,
        fitted: Callable[[], dict[str, Any]],
    ) -> None:
        self.estimator = estimator
        self.context = context
        self.X = X
        self.y = y
        self.fitted = fitted

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Open the context of an epoch."""
        self.epoch_ = self.context.subcontext(task_name="epoch")
        self.epoch_.call_on_fit_task_begin(estimator=self.estimator, X=self.X, y=self.y)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Close it; a callback may ask to stop."""
        stop = self.epoch_.call_on_fit_task_end(
            estimator=self.estimator,
            X=self.X,
            y=self.y,
            reconstruction_attributes=self.fitted,
        )
        if stop:
            raise StopTraining
