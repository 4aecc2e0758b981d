"""What the parameters of an estimator say, checked before anything else happens."""

from __future__ import annotations

import dataclasses
import numbers
import secrets
import warnings
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from sk_mixup.estimators._checks import check_count, check_positive
from sk_mixup.estimators._fold_members import takes_auto_alpha
from sk_mixup.estimators._parameters import PrefixedParameters
from sk_mixup.exceptions import MixupWarning
from sk_mixup.inputs import ArrayInput, ShapedInput, TableInput, TextInput
from sk_mixup.mixing import Method, Mixup, OneOf, resolve_method
from sk_mixup.training import (
    PRESETS,
    Knobs,
    Recipe,
    TrainStreams,
    bundled_net,
    check_knobs,
    image_recipe,
    input_kind,
    module_kind,
    module_recipe,
    table_recipe,
    text_recipe,
    tuning_recipe,
)


class SettingsMixin(PrefixedParameters):
    """Reads the parameters: method, knobs, recipe, streams and kind of input."""

    def _check_parameters(self, partial: bool, X: Any = None) -> Method | None:
        """Check all parameters; return how to mix rows of `X`."""
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
        if self.preset not in PRESETS:
            raise ValueError(
                f"preset must be one of {list(PRESETS)}; got {self.preset!r}."
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
        mix, overrides = self.mix, self._prefixed("mix")
        is_table = input_kind(self.module, X) == "table"
        is_auto = takes_auto_alpha(self, is_table)
        if isinstance(mix, str) and mix == "auto":
            said = self.alpha is not None or overrides
            mix = None if is_table and (is_auto or not said) else "mixup"
        alpha = None if is_auto or isinstance(self.alpha, str) else self.alpha
        return resolve_method(mix, alpha=alpha, overrides=overrides)

    def _knobs(self, recipe: Recipe | None = None) -> Knobs:
        """Return the checked settings of the training; those of a recipe, if given."""
        compiles, options = self.compile, self._prefixed("compile")
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

    def _warn_of_settings(
        self, method: Method | None, n_epochs: int, partial: bool
    ) -> None:
        methods = list(method.methods) if isinstance(method, OneOf) else [method]
        for one in methods:
            alone = type(one) is Mixup and isinstance(one.alpha, numbers.Real)
            if alone and one.alpha > 1:
                warnings.warn(
                    f"alpha={one.alpha:g} is strong for plain Mixup, which tends to"
                    " underfit above 1; values from 0.1 to 0.4 are usual.",
                    MixupWarning,
                    stacklevel=5,
                )
        mixes = method is not None and not method.never_mixes
        # Members that find out about mixing need no advice.
        mixes = mixes and not isinstance(getattr(method, "alpha", None), list)
        if mixes and n_epochs < 5 and not partial:
            warnings.warn(
                f"max_epochs={n_epochs} with mixing: mixed training needs more epochs"
                " than plain training, at least 5. Raise max_epochs or use mix=None.",
                MixupWarning,
                stacklevel=5,
            )

    def _new_streams(self) -> TrainStreams:
        if self.random_state is None:
            # NumPy's global state, scikit-learn's None, would move.
            return TrainStreams(secrets.randbits(31))
        random_state = check_random_state(self.random_state)
        return TrainStreams(int(random_state.randint(np.iinfo(np.int32).max)))

    def _new_source(self, streams: TrainStreams, X: Any) -> Any:
        name = type(self).__name__
        kind = input_kind(self.module, X)
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

    def _recipe(
        self,
        n_rows: int,
        device: str,
        kind: str | None = None,
        n_classes: int | None = None,
        folds: bool = False,
    ) -> Recipe:
        kind = input_kind(self.module) if kind is None else kind
        if kind == "table":
            net: Any = bundled_net(self.module, kind)
            changes = getattr(net, "recipe_changes", {})
            recipe = table_recipe(
                n_rows,
                device,
                n_classes=n_classes,
                preset=self.preset,
                folds=folds,
            )
            return dataclasses.replace(recipe, **changes)
        loads = getattr(self, "module__pretrained", False)
        if loads and bundled_net(self.module) is not None:
            return tuning_recipe(device)
        if kind == "array":
            return image_recipe(n_rows, device)
        if kind == "text":
            return text_recipe(n_rows, device)
        return module_recipe(device)
