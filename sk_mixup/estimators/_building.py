"""The net of a fit: built anew, or a copy of the one that the training goes on with."""

from __future__ import annotations

from typing import Any

from sk_mixup import nets
from sk_mixup.estimators._settings import Settings
from sk_mixup.estimators.tasks import Task
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
    if net is nets.TabularNet:
        known |= recipe.net
        if settings.module == "mlp":
            known["n_members"] = 1
        if hasattr(source, "narrowed"):
            # Of sparse rows, which have many columns.
            known = source.narrowed(known)
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
