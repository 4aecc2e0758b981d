"""Steps that do more than the plain one.

Gradients of several batches, scaled for half precision, clipped, averaged weights,
companions that learn beside the net, and a learning rate of its own for every batch. A
training without any of these has no `Stepper`.
"""

from __future__ import annotations

from typing import Any

import torch
from skorch.dataset import unpack_data
from torch import Tensor

from sk_mixup.mixing import Companion
from sk_mixup.training.feeds import split_weight
from sk_mixup.training.loop._ema import WeightAverage
from sk_mixup.training.recipes import (
    Knobs,
    MuonAdamW,
    StepSchedule,
    asks_several_times,
    take_step,
)


class Stepper:
    """Turns losses into steps.

    Parameters
    ----------
    net : skorch net
        Initialized.
    knobs : Knobs
    schedule : StepSchedule or None
    average : WeightAverage or None
    companions : tuple of Companion, default=()
    writes_over : bool, default=False
        Whether the next backward pass writes over the gradients of this one, as a CUDA
        graph does.
    """

    def __init__(
        self,
        net: Any,
        knobs: Knobs,
        schedule: StepSchedule | None,
        average: WeightAverage | None,
        companions: tuple[Companion, ...] = (),
        *,
        writes_over: bool = False,
    ) -> None:
        self.optimizers: list[torch.optim.Optimizer] = [
            getattr(net, f"{name}_") for name in net._optimizers
        ]
        self.clip_norm = knobs.clip_norm
        self.accumulate = knobs.accumulate
        self.schedule = schedule
        self.average = average
        self.companions = companions
        self.writes_over = writes_over
        self.asks_again = asks_several_times(net)
        self.scaler: torch.amp.GradScaler | None = None
        if knobs.precision == torch.float16:
            self.scaler = torch.amp.GradScaler("cuda")
            if state := vars(net).get("scaler_state_"):
                self.scaler.load_state_dict(state)
        # Of the batches whose gradients wait for their step.
        self._n_batches = 0
        self._n_rows = 0
        self._first_size = 0
        self._shares = 0.0

    def train_step(self, net: Any, batch: Any, **fit_params: Any) -> Any:
        """Take in a batch; the last one of a group takes the step."""
        if self._n_batches == 0:
            for optimizer in self.optimizers:
                optimizer.zero_grad(set_to_none=True)
        step = net.train_step_single(batch, **fit_params)
        self._learn(net, batch)
        self._n_batches += 1
        if self._n_batches == self.accumulate:
            self._step(net, batch)
        return step

    def backward(self, loss: Tensor, n_rows: int) -> None:
        """Add the gradient of a batch.

        A batch counts by its rows, so that the gradient of a group is that of the mean
        over all its rows, though nobody knows beforehand how many will come.
        """
        self._n_rows += n_rows
        if self.accumulate > 1:
            if self._shares == 0.0:
                self._first_size = n_rows
            share = n_rows / self._first_size
            self._shares += share
            loss = share * loss
        if self.scaler is not None:
            loss = self.scaler.scale(loss)
        loss.backward()
        if self.writes_over and self.accumulate > 1 and self._n_batches == 0:
            # The gradients of further batches are added to those of the first.
            for parameter in self._with_gradients():
                parameter.grad = parameter.grad.clone()

    def start_epoch(self, iterator: Any) -> None:
        """Train the weights themselves, not their average."""
        if self.average is not None:
            self.average.hide()
        if self.schedule is not None:
            self.schedule.start_epoch(iterator)

    def start_batch(self) -> None:
        """Set the learning rate of a batch."""
        if self.schedule is not None:
            self.schedule.start_batch()

    def end_epoch(self, net: Any) -> None:
        """Take the step of an incomplete group, and show the average."""
        if self._n_batches:
            self._step(net, net.run_.mixed.batch)
        if self.average is not None:
            self.average.show()
        if self.schedule is not None:
            net.history.record("event_lr", self.schedule.lr)

    def end_training(self) -> None:
        """Show the average; an interrupt may have come between two steps."""
        if self.average is not None:
            self.average.show()

    def _step(self, net: Any, batch: Any) -> None:
        hooks = net._hooks("on_grad_computed")
        if self.accumulate > 1 and self._shares not in (0.0, 1.0):
            for parameter in self._with_gradients():
                parameter.grad.div_(self._shares)
        if net.run_.shared is not None:
            # As they are scaled: all processes find the same ones infinite.
            net.run_.shared.average(self._n_rows)
        self._shares, self._n_rows = 0.0, 0
        # The true gradients are read in between.
        if self.scaler is not None and (hooks or self.clip_norm is not None):
            for optimizer in self.optimizers:
                self.scaler.unscale_(optimizer)
        if hooks:
            net.notify(
                "on_grad_computed",
                named_parameters=list(net.get_all_learnable_params()),
                batch=batch,
                training=True,
            )
        if self.clip_norm is not None:
            parameters = self._with_gradients()
            torch.nn.utils.clip_grad_norm_(parameters, self.clip_norm)
        for optimizer in self.optimizers:
            if self.scaler is None:
                take_step(optimizer)
            else:
                self.scaler.step(optimizer)
        if self.scaler is not None:
            self.scaler.update()
        self._n_batches = 0
        self._follow()

    def _with_gradients(self) -> list[Any]:
        return [
            parameter
            for optimizer in self.optimizers
            for group in optimizer.param_groups
            for parameter in group["params"]
            if parameter.grad is not None
        ]

    def after_step(self, net: Any) -> None:
        """Take in the step of an optimizer that has asked by itself."""
        self._learn(net, net.run_.mixed.batch)
        self._follow()

    def _learn(self, net: Any, batch: Any) -> None:
        """Let companions learn from a batch; they see its plan, and not its loss."""
        if self.companions:
            y, weight = split_weight(unpack_data(batch)[1])
            for companion in self.companions:
                companion.learn(y, weight, net.run_.context)

    def _follow(self) -> None:
        """Take new weights into their average, and show them to companions."""
        if self.average is not None:
            self.average.update()
        for companion in self.companions:
            companion.step()


