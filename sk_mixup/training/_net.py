"""The skorch net that trains on mixed batches.

skorch's loop, callbacks, history and prefixes stay; what changes is what is slow or
wrong with mixing there: batches come whole, the plan of a batch is drawn once before
the optimizer's closure, the loss is read back once per epoch, and accuracy on mixed
batches is named as such.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import torch
from skorch.callbacks import Callback, EpochScoring
from skorch.dataset import get_len, unpack_data
from torch import Tensor
from torch.utils.data import DataLoader

from sk_mixup.mixing import Method, MixContext, MixPlan, mix_layer
from sk_mixup.training._ahead import MixedBatch, mixed_batches, mixes_input
from sk_mixup.training._batches import ArrayData, TensorBatches, move, split_weight
from sk_mixup.training._objective import Objective, main_output
from sk_mixup.training._streams import TrainStreams

# Outputs are kept this many batches before their accuracy is counted at once.
_FLUSH = 64


@dataclass
class MixingRun:
    """What a net needs while it trains; dropped afterwards.

    Attributes
    ----------
    method : Method or None
    streams : TrainStreams
    objective : Objective
    n_epochs : int
        Planned epochs of this training.
    facts : dict
        What `MixContext` says of the training data.
    """

    method: Method | None
    streams: TrainStreams
    objective: Objective
    n_epochs: int
    facts: dict[str, Any] = field(default_factory=dict)
    epoch: int = 0
    context: MixContext | None = None
    mixed: MixedBatch | None = None
    steps_plainly: bool = False
    hooks: dict[str, list[Any]] = field(default_factory=dict)
    pending: list[tuple[Tensor, Tensor, MixPlan | None, Tensor | None]] = field(
        default_factory=list
    )
    hits: list[Tensor] = field(default_factory=list)


class MixingMixin:
    """Turns a skorch net class into one that can train on mixed batches."""

    run_: MixingRun | None = None
    uses_loader_: bool = False
    wraps_: bool = False
    _infers_plainly: bool = False

    # -- data -----------------------------------------------------------------------

    def get_iterator(self, dataset: Any, training: bool = False) -> Any:
        """Return whole batches, or a DataLoader where one was configured."""
        if not isinstance(dataset, ArrayData) or (training and self.uses_loader_):
            return super().get_iterator(dataset, training=training)  # type: ignore[misc]
        size: int = self.batch_size  # type: ignore[attr-defined]
        size = len(dataset) if size == -1 else size
        device = self.device  # type: ignore[attr-defined]
        if training:
            order = None if self.run_ is None else self.run_.streams.order
            return TensorBatches(dataset, size, device, order)
        if isinstance(dataset.X, dict) or dataset.X.ndim == 2:
            size = max(size, 4096)
        return TensorBatches(dataset, size, device)

    def get_params_for(self, prefix: str) -> dict[str, Any]:
        """Let a DataLoader shuffle, unless the user says how rows are ordered."""
        params: dict[str, Any] = super().get_params_for(prefix)  # type: ignore[misc]
        if prefix != "iterator_train" or self.run_ is None:
            return params
        loader = self.iterator_train  # type: ignore[attr-defined]
        if not (isinstance(loader, type) and issubclass(loader, DataLoader)):
            return params
        if not params.keys() & {"shuffle", "sampler", "batch_sampler"}:
            params["shuffle"] = True
            params.setdefault("generator", self.run_.streams.order)
        return params

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Run the module; uint8 becomes float32 here, on the device."""
        if isinstance(x, Tensor):
            if x.dtype == torch.uint8:
                x = x.to(self.device).float()  # type: ignore[attr-defined]
            if self._infers_plainly and self.run_ is not None and not fit_params:
                # Batches of ours are tensors on the device already.
                return self.module_(x)  # type: ignore[attr-defined]
        return super().infer(x, **fit_params)  # type: ignore[misc]

    # -- steps ----------------------------------------------------------------------

    def train_step(self, batch: Any, **fit_params: Any) -> Any:
        """Take one step; the batch was mixed once, however often the optimizer asks."""
        run = self.run_
        if run is None or not run.steps_plainly:
            return super().train_step(batch, **fit_params)  # type: ignore[misc]
        # An optimizer that asks once needs no closure, nor skorch's bookkeeping of it.
        optimizer: torch.optim.Optimizer = self.optimizer_  # type: ignore[attr-defined]
        optimizer.zero_grad(set_to_none=True)
        step = self.train_step_single(batch, **fit_params)
        optimizer.step()
        return step

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Forward on the mixed batch, loss, backward."""
        run = self.run_
        if run is None:
            return super().train_step_single(batch, **fit_params)  # type: ignore[misc]
        assert run.mixed is not None
        x, y = unpack_data(batch)
        plan = run.mixed.plan
        if run.mixed.x is not None:
            output = self.infer(run.mixed.x, **fit_params)
        else:
            output = self._forward(x, plan, **fit_params)
        y, weight = split_weight(y)
        if self.uses_loader_:
            y, weight = move((y, weight), main_output(output).device)
        loss = run.objective(output, y, weight, plan, run.mixed.target)
        loss.backward()
        if run.objective.n_classes is not None:
            kept = main_output(output).detach()
            run.pending.append((kept, y, plan, run.mixed.target))
            if len(run.pending) >= _FLUSH:
                _count_hits(run)
        return {"loss": loss, "y_pred": output}

    def _forward(self, x: Any, plan: MixPlan | None, **fit_params: Any) -> Any:
        if plan is None:
            return self.infer(x, **fit_params)
        module = self.module_  # type: ignore[attr-defined]
        if plan.site is not None:
            with mix_layer(module, plan):
                return self.infer(x, **fit_params)
        inside = getattr(module, "mixes_inside", False)
        if mixes_input(plan, inside):
            return self.infer(plan.apply(x), **fit_params)
        if plan.is_identity:
            return self.infer(x, **fit_params)
        return self.infer(x, mix=plan.apply, **fit_params)

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Loss on clean data."""
        run = self.run_
        if run is None:
            return super().validation_step(batch, **fit_params)  # type: ignore[misc]
        x, y = unpack_data(batch)
        y, weight = split_weight(y)
        with torch.no_grad():
            output = self.infer(x, **fit_params)
            loss = run.objective(output, y, weight)
            if run.objective.n_classes is not None:
                run.hits.append((run.objective.labels(output) == y).float().sum())
        return {"loss": loss, "y_pred": output}

    def get_loss(self, y_pred: Any, y_true: Any, *args: Any, **kwargs: Any) -> Any:
        """Average what an unreduced criterion returns."""
        loss = super().get_loss(y_pred, y_true, *args, **kwargs)  # type: ignore[misc]
        return loss.mean() if loss.ndim else loss

    def _set_training(self, training: bool = True) -> None:
        # skorch walks the whole module at every batch; the root tells enough.
        module = self.module_  # type: ignore[attr-defined]
        if self.run_ is None or module.training != training:
            super()._set_training(training)  # type: ignore[misc]

    def _zero_grad_optimizer(self, set_to_none: bool | None = None) -> None:
        super()._zero_grad_optimizer(set_to_none=True)  # type: ignore[misc]

    # -- epochs ---------------------------------------------------------------------

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
            super().run_single_epoch(  # type: ignore[misc]
                iterator, training, prefix, step_fn, **fit_params
            )
            return
        if iterator is None:
            return
        history: Any = self.history  # type: ignore[attr-defined]
        batches: Any = (MixedBatch(batch) for batch in iterator)
        if training:
            module = self.module_  # type: ignore[attr-defined]
            run.context = MixContext(run.epoch, run.n_epochs, module, **run.facts)
            run.epoch += 1
            run.steps_plainly = (
                self._optimizers == ["optimizer"]  # type: ignore[attr-defined]
                and not isinstance(
                    self.optimizer_,  # type: ignore[attr-defined]
                    torch.optim.LBFGS,
                )
                and not self._hooks("on_grad_computed")
            )
            batches = mixed_batches(
                iterator,
                run.method,
                run.objective,
                streams=run.streams.mix,
                context=run.context,
                mixes_inside=getattr(module, "mixes_inside", False),
            )
        # Mixed or not, a module may have been put in another mode by a callback.
        super()._set_training(training)  # type: ignore[misc]
        read_batches = bool(self._hooks("on_batch_end"))
        losses, n_rows = [], 0
        key, size_key = f"{prefix}_loss", f"{prefix}_batch_size"
        for run.mixed in batches:
            batch = run.mixed.batch
            self.notify("on_batch_begin", batch=batch, training=training)
            step = step_fn(batch, **fit_params)
            loss = step["loss"].detach()
            size = get_len(batch[0])
            losses.append(loss)
            n_rows += size
            # A callback that looks at batches gets a number; nobody else waits.
            history.record_batch(key, loss.item() if read_batches else loss)
            history.record_batch(size_key, size)
            self.notify("on_batch_end", batch=batch, training=training, **step)
        values = torch.stack(losses).tolist()
        for record, value in zip(
            [b for b in history[-1]["batches"] if key in b], values, strict=True
        ):
            record[key] = value
        history.record(f"{prefix}_batch_count", len(values))
        self._check_finite(values, training)
        if run.objective.n_classes is not None:
            if training:
                _count_hits(run)
            score = torch.stack(run.hits).sum().item() / n_rows
            run.hits.clear()
            history.record("train_acc_mixed" if training else "valid_acc", score)

    def _check_finite(self, values: list[float], training: bool) -> None:
        if training and not all(value - value == 0 for value in values):
            raise FloatingPointError(
                "The training loss became infinite or NaN in epoch"
                f" {len(self.history)}: lr={self.lr!r} is"  # type: ignore[attr-defined]
                " probably too large for this net. Lower lr, or clip gradients with"
                " skorch's GradientNormClipping callback."
            )

    # -- callbacks ------------------------------------------------------------------

    def initialize_callbacks(self) -> Any:
        """Let scores on training data be computed anew.

        skorch would reuse the predictions made while training, which are those of mixed
        inputs, against unmixed labels.
        """
        super().initialize_callbacks()  # type: ignore[misc]
        for _, callback in self.callbacks_:  # type: ignore[attr-defined]
            if isinstance(callback, EpochScoring) and callback.on_train:
                callback.use_caching = False
        return self

    def notify(self, method_name: str, **kwargs: Any) -> None:
        """Call the hooks that somebody has filled in, and no others."""
        if self.run_ is None:
            super().notify(method_name, **kwargs)  # type: ignore[misc]
            return
        if method_name == "on_grad_computed" and not self._hooks(method_name):
            return
        getattr(self, method_name)(self, **kwargs)
        for hook in self._hooks(method_name):
            hook(self, **kwargs)

    def _hooks(self, name: str) -> list[Any]:
        run = self.run_
        assert run is not None
        if name not in run.hooks:
            run.hooks[name] = [
                getattr(callback, name)
                for _, callback in self.callbacks_  # type: ignore[attr-defined]
                if getattr(type(callback), name, None) is not getattr(Callback, name)
            ]
        return run.hooks[name]

    # -- persistence ----------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what only a running training needs."""
        state: dict[str, Any] = super().__getstate__()  # type: ignore[assignment]
        state.pop("run_", None)
        return state

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the base class: the class itself is made at run time."""
        return _rebuild, (type(self).__mro__[2],), self.__getstate__()


@functools.cache
def mixing_net_class(base: Any) -> Any:
    """Return `base` with mixing added.

    Parameters
    ----------
    base : type
        A skorch net class.

    Raises
    ------
    TypeError
        If the class replaces the steps in which mixing happens.
    """
    for name in ("train_step", "train_step_single", "run_single_epoch", "get_loss"):
        owner = next(cls for cls in base.__mro__ if name in vars(cls))
        if not owner.__module__.startswith("skorch."):
            raise TypeError(
                f"module: {base.__name__} replaces {name}, in which mixing takes place."
                " Move what it does into the module, the criterion or a callback."
            )
    owner = next(cls for cls in base.__mro__ if "infer" in vars(cls))
    plain = {"_infers_plainly": owner.__module__.startswith("skorch.")}
    return type(f"Mixing{base.__name__}", (MixingMixin, base), plain)


def _rebuild(base: Any) -> Any:
    cls = mixing_net_class(base)
    return cls.__new__(cls)


@torch.no_grad()
def _count_hits(run: MixingRun) -> None:
    """Count the lambda-weighted accuracy of the batches kept so far, all at once."""
    if not run.pending:
        return
    outputs, targets = [], []
    pairs: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    for output, y, plan, target in run.pending:
        # A plan may have more rows than the batch, of which each counts for less.
        if target is not None and target.shape == output.shape:
            outputs.append(output)
            # Dense targets hold -1/rows for a whole label.
            targets.append(target * -len(y))
        elif plan is None or plan.is_identity:
            whole = torch.ones((), device=y.device).expand(len(y))
            pairs.append((output, y, y, torch.stack((whole, whole - 1))))
        else:
            pair = plan.own_rows(y), plan.partner_rows(y)
            shares = torch.stack(plan.label_weights) * (len(y) / len(pair[0]))
            pairs.append((output, *pair, shares))
    run.pending.clear()
    if targets:
        predicted = run.objective.labels(torch.cat(outputs)).unsqueeze(1)
        run.hits.append(torch.cat(targets).gather(1, predicted).sum())
    if pairs:
        output, own_y, other_y = (torch.cat([p[i] for p in pairs]) for i in range(3))
        own_share, other_share = torch.cat([p[3] for p in pairs], 1)
        predicted = run.objective.labels(output)
        own_hits = own_share * (predicted == own_y)
        run.hits.append((own_hits + other_share * (predicted == other_y)).sum())
