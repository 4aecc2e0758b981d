"""What to say of a keyword that is none here, and is one in a library next door."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_MOST_SHOWN, _ALIKE = 3, 0.65
# Parameters of ours, and what others call them.
_PARAMETERS = {
    "max_epochs": (
        *("epochs", "n_epochs", "num_epochs", "nb_epoch", "max_iter", "n_iter"),
        *("iterations", "num_boost_round", "num_iterations"),
    ),
    "lr": ("learning_rate", "learning_rate_init", "eta"),
    "n_iter_no_change": ("patience", "early_stopping_rounds", "early_stopping_round"),
    "random_state": ("seed", "random_seed"),
    "categorical_features": (
        *("cat_features", "categorical_feature", "categorical_columns", "cat_cols"),
        *("cat_columns", "cat_idxs"),
    ),
    "validation_fraction": ("validation_split", "validation_size", "val_size"),
    "criterion": ("loss", "loss_fn", "loss_function", "objective"),
    "module": ("model", "net", "network"),
    "mix": ("method", "mixing"),
    "schedule": ("scheduler", "lr_scheduler", "learning_rate_schedule"),
    "class_weight": ("class_weights", "auto_class_weights", "scale_pos_weight"),
    "clip_norm": ("max_grad_norm", "gradient_clip_val", "grad_clip", "clip_value"),
    "optimizer__weight_decay": ("weight_decay",),
    "optimizer__momentum": ("momentum",),
    "importance": ("importance_type", "importance_getter"),
}
_OURS = {theirs: ours for ours, names in _PARAMETERS.items() for theirs in names}
_VALIDATION = "give validation data as X_val and y_val"
_WEIGHTS = "give weights of rows as sample_weight"
# What others give to `fit`.
_ARGUMENTS = {
    **dict.fromkeys(
        (
            *("eval_set", "eval_sets", "valid_sets", "valid_set", "validation_set"),
            *("validation_data", "val_data", "val_set", "test_data", "eval_data"),
            *("X_valid", "y_valid", "X_validation", "y_validation", "X_test", "y_test"),
            *("eval_X", "eval_y", "x_val", "X_eval", "y_eval"),
        ),
        _VALIDATION,
    ),
    **dict.fromkeys(
        ("eval_sample_weight", "sample_weight_eval_set", "w_val", "weight_val"),
        "give weights of validation rows as sample_weight_val",
    ),
    **dict.fromkeys(("weight", "weights", "sample_weights"), _WEIGHTS),
    **dict.fromkeys(
        ("eval_metric", "metrics", "eval_metrics"),
        "follow a score with callbacks=[skorch.callbacks.EpochScoring(...)], a"
        " parameter of the estimator",
    ),
    "group": "give groups of rows as groups",
    "group_id": "give groups of rows as groups",
}


def near_parameters(key: str, names: Sequence[str], prefixes: Iterable[str]) -> str:
    """Return a hint to the few parameters that a wrong name may mean.

    Parameters
    ----------
    key : str
    names : sequence of str
        Parameters without a prefix.
    prefixes : iterable of str

    Returns
    -------
    hint : str
        Begins with a space; empty: none is near.
    """
    prefixes = list(prefixes)
    prefix, separator, rest = key.partition("__")
    near = [f"{p}__{key[len(p) :].lstrip('_')}" for p in prefixes if _begins(key, p)]
    known = _OURS.get(key)
    if known is not None and (known in names or "__" in known):
        near.insert(0, known)
    if separator and rest:
        near += [f"{p}__{rest}" for p in difflib.get_close_matches(prefix, prefixes)]
    if not separator:
        near += difflib.get_close_matches(key, names, n=_MOST_SHOWN, cutoff=_ALIKE)
    near = list(dict.fromkeys(near))[:_MOST_SHOWN]
    if not near:
        return ""
    *first, last = map(repr, near)
    listed = f"{', '.join(first)} or {last}" if first else last
    return f" Did you mean {listed}?"


def _begins(key: str, prefix: str) -> bool:
    """Whether a name seems to want a prefix, such as "module_width"."""
    return key.startswith(f"{prefix}_") and bool(key[len(prefix) :].lstrip("_"))


def explains_keywords(method: F) -> F:
    """Let `fit` say what a keyword of another library is called here.

    Parameters
    ----------
    method : callable
        `fit` or `partial_fit` of an estimator with parameters by name.
    """
    known = list(inspect.signature(method).parameters)[1:]

    @functools.wraps(method)
    def explained(self: Any, *args: Any, **given: Any) -> Any:
        unknown = [name for name in given if name not in known]
        if unknown:
            hints = [_hint(self, method.__name__, name, known) for name in unknown]
            raise TypeError(
                f"{type(self).__name__}.{method.__name__}() got unexpected keyword"
                f" arguments {unknown}: {'; '.join(hints)}."
                if len(unknown) > 1
                else f"{type(self).__name__}.{method.__name__}() got an unexpected"
                f" keyword argument {unknown[0]!r}: {hints[0]}."
            )
        return method(self, *args, **given)

    return explained  # type: ignore[return-value]


def _hint(owner: Any, method: str, name: str, known: Sequence[str]) -> str:
    said = _ARGUMENTS.get(name)
    if said is not None:
        if method == "fit" or said == _WEIGHTS:
            return said
        return f"{method} takes {', '.join(known)}; {said}, to fit"
    parameters = owner._get_param_names()
    ours = _OURS.get(name, name)
    if ours in parameters or "__" in ours:
        return f"say {ours}=... to {type(owner).__name__}(), whose parameter it is"
    near = difflib.get_close_matches(name, known, n=_MOST_SHOWN)
    if near:
        return f"{' or '.join(map(repr, near))} may be meant"
    return f"{method} takes {', '.join(known)}"