def takes_plain_steps(net: Any) -> bool:
    """Whether an optimizer steps after a backward pass, and asks for nothing more.

    Of optimizers that are neither torch's nor ours, nobody knows: they get skorch's
    closure.
    """
    optimizer = net.optimizer_
    is_known = type(optimizer) is MuonAdamW or (
        type(optimizer).__module__.startswith("torch.optim.")
    )
    return (
        net.run_.stepper is None
        and net._optimizers == ["optimizer"]
        and is_known
        and not isinstance(optimizer, torch.optim.LBFGS)
        and not net._hooks("on_grad_computed")
    )


def forget_gradients(optimizer: torch.optim.Optimizer) -> None:
    """Do what `zero_grad` does, without its record for profilers, which costs more.

    Parameters
    ----------
    optimizer : Optimizer
        One of torch's.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def tell_optimizers(net: Any, *, training: bool) -> None:
    """Let optimizers without a schedule show the weights of either mode.

    They hold an average in the place of the trained weights while nobody trains.
    """
    for name in net._optimizers:
        optimizer = getattr(net, f"{name}_")
        switch = getattr(optimizer, "train" if training else "eval", None)
        if callable(switch):
            switch()


def take_gradients(net: Any, loss: Tensor, n_rows: int) -> Tensor:
    """Compute the gradients of a batch; return the loss that its optimizer sees.

    Parameters
    ----------
    net : skorch net
    loss : Tensor
    n_rows : int
        Of the batch.
    """
    run = net.run_
    stepper, shared = run.stepper, run.shared
    if stepper is not None:
        stepper.backward(loss, n_rows)
    else:
        backward(net, loss)
    if shared is None or (stepper is not None and not stepper.asks_again):
        return loss
    shared.average(n_rows)
    mean: Tensor = shared.loss_of_all(loss, n_rows) if run.may_ask_again else loss
    return mean


def backward(net: Any, loss: Tensor) -> None:
    """Compute gradients, by the accelerator of a net that has one."""
    accelerator = vars(net).get("accelerator")
    if accelerator is None:
        loss.backward()
    else:
        accelerator.backward(loss)
