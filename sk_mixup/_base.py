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
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    validate_data,
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
from sk_mixup._parameters import PrefixedParameters
from sk_mixup._preview import PreviewMixin
from sk_mixup.exceptions import MixupWarning
from sk_mixup.inputs import ArrayInput, TableInput
from sk_mixup.mixing import Method, Mixup, OneOf, resolve_method
from sk_mixup.training import (
    AUTO_EARLY_STOPPING_ROWS,
    ArrayData,
    BestWeights,
    MixingRun,
    Recipe,
    ScikitLearnBridge,
    TrainStreams,
    check_mixing,
    initialize_net,
    make_net,
    mix_facts,
    module_kind,
    module_recipe,
    predict_outputs,
    resolve_device,
    seeded_globals,
    select,
    table_recipe,
)

# Rows encoded at once for a prediction: many blocks of the net, few megabytes.
_ENCODED_ROWS = 65_536


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
            table = source.check(X)
            validate_data(self, table, reset=not going_on, skip_check_array=True)
            if y is None:
                raise ValueError(
                    f"This {type(self).__name__} estimator requires y to be passed, but"
                    " the target y is None."
                )
            check_consistent_length(X, y)
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
            if valid is None and self._stops_early(train, partial):
                train, valid = hold_out(
                    train,
                    self.validation_fraction,
                    seed=streams.split_seed,
                    stratified=self._is_classifier,
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
        train: ArrayData,
        valid: ArrayData | None,
        method: Method | None,
        streams: TrainStreams,
        going_on: bool,
        partial: bool,
    ) -> None:
        """Build the net (or go on with a copy of the old one) and train it."""
        device = resolve_device(self.device)
        recipe = self._recipe(len(train), device)
        n_classes = self._n_classes(target)
        sample, sample_y = select(train.X, slice(2)), train.y[:2]
        if going_on:
            net = self._net_to_go_on_with()
            objective = self._objective_
        else:
            net = self._build(source, target, recipe, device)
            needs_rows = method is not None or train.weight is not None
            with seeded_globals(streams.init_seed):
                objective = initialize_net(
                    net, sample, sample_y, n_classes=n_classes, needs_rows=needs_rows
                )
        facts = mix_facts(
            train,
            method,
            n_classes=n_classes,
            columns=source.columns,
            seed=streams.encode_seed,
        )
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
        self._attach_callbacks(net, recipe, valid is not None, n_epochs, partial)
        context = open_callback_context(self, n_epochs, X, y)
        if context is not None:
            bridge = ScikitLearnBridge(self, context, X, y, lambda: fitted)
            net.callbacks_.insert(0, ("scikit_learn", bridge))
        net.train_split = None if valid is None else _Given(valid)
        if method is None or method.never_mixes:
            train.groups = None
            method = None  # The same training, without drawing plans that do nothing.
        net.run_ = MixingRun(method, streams, objective, n_epochs, facts)
        try:
            with seeded_globals(streams.next_dropout_seed()):
                _fit_epochs(net, train, n_epochs)
        finally:
            net.run_ = None
            net.train_split = None
            net.callbacks_ = [c for c in net.callbacks_ if c[0] != "scikit_learn"]
        source.after_training(net.module_)
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
            if not key.startswith("mix__")
        }
        kind = module_kind(self.module)
        callbacks = list(self.callbacks or [])
        settings: dict[str, Any] = {"callbacks": callbacks}
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
        n_outputs = self._n_classes(target) or target.n_outputs_
        return make_net(
            self.module,
            is_classifier=self._is_classifier,
            settings=settings,
            prefixed=prefixed,
            table_arguments=source.net_arguments(n_outputs),
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
        self, net: Any, recipe: Recipe, validates: bool, n_epochs: int, partial: bool
    ) -> None:
        """Add the callbacks of the recipe to the initialized ones of skorch."""
        own = ("best_weights", "annealing")
        net.callbacks_ = [c for c in net.callbacks_ if c[0] not in own]
        added: list[tuple[str, Any]] = []
        anneals = recipe.anneal and not partial and self.optimizer is None
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
        # Behind the log, which shows the epoch that stops the training too.
        net.callbacks_ = [*net.callbacks_, *added]

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
        for key in self._prefixed():
            self._check_keyword(key, TypeError)
        return resolve_method(
            self.mix, alpha=self.alpha, overrides=self._prefixed("mix")
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
        return None

    # -- parts ------------------------------------------------------------------------

    def _new_streams(self) -> TrainStreams:
        if self.random_state is None:
            # NumPy's global state, scikit-learn's None, would move.
            return TrainStreams(secrets.randbits(31))
        random_state = check_random_state(self.random_state)
        return TrainStreams(int(random_state.randint(np.iinfo(np.int32).max)))

    def _new_source(self, streams: TrainStreams) -> Any:
        name = type(self).__name__
        if module_kind(self.module) == "bundled":
            return TableInput(self.categorical_features, streams.encode_seed, name)
        return ArrayInput(name)

    def _recipe(self, n_rows: int, device: str) -> Recipe:
        if module_kind(self.module) == "bundled":
            return table_recipe(n_rows, device)
        return module_recipe(device)

    def _validation(
        self,
        source: Any,
        target: Any,
        X_val: Any,
        y_val: Any,
        sample_weight_val: Any,
    ) -> ArrayData | None:
        """Return the encoded validation data that the user gave, or None."""
        if X_val is None:
            for name, value in (
                ("y_val", y_val),
                ("sample_weight_val", sample_weight_val),
            ):
                if value is not None:
                    raise ValueError(f"{name} was given without X_val.")
            return None
        if y_val is None:
            raise ValueError("X_val was given without y_val.")
        if self.early_stopping is False:
            raise ValueError(
                "X_val was given, and early_stopping=False would not use it. Say"
                " early_stopping='auto' or True, or leave X_val out."
            )
        table = source.check(X_val)
        validate_data(self, table, reset=False, skip_check_array=True)
        check_consistent_length(X_val, y_val)
        weight = check_weight("sample_weight_val", sample_weight_val, len(table))
        labels = torch.from_numpy(target.transform(y_val))
        weight = self._class_weighted(target, labels, weight)
        table, labels, weight, _ = drop_weightless(table, labels, weight)
        return ArrayData(source.transform(table), labels, normalized(weight))

    def _stops_early(self, train: ArrayData, partial: bool) -> bool:
        """Whether a validation part is held out."""
        if partial or self.early_stopping is False:
            return False
        if self.early_stopping == "auto" and len(train) < AUTO_EARLY_STOPPING_ROWS:
            return False
        problem = split_problem(
            train, self.validation_fraction, stratified=self._is_classifier
        )
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
        table = self._source_.check(X)
        validate_data(self, table, reset=False, skip_check_array=True)
        outputs = [
            predict_outputs(
                self.module_, self._source_.transform(part), self.net_.device
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
        tags.input_tags.allow_nan = self.module is None or isinstance(self.module, str)
        return tags


class _Given:
    """Gives skorch a validation part that exists already."""

    def __init__(self, valid: ArrayData) -> None:
        self.valid = valid

    def __call__(self, dataset: Any, y: Any = None, **kwargs: Any) -> tuple[Any, Any]:
        return dataset, self.valid


def _fit_epochs(net: Any, train: ArrayData, n_epochs: int) -> None:
    max_epochs = net.max_epochs
    net.max_epochs = n_epochs
    try:
        net.partial_fit(train, None)
    finally:
        net.max_epochs = max_epochs


def _parts(table: Any) -> Iterator[Any]:
    """Cut a long table, so that its encoding takes bounded memory."""
    if len(table) <= _ENCODED_ROWS:
        yield table
        return
    rows = table.iloc if hasattr(table, "iloc") else table
    for start in range(0, len(table), _ENCODED_ROWS):
        yield rows[start : start + _ENCODED_ROWS]
