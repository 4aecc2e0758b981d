"""The way of a fit, shared by classifier and regressor.

The estimator holds its parameters and builds a skorch net in `fit`. Everything that can
be wrong is found before training, and everything learnt is stored at the end, so that a
failed `fit` leaves a fitted estimator as it was.
"""

from __future__ import annotations

import copy
import numbers
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
)
from skorch.callbacks import LRScheduler

from sk_mixup._checks import (
    check_count,
    check_groups,
    check_positive,
    check_weight,
    drop_weightless,
    normalized,
)
from sk_mixup._compat import CallbackSupportMixin, open_callback_context
from sk_mixup._holdout import hold_out, split_problem
from sk_mixup._intake import (
    brings_targets,
    given_targets,
    new_stream,
    note_features,
    predicted_batches,
    refuse_for_streams,
)
from sk_mixup._parameters import PrefixedParameters
from sk_mixup._preview import PreviewMixin
from sk_mixup.exceptions import MixupWarning
from sk_mixup.inputs import (
    ArrayInput,
    LazyRows,
    ShapedInput,
    TableInput,
    TextInput,
    is_stream,
)
from sk_mixup.mixing import Method, Mixup, OneOf, resolve_method
from sk_mixup.training import (
    AUTO_EARLY_STOPPING_ROWS,
    ArrayData,
    BestWeights,
    Knobs,
    MixingRun,
    Recipe,
    ScikitLearnBridge,
    StreamData,
    TargetKind,
    TrainingBar,
    TrainStreams,
    bundled_net,
    check_knobs,
    check_mixing,
    end_run,
    image_recipe,
    initialize_net,
    input_kind,
    make_net,
    mix_facts,
    module_kind,
    module_recipe,
    predict_outputs,
    predict_stream,
    resolve_device,
    seeded_globals,
    start_run,
    table_recipe,
    text_recipe,
    try_knobs,
    tuning_recipe,
)

# Rows encoded at once for a prediction: many blocks of the net, few megabytes.
_ENCODED_ROWS = 65_536
# What a recipe is told of an iterable data set.
_UNKNOWN_ROWS = 50_000


