"""What a mixed training does, seen on clean rows while it goes on.

Losses and accuracies of mixed batches say little of a net: they are those of a harder
task. This callback keeps some rows as they are and asks the net about them after every
epoch; it looks at what was mixed, and says so where that goes wrong in a known way.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import torch
from skorch.callbacks import Callback
from torch import Tensor

from sk_mixup.callbacks._judgement import (
    MixedLabels,
    of_baseline,
    of_confidence,
)
from sk_mixup.callbacks._seen import Batches, Seen, label_of, summary
from sk_mixup.exceptions import warn_caller
from sk_mixup.training import MemberRowsObjective, Objective, on_host
from sk_mixup.turns import kept_globals

# Batches of an epoch whose plans are looked at.
_BATCHES = 8
# Rows looked at by themselves: so small a part of those trained on costs a hundredth of
# an epoch.
_FEWEST, _MOST, _PART = 64, 512, 32
_MOST_VALID = 2048
# A look costs about what a step costs: it comes after so many, unless that would leave
# fewer looks at a training than these.
_STEPS, _LOOKS = 160, 4
_UNKNOWN = 256


class MixMonitor(Callback):
    """Record how a net does on clean rows while it trains on mixed ones.

    For ``callbacks=[MixMonitor()]``. Weights are those of a training without it, bit
    for bit.

    Parameters
    ----------
    baseline_loss : float, default=None
        Validation loss of a training without mixing, to be beaten: a warning says so
        where half of the epochs have not come below it. Needs validation rows.
    n_rows : int, default=None
        Training rows that are looked at as they are; None: one in 32, at least 64 and
        at most 512.

    Attributes
    ----------
    warned_ : set of str
        What was warned of in the last training: "baseline", "confidence", "one_hot",
        "strong".

    Notes
    -----
    Recorded per epoch, in `history_` and `history_frame`:

    - "clean_loss", "clean_acc": of the rows that are looked at, unmixed, in evaluation
      mode. They are training rows; those of the first batches (augmented, if there is
      augmentation).
    - "clean_confidence": the mean probability of the predicted class of the same rows.
      Much less than "clean_acc" is a timid net.
    - "target_entropy": mean entropy of the mixed targets of the epoch's first batches,
      in nats. 0 means that no label was mixed.
    - "lam_mean", "lam_low", "lam_high": mean, 10 % and 90 % quantile of the realized
      lambda in these batches.

    Where an epoch has few batches, not every one is looked at: the first, the last that
    is planned, the one at half-time, and those that at least 160 steps lie between (but
    a quarter of the planned epochs at most). The others have NaN. Looking takes 1 to
    3 % of the training (``python -m benchmarks monitor``).

    Accuracy is recorded of what can be right or wrong, confidence and entropy where a
    row has one class.

    Each of these mistakes is warned of once per training, with a `MixupWarning`:

    - Validation is worse at half-time than `baseline_loss`.
    - At the end the net is under-confident on validation rows, in a way that no
      temperature repairs.
    - Inputs are mixed and targets stay one-hot: partners are all of the same class, as
      in sorted rows, or a method of one's own forgets the labels.
    - Labels are mixed more than so few epochs make up for.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sk_mixup import MixupClassifier
    >>> from sk_mixup.callbacks import MixMonitor
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MixupClassifier(
    ...     "mlp", alpha=0.2, max_epochs=12, callbacks=[MixMonitor()], random_state=0
    ... )
    >>> frame = model.fit(X, y).history_frame().dropna()
    >>> bool((frame["lam_low"] < 1).all() and (frame["target_entropy"] > 0).all())
    True
    """

    def __init__(
        self, baseline_loss: float | None = None, n_rows: int | None = None
    ) -> None:
        self.baseline_loss = baseline_loss
        self.n_rows = n_rows

    def on_train_begin(self, net: Any, y: Any = None, **kwargs: Any) -> None:
        """Check the parameters, and forget earlier trainings."""
        run = getattr(net, "run_", None)
        if run is None:
            raise ValueError(
                f"MixMonitor is for MixupClassifier and MixupRegressor; this"
                f" {type(net).__name__} is no net of theirs. Wrap it:"
                " MixupClassifier(module=net, callbacks=[MixMonitor()])."
            )
        self._check(net)
        # Of loaders and data sets nobody knows how many rows they have.
        auto = len(y) // _PART if hasattr(y, "__len__") else _UNKNOWN
        n_rows = max(_FEWEST, min(auto, _MOST)) if self.n_rows is None else self.n_rows
        self.warned_: set[str] = set()
        self.train_ = _Sample(int(n_rows))
        self.valid_ = _Sample(_MOST_VALID)
        self.seen_ = Seen()
        self.waiting_: tuple[Any, int | None] | None = None
        self.labels_: MixedLabels | None = MixedLabels()
        self.n_targets_ = _BATCHES
        self.names_: list[str] = []
        self.every_ = 1
        self.is_looked_at_ = True
        self.epoch_ = 0
        self.best_loss_ = math.inf
        self.is_judged_ = False
        inner = getattr(run.objective, "inner", run.objective)
        self.has_classes_ = type(inner) is Objective and inner.n_classes is not None

    def _check(self, net: Any) -> None:
        loss, n_rows = self.baseline_loss, self.n_rows
        if loss is not None:
            if not isinstance(loss, Real) or not math.isfinite(loss):
                raise ValueError(
                    f"baseline_loss must be a finite number or None; got {loss!r}."
                )
            if net.train_split is None:
                raise ValueError(
                    f"baseline_loss={loss:g} needs validation rows to be compared on:"
                    " give X_val and y_val, or early_stopping=True."
                )
        if n_rows is not None and (not isinstance(n_rows, Integral) or n_rows < 1):
            raise ValueError(f"n_rows must be an integer >= 1 or None; got {n_rows!r}.")

    def on_batch_begin(
        self, net: Any, batch: Any = None, training: bool = False, **kwargs: Any
    ) -> None:
        """Keep clean rows of the first epoch, and look at the first plans of each."""
        if self.epoch_ == 0:
            (self.train_ if training else self.valid_).add(batch)
        self._look_back(net)
        if training and self.is_looked_at_ and self.seen_.n_batches < _BATCHES:
            run, n_classes = net.run_, None
            if self.has_classes_ and len(self.seen_.targets) < self.n_targets_:
                n_classes = run.objective.n_classes
            plan = run.mixed.plan
            if plan is not None and plan.weighs_late:
                # The step will show what labels weigh.
                self.waiting_ = (batch[1], n_classes)
            else:
                self.seen_.add(batch[1], plan, n_classes)

    def _look_back(self, net: Any) -> None:
        """Look at the plan of the last step, if it had to be waited for."""
        if self.waiting_ is not None:
            y, n_classes = self.waiting_
            self.waiting_ = None
            self.seen_.add(y, net.run_.passed, n_classes)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """Record the epoch."""
        self._look_back(net)
        is_half_time = net.run_.epoch == _half(net)
        found = dict.fromkeys(self.names_, math.nan)
        batches: list[Batches] = []
        if self.is_looked_at_:
            lams, looks, batches = on_host(
                (
                    self.seen_.lams(),
                    self._looked(net),
                    [] if self.labels_ is None else self.seen_.batches(),
                )
            )
            found = summary(*lams) | self._summed(looks)
        self.names_ = list(found)
        for name, value in found.items():
            net.history.record(name, value)
        if self.epoch_ == 0:
            n_batches = len(net.history[-1]["batches"])
            by_looks = -(-net.run_.n_epochs // _LOOKS)
            self.every_ = min(-(-_STEPS // max(1, n_batches)), by_looks)
        self.epoch_ += 1
        self.is_looked_at_ = self._looks_at(net)
        self._judge_batches(net, batches, is_half_time=is_half_time)
        self.seen_ = Seen()
        self.best_loss_ = min(
            self.best_loss_, net.history[-1].get("valid_loss", math.inf)
        )
        if is_half_time:
            self._judge_loss(net)

    def _looks_at(self, net: Any) -> bool:
        """Whether the coming epoch is one that is looked at."""
        n, last, half = self.epoch_ + 1, net.run_.n_epochs, _half(net)
        # Counted from the last; the one at half-time stands for those next to it.
        is_due = (last - n) % self.every_ == 0 and 2 * abs(n - half) >= self.every_
        return is_due or n in (half, last)

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """Judge the trained net, and let its rows go."""
        self._judge_loss(net)
        is_mixed = net.run_.method is not None and self.epoch_ > 0
        if self.has_classes_ and self.valid_.n_rows and is_mixed:
            parts = []
            with _evaluation(net.module_):
                for x, y in self.valid_.batches():
                    proba = _flat_probabilities(net.run_.objective, net.infer(x))
                    parts.append((proba, y.flatten()))
            proba, y = (torch.cat(p) for p in zip(*on_host(parts), strict=True))
            self._warn("confidence", of_confidence(proba.numpy(), y.numpy()))
        self.train_ = self.valid_ = _Sample(0)
        self.seen_, self.labels_ = Seen(), None

    def _judge_loss(self, net: Any) -> None:
        """Compare the best loss with the baseline, at half-time or an earlier end."""
        if self.baseline_loss is None or self.is_judged_:
            return
        if not math.isfinite(self.best_loss_):
            return
        self.is_judged_ = True
        run = net.run_
        message = of_baseline(
            self.best_loss_, self.baseline_loss, run.epoch, run.n_epochs
        )
        self._warn("baseline", message)

    def _judge_batches(
        self, net: Any, batches: list[Batches], *, is_half_time: bool = False
    ) -> None:
        """Look at how labels are mixed, until enough is known of it."""
        run = net.run_
        if self.labels_ is None or not batches:
            return
        for alike in batches:
            self.labels_.add(*alike)
        self._warn("one_hot", self.labels_.is_one_hot())
        # Members that find out about mixing need no advice, nor do single epochs.
        finds = isinstance(getattr(run.method, "alpha", None), list)
        if not finds and run.n_epochs > 1:
            message = self.labels_.is_strong(run.n_epochs, must_tell=is_half_time)
            self._warn("strong", message)
        if self.labels_.is_known or is_half_time:
            self.labels_ = None
            # Targets cost more than lambdas: from here on for the record alone.
            n_batches = len(net.history[-1]["batches"])
            self.n_targets_ = max(1, min(_BATCHES, n_batches // _PART))

    def _warn(self, name: str, message: str | None) -> None:
        if message is not None and name not in self.warned_:
            self.warned_.add(name)
            warn_caller(message)

    def _looked(self, net: Any) -> list[tuple[dict[str, Tensor], int]]:
        """Return loss, accuracy and confidence of batches of clean rows, and sizes."""
        objective = net.run_.objective
        looks = []
        with _evaluation(net.module_):
            for x, y in self.train_.batches():
                output = net.infer(x)
                y = y.to(objective.read(output).device)
                found = {"clean_loss": objective(output, y)}
                if objective.counts:
                    labels = objective.labels(output).to(y.device)
                    # Of members a share each.
                    right = objective.agreement(labels, y).float().sum()
                    found["clean_acc"] = right / len(y)
                if self.has_classes_:
                    sure = _flat_probabilities(objective, output).amax(1)
                    found["clean_confidence"] = sure.mean()
                looks.append((found, len(y)))
        return looks

    def _summed(self, looks: list[tuple[dict[str, Tensor], int]]) -> dict[str, float]:
        """Return the means over all clean rows."""
        sums: dict[str, float] = defaultdict(float)
        for found, n_rows in looks:
            for name, value in found.items():
                sums[name] += value.item() * n_rows / self.train_.n_rows
        return dict(sums)


def _half(net: Any) -> int:
    """Return the epoch at half-time, from 1."""
    return -(-int(net.run_.n_epochs) // 2)


class _Sample:
    """Clean rows of the first batches.

    Parameters
    ----------
    most : int
        Rows to be kept.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.n_rows = 0
        self.parts: list[tuple[Any, Tensor]] = []

    def add(self, batch: Any) -> None:
        """Keep rows, while there is room."""
        room = self.most - self.n_rows
        if room <= 0:
            return
        x, y = batch[0], label_of(batch[1])
        kept = slice(0, min(room, len(y)))
        # Copies: a module may work in place, and batches are slices of large blocks.
        part = _mapped(lambda values: values[kept].clone(), x)
        self.parts.append((part, y[kept].clone()))
        self.n_rows += kept.stop

    def batches(self) -> Iterator[tuple[Any, Tensor]]:
        """Yield copies of inputs and targets, together where they are of one form."""
        if len({_form(x) for x, _ in self.parts}) == 1:
            x = _mapped(lambda *values: torch.cat(values), *(x for x, _ in self.parts))
            self.parts = [(x, torch.cat([y for _, y in self.parts]))]
        for x, y in self.parts:
            yield _mapped(torch.clone, x), y


