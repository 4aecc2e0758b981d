"""The net of a fitted estimator as settings and weights, and built again.

A net is built by the very functions that build it in a fit, of the arguments that it
had then, and tried on two rows as there. Its weights take the place of random ones.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sk_mixup.exceptions import warn_caller
from sk_mixup.saving._errors import Unstorable
from sk_mixup.saving._fields import Fields
from sk_mixup.saving._guard import guarded
from sk_mixup.saving._sources import example_rows
from sk_mixup.saving._values import ValueWriter
from sk_mixup.training import (
    Epochs,
    check_knobs,
    initialize_net,
    make_net,
    module_kind,
    resolve_device,
)

_PREFIX = "weights/"
_SETTINGS = ("max_epochs", "batch_size", "lr")
# What a criterion that is left out may have said of the outputs.
_ACTIVATIONS = ("softmax", "sigmoid", "none", "exp")
_NAMES_CODE = ("auto_map", "_name_or_path", "quantization_config")
# Spatial places of an array that a net is tried with.
_MOST_PLACES = {1: 2**16, 2: 256}


def net_state(net: Any, objective: Any, writer: ValueWriter) -> dict[str, Any]:
    """Return a trained net as JSON; its weights go to the tensors.

    Raises
    ------
    Unstorable
    """
    weights = {}
    for name, value in net.module_.state_dict().items():
        if not isinstance(value, Tensor):
            raise Unstorable(
                f"module: {type(net.module_).__name__} has {name!r} in its state_dict,"
                f" a {type(value).__name__}, and a file holds tensors"
            )
        weights[name] = writer.tensor(value, _PREFIX + name)
    return {
        "settings": {name: _plain(getattr(net, name)) for name in _SETTINGS},
        "optimizer": writer.attempt(net.optimizer, "optimizer")[1],
        "optimizer_with": _kept(net, "optimizer__", writer, but="param_groups"),
        "built_with": _arguments(net, writer),
        "activation": getattr(objective, "activation", "none"),
        "weights": weights,
        "history": writer.write(_epochs(net.history), "history"),
    }


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _arguments(net: Any, writer: ValueWriter) -> dict[str, Any] | None:
    """Return all arguments of a bundled net, its defaults of today included."""
    module = net.module
    if not isinstance(module, type) or not _is_bundled(module):
        return None
    start = "module__"
    given = {k[len(start) :]: v for k, v in vars(net).items() if k.startswith(start)}
    given |= _of_other_library(net, given)
    bound = inspect.signature(module).bind(**given)
    bound.apply_defaults()
    return {k: writer.write(v, f"module__{k}") for k, v in bound.arguments.items()}


def _of_other_library(net: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Return what lets a net of another library be built without asking for it again.

    Its published weights would be replaced anyway, and its config is known by now.
    """
    if "name" not in given:
        return {}
    config: Any = getattr(getattr(net.module_, "model", None), "config", None)
    if not hasattr(config, "to_dict"):
        return {"pretrained": False}
    plain = json.loads(json.dumps(config.to_dict(), default=lambda value: None))
    return {"pretrained": False, "config": _harmless(plain)}


def _harmless(config: Any) -> Any:
    """Return a config that names no code, and no place where there is some."""
    if not isinstance(config, dict):
        return None
    return {key: value for key, value in config.items() if key not in _NAMES_CODE}


def _is_bundled(module: type) -> bool:
    return module.__module__.startswith("sk_mixup.nets")


def _kept(net: Any, prefix: str, writer: ValueWriter, but: str) -> dict[str, Any]:
    kept = {}
    for key, value in vars(net).items():
        name = key.removeprefix(prefix)
        if not key.startswith(prefix) or name == but or "__" in name:
            continue
        written, state = writer.attempt(value, key)
        if written:
            kept[name] = state
    return kept


def _epochs(history: Any) -> list[dict[str, Any]]:
    """Return what was recorded of every epoch, batches left out."""
    return [
        {key: _plain(value) for key, value in epoch.items() if key != "batches"}
        for epoch in history
    ]