class BaseMixup(PreviewMixin, CallbackSupportMixin, PrefixedParameters):
    """Common part of `MixupClassifier` and `MixupRegressor`."""

    _is_classifier: bool

    # -- what the leaves add ----------------------------------------------------------

    def _fit_target(self, y: Any, weight: np.ndarray | None, classes: Any) -> Any:
        """Return a target encoder fitted on `y`."""
        raise NotImplementedError

    def _fitted_target(self, target: Any) -> dict[str, Any]:
        """Return fitted attributes that describe the target."""
        raise NotImplementedError

    # -- fit --------------------------------------------------------------------------

    def _fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        groups: Any = None,
        classes: Any = None,
        partial: bool = False,
    ) -> Any:
        with self._all_or_nothing():
            going_on = hasattr(self, "net_") and (partial or self.warm_start)
            method = self._check_parameters(partial)
            source = self._source_ if going_on else None
            streams = copy.deepcopy(self._streams_) if going_on else self._new_streams()
            if source is None:
                source = self._new_source(streams)
            if isinstance(source, ArrayInput):
                source.collate = self._collate()
            if is_stream(X):
                refuse_for_streams(
                    self, y=y, sample_weight=sample_weight, groups=groups
                )
                target, stream = self._read_stream(source, X, classes, going_on)
                note_features(self, stream, reset=not going_on)
                valid = self._validation(
                    source, target, X_val, y_val, sample_weight_val
                )
                self._train(
                    X, y, source, target, stream, valid, method, streams, going_on,
                    partial,
                )  # fmt: skip
                return self
            table = source.check(X)
            note_features(self, table, reset=not going_on)
            y = given_targets(self, table, y)
            check_consistent_length(table, y)
            weight = check_weight("sample_weight", sample_weight, len(table))
            groups = check_groups(groups, len(table))
            target = self._target_ if going_on else None
            if target is None:
                target = self._fit_target(y, weight, classes)
            elif classes is not None:
                self._check_same_classes(classes)
            labels = torch.from_numpy(target.transform(y))
            weight = self._class_weighted(target, labels, weight)
            table, labels, weight, groups = drop_weightless(
                table, labels, weight, groups
            )
            if not (going_on or partial):
                self._check_classes_left(target, labels)
            x = source.transform(table) if going_on else source.fit_transform(table)
            train = ArrayData(x, labels, normalized(weight), groups)
            valid = self._validation(source, target, X_val, y_val, sample_weight_val)
            stratified = self._stratifies(target)
            if valid is None and self._stops_early(train, stratified, partial):
                train, valid = hold_out(
                    train,
                    self.validation_fraction,
                    seed=streams.split_seed,
                    stratified=stratified,
                )
            self._train(
                X, y, source, target, train, valid, method, streams, going_on, partial
            )
        return self

    def _train(
        self,
        X: Any,
        y: Any,
        source: Any,
        target: Any,
        train: ArrayData | StreamData,
        valid: ArrayData | StreamData | None,
        method: Method | None,
        streams: TrainStreams,
        going_on: bool,
        partial: bool,
    ) -> None:
        """Build the net (or go on with a copy of the old one) and train it."""
        device = resolve_device(self.device)
        recipe = self._recipe(train.n_rows or _UNKNOWN_ROWS, device)
        n_classes, kind = self._n_classes(target), self._target_kind(target)
        sample, sample_y = train.sample()
        if going_on:
            net = self._net_to_go_on_with()
            objective = self._objective_
        else:
            net = self._build(source, target, recipe, device)
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
        knobs = self._knobs()
        sample = try_knobs(net, knobs, sample, streams.init_seed)
        check_mixing(method, net, sample, sample_y, facts)
        n_epochs = 1 if partial else net.max_epochs
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
        }
        anneals = recipe.anneal and not partial and self.optimizer is None
        schedule = "auto" if partial else _schedule(knobs, anneals)
        anneals = anneals and schedule == "auto"
        self._attach_callbacks(net, recipe, valid is not None, n_epochs, anneals)
        context = open_callback_context(self, n_epochs, X, y)
        if context is not None:
            bridge = ScikitLearnBridge(self, context, X, y, lambda: fitted)
            net.callbacks_.insert(0, ("scikit_learn", bridge))
        net.train_split = None if valid is None else _Given(valid)
        if method is None or method.never_mixes:
            train.groups = None
            method = None  # The same training, without drawing plans that do nothing.
        net.run_ = run = MixingRun(method, streams, objective, n_epochs, facts)
        start_run(run, net, knobs, schedule=schedule)
        try:
            with seeded_globals(streams.next_dropout_seed()):
                _fit_epochs(net, train, n_epochs)
        finally:
            net.run_ = None
            net.train_split = None
            net.callbacks_ = [c for c in net.callbacks_ if c[0] != "scikit_learn"]
        end_run(run, net, source)
        net.module_.eval()
        fitted["n_iter_"] = len(net.history_)
        self.__dict__.update(fitted)
        if context is not None:
            context.call_on_fit_task_end(
                estimator=self, X=X, y=y, reconstruction_attributes=lambda: fitted
            )

    def _build(self, source: Any, target: Any, recipe: Recipe, device: str) -> Any:
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
        n_outputs = self._n_classes(target) or target.n_outputs_
        n_outputs = n_outputs if head is None else head.width
        return make_net(
            self.module,
            is_classifier=self._is_classifier,
            settings=settings,
            prefixed=prefixed,
            table_arguments=source.net_arguments(n_outputs) or {"n_outputs": n_outputs},
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
            net.lr = self.lr
            for group in groups:
                group["lr"] = self.lr
        return net

    def _attach_callbacks(
        self, net: Any, recipe: Recipe, validates: bool, n_epochs: int, anneals: bool
    ) -> None:
        """Add the callbacks of the recipe to the initialized ones of skorch."""
        own = ("best_weights", "annealing", "training_bar")
        net.callbacks_ = [c for c in net.callbacks_ if c[0] not in own]
        added: list[tuple[str, Any]] = []
        if anneals and n_epochs > 1:
            schedule = LRScheduler(
                policy=torch.optim.lr_scheduler.CosineAnnealingLR,
                T_max=n_epochs,
                # skorch would go on from the epochs of earlier trainings.
                last_epoch=-1,
            )
            added.append(("annealing", schedule.initialize()))
        if validates:
            patience = self.n_iter_no_change
            patience = recipe.n_iter_no_change if patience is None else patience
            added.append(("best_weights", BestWeights(patience).initialize()))
        if self.verbose > 1:
            added.append(("training_bar", TrainingBar(n_epochs).initialize()))
        # Behind the log, which shows the epoch that stops the training too.
        net.callbacks_ = [*net.callbacks_, *added]

    def _read_stream(
        self, source: Any, X: Any, classes: Any, going_on: bool
    ) -> tuple[Any, StreamData]:
        """Return the target and the data of an iterable, of which little is known."""
        refuse_for_streams(self, class_weight=getattr(self, "class_weight", None))
        stream = new_stream(source, X, fits=not going_on)
        if going_on:
            target = self._target_
            if classes is not None:
                self._check_same_classes(classes)
        else:
            if self._is_classifier and classes is None:
                raise ValueError(
                    "classes must be given for an iterable data set: all labels, which"
                    " nobody can know before the last row has come."
                )
            first = classes if self._is_classifier else stream.first_targets()
            target = self._fit_target(first, None, classes)
        return target, new_stream(source, X, target, fits=False)

    # -- checks -----------------------------------------------------------------------

    def _check_parameters(self, partial: bool) -> Method | None:
        check_count("max_epochs", self.max_epochs)
        check_count("batch_size", self.batch_size)
        check_count("n_iter_no_change", self.n_iter_no_change)
        check_positive("lr", self.lr)
        fraction = self.validation_fraction
        if not isinstance(fraction, numbers.Real) or not 0.0 < float(fraction) < 1.0:
            raise ValueError(
                f"validation_fraction must be a number between 0 and 1; got"
                f" {fraction!r}."
            )
        stopping = self.early_stopping
        if not isinstance(stopping, (bool, np.bool_)) and stopping != "auto":
            raise ValueError(
                f"early_stopping must be True, False or 'auto'; got {stopping!r}."
            )
        if partial and stopping is True:
            raise ValueError(
                "partial_fit cannot hold out data: early_stopping=True is for fit. Use"
                " early_stopping='auto' or False."
            )
        module_kind(self.module)
        self._knobs()
        if self.verbose > 1 and find_spec("tqdm") is None:
            raise ImportError(
                f"verbose={self.verbose} draws a progress bar, which needs tqdm: pip"
                " install 'sk-mixup[progress]'. verbose=1 prints a table."
            )
        for key in self._prefixed():
            self._check_keyword(key, TypeError)
        return resolve_method(
            self.mix, alpha=self.alpha, overrides=self._prefixed("mix")
        )

    def _knobs(self) -> Knobs:
        """Return the checked settings of the training."""
        compiles, options = self.compile, self._prefixed("compile")
        if compiles is False and getattr(self.module, "compile", None) is True:
            # A wrapped net that says so.
            compiles = True
            options = self.module.get_params_for("compile") | options
        return check_knobs(
            augment=self.augment,
            schedule=self.schedule,
            warmup=self.warmup,
            ema=self.ema,
            clip_norm=self.clip_norm,
            accumulate=self.accumulate,
            precision=self.precision,
            compile=compiles,
            compile_options=options,
            channels_last=self.channels_last,
        )

    def _warn_of_settings(
        self, method: Method | None, n_epochs: int, partial: bool
    ) -> None:
        methods = list(method.methods) if isinstance(method, OneOf) else [method]
        for one in methods:
            if type(one) is Mixup and not callable(one.alpha) and one.alpha > 1:
                warnings.warn(
                    f"alpha={one.alpha:g} is strong for plain Mixup, which tends to"
                    " underfit above 1; values from 0.1 to 0.4 are usual.",
                    MixupWarning,
                    stacklevel=5,
                )
        mixes = method is not None and not method.never_mixes
        if mixes and n_epochs < 5 and not partial:
            warnings.warn(
                f"max_epochs={n_epochs} with mixing: mixed training needs more epochs"
                " than plain training, at least 5. Raise max_epochs or use mix=None.",
                MixupWarning,
                stacklevel=5,
            )

    def _check_same_classes(self, classes: Any) -> None:
        """Check that a training goes on with the classes that it began with."""

    def _check_classes_left(self, target: Any, labels: torch.Tensor) -> None:
        """Check what is left without the rows of weight zero."""

    def _class_weighted(
        self, target: Any, labels: torch.Tensor, weight: np.ndarray | None
    ) -> np.ndarray | None:
        return weight

    def _n_classes(self, target: Any) -> int | None:
        """Return the number of classes, the most of several outputs; None: numbers."""
        return None

    def _target_kind(self, target: Any) -> TargetKind | None:
        """Return what targets are that are not one class or some numbers per row."""
        return None

    def _stratifies(self, target: Any) -> bool:
        """Whether a validation part keeps the shares of the classes."""
        return False

    # -- parts ------------------------------------------------------------------------

    def _new_streams(self) -> TrainStreams:
        if self.random_state is None:
            # NumPy's global state, scikit-learn's None, would move.
            return TrainStreams(secrets.randbits(31))
        random_state = check_random_state(self.random_state)
        return TrainStreams(int(random_state.randint(np.iinfo(np.int32).max)))

    def _new_source(self, streams: TrainStreams) -> Any:
        name = type(self).__name__
        kind = input_kind(self.module)
        if kind == "table":
            return TableInput(self.categorical_features, streams.encode_seed, name)
        if kind == "array":
            net: Any = bundled_net(self.module)
            return ShapedInput(name, self.module, net.input_axes, net.input_shape)
        if kind == "text":
            return TextInput(name)
        return ArrayInput(name)

    def _collate(self) -> Any:
        """Return what joins the items of a data set, where the user says it."""
        given = getattr(self.module, "iterator_train__collate_fn", None)
        return self._prefixed("iterator_train").get("collate_fn", given)

    def _recipe(self, n_rows: int, device: str) -> Recipe:
        kind = input_kind(self.module)
        if kind == "table":
            return table_recipe(n_rows, device)
        loads = getattr(self, "module__pretrained", False)
        if loads and bundled_net(self.module) is not None:
            return tuning_recipe(device)
        if kind == "array":
            return image_recipe(n_rows, device)
        if kind == "text":
            return text_recipe(n_rows, device)
        return module_recipe(device)

    def _validation(
        self,
        source: Any,
        target: Any,
        X_val: Any,
        y_val: Any,
        sample_weight_val: Any,
    ) -> ArrayData | StreamData | None:
        """Return the encoded validation data that the user gave, or None."""
        if X_val is None:
            for name, value in (
                ("y_val", y_val),
                ("sample_weight_val", sample_weight_val),
            ):
                if value is not None:
                    raise ValueError(f"{name} was given without X_val.")
            return None
        if y_val is None and not brings_targets(X_val):
            raise ValueError("X_val was given without y_val.")
        if self.early_stopping is False:
            raise ValueError(
                "X_val was given, and early_stopping=False would not use it. Say"
                " early_stopping='auto' or True, or leave X_val out."
            )
        if is_stream(X_val):
            refuse_for_streams(self, y_val=y_val, sample_weight_val=sample_weight_val)
            return new_stream(source, X_val, target, fits=False)
        table = source.check(X_val)
        note_features(self, table, reset=False)
        y_val = given_targets(self, table, y_val)
        check_consistent_length(table, y_val)
        weight = check_weight("sample_weight_val", sample_weight_val, len(table))
        labels = torch.from_numpy(target.transform(y_val))
        weight = self._class_weighted(target, labels, weight)
        table, labels, weight, _ = drop_weightless(table, labels, weight)
        return ArrayData(source.transform(table), labels, normalized(weight))

    def _stops_early(self, train: ArrayData, stratified: bool, partial: bool) -> bool:
        """Whether a validation part is held out."""
        if partial or self.early_stopping is False:
            return False
        if self.early_stopping == "auto" and len(train) < AUTO_EARLY_STOPPING_ROWS:
            return False
        problem = split_problem(train, self.validation_fraction, stratified=stratified)
        if problem is None:
            return True
        if self.early_stopping is True:
            raise ValueError(
                f"early_stopping=True needs a validation part, and {problem}. Give"
                " X_val and y_val, or say early_stopping=False."
            )
        return False

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        before = dict(vars(self))
        try:
            yield
        except BaseException:
            transient = {
                key: value
                for key, value in vars(self).items()
                if key in ("_callback_fit_ctx", "_skl_callbacks_to_teardown")
            }
            self.__dict__.clear()
            self.__dict__.update(before | transient)
            raise

    # -- predict ----------------------------------------------------------------------

    def _outputs(self, X: Any) -> torch.Tensor:
        """Return the raw outputs of the module for every row."""
        check_is_fitted(self)
        module = self.net_.for_prediction(self.module_)
        loader = self.net_.get_params_for("iterator_valid")
        if is_stream(X):
            batches = predicted_batches(self._source_, X, loader)
            device, read = self.net_.device, self._objective_.read
            return predict_stream(module, batches, device, read)
        table = self._source_.check(X)
        note_features(self, table, reset=False)
        outputs = [
            predict_outputs(
                module,
                self._source_.transform(part),
                self.net_.device,
                self._objective_.read,
                loader,
            )
            for part in _parts(table)
        ]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def __sklearn_is_fitted__(self) -> bool:
        """Whether `fit` has succeeded."""
        return hasattr(self, "net_")

    def __sklearn_tags__(self) -> Any:
        """Missing values are fine in tables."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = input_kind(self.module) == "table"
        return tags


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


def _parts(table: Any) -> Iterator[Any]:
    """Cut a long table, so that its encoding takes bounded memory."""
    if len(table) <= _ENCODED_ROWS or isinstance(table, LazyRows):
        yield table
        return
    rows = table.iloc if hasattr(table, "iloc") else table
    for start in range(0, len(table), _ENCODED_ROWS):
        yield rows[start : start + _ENCODED_ROWS]
