"""The skorch net that trains on mixed batches.

skorch's loop, callbacks, history and prefixes stay; what changes is what is slow or
wrong with mixing there: batches come whole, the plan of a batch is drawn once before
the optimizer's closure, the loss is read back once per epoch, and accuracy on mixed
batches is named as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import torch
from skorch.callbacks import Callback
from skorch.dataset import get_len, unpack_data
from torch import Tensor
from torch.utils.data import DataLoader

from sk_mixup import mixing
from sk_mixup.inputs import DatasetRows
from sk_mixup.mixing import MixPlan
from sk_mixup.training import feeds
from sk_mixup.training.feeds import (
    ArrayData,
    MixedBatch,
    StreamData,
    TensorBatches,
    clean_rows,
    first_input,
    keep_memory,
    mixed_batches,
    mixes_input,
    move,
    own_copy,
    split_weight,
)
from sk_mixup.training.loop._callbacks import is_interrupt, score_anew
from sk_mixup.training.loop._epoch import EpochRecord
from sk_mixup.training.loop._fetching import fetched
from sk_mixup.training.loop._finite import too_large
from sk_mixup.training.loop._forward import compiled
from sk_mixup.training.loop._kept_draws import keeping_draws
from sk_mixup.training.loop._overrides import OwnInfer
from sk_mixup.training.loop._prediction import (
    has_pixels,
    is_narrow,
    pixels_to_floats,
    place_of,
    to_double,
    with_rows,
    without_mapping,
)
from sk_mixup.training.loop._run import FLUSH, MixingRun, context_of, count_hits
from sk_mixup.training.loop._steps import (
    forget_gradients,
    take_gradients,
    takes_plain_steps,
    tell_optimizers,
)
from sk_mixup.training.loop._stored_net import StoredNet, rebuild
from sk_mixup.training.recipes import take_step

# Where pickles of earlier versions look for it.
_rebuild = rebuild


class MixingMixin(StoredNet):
    """Turns a skorch net class into one that can train on mixed batches."""

    run_: MixingRun | None = None
    uses_loader_: bool = False
    wraps_: bool = False
    compile_options_: dict[str, Any] | None = None
    #: Whether the module's weights are float64, and its input is to be.
    is_double_: bool = False
    _infers_plainly: bool = False
    _iterates_plainly: bool = True

    @property
    def place_(self) -> torch.device:
        """Where rows go: where the module is, which somebody may have moved."""
        return place_of(self)

    # -- data -----------------------------------------------------------------------

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return whole batches, or a DataLoader where one was configured."""
        if isinstance(dataset, StreamData):
            if not isinstance(dataset, feeds.WindowData):
                return feeds.stream_batches(self, dataset, training)
            order = self.run_.streams.order if training and self.run_ else None
            return feeds.WindowBatches(dataset, self.batch_size, self.place_, order)
        if not isinstance(dataset, ArrayData):
            return super().get_iterator(dataset, training=training)
        shared = None if self.run_ is None else self.run_.shared
        if not training and shared is not None:
            dataset = shared.validated(dataset)
        if isinstance(dataset.X, DatasetRows):
            return feeds.loaded_batches(self, dataset, training)
        if training and self.uses_loader_:
            if not self._iterates_plainly:
                return super().get_iterator(dataset, training=True)
            return feeds.training_batches(self, dataset)
        size: int = self.batch_size
        size = len(dataset) if size == -1 else size
        device = self.place_
        if training:
            order = None if self.run_ is None else self.run_.streams.order
            if shared is not None:
                return feeds.SharedBatches(
                    dataset, size, device, order, shared.processes
                )
            return TensorBatches(dataset, size, device, order)
        if is_narrow(dataset.X):
            size = max(size, clean_rows(dataset))
        return TensorBatches(dataset, size, device)

    def get_params_for(self, prefix: str) -> dict[str, Any]:
        """Let a DataLoader shuffle, unless the user says how rows are ordered."""
        params: dict[str, Any] = super().get_params_for(prefix)
        if prefix != "iterator_train" or self.run_ is None:
            return params
        loader = self.iterator_train
        if not (isinstance(loader, type) and issubclass(loader, DataLoader)):
            return params
        if not params.keys() & {"shuffle", "sampler", "batch_sampler"}:
            params["shuffle"] = True
            params.setdefault("generator", self.run_.streams.order)
        return params

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module, in the precision and format of the training."""
        run = self.run_
        if run is None or run.forward is None:
            output = self._infer(x, **fit_params)
        else:
            plan = None if run.mixed is None else run.mixed.plan
            hooked = run.is_asked or (plan is not None and _hooks(plan))
            output = run.forward(self, self._infer, x, fit_params, hooked=hooked)
        first = first_input(x)
        return output if len(first) != 1 else with_rows(output, 1)

    def _infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module; uint8 becomes float32 here, on the device."""
        if self.is_double_:
            x = to_double(pixels_to_floats(x))
        if isinstance(x, Tensor):
            if x.dtype == torch.uint8:
                x = x.to(self.place_).float()
            if self._infers_plainly and self.run_ is not None and not fit_params:
                # Batches of ours are tensors on the device already.
                return self.module_(x)
        elif has_pixels(x) or type(x) is tuple:
            device = self.place_
            x = pixels_to_floats(move(x, device))
            if isinstance(x, tuple) and self._infers_plainly:
                # skorch would pass a list as one argument.
                return self.module_(*x, **fit_params)
        return super().infer(x, **fit_params)

    # -- steps ----------------------------------------------------------------------

    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """Take one step; the batch was mixed once, however often the optimizer asks."""
        run = self.run_
        if run is None or not run.steps_plainly:
            stepper = None if run is None else run.stepper
            if stepper is not None and not stepper.asks_again:
                return stepper.train_step(self, batch, **fit_params)
            step = super().train_step(batch, **fit_params)
            if stepper is not None:
                stepper.after_step(self)
            return step
        # An optimizer that asks once needs no closure, nor skorch's bookkeeping of it.
        optimizer: torch.optim.Optimizer = self.optimizer_
        forget_gradients(optimizer)
        step = self.train_step_single(batch, **fit_params)
        take_step(optimizer)
        return step

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Forward on the mixed batch, loss, backward."""
        run = self.run_
        if run is None:
            return super().train_step_single(batch, **fit_params)
        if batch is None and run.shared is not None:
            return run.shared.no_rows(self)
        assert run.mixed is not None
        n_rows = get_len(batch[0])
        x, y = unpack_data(run.mixed.wide or batch)
        plan, mixed_x = run.mixed.plan, run.mixed.x
        if run.may_ask_again:
            # A module that works in place would find its own traces.
            x, y, mixed_x = own_copy((x, y, mixed_x))
        if plan is not None and _hooks(plan):
            with mixing.mix_layer(self.module_, plan) as passed:
                output = self._forward(x, mixed_x, plan, **fit_params)
            # Some weights of labels follow from what the net has shown.
            plan = passed.plan
        else:
            output = self._forward(x, mixed_x, plan, **fit_params)
        run.passed = plan
        y, weight = split_weight(y)
        if self.uses_loader_:
            y, weight = move((y, weight), run.objective.read(output).device)
        loss = run.objective(output, y, weight, plan, run.mixed.target)
        if plan is not None and plan.extra_loss is not None:
            loss = loss + plan.extra_loss()
        loss = take_gradients(self, loss, n_rows)
        # An optimizer may ask again: the batch is judged before its step, and once.
        if run.objective.counts and len(run.pending) == run.n_counted:
            kept = run.objective.kept(output)
            run.pending.append((kept, y, plan, run.mixed.target))
        return {"loss": loss, "y_pred": output}

    def _forward(
        self, x: Any, mixed_x: Any, plan: MixPlan | None, **fit_params: Any
    ) -> Any:
        if mixed_x is not None:
            return self.infer(mixed_x, **fit_params)
        if plan is None or plan.site is not None:
            return self.infer(x, **fit_params)
        inside = getattr(self.module_, "mixes_inside", False)
        if mixes_input(plan, inside):
            return self.infer(plan.apply(x), **fit_params)
        if plan.is_identity:
            return self.infer(x, **fit_params)
        return self.infer(x, mix=plan.apply, **fit_params)

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Loss on clean data."""
        run = self.run_
        if run is None:
            return super().validation_step(batch, **fit_params)
        x, y = unpack_data(batch)
        y, weight = split_weight(y)
        with torch.no_grad():
            output = self.infer(x, **fit_params)
            loss = run.objective(output, y, weight)
            if run.objective.counts:
                right = run.objective.agreement(run.objective.labels(output), y)
                run.hits.append(right.float().sum())
        return {"loss": loss, "y_pred": without_mapping(output)}

    def evaluation_step(self, batch: Any, training: bool = False) -> Any:
        """Return outputs as skorch's scores know them."""
        if self.run_ is not None:
            x, y = unpack_data(batch)
            if isinstance(x, Tensor):
                # Of a loader of skorch's, where a score asks about training rows.
                batch = x.to(self.place_), y
        return without_mapping(super().evaluation_step(batch, training=training))

    def forward_iter(self, X: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Yield outputs of batches, of which many travel to the host together."""
        if self.run_ is None:
            return super().forward_iter(X, *args, **kwargs)
        place = self.place_
        if place.type == "cpu" or args or "device" in kwargs:
            return keeping_draws(super().forward_iter(X, *args, **kwargs))
        outputs = super().forward_iter(X, device=place, **kwargs)
        return fetched(keeping_draws(outputs))

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Any:
        """Average what an unreduced criterion returns."""
        loss = super().get_loss(y_pred, y_true, *args, **kwargs)
        return loss.mean() if loss.ndim else loss

    def for_prediction(self, module: Any) -> Any:
        """Return the fitted module in evaluation mode, compiled if it was in `fit`."""
        call = module
        if self.compile_options_ is not None:
            # The compiled form does not follow the mode of the module.
            module.eval()
            call = compiled(self, module, self.compile_options_)
        return self.as_called(call)

    def as_called(self, module: Any) -> Any:
        """Return a module as this net calls it, which may have its own `infer`."""
        return module if self._infers_plainly else OwnInfer(self, module)

    def _set_training(self, training: bool = True) -> None:
        # skorch walks the whole module at every batch; the root tells enough.
        module = self.module_
        if self.run_ is None or module.training != training:
            super()._set_training(training)

    def _zero_grad_optimizer(self, set_to_none: bool | None = None) -> None:
        super()._zero_grad_optimizer(set_to_none=True)

    # -- epochs ---------------------------------------------------------------------

    def partial_fit(self, X: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Train, with a new optimizer where a pickle has left it out."""
        self.renew_optimizer()
        return super().partial_fit(X, y, *args, **kwargs)

    def fit_loop(self, X: Any, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Note an interrupt, which skorch takes for the end of a training."""
        if self.run_ is not None and self.run_.epoch > 0:
            # Epochs that a training had which was killed.
            kwargs.setdefault("epochs", self.max_epochs - self.run_.epoch)
        keep_memory()
        try:
            return super().fit_loop(X, y, *args, **kwargs)
        except KeyboardInterrupt as error:
            if self.run_ is not None and is_interrupt(error):
                self.run_.interrupt = error
            raise

    def renew_optimizer(self, *, always: bool = False) -> None:
        """Have an optimizer, a new one if there is none."""
        names = [f"{name}_" for name in self._optimizers]
        if always or any(vars(self).get(name) is None for name in names):
            with self._current_init_context("optimizer"):
                self.initialize_optimizer()

    def run_single_epoch(
        self,
        iterator: Any,
        training: bool,
        prefix: str,
        step_fn: Any,
        **fit_params: Any,
    ) -> None:
        """Run an epoch; losses are read back together at its end."""
        run = self.run_
        if run is None:
            super().run_single_epoch(iterator, training, prefix, step_fn, **fit_params)
            return
        if iterator is None:
            return
        batches: Any = (MixedBatch(batch) for batch in iterator)
        if training:
            module = self.module_
            run.context = context_of(self)
            run.epoch += 1
            if run.stepper is not None:
                run.stepper.start_epoch(iterator)
            run.steps_plainly = takes_plain_steps(self)
            tell_optimizers(self, training=True)
            gather = None if run.shared is None else run.shared.gather_for(run.method)
            batches = mixed_batches(
                iterator,
                run.method,
                run.objective,
                streams=run.streams.mix,
                context=run.context,
                mixes_inside=getattr(module, "mixes_inside", False),
                augment=run.augment,
                device=self.place_,
                gather=gather,
            )
            if run.shared is not None:
                run.shared.start_epoch(self)
                batches = run.shared.steps(iterator, batches, gather)
        # Mixed or not, a module may have been put in another mode by a callback.
        super()._set_training(training)
        record = EpochRecord(self, iterator, prefix)
        stepper = run.stepper if training else None
        for run.mixed in batches:
            if run.lend is not None:
                run.lend()
            batch = run.mixed.batch
            if batch is None and run.shared is not None:
                run.shared.idle_step(self)
                record.add_none()
                continue
            if stepper is not None:
                stepper.start_batch()
            if len(run.pending) >= FLUSH:
                count_hits(run)
            run.n_counted = len(run.pending)
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            record.add(step, get_len(batch[0]))
            if not training and isinstance(batch[1], (tuple, list)):
                # skorch's scores know targets, and no weights beside them.
                batch = (batch[0], split_weight(batch[1])[0])
            self.notify("on_batch_end", batch=batch, training=training, **step)
        if stepper is not None:
            stepper.end_epoch(self)
        if training:
            tell_optimizers(self, training=False)
        record.end()

    def _check_finite(self, values: list[float], training: bool) -> None:
        if training and not all(value - value == 0 for value in values):
            at_once = len(self.history) == 1 and values[0] - values[0] != 0
            raise FloatingPointError(too_large(self, first=at_once))

    # -- callbacks ------------------------------------------------------------------

    def initialize_callbacks(self) -> Any:
        """Let scores on training data be computed anew, see `score_anew`."""
        super().initialize_callbacks()
        score_anew(self.callbacks_)
        return self

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call the hooks that somebody has filled in, and no others."""
        if self.run_ is None:
            super().notify(method_name, **kwargs)
            return
        if method_name == "on_grad_computed" and not self._hooks(method_name):
            return
        if method_name == "on_train_end":
            tell_optimizers(self, training=False)
            if self.run_.stepper is not None:
                self.run_.stepper.end_training()
        if method_name == "on_train_begin":
            self._begin(**kwargs)
            return
        shared = self.run_.shared if method_name == "on_epoch_end" else None
        with nullcontext() if shared is None else shared.ending_together(self):
            getattr(self, method_name)(self, **kwargs)
            for hook in self._hooks(method_name):
                hook(self, **kwargs)

    def _begin(self, **kwargs: Any) -> None:
        """Tell callbacks of the data as the user gave them; one may change the net."""
        run, module = self.run_, self.module_
        assert run is not None
        kwargs = kwargs | run.given
        self.on_train_begin(self, **kwargs)
        for hook in self._hooks("on_train_begin"):
            hook(self, **kwargs)
        if self.module_ is not module and run.restart is not None:
            run.hooks.clear()
            run.restart()

    def _hooks(self, name: str) -> list[Any]:
        run = self.run_
        assert run is not None
        if name not in run.hooks:
            run.hooks[name] = [
                getattr(callback, name)
                for _, callback in self.callbacks_
                if getattr(type(callback), name, None) is not getattr(Callback, name)
            ]
        return run.hooks[name]


def _hooks(plan: MixPlan) -> bool:
    """Whether layers of the net have hooks in the pass that a plan mixes."""
    return plan.site is not None or plan.weighs_late
