"""A training made ready, run and taken over.

Everything that can be wrong is found while it is made ready. Preparing, running and
taking over are apart, so that trainings of several estimators can be prepared, run
together, and each taken over by its owner.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from skorch.callbacks import LRScheduler

from sk_mixup.estimators._compat import open_callback_context
from sk_mixup.estimators._fold_members import found_alpha
from sk_mixup.estimators._reading import FitData, ReadingMixin
from sk_mixup.mixing import Method
from sk_mixup.nets import TabularNet
from sk_mixup.training import (
    ArrayData,
    BestWeights,
    ChooseAlpha,
    Course,
    CourseRates,
    Knobs,
    MemberRows,
    MemberRowsObjective,
    MixingRun,
    Recipe,
    ScikitLearnBridge,
    StreamData,
    TrainingBar,
    bundled_net,
    check_mixing,
    end_run,
    follows_plan,
    initialize_net,
    make_net,
    member_folds,
    mix_facts,
    module_kind,
    resolve_device,
    seeded_globals,
    start_run,
    token_information,
    try_knobs,
)

# What a recipe is told of an iterable data set.
_UNKNOWN_ROWS = 50_000


@dataclass
class Training:
    """A training up to its first step.

    Attributes
    ----------
    data : FitData
    net : skorch net
        Initialized.
    run : MixingRun
    n_epochs : int
        At most.
    knobs : Knobs
    schedule : str, callable or None
    fitted : dict
        Attributes that the estimator gets at the end.
    context : object or None
        scikit-learn's context of this fit.
    """

    data: FitData
    net: Any
    run: MixingRun
    n_epochs: int
    knobs: Knobs
    schedule: Any
    fitted: dict[str, Any]
    context: Any

    def go(self) -> None:
        """Run all epochs."""
        net, streams = self.net, self.data.streams
        self.begin()
        try:
            with seeded_globals(streams.next_dropout_seed()):
                _fit_epochs(net, self.data.train, self.n_epochs)
        finally:
            self.end()

    def begin(self) -> None:
        """Give the net what it needs while it trains."""
        net, valid = self.net, self.data.valid
        net.train_split = None if valid is None else _Given(valid)
        net.run_ = self.run
        start_run(self.run, net, self.knobs, schedule=self.schedule)

    def end(self) -> None:
        """Take it away again."""
        net = self.net
        net.run_ = None
        net.train_split = None
        net.callbacks_ = [c for c in net.callbacks_ if c[0] != "scikit_learn"]


class TrainingMixin(ReadingMixin):
    """Builds the net of a fit, and takes over what it learnt."""

    def _prepare(self, data: FitData) -> Training:
        """Build the net (or go on with a copy of the old one) and all around it."""
        source, target, train = data.source, data.target, data.train
        method, streams, partial = data.method, data.streams, data.partial
        device = resolve_device(self.device)
        n_classes, kind = self._n_classes(target), self._target_kind(target)
        n_rows = train.n_rows or _UNKNOWN_ROWS
        n_members, n_folds = data.members
        recipe = self._recipe(
            n_rows, device, source.kind, n_classes, folds=n_members > 0
        )
        sample, sample_y = train.sample()
        if data.going_on:
            net = self._net_to_go_on_with()
            objective = self._objective_
        else:
            net = self._build(source, target, recipe, device, train)
            needs_rows = method is not None or train.weight is not None
            with seeded_globals(streams.init_seed):
                objective = initialize_net(
                    net,
                    sample,
                    sample_y,
                    n_classes=n_classes,
                    needs_rows=needs_rows,
                    kind=kind,
                )
        if train.n_rows is None and n_classes is not None:
            # skorch's scores read them off y, where there is one.
            net.classes = list(range(n_classes))
        if kind is not None:
            kind.check_method(method)
        facts = mix_facts(
            train,
            method,
            n_classes=n_classes,
            columns=source.columns,
            seed=streams.encode_seed,
        )
        knobs = self._knobs(recipe)
        sample = try_knobs(net, knobs, sample, streams.init_seed)
        check_mixing(method, net, sample, sample_y, facts)
        n_epochs = 1 if partial else net.max_epochs
        if n_members:
            own, held = member_folds(
                train,
                n_members,
                n_folds,
                seed=streams.split_seed,
                stratified=self._stratifies(target),
            )
            data = replace(data, train=own, valid=held)
        self._warn_of_settings(method, n_epochs, partial)
        fitted = {
            "net_": net,
            "module_": net.module_,
            "history_": net.history_,
            "_source_": source,
            "_target_": target,
            "_objective_": objective,
            "_streams_": streams,
            **self._fitted_target(target),
            **self._start_calibration(data, objective),
        }
        anneals = recipe.anneal and not partial and self.optimizer is None
        schedule = "auto" if partial else _schedule(knobs, anneals)
        anneals = anneals and schedule == "auto"
        course = None
        if anneals and data.valid is not None:
            course = self._course(recipe, method)
        self._attach_callbacks(net, recipe, data.valid, n_epochs, anneals, course)
        most = n_epochs if course is None else course.longest
        context = open_callback_context(self, most, data.X, data.y)
        if context is not None:
            bridge = ScikitLearnBridge(self, context, data.X, data.y, lambda: fitted)
            net.callbacks_.insert(0, ("scikit_learn", bridge))
        if method is None or method.never_mixes:
            train.groups = None
            method = None  # The same training, without drawing plans that do nothing.
        judge = MemberRowsObjective.of(objective) if n_members else objective
        run = MixingRun(method, streams, judge, most, facts)
        return Training(data, net, run, most, knobs, schedule, fitted, context)

    def _take_over(self, training: Training) -> None:
        """Become what was trained."""
        data, net, fitted = training.data, training.net, training.fitted
        end_run(training.run, net, data.source)
        net.module_.eval()
        fitted["n_iter_"] = len(net.history_)
        fitted["alpha_"] = found_alpha(training.run.method, data.members[0])
        fitted |= self._calibrated(training)
        self.__dict__.update(fitted)
        if training.context is not None:
            training.context.call_on_fit_task_end(
                estimator=self,
                X=data.X,
                y=data.y,
                reconstruction_attributes=lambda: fitted,
            )

    def _build(
        self,
        source: Any,
        target: Any,
        recipe: Recipe,
        device: str,
        train: ArrayData | StreamData,
    ) -> Any:
        """Return the net of a fit, not initialized yet."""
        given = {
            name: getattr(self, name)
            for name in ("max_epochs", "batch_size", "lr", "optimizer", "criterion")
            if getattr(self, name) is not None
        }
        prefixed = {
            key: value
            for key, value in self._prefixed().items()
            if not key.startswith(("mix__", "compile__"))
        }
        kind = module_kind(self.module)
        callbacks = list(self.callbacks or [])
        # A module that skorch compiles is no plain module; see `_knobs`.
        settings: dict[str, Any] = {"callbacks": callbacks, "compile": False}
        if kind != "net" or self.device != "auto":
            settings["device"] = device
        if kind != "net" or self.verbose:
            settings["verbose"] = self.verbose
        if kind != "net":
            settings |= {
                "max_epochs": recipe.max_epochs,
                "batch_size": recipe.batch_size,
                "lr": recipe.lr,
                "optimizer": recipe.optimizer,
                "criterion": None,
            }
            if self.optimizer is None:
                for key, value in recipe.optimizer_params.items():
                    prefixed.setdefault(f"optimizer__{key}", value)
        settings |= given
        head = self._target_kind(target)
        if head is not None and head.fixes_criterion:
            settings["criterion"] = None
        n_outputs = self._n_classes(target) or target.n_outputs_
        n_outputs = n_outputs if head is None else head.width
        known = source.net_arguments(n_outputs) or {"n_outputs": n_outputs}
        net: Any = bundled_net(self.module, source.kind)
        if net is TabularNet:
            known |= recipe.net
            if self.module == "mlp":
                known["n_members"] = 1
        wanted = getattr(net, "needs_importance", False)
        if wanted and "module__importance" not in prefixed:
            known["importance"] = token_information(
                train,
                n_classes=self._n_classes(target),
                columns=source.columns,
                n_numeric=known["n_numeric"],
                seed=source.encoder.seed,
            )
        return make_net(
            self.module,
            is_classifier=self._is_classifier,
            settings=settings,
            prefixed=prefixed,
            table_arguments=known,
            input_kind=source.kind,
        )

    def _net_to_go_on_with(self) -> Any:
        """Return a copy of the trained net with the present settings."""
        given = [
            c[-1] if isinstance(c, tuple) else c for c in self.net_.callbacks or []
        ]
        # The caller looks at these very callbacks, not at copies.
        net = copy.deepcopy(self.net_, {id(callback): callback for callback in given})
        if self.verbose or module_kind(self.module) != "net":
            net.verbose = self.verbose
        for name in ("max_epochs", "batch_size"):
            if getattr(self, name) is not None:
                setattr(net, name, getattr(self, name))
        groups = net.optimizer_.param_groups
        if any(name == "annealing" for name, _ in net.callbacks_):
            # The last training ended its schedule at a learning rate of zero.
            for group in groups:
                group["lr"] = group["initial_lr"]
        if self.lr is not None and self.lr != net.lr:
            for group in groups:
                # Parts of a net may learn at a multiple of it.
                group["lr"] *= self.lr / net.lr
            net.lr = self.lr
        return net

    def _course(self, recipe: Recipe, method: Method | None) -> Course | None:
        """Return what a training's length follows; None: somebody counts on it."""
        if recipe.longest == 0 or follows_plan(method):
            return None
        longest = recipe.longest if self.max_epochs is None else self.max_epochs
        patience = self.n_iter_no_change
        return Course(
            longest, recipe.n_iter_no_change if patience is None else patience
        )

    def _attach_callbacks(
        self,
        net: Any,
        recipe: Recipe,
        valid: ArrayData | StreamData | None,
        n_epochs: int,
        anneals: bool,
        course: Course | None,
    ) -> None:
        """Add the callbacks of the recipe to the initialized ones of skorch."""
        own = ("best_weights", "annealing", "alphas", "training_bar")
        if isinstance(valid, MemberRows):
            # skorch's accuracy wants one output per row; ours takes its place.
            own = (*own, "valid_acc")
        net.callbacks_ = [c for c in net.callbacks_ if c[0] not in own]
        added: list[tuple[str, Any]] = []
        if course is not None:
            added.append(("annealing", CourseRates(course).initialize()))
        elif anneals and n_epochs > 1:
            # skorch would go on from the epochs of earlier trainings.
            schedule = LRScheduler(
                policy=torch.optim.lr_scheduler.CosineAnnealingLR,
                last_epoch=-1,
                T_max=n_epochs,
            )
            added.append(("annealing", schedule.initialize()))
        if valid is not None:
            patience, first = self.n_iter_no_change, 0
            if patience is None:
                patience = recipe.n_iter_no_change
                # Without the schedule of the recipe, no epoch is closer to the end.
                first = int(recipe.first_epoch * n_epochs) if anneals else 0
            if course is not None:
                first = 0
            best = BestWeights(patience, first_epoch=first, course=course)
            added.append(("best_weights", best.initialize()))
        if course is not None and isinstance(valid, MemberRows):
            added.append(("alphas", ChooseAlpha(course, valid).initialize()))
        if self.verbose > 1:
            added.append(("training_bar", TrainingBar(n_epochs, course).initialize()))
        # Behind the log, which shows the epoch that stops the training too.
        net.callbacks_ = [*net.callbacks_, *added]


class _Given:
    """Gives skorch a validation part that exists already."""

    def __init__(self, valid: ArrayData | StreamData) -> None:
        self.valid = valid

    def __call__(self, dataset: Any, y: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        return dataset, self.valid


def _schedule(knobs: Knobs, anneals: bool) -> Any:
    """Return the schedule of a fit; "auto": that of the recipe, if it has one."""
    if knobs.schedule == "auto" and knobs.warmup > 0:
        return "cosine" if anneals else None
    return knobs.schedule


def _fit_epochs(net: Any, train: ArrayData | StreamData, n_epochs: int) -> None:
    max_epochs = net.max_epochs
    net.max_epochs = n_epochs
    try:
        net.partial_fit(train, None)
    finally:
        net.max_epochs = max_epochs
