"""The state of callbacks: theirs is whatever they remember between two epochs."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

from skorch.callbacks import EpochTimer, PrintLog, ProgressBar
from torch.optim.lr_scheduler import LRScheduler

from sk_mixup.estimators.checkpoints._pickling import dumped
from sk_mixup.training import ScikitLearnBridge, TrainingBar

# What they hold is of the process: screens, clocks, listeners.
_OF_THE_PROCESS = (EpochTimer, PrintLog, ProgressBar, ScikitLearnBridge, TrainingBar)
_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)


class _Rates:
    """The state of one of torch's schedules, which holds functions that stay."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state


def callback_states(
    callbacks: list[tuple[str, Any]], left_out: set[tuple[str, str]]
) -> dict[str, dict[str, Any]]:
    """Return what callbacks remember, by their names.

    Parameters
    ----------
    callbacks : list of (str, callback)
    left_out : set of (str, str)
        Callbacks and attributes that are not stored.
    """
    return {
        name: {
            key: _Rates(value.state_dict()) if isinstance(value, LRScheduler) else value
            for key, value in vars(callback).items()
            if (name, key) not in left_out
        }
        for name, callback in callbacks
        if not isinstance(callback, _OF_THE_PROCESS)
    }


def not_storable(
    callbacks: list[tuple[str, Any]], live: Mapping[str, Any]
) -> set[tuple[str, str]]:
    """Return callbacks and attributes that cannot be pickled."""
    found = set()
    for name, values in callback_states(callbacks, set()).items():
        for key, value in values.items():
            try:
                dumped(value, live)
            except Exception:
                found.add((name, key))
    return found


def lost_state(
    callbacks: list[tuple[str, Any]], left_out: set[tuple[str, str]]
) -> list[str]:
    """Return what a resumed training would miss, as a message calls it.

    Functions are what they were; locks, files and connections may not be.
    """
    by_name = dict(callbacks)
    return [
        f"{type(by_name[name]).__name__}.{key}"
        for name, key in sorted(left_out)
        if not isinstance(getattr(by_name[name], key, None), _FUNCTIONS)
    ]


def put_callback_states(
    callbacks: list[tuple[str, Any]], states: dict[str, dict[str, Any]]
) -> None:
    """Let callbacks remember what `callback_states` returned."""
    for name, callback in callbacks:
        own = vars(callback)
        for key, value in states.get(name, {}).items():
            now = own.get(key)
            if isinstance(value, _Rates):
                if isinstance(now, LRScheduler):
                    now.load_state_dict(value.state)
            elif now is value:
                pass
            elif isinstance(value, list) and type(now) is type(value):
                now[:] = value  # Somebody outside may look at this very list.
            elif isinstance(value, dict) and type(now) is type(value):
                now.clear()
                now.update(value)
            else:
                own[key] = value
