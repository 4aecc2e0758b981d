"""A training made ready and run.

Everything that can be wrong is found while it is made ready. Preparing and running are
apart, so that trainings of several estimators can be prepared, run together, and each
be taken over by its owner.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sk_mixup.estimators import checkpoints, results, sharing
from sk_mixup.estimators._building import build_net
from sk_mixup.estimators._calibration import first_temperature
from sk_mixup.estimators._checks import check_takes_masks
from sk_mixup.estimators._compat import open_callback_context
from sk_mixup.estimators._defaults import recipe_of
from sk_mixup.estimators._fitted import Fitted
from sk_mixup.estimators._going_on import net_to_go_on_with
from sk_mixup.estimators._plan import Plan
from sk_mixup.estimators._reading import FitData, in_folds
from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators.splits import members_method
from sk_mixup.exceptions import warn_caller
from sk_mixup.inputs import DatasetRows
from sk_mixup.mixing import Mixup
from sk_mixup.training import (
    ArrayData,
    BestWeights,
    Knobs,
    MemberRowsObjective,
    MixingRun,
    Recipe,
    ScikitLearnBridge,
    StreamData,
    check_mixing,
    check_single_rows,
    end_run,
    in_words,
    initialize_net,
    mix_facts,
    resolve_device,
    seeded_globals,
    start_run,
    training_randomness,
    try_knobs,
)

if TYPE_CHECKING:
    from sk_mixup.estimators.checkpoints import Checkpoint
    from sk_mixup.processes import Processes

# What a recipe is told of an iterable data set.
_UNKNOWN_ROWS = 50_000
# At most, of the batch that a criterion is tried on.
_TRIAL_ROWS = 256
_TRIAL_BYTES = 2**25


@dataclass(frozen=True)
class Training:
    """A training up to its first step.

    Attributes
    ----------
    settings : Settings
    data : FitData
    net : skorch net
        Initialized.
    run : MixingRun
    n_epochs : int
        At most.
    knobs : Knobs
    schedule : str, callable or None
    fitted : Fitted
        What the estimator becomes, so far.
    context : object or None
        scikit-learn's context of this fit.
    checkpoint : Checkpoint or None
        Where it is stored as it goes.
    sample : Tensor, dict or tuple
        Some rows of input, as batches have them.
    processes : Processes or None
        Those that it is shared by.
    """

    settings: Settings
    data: FitData
    net: Any
    run: MixingRun
    n_epochs: int
    knobs: Knobs
    schedule: Any
    fitted: Fitted
    context: Any
    checkpoint: Checkpoint | None = None
    sample: Any = None
    processes: Processes | None = None

    def go(self) -> None:
        """Run all epochs, or those before an interrupt, which `run` then has.

        Raises
        ------
        KeyboardInterrupt
            If nothing was learnt before.
        """
        net, streams = self.net, self.data.streams
        n_before = len(net.history_)
        kept = nullcontext(False) if self.checkpoint is None else checkpoints.kept(self)
        self.begin()
        try:
            seed, train = streams.next_dropout_seed(), self.data.train
            with (
                training_randomness(net, self.run, train, seed),
                kept as is_over,
            ):
                if not is_over:
                    _fit_epochs(net, train, self.n_epochs)
        except KeyboardInterrupt as error:
            if self.processes is not None:
                raise  # Nothing that all of them have is there to be kept.
            # As callbacks began the training, or ended it.
            self.run.interrupt = error
            for _, callback in net.callbacks_:
                if isinstance(callback, BestWeights) and hasattr(callback, "state_"):
                    callback.on_train_end(net)
        finally:
            self.end()
        if self.run.interrupt is None:
            return
        if self.processes is not None:
            raise self.run.interrupt
        batches = [b for row in net.history_[n_before:] for b in row["batches"]]
        if not any("train_loss" in batch for batch in batches):
            raise self.run.interrupt
        if "train_loss" not in net.history_[-1]:
            # Of an epoch that is no whole one; its weights stay.
            net.history_.pop()

    def begin(self) -> None:
        """Give the net what it needs while it trains."""
        net, valid = self.net, self.data.valid
        net.train_split = None if valid is None else _Given(valid)
        net.run_ = self.run

        def start() -> None:
            start_run(
                self.run,
                net,
                self.knobs,
                schedule=self.schedule,
                sample=self.sample,
            )

        start()
        if not isinstance(getattr(self.data.train, "X", None), DatasetRows):
            # Not items of a data set: skorch takes lists for inputs side by side.
            self.run.given = {"X": self.data.X, "y": self.data.y}
        self.run.restart = start

    def end(self) -> None:
        """Take it away again."""
        net = self.net
        net.run_ = None
        net.train_split = None
        # Both hold the rows of the training.
        gone = ("scikit_learn", "alphas", "steps")
        net.callbacks_ = [c for c in net.callbacks_ if c[0] not in gone]

    def settle(self) -> None:
        """Let go of everything but the net, which predicts from here on."""
        end_run(self.run, self.net, self.data.source)
        self.net.module_.eval()
        if self.settings.partial or self.settings.warm_start:
            self.net.keeps_steps_ = True


def prepare(
    settings: Settings,
    data: FitData,
    checkpoint: Checkpoint | None = None,
    processes: Processes | None = None,
    *,
    reports: bool = True,
) -> Training:
    """Build the net (or go on with a copy of the old one) and all around it.

    Parameters
    ----------
    settings : Settings
    data : FitData
    checkpoint : Checkpoint or None
        Where the training is stored as it goes.
    processes : Processes or None
        Those that it is shared by.
    reports : bool
        Whether scikit-learn's callbacks are told of the training.
    """
    rows = sharing.rows_of(processes)
    task, train = data.task, data.train
    if task.kind is not None and task.kind.per_pixel:
        check_takes_masks(settings.module)
    if settings.importance is not None:
        results.check_has_columns(data.source, train, data.features)
    device = resolve_device(settings.device, settings.module)
    n_rows = rows.total(train.n_rows) if train.n_rows else _UNKNOWN_ROWS
    has_folds = data.members[0] > 0
    recipe = recipe_of(
        settings, n_rows, device, data.source.kind, task.n_classes, folds=has_folds
    )
    if has_folds:
        method = members_method(settings, recipe, data.members, data.X)
        settings = replace(settings, method=method)
    net, objective = _net_and_objective(settings, data, recipe, device)
    if isinstance(train, StreamData) and task.n_classes is not None:
        # skorch's scores read them off y, where there is one.
        net.classes = list(range(task.n_classes))
    if task.kind is not None:
        task.kind.check_method(settings.method)
    facts = mix_facts(
        train,
        settings.method,
        n_classes=task.n_classes,
        columns=data.source.columns,
        seed=data.streams.encode_seed,
    )
    facts = rows.facts(facts, train.n_rows or 1)
    knobs = settings.knobs(recipe)
    sample, sample_y = train.sample()
    sample = try_knobs(net, knobs, sample, data.streams.init_seed)
    check_mixing(
        settings.method, net, sample, sample_y, facts, criterion=objective.row_losses
    )
    check_single_rows(net, sample, train.n_rows)
    n_epochs = 1 if settings.partial else net.max_epochs
    if has_folds:
        data = in_folds(data)
    _warn_of_settings(settings, n_epochs)
    fitted = Fitted(
        net=net,
        source=data.source,
        task=task,
        objective=objective,
        streams=data.streams,
        features=data.features,
        given=settings.given,
        temperature=first_temperature(settings, data, objective),
    )
    plan = Plan.of(settings, recipe, knobs, n_epochs, data.valid)
    shares = not net.callbacks and not has_folds
    plan.attach(net, settings, shared=processes is not None and shares)
    context = _report(settings, data, fitted, plan.most_epochs) if reports else None
    method = settings.method
    if not settings.mixes:
        train.groups = None
        method = None  # The same training, without drawing plans that do nothing.
    judge: Any = MemberRowsObjective.of(objective) if has_folds else objective
    run = MixingRun(method, data.streams, judge, plan.most_epochs, facts)
    if processes is not None:
        run.shared = sharing.shared_steps(
            processes, net, plan.most_epochs, method, shares_validation=shares
        )
    return Training(
        settings,
        data,
        net,
        run,
        plan.most_epochs,
        knobs,
        plan.schedule,
        fitted,
        context,
        checkpoint,
        sample,
        processes,
    )


def _net_and_objective(
    settings: Settings, data: FitData, recipe: Recipe, device: str
) -> tuple[Any, Any]:
    """Return the initialized net, and how its loss is computed."""
    train, task = data.train, data.task

    def fresh() -> Any:
        return build_net(settings, data.source, task, recipe, device, train)

    if data.before is not None:
        return net_to_go_on_with(settings, data.before, device, fresh)
    net = fresh()
    needs_rows = settings.method is not None or train.weight is not None
    sample, sample_y = train.sample()
    trial = _trial_batch(train, net.batch_size)
    with seeded_globals(data.streams.init_seed):
        objective = initialize_net(
            net,
            sample,
            sample_y,
            n_classes=task.n_classes,
            needs_rows=needs_rows,
            kind=task.kind,
            trial=trial,
            has_weights=train.weight is not None,
            scale=task.scale,
        )
    return net, objective


def _trial_batch(train: ArrayData | StreamData, batch_size: int) -> Any:
    """Return rows for a trial of the criterion; None where reading them may be slow."""
    if not isinstance(train, ArrayData) or isinstance(train.X, DatasetRows):
        return None
    size = _TRIAL_ROWS if batch_size == -1 else min(batch_size, _TRIAL_ROWS)
    row = max(1, train.n_bytes // max(1, len(train)))
    size = min(size, len(train), _TRIAL_BYTES // row)
    return train.sample(size) if size > len(train.sample()[1]) else None


def _report(settings: Settings, data: FitData, fitted: Fitted, n_epochs: int) -> Any:
    """Let scikit-learn's callbacks follow the training; None where nobody listens."""
    owner = settings.owner
    context = open_callback_context(owner, n_epochs, data.X, data.y)
    if context is not None:
        bridge = ScikitLearnBridge(owner, context, data.X, data.y, fitted.attributes)
        fitted.net.callbacks_.insert(0, ("scikit_learn", bridge))
    return context