@dataclass(frozen=True)
class StoredNet:
    """What a file says of a net.

    Attributes
    ----------
    given : Fields
    weights : dict of str to Tensor
    n_elements : int
        Numbers in the tensors of the file.
    """

    given: Fields
    weights: Mapping[str, Tensor]
    n_elements: int

    @classmethod
    def of(cls, given: Fields) -> StoredNet:
        """Read weights."""
        names = given.raw("weights")
        if not isinstance(names, dict):
            raise ValueError("the weights have no names")
        weights = {key: given.values.tensor(name) for key, name in names.items()}
        return cls(given, weights, sum(value.numel() for value in weights.values()))

    def build(self, estimator: Any, source: Any, task: Any) -> tuple[Any, Any]:
        """Return the net with its weights, and its objective.

        Parameters
        ----------
        estimator : MixupClassifier or MixupRegressor
            With its parameters.
        source : input object
        task : Task
        """
        arguments = None
        if self.given.has("built_with"):
            built_with = self.given.fields("built_with")
            arguments = {key: built_with.value(key) for key in built_with.given}
        _check_arguments(arguments, source, task, estimator._prefixed("module"))
        net = self._net(estimator, source, task, arguments)
        rows = _small(example_rows(source), source)
        extra = 64 * _entries(rows) if source.kind == "any" else 0
        with (
            torch.random.fork_rng(devices=[]),
            guarded(len(self.weights), self.n_elements, extra),
            _without_optimizer(net),
        ):
            objective = initialize_net(
                net,
                rows,
                _example_targets(task),
                n_classes=task.n_classes,
                needs_rows=False,
                kind=task.kind,
                scale=task.scale,
                made_up=True,
            )
        if estimator.channels_last is True:
            net.module_.to(memory_format=torch.channels_last)
        self._fill(net)
        _say_activation(
            net.module_, objective, self.given.text("activation", _ACTIVATIONS)
        )
        net.module_.eval()
        return net, objective

    def _net(
        self, estimator: Any, source: Any, task: Any, arguments: dict[str, Any] | None
    ) -> Any:
        """Return the net, not initialized yet."""
        prefixed = {
            key: value
            for key, value in estimator._prefixed().items()
            if not key.startswith(("mix__", "compile__"))
        }
        if arguments is not None and "name" in arguments:
            # What a user has said would stand in their place.
            for name in ("pretrained", "config"):
                prefixed.pop(f"module__{name}", None)
            arguments = arguments | {"pretrained": False}
            if "config" in arguments:
                arguments["config"] = _harmless(arguments["config"])
        given = {
            name: getattr(estimator, name)
            for name in (*_SETTINGS, "optimizer", "criterion")
            if getattr(estimator, name) is not None
        }
        settings: dict[str, Any] = {"callbacks": [], "compile": False}
        is_net = module_kind(estimator.module) == "net"
        if is_net and estimator.device is None:
            settings["device"] = None
        elif not is_net or estimator.device != "auto":
            settings["device"] = _device(estimator.device, estimator.module)
        if not is_net or estimator.verbose:
            settings["verbose"] = estimator.verbose
        if not is_net:
            stored = self.given.fields("settings")
            settings |= {name: stored.value(name) for name in _SETTINGS}
            settings |= {"optimizer": torch.optim.AdamW, "criterion": None}
            if self.given.has("optimizer"):
                settings["optimizer"] = self.given.value("optimizer")
                options = self.given.fields("optimizer_with")
                for name in options.given:
                    prefixed.setdefault(f"optimizer__{name}", options.value(name))
        settings |= given
        if task.kind is not None and task.kind.fixes_criterion:
            settings["criterion"] = None
        net = make_net(
            estimator.module,
            is_classifier=estimator._tasks().is_classifier,
            settings=settings,
            prefixed=prefixed,
            table_arguments=arguments,
            input_kind=source.kind,
        )
        options = estimator._prefixed("compile")
        knobs = check_knobs(compile=estimator.compile, compile_options=options)
        vars(net)["compile_options_"] = knobs.compile
        return net

    def _fill(self, net: Any) -> None:
        """Put the weights into the module, and the history into the net."""
        module = net.module_
        own = module.state_dict()
        if missing := sorted(set(own) ^ set(self.weights)):
            raise ValueError(
                f"the module and its weights differ in {missing[:4]}; is it the module"
                " that the model was made with?"
            )
        for name, value in self.weights.items():
            if own[name].shape != value.shape or own[name].dtype != value.dtype:
                raise ValueError(
                    f"{name} has shape {tuple(value.shape)} and dtype {value.dtype} in"
                    f" the file, and {tuple(own[name].shape)}, {own[name].dtype} in"
                    f" {type(module).__name__}"
                )
        module.load_state_dict(dict(self.weights))
        epochs = self.given.value("history")
        if not isinstance(epochs, list) or not all(isinstance(e, dict) for e in epochs):
            raise ValueError("the history is none")
        history = Epochs()
        for epoch in epochs:
            history.new_epoch()
            for key, value in epoch.items():
                history.record(key, value)
        net.history_ = history


