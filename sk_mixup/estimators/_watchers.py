"""Callbacks that look at validation rows, so that there must be some."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from skorch import NeuralNet
from skorch.callbacks import BatchScoring, Callback, EpochScoring, LRScheduler

from sk_mixup.estimators._settings import Settings


@dataclass(frozen=True)
class Watcher:
    """A callback that looks at validation rows.

    Attributes
    ----------
    name : str
        Of its class.
    monitor : str or None
        What it needs in the history; None: it scores rows where there are some.
    """

    name: str
    monitor: str | None

    def refusal(self, reason: str) -> ValueError:
        """Return the error for a training without validation rows."""
        return ValueError(
            f"callbacks: {self.name} watches {self.monitor!r}, which needs a validation"
            f" part, and {reason}. Give X_val and y_val, or let it watch what there"
            " is, for example monitor='train_loss'."
        )


def watcher_of(settings: Settings) -> Watcher | None:
    """Return a callback that looks at validation rows, one that needs them first."""
    found = [_watcher(*one, settings) for one in _callbacks(settings)]
    known = [one for one in found if one is not None]
    known.sort(key=lambda one: one.monitor is None)
    return known[0] if known else None


def _callbacks(settings: Settings) -> Iterator[tuple[str | None, Any]]:
    """Yield names and callbacks, those of a wrapped net too."""
    own = getattr(settings.module, "callbacks", None)
    given = [own if isinstance(settings.module, NeuralNet) else None]
    for callbacks in (*given, settings.callbacks):
        if callbacks is None or isinstance(callbacks, str):
            continue
        for one in callbacks:
            yield one if isinstance(one, tuple) else (None, one)


def _watcher(name: str | None, callback: Any, settings: Settings) -> Watcher | None:
    cls = callback if isinstance(callback, type) else type(callback)
    if not issubclass(cls, Callback):
        return None

    def value(parameter: str) -> Any:
        key = f"callbacks__{name}__{parameter}"
        if key in settings.prefixed:
            return settings.prefixed[key]
        if not isinstance(callback, type):
            return getattr(callback, parameter, None)
        known = inspect.signature(cls).parameters.get(parameter)
        return None if known is None else known.default

    if issubclass(cls, (EpochScoring, BatchScoring)):
        return None if value("on_train") else Watcher(cls.__name__, None)
    policy = value("policy")
    policy = policy if isinstance(policy, str) else getattr(policy, "__name__", "")
    if issubclass(cls, LRScheduler) and policy != "ReduceLROnPlateau":
        return None
    monitor = value("monitor")
    if isinstance(monitor, str) and monitor.startswith("valid_"):
        return Watcher(cls.__name__, monitor)
    return None