@contextmanager
def _evaluation(module: torch.nn.Module) -> Iterator[None]:
    """Ask a module, which trains on as if nobody had."""
    modes = [(part, part.training) for part in module.modules()]
    with kept_globals(), torch.no_grad():
        module.eval()
        try:
            yield
        finally:
            for part, mode in modes:
                part.training = mode


def _flat_probabilities(objective: Any, output: Any) -> Tensor:
    output = objective.read(output)
    if isinstance(objective, MemberRowsObjective):
        output = output.flatten(0, 1)
    found: Tensor = getattr(objective, "inner", objective).probabilities(output)
    return found


def _mapped(change: Callable[..., Any], *inputs: Any) -> Any:
    """Return what a function makes of a tensor, or of each of a dict, tuple or list."""
    first = inputs[0]
    if isinstance(first, Tensor):
        return change(*inputs)
    if isinstance(first, Mapping):
        return {key: _mapped(change, *(x[key] for x in inputs)) for key in first}
    made = [_mapped(change, *entries) for entries in zip(*inputs, strict=True)]
    return made if isinstance(first, list) else tuple(made)


def _form(x: Any) -> str:
    """Return a text that is equal for inputs whose rows can stand together."""
    return str(_mapped(lambda values: (values.shape[1:], values.dtype), x))
