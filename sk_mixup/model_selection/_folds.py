"""What candidates of a search share on a fold: the rows, and what was made of them.

The steps before a net are fitted once per setting of theirs, and a table is encoded
once for all nets that read it alike.
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sk_mixup.estimators import (
    FitData,
    GivenRows,
    Settings,
    fold_settings,
    new_streams,
    read,
)
from sk_mixup.model_selection._last_step import (
    Given,
    fit_up_to_net,
    last_step,
    path_to_last,
)

#: Parameters of a net that its data are read without. All others are taken to matter.
_NOT_READ = {
    *("mix", "alpha", "max_epochs", "batch_size", "lr", "optimizer", "criterion"),
    *("callbacks", "augment", "schedule", "warmup", "ema", "clip_norm", "accumulate"),
    *("precision", "compile", "channels_last", "device", "verbose"),
    # Its streams are compared instead.
    *("n_iter_no_change", "random_state", "importance"),
}
_PREFIXES_NOT_READ = {"mix", "module", "optimizer", "criterion", "callbacks", "compile"}


@dataclass
class Fold:
    """What candidates share on a fold.

    Attributes
    ----------
    estimator : estimator
        As the user gave it.
    data : Given
    """

    estimator: Any
    data: Given
    started: list[tuple[dict[str, Any], Any, Given | Exception]] = field(
        default_factory=list
    )
    read_before: list[tuple[Given, dict[str, Any], FitData]] = field(
        default_factory=list
    )

    def given_to_net(
        self, estimator: Any, parameters: dict[str, Any]
    ) -> tuple[Any, Given]:
        """Return the pipeline, its steps before the net fitted, and what they made."""
        path = path_to_last(estimator)
        if not path:
            return estimator, self.data
        theirs = {
            key: value
            for key, value in parameters.items()
            if not _is_of(key, "__".join(path))
        }
        for known, pipeline, made in self.started:
            if _same_values(known, theirs):
                return pipeline, _or_raise(made)
        self.started.append((theirs, estimator, self._start(estimator)))
        return estimator, _or_raise(self.started[-1][2])

    def _start(self, estimator: Any) -> Given | Exception:
        try:
            return fit_up_to_net(estimator, self.data.X, self.data.y, self.data.params)
        except Exception as error:
            return error

    def read(
        self,
        settings: Settings,
        given: Given,
        estimator: Any,
        parameters: dict[str, Any],
    ) -> FitData:
        """Return the data of a net; encoded once for all that would read them alike."""
        streams = new_streams(settings)
        matters = _reading_parameters(estimator, parameters) | {
            "seeds": (streams.encode_seed, streams.split_seed),
            "type": type(settings.owner),
            "folds": fold_settings(settings),
        }
        for source, known, data in self.read_before:
            if source is given and _same_values(known, matters):
                # Each training may say that its rows have no groups.
                train = copy.copy(data.train)
                return dataclasses.replace(data, train=train, streams=streams)
        rows = GivenRows(given.X, given.y, **given.params)
        data = read(settings, rows, streams=streams)
        self.read_before.append((given, matters, data))
        return dataclasses.replace(data, train=copy.copy(data.train))


def _reading_parameters(estimator: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that reading depends on, as the user gave them.

    Clones would differ in everything that is cloned with them.
    """
    path = "__".join(path_to_last(estimator))
    settings = dict(last_step(estimator).get_params(deep=False))
    for key, value in parameters.items():
        if path and key == path:
            settings = dict(value.get_params(deep=False))
    for key, value in parameters.items():
        if not path:
            settings[key] = value
        elif key.startswith(f"{path}__"):
            settings[key[len(path) + 2 :]] = value
    return {key: value for key, value in settings.items() if _matters(key)}


def _matters(key: str) -> bool:
    """Whether reading depends on a parameter; a module says what it takes."""
    prefix = key.partition("__")[0]
    return key == "module" or not (key in _NOT_READ or prefix in _PREFIXES_NOT_READ)


def _or_raise(made: Given | Exception) -> Given:
    if isinstance(made, Exception):
        raise made
    return made


def _is_of(key: str, path: str) -> bool:
    return key == path or key.startswith(f"{path}__")


def _same_values(some: dict[str, Any], others: dict[str, Any]) -> bool:
    return some.keys() == others.keys() and all(
        _same(value, others[key]) for key, value in some.items()
    )


def _same(a: Any, b: Any) -> bool:
    """Whether two values are surely the same."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    return isinstance(a, (str, int, float, np.generic)) and bool(a == b)
