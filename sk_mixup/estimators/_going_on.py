"""A training that goes on: what may have changed since, and a net that follows it.

`warm_start` and `partial_fit` go on with a net that earlier parameters have built. Each
parameter is read anew by every training, or taken over by the net, or fixed: then
another value is an error, and never ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from sk_mixup.estimators._fitted import Fitted
from sk_mixup.estimators._settings import Settings
from sk_mixup.training import copied, give_rates, module_kind

_READ_ANEW = (
    "mix alpha augment schedule warmup ema clip_norm accumulate precision compile"
    " channels_last warm_start early_stopping validation_fraction n_iter_no_change"
    " class_weight target_kind calibration random_state importance checkpoint"
    " checkpoint_every distributed"
)
_TAKEN_OVER = (
    "max_epochs batch_size lr optimizer callbacks device verbose iterator_train"
    " iterator_valid"
)
#: Parameters, and prefixes, that every training reads.
READ_ANEW = frozenset(_READ_ANEW.split())
#: Those that the net holds, and takes over. All others are fixed: they decide what the
#: net, its loss and its columns are.
TAKEN_OVER = frozenset(_TAKEN_OVER.split())
_NOT_GIVEN = object()


def changes(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that differ, by name: what they were.

    Parameters
    ----------
    now, before : mapping
        Parameters by name, those with a prefix too.
    """
    return {
        name: before.get(name, _NOT_GIVEN)
        for name in dict.fromkeys([*now, *before])
        if not _same(now.get(name, _NOT_GIVEN), before.get(name, _NOT_GIVEN))
    }


def check_changes(settings: Settings, before: Fitted) -> dict[str, Any]:
    """Return what has changed, see `changes`.

    Raises
    ------
    ValueError
        Names a parameter that cannot.
    """
    changed = changes(settings.given, before.given) if before.given else {}
    for name, was in changed.items():
        stem = name.partition("__")[0]
        if stem in READ_ANEW or stem in TAKEN_OVER:
            continue
        who = "partial_fit" if settings.partial else "warm_start=True"
        anew = "partial_fit a clone" if settings.partial else "say warm_start=False"
        now = settings.given.get(name, _NOT_GIVEN)
        raise ValueError(
            f"{_shown(name, now)}: {who} goes on with a net that was built with"
            f" {_shown(name, was)}. Say the same, or {anew} to begin anew."
        )
    return changed


def net_to_go_on_with(
    settings: Settings, before: Fitted, device: str, fresh: Any
) -> tuple[Any, Any]:
    """Return copies of a trained net, with the present settings, and of its objective.

    Parameters
    ----------
    settings : Settings
    before : Fitted
    device : str
        As the settings say.
    fresh : callable
        Returns a net that is built with the present settings, not initialized.
    """
    given = [c[-1] if isinstance(c, tuple) else c for c in before.net.callbacks or []]
    # The caller looks at these very callbacks, not at copies.
    memo = {id(callback): callback for callback in given}
    # Together: a criterion that learns stays that of the net.
    net, objective = copied((before.net, before.objective), memo)
    net.renew_optimizer()
    if any(name == "annealing" for name, _ in net.callbacks_):
        # The last training ended its schedule at a learning rate of zero.
        for group in net.optimizer_.param_groups:
            group["lr"] = group.get("initial_lr", group["lr"])
    changed = check_changes(settings, before)
    stems = {name.partition("__")[0] for name in changed}
    if stems & TAKEN_OVER - {"device"}:
        _take_over(net, fresh(), stems, changed)
    if "channels_last" in stems and not settings.channels_last:
        net.module_.to(memory_format=torch.contiguous_format)
    is_net = module_kind(settings.module) == "net"
    if is_net and settings.device is None:
        vars(net)["device"] = None
    elif not is_net or settings.device != "auto":
        _move(net, device)
    return net, objective


def _take_over(net: Any, fresh: Any, stems: set[str], changed: dict[str, Any]) -> None:
    """Let a net have settings of another."""
    state, new = vars(net), vars(fresh)
    for name in changed:
        if "__" in name:
            state.pop(name, None)
    for stem in stems & TAKEN_OVER:
        start = f"{stem}__"
        state |= {key: value for key, value in new.items() if key.startswith(start)}
    for name in stems & {"max_epochs", "batch_size", "verbose"}:
        state[name] = new[name]
    state["uses_loader_"] = new["uses_loader_"]
    if "callbacks" in stems:
        state["callbacks"] = new["callbacks"]
        net._initialize_callbacks()
    if "optimizer" in stems:
        # Another one has other state: it starts anew.
        state |= {"optimizer": new["optimizer"], "lr": new["lr"]}
        state.pop("optimizer__param_groups", None)
        if "optimizer__param_groups" in new:
            state["optimizer__param_groups"] = new["optimizer__param_groups"]
        give_rates(net)
        net.renew_optimizer(always=True)
    elif "lr" in stems:
        for group in net.optimizer_.param_groups:
            # Parts of a net may learn at a multiple of it.
            group["lr"] *= new["lr"] / net.lr
        state["lr"] = new["lr"]


def _move(net: Any, device: str) -> None:
    """Move a net to another device, with all that its optimizer remembers."""
    place, wanted = net.place_, torch.device(device)
    known = None if net.device is None else torch.device(net.device)
    if known == wanted and place.type == wanted.type:
        return
    vars(net)["device"] = device
    vars(net).pop("module_average_", None)
    for part in (net.module_, net.criterion_):
        if isinstance(part, torch.nn.Module):
            part.to(device)
    for name in net._optimizers:
        optimizer = getattr(net, f"{name}_")
        optimizer.load_state_dict(optimizer.state_dict())


def _same(one: Any, other: Any) -> bool:
    """Whether two values of a parameter are the same, or equal."""
    if one is other:
        return True
    if type(one) is not type(other) and not _are_numbers(one, other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other))
    try:
        return bool(one == other)
    except (TypeError, ValueError, RuntimeError):
        return False


def _are_numbers(one: Any, other: Any) -> bool:
    kinds = (int, float, np.number)
    return isinstance(one, kinds) and isinstance(other, kinds)


def _shown(name: str, value: Any) -> str:
    return f"no {name}" if value is _NOT_GIVEN else f"{name}={value!r}"
