"""The net of a fit: built anew, or a copy of the one that the training goes on with."""

from __future__ import annotations

import copy
from typing import Any

from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators.tasks import Task
from sk_mixup.nets import TabularNet
from sk_mixup.training import (
    ArrayData,
    Recipe,
    StreamData,
    bundled_net,
    make_net,
    module_kind,
    token_information,
)

# Settings of skorch that hold as the user gives them, whatever the recipe says.
_GIVEN = ("max_epochs", "batch_size", "lr", "optimizer", "criterion")


def build_net(
    settings: Settings,
    source: Any,
    task: Task,
    recipe: Recipe,
    device: str,
    train: ArrayData | StreamData,
) -> Any:
    """Return the net of a fit, not initialized yet.

    Parameters
    ----------
    settings : Settings
    source : input object
        Fitted.
    task : Task
    recipe : Recipe
        What holds where the user says nothing.
    device : str
    train : ArrayData or StreamData

    Returns
    -------
    net : skorch net
    """
    prefixed = {
        key: value
        for key, value in settings.prefixed.items()
        if not key.startswith(("mix__", "compile__"))
    }
    table_arguments = _net_arguments(settings, source, task, recipe, train)
    return make_net(
        settings.module,
        is_classifier=settings.tasks.is_classifier,
        settings=_net_settings(settings, task, recipe, device, prefixed),
        prefixed=prefixed,
        table_arguments=table_arguments,
        input_kind=source.kind,
    )


def _net_settings(
    settings: Settings,
    task: Task,
    recipe: Recipe,
    device: str,
    prefixed: dict[str, Any],
) -> dict[str, Any]:
    """Return the settings of skorch; adds those of the optimizer to `prefixed`."""
    is_net = module_kind(settings.module) == "net"
    # A module that skorch compiles is no plain module; see `Settings.knobs`.
    found: dict[str, Any] = {
        "callbacks": list(settings.callbacks or []),
        "compile": False,
    }
    if is_net and settings.device is None:
        found["device"] = None
    elif not is_net or settings.device != "auto":
        found["device"] = device
    if not is_net or settings.verbose:
        found["verbose"] = settings.verbose
    if not is_net:
        found |= {
            "max_epochs": recipe.max_epochs,
            "batch_size": recipe.batch_size,
            "lr": recipe.lr,
            "optimizer": recipe.optimizer,
            "criterion": None,
        }
        if settings.optimizer is None:
            for key, value in recipe.optimizer_params.items():
                prefixed.setdefault(f"optimizer__{key}", value)
    given = {name: getattr(settings, name) for name in _GIVEN}
    found |= {name: value for name, value in given.items() if value is not None}
    if task.kind is not None and task.kind.fixes_criterion:
        found["criterion"] = None
    return found


def _net_arguments(
    settings: Settings,
    source: Any,
    task: Task,
    recipe: Recipe,
    train: ArrayData | StreamData,
) -> dict[str, Any]:
    """Return what a bundled net is built from: widths, levels, edges."""
    known: dict[str, Any] = source.net_arguments(task.n_outputs) or {
        "n_outputs": task.n_outputs
    }
    net: Any = bundled_net(settings.module, source.kind)
    if net is TabularNet:
        known |= recipe.net
        if settings.module == "mlp":
            known["n_members"] = 1
    wanted = getattr(net, "needs_importance", False)
    if wanted and "module__importance" not in settings.prefixed:
        known["importance"] = token_information(
            train,
            n_classes=task.n_classes,
            columns=source.columns,
            n_numeric=known["n_numeric"],
            seed=source.encoder.seed,
        )
    return known


def net_to_go_on_with(settings: Settings, before: Any) -> Any:
    """Return a copy of a trained net with the present settings.

    Parameters
    ----------
    settings : Settings
    before : skorch net
    """
    given = [c[-1] if isinstance(c, tuple) else c for c in before.callbacks or []]
    # The caller looks at these very callbacks, not at copies.
    net = copy.deepcopy(before, {id(callback): callback for callback in given})
    if settings.verbose or module_kind(settings.module) != "net":
        net.verbose = settings.verbose
    for name in ("max_epochs", "batch_size"):
        if getattr(settings, name) is not None:
            setattr(net, name, getattr(settings, name))
    groups = net.optimizer_.param_groups
    if any(name == "annealing" for name, _ in net.callbacks_):
        # The last training ended its schedule at a learning rate of zero.
        for group in groups:
            group["lr"] = group["initial_lr"]
    if settings.lr is not None and settings.lr != net.lr:
        for group in groups:
            # Parts of a net may learn at a multiple of it.
            group["lr"] *= settings.lr / net.lr
        net.lr = settings.lr
    return net