def _warn_of_settings(settings: Settings, n_epochs: int) -> None:
    method = settings.method
    for one in [] if method is None else method.choices:
        alpha = one.alpha if type(one) is Mixup else 0.0
        if isinstance(alpha, (int, float)) and alpha > 1:
            warn_caller(
                f"alpha={alpha:g} is strong for plain Mixup, which tends to"
                " underfit above 1; values from 0.1 to 0.4 are usual."
            )
    # Members that find out about mixing need no advice.
    finds = isinstance(getattr(method, "alpha", None), list)
    if settings.mixes and not finds and n_epochs < 5 and not settings.partial:
        warn_caller(
            f"max_epochs={n_epochs} with mixing: mixed training needs more epochs"
            " than plain training, at least 5. Raise max_epochs or use mix=None."
        )


class _Given:
    """Gives skorch a validation part that exists already."""

    def __init__(self, valid: ArrayData | StreamData) -> None:
        self.valid = valid

    def __call__(self, dataset: Any, y: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        return dataset, self.valid


def _fit_epochs(net: Any, train: ArrayData | StreamData, n_epochs: int) -> None:
    max_epochs = net.max_epochs
    net.max_epochs = n_epochs
    try:
        with in_words(net):
            net.partial_fit(train, None)
    finally:
        net.max_epochs = max_epochs