@contextmanager
def _without_optimizer(net: Any) -> Iterator[None]:
    """Leave the optimizer to the first training: torch's take seconds to import."""
    if net.wraps_:
        # Of a class of the user's own, which may have several.
        yield
        return

    def register() -> Any:
        net._register_attribute("optimizer_", None)
        vars(net)["optimizer_"] = None
        return net

    vars(net)["initialize_optimizer"] = register
    try:
        yield
    finally:
        del vars(net)["initialize_optimizer"]


def _check_arguments(
    arguments: dict[str, Any] | None, source: Any, task: Any, said: dict[str, Any]
) -> None:
    """Hold what a net is built with against what it will be given.

    Parameters
    ----------
    arguments : dict or None
        Of a bundled net.
    source : input object
    task : Task
    said : dict
        Arguments that the user has said, against what the input has.
    """
    known = source.net_arguments(task.n_outputs)
    if arguments is None or known is None:
        return
    sized = ("n_numeric", "n_indicators", "n_levels", "n_tokens", "in_channels", "size")
    for name in (*sized, "n_outputs"):
        if name not in known or name in said or name not in arguments:
            continue
        found, wanted = arguments[name], known[name]
        if isinstance(wanted, (list, tuple)) and isinstance(found, (list, tuple)):
            found, wanted = list(found), list(wanted)
        if found != wanted:
            raise ValueError(
                f"the net is built for {name}={str(found)[:40]}, and its input and"
                f" target have {str(wanted)[:40]}"
            )


def _device(wanted: Any, module: Any) -> str:
    """Return a device that is here, the CPU where the wanted one is not."""
    try:
        device = resolve_device(wanted, module)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ValueError) as error:
        warn_caller(
            f"device={wanted!r} is not on this machine ({error}): the model was loaded"
            " to the CPU."
        )
        return "cpu"
    return device


def _example_targets(task: Any) -> Tensor:
    """Return two rows of targets as a training reads them."""
    target = task.target
    kind = getattr(target, "kind", "numbers")
    if kind == "classes":
        return torch.tensor([0, 1])
    if kind == "columns":
        return torch.zeros(2, target.n_outputs_, dtype=torch.int64)
    if kind == "labels":
        return torch.zeros(2, target.n_outputs_)
    if kind == "soft":
        return torch.eye(len(target.classes_))[:2]
    if kind == "pixels":
        size = target.size_ or (1, 1)
        if target.soft_:
            return torch.zeros(2, len(target.classes_), *size)
        return torch.zeros(2, *size, dtype=torch.uint8)
    shape = (2,) if target.ndim_ == 1 else (2, target.n_outputs_)
    return torch.zeros(shape)


def _small(rows: Any, source: Any) -> Any:
    """Return rows of large arrays cut: nets of ours take any size."""
    if source.kind != "array":
        return rows
    n_axes = rows.ndim - 2
    most = _MOST_PLACES.get(n_axes, 32)
    for axis in range(2, rows.ndim):
        rows = rows.narrow(axis, 0, min(most, rows.shape[axis]))
    return rows


def _entries(rows: Any) -> int:
    if isinstance(rows, dict):
        rows = tuple(rows.values())
    return sum(map(_entries, rows)) if isinstance(rows, tuple) else rows.numel()


def _say_activation(module: Any, objective: Any, activation: str) -> None:
    """Let outputs mean what they did, where the criterion that said it is left out."""
    inner = getattr(objective, "inner", objective)
    for part in (inner, *getattr(inner, "_outputs", ())):
        part.activation = activation
    if inner is not objective:
        module.joins = objective.joins
