"""What the parameters of an estimator say, read and checked once.

A fit reads its parameters here and nowhere else: what follows gets a frozen copy, so
that nothing that happens in a training can depend on what became of the estimator.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass, fields, replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from sk_mixup.estimators._checks import check_count, check_path, check_positive
from sk_mixup.estimators.results import check_importance
from sk_mixup.estimators.tasks import Task, Tasks
from sk_mixup.mixing import Method, resolve_method
from sk_mixup.training import (
    PRESETS,
    Knobs,
    Recipe,
    check_knobs,
    input_kind,
    listed_callbacks,
    module_kind,
    named_criterion,
    named_optimizer,
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The parameters of a fit, and what follows from them alone.

    Fields that are not listed are the parameters of the same name.

    Attributes
    ----------
    owner : estimator
        Whom messages name and scikit-learn's callbacks are told of; never changed.
    tasks : Tasks
        What is known of the targets beforehand.
    partial : bool
        Whether it is one epoch of `partial_fit`.
    method : Method or None
        How to mix: what `mix`, `alpha` and ``mix__*`` say together.
    prefixed : dict
        Parameters with a prefix, by their full names.
    given : dict
        All parameters as they were given, by name.
    """

    owner: Any
    tasks: Tasks
    partial: bool
    method: Method | None
    prefixed: dict[str, Any]
    given: dict[str, Any]

    module: Any
    mix: Any
    alpha: Any
    preset: Any
    max_epochs: Any
    batch_size: Any
    lr: Any
    optimizer: Any
    criterion: Any
    callbacks: Any
    augment: Any
    schedule: Any
    warmup: Any
    ema: Any
    clip_norm: Any
    accumulate: Any
    precision: Any
    compile: Any
    channels_last: Any
    device: Any
    verbose: Any
    warm_start: Any
    categorical_features: Any
    early_stopping: Any
    validation_fraction: Any
    n_iter_no_change: Any
    random_state: Any
    importance: Any = None
    #: None where nothing is calibrated.
    calibration: Any = None
    checkpoint: Any = None
    checkpoint_every: Any = 1
    distributed: Any = None

    @classmethod
    def of(
        cls,
        estimator: Any,
        X: Any = None,
        *,
        partial: bool = False,
        before: Task | None = None,
    ) -> Settings:
        """Read and check the parameters of an estimator.

        Parameters
        ----------
        estimator : MixupClassifier or MixupRegressor
        X : object
            What is to be fitted; what ``mix="auto"`` means depends on it.
        partial : bool
        before : Task or None
            That of the training that goes on.

        Raises
        ------
        ValueError, TypeError, ImportError
            With the name of the parameter.
        """
        tasks: Tasks = estimator._tasks()
        tasks.check(before)
        given = estimator.get_params(deep=False)
        settings = cls(
            owner=estimator,
            tasks=tasks,
            partial=partial,
            method=None,
            prefixed=estimator._prefixed(),
            # Lists and dicts may be changed in place afterwards.
            given={
                name: value.copy() if isinstance(value, (list, dict)) else value
                for name, value in given.items()
            },
            **{f.name: given[f.name] for f in fields(cls) if f.name in given},
        )
        settings = replace(
            settings,
            optimizer=named_optimizer(settings.optimizer),
            criterion=named_criterion(settings.criterion),
            callbacks=listed_callbacks(settings.callbacks),
        )
        settings._check()
        for key in settings.prefixed:
            estimator._check_keyword(key, TypeError)
        return replace(settings, method=settings.resolved_method(X))

    @property
    def owner_name(self) -> str:
        """Name of the estimator's class, for messages."""
        return type(self.owner).__name__

    @property
    def mixes(self) -> bool:
        """Whether any batch may be mixed."""
        return self.method is not None and not self.method.never_mixes

    def under(self, prefix: str) -> dict[str, Any]:
        """Return the parameters with a prefix, by what follows it."""
        start = f"{prefix}__"
        return {
            key[len(start) :]: value
            for key, value in self.prefixed.items()
            if key.startswith(start)
        }

    def knobs(self, recipe: Recipe | None = None) -> Knobs:
        """Return the checked settings of the training; those of a recipe, if given."""
        compiles, options = self.compile, self.under("compile")
        if compiles is False and getattr(self.module, "compile", None) is True:
            # A wrapped net that says so.
            compiles = True
            options = self.module.get_params_for("compile") | options
        precision = self.precision
        if isinstance(precision, str) and precision == "auto":
            # Other optimizers may look for decreases that rounding hides.
            precision = "float32"
            if recipe is not None and self.optimizer is None:
                precision = recipe.precision
        return check_knobs(
            augment=self.augment,
            schedule=self.schedule,
            warmup=self.warmup,
            ema=self.ema,
            clip_norm=self.clip_norm,
            accumulate=self.accumulate,
            precision=precision,
            compile=compiles,
            compile_options=options,
            channels_last=self.channels_last,
        )

    def _check(self) -> None:
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
        if self.partial and stopping is True:
            raise ValueError(
                "partial_fit cannot hold out data: early_stopping=True is for fit. Use"
                " early_stopping='auto' or False."
            )
        if self.preset not in PRESETS:
            raise ValueError(
                f"preset must be one of {list(PRESETS)}; got {self.preset!r}."
            )
        check_importance(self.importance)
        self._check_checkpoint()
        shared = self.distributed
        if shared is not None and shared not in ("auto", "parts"):
            raise ValueError(
                f"distributed must be 'auto', 'parts' or None; got {shared!r}."
            )
        module_kind(self.module)
        self.knobs()
        for name in self.under("dataset"):
            raise ValueError(
                f"dataset__{name}: rows come encoded and whole, and no class of data"
                " sets is built. Give a data set as X."
            )
        if self.verbose > 1 and find_spec("tqdm") is None:
            raise ImportError(
                f"verbose={self.verbose} draws a progress bar, which needs tqdm: pip"
                " install 'sk-mixup[progress]'. verbose=1 prints a table."
            )

    def _check_checkpoint(self) -> None:
        if self.checkpoint_every is None:
            raise TypeError("checkpoint_every must be an int of at least 1; got None.")
        check_count("checkpoint_every", self.checkpoint_every)
        if self.checkpoint is None:
            return
        check_path(self.checkpoint)
        if self.warm_start and not self.partial:
            raise ValueError(
                f"checkpoint={str(self.checkpoint)!r} takes up a training that was"
                " killed, and warm_start=True goes on with one that has ended: say"
                " warm_start=False, or checkpoint=None."
            )

    def finds_alpha(self, X: Any = None) -> bool:
        """Whether the training is to find out how strongly to mix rows of `X`.

        Raises
        ------
        ValueError
            If it is to, and cannot.
        """
        by_name = isinstance(self.mix, str) and self.mix in ("auto", "mixup")
        is_table = input_kind(self.module, X) == "table"
        fits = by_name and self.module is None and is_table
        if not isinstance(self.alpha, str) or self.alpha != "auto":
            return fits and self.alpha is None and not self.under("mix")
        if self.mix is not None and not fits:
            raise ValueError(
                "alpha='auto' is for mix='mixup' and the net that module=None builds"
                " for tables, whose members try several. For others give a number, or"
                " let MixupSearchCV choose: MixupSearchCV(model, {'alpha': [0, 0.1,"
                " 0.2, 0.4]})."
            )
        return fits

    def resolved_method(self, X: Any = None) -> Method | None:
        """Return the method that `mix`, `alpha` and ``mix__*`` stand for, a new one."""
        mix, overrides = self.mix, self.under("mix")
        is_auto = self.finds_alpha(X)
        if isinstance(mix, str) and mix == "auto":
            said = overrides or not (is_auto or self.alpha is None)
            is_table = input_kind(self.module, X) == "table"
            mix = None if is_table and not said else "mixup"
        # Where nothing can be found out, as of many rows, the method's own is taken.
        said_auto = isinstance(self.alpha, str) and self.alpha == "auto"
        alpha = None if is_auto or said_auto else self.alpha
        return resolve_method(mix, alpha=alpha, overrides=overrides)
