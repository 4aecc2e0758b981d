"""Best weights in memory, and scikit-learn's callback protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from skorch.callbacks import Callback


class StopTraining(KeyboardInterrupt):
    """Ends a training; skorch keeps what was learnt, as after Ctrl-C."""


class BestWeights(Callback):
    """Stop when the validation loss stops falling, and go back to its best epoch.

    Weights are kept in memory on their device: files collide between processes.

    Parameters
    ----------
    patience : int
        Epochs without improvement before the training ends.
    monitor : str
        What to watch in the history.
    """

    def __init__(self, patience: int = 10, monitor: str = "valid_loss") -> None:
        self.patience = patience
        self.monitor = monitor

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Forget earlier trainings."""
        self.best_loss_ = float("inf")
        self.best_epoch_ = 0
        self.state_: dict[str, torch.Tensor] | None = None
        self.waited_ = 0

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Keep better weights; raise to stop."""
        loss = net.history[-1, self.monitor]
        if loss < self.best_loss_:
            self.best_loss_, self.waited_ = loss, 0
            self.best_epoch_ = len(net.history)
            self._keep(net.module_)
            return
        self.waited_ += 1
        if self.waited_ >= self.patience:
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
