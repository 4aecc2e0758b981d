"""From `module=` to a skorch net that is not initialized yet.

Settings that the module, the criterion, the optimizer or the loader cannot take are
found here, by their signatures.
"""

from __future__ import annotations

import difflib
import inspect
from typing import Any

from skorch import NeuralNetClassifier, NeuralNetRegressor
from skorch.dataset import Dataset
from torch import nn
from torch.utils.data import DataLoader

from sk_mixup.training.loop import check_instance, copied, mixing_net_class
from sk_mixup.training.objectives import Constant, resolved_criterion
from sk_mixup.training.setup._modules import BUNDLED, bundled_net, module_kind

# Where pickles of earlier versions look for it.
_Constant = Constant


def make_net(
    module: Any,
    *,
    is_classifier: bool,
    settings: dict[str, Any],
    prefixed: dict[str, Any],
    table_arguments: dict[str, Any] | None = None,
    input_kind: str | None = None,
) -> Any:
    """Return a net that is not initialized yet.

    Parameters
    ----------
    module : object
        As `module_kind` takes it.
    is_classifier : bool
    settings : dict
        skorch's settings; for a wrapped net only those that replace its own.
    prefixed : dict
        ``module__x`` and the like.
    table_arguments : dict or None
        What the bundled net learns from the encoded table, as far as it wants to know.
    input_kind : str or None
        What X is, for a name that stands for several nets.
    """
    kind = module_kind(module)
    prefixed = dict(prefixed)
    default = NeuralNetClassifier if is_classifier else NeuralNetRegressor
    if kind == "net":
        net = _wrapped(module, settings, prefixed)
    else:
        if kind == "bundled":
            name, module = module, bundled_net(module, input_kind)
            learnt = _wanted(module, table_arguments or {})
            if isinstance(name, str) and name not in BUNDLED:
                learnt["module__name"] = name.partition("/")[2]
            prefixed = learnt | prefixed
        elif kind == "template":
            module = copied(module)
        _check_arguments("module", module, prefixed)
        net = mixing_net_class(default)(module=module, **settings, **prefixed)
    net.train_split = None
    if net.criterion is not None:
        prepare_criterion(net)
    _check_arguments("optimizer", net.optimizer, vars(net), given=("params", "lr"))
    _check_arguments("iterator_train", DataLoader, vars(net))
    has_options = any(key.startswith("iterator_train__") for key in vars(net))
    net.uses_loader_ = has_options or net.iterator_train is not DataLoader
    return net


def _wanted(module: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return what a bundled net takes of what is known of the data."""
    parameters = inspect.signature(module).parameters
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {
        f"module__{key}": value
        for key, value in arguments.items()
        if takes_all or key in parameters
    }


def _wrapped(module: Any, settings: dict[str, Any], prefixed: dict[str, Any]) -> Any:
    """Return a copy of a skorch net with mixing added."""
    if isinstance(module, type):
        try:
            module = module()
        except TypeError as error:
            raise ValueError(
                f"module={module.__name__} cannot be built without arguments ({error})."
                f" Give an instance, such as {module.__name__}(MyModule)."
            ) from error
    check_instance(module)
    params = module.get_params(deep=False)
    params = {k: v for k, v in params.items() if not k.startswith("_")}
    params["module"] = copied(params["module"])
    own_callbacks = list(params.get("callbacks") or [])
    added = settings.get("callbacks") or []
    params |= settings
    params["callbacks"] = own_callbacks + list(added)
    params |= prefixed
    base: Any = type(module)
    net = mixing_net_class(base)(**params)
    net.wraps_ = True
    if net.dataset is not Dataset:
        raise ValueError(
            f"module: dataset={net.dataset!r} of {base.__name__} would not be used, as"
            " rows come encoded. Give the data set itself as X."
        )
    _check_arguments("module", net.module, vars(net))
    return net


def prepare_criterion(net: Any) -> None:
    """Let skorch find the criterion made ready, with its parameters."""
    given = {
        key.removeprefix("criterion__"): value
        for key, value in vars(net).items()
        if key.startswith("criterion__")
    }
    if not isinstance(net.criterion, (str, nn.Module)):
        _check_arguments("criterion", net.criterion, vars(net))
    criterion, parameters = resolved_criterion(net.criterion, given)
    for key in given.keys() - parameters.keys():
        # Inside of the function now, of which skorch knows no parameters.
        delattr(net, f"criterion__{key}")
        net._params_to_validate.discard(f"criterion__{key}")
    # skorch takes modules as attributes only while it initializes.
    vars(net)["criterion"] = criterion
    vars(net).update({f"criterion__{key}": x for key, x in parameters.items()})


def _check_arguments(
    prefix: str, target: Any, parameters: dict[str, Any], given: tuple[str, ...] = ()
) -> None:
    """Raise a TypeError for ``prefix__x`` that `target` does not take."""
    start = f"{prefix}__"
    names = [key[len(start) :] for key in parameters if key.startswith(start)]
    names = [name for name in names if not name.startswith("param_groups")]
    if not names:
        return
    if isinstance(target, nn.Module):
        if prefix != "module":
            return
        raise ValueError(
            f"{start}{names[0]} was given, but module is an instance, which is copied"
            f" as it is. Give the class {type(target).__name__} instead."
        )
    try:
        parameter = inspect.signature(target).parameters
    except (TypeError, ValueError):
        return
    if any(p.kind is p.VAR_KEYWORD for p in parameter.values()):
        return
    known = [name for name in parameter if name not in given]
    for name in names:
        if name in parameter:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {start}{near[0]}?" if near else ""
        label = getattr(target, "__name__", repr(target))
        raise TypeError(
            f"{start}{name}: {label} takes no argument {name!r}; it takes"
            f" {known}.{hint}"
        )
