"""The state of a training between two epochs: taken, and put back into another one.

All that the next epoch depends on and that is not made anew from the parameters and
the rows: weights, optimizers, averages, schedules, what callbacks and methods remember,
history, and where every random stream is.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sk_mixup.estimators.checkpoints._callbacks import (
    callback_states,
    put_callback_states,
)
from sk_mixup.estimators.checkpoints._modules import (
    misfit,
    module_state,
    put_module_state,
    put_optimizer_state,
)
from sk_mixup.mixing import Method
from sk_mixup.nets import dropout_generator
from sk_mixup.training import Course
from sk_mixup.turns import global_states, put_global_states

#: What the callback is called that stores the others.
KEEPER = "sk_mixup_checkpoint"
_AVERAGE = ("n_steps", "average", "trained", "_is_shown")
_STEPS = ("epoch", "batch", "n_batches")
_STREAMS = ("order", "partner", "lam", "gate", "site")


class Unfit(ValueError):
    """A state of another training."""


class TrainingState:
    """Takes and puts back the state of one training.

    Parameters
    ----------
    training : Training
        Begun: its run is started.
    draws : bool, default=True
        Whether where dropout is in its stream is a part of the state.
    """

    def __init__(self, training: Any, *, draws: bool = True) -> None:
        self.draws = draws
        self.net, self.run = training.net, training.run
        self.streams = training.data.streams
        self.data = training.data
        self.owner = training.settings.owner
        # What was asked for; a callback may put another in its place.
        self.method = training.run.method
        #: Callbacks and attributes that are not stored.
        self.left_out: set[tuple[str, str]] = set()

    @property
    def epoch(self) -> int:
        """Epochs of the training so far."""
        return int(self.run.epoch)

    @property
    def callbacks(self) -> list[tuple[str, Any]]:
        """Those of the net, less the one that stores the others."""
        return [(n, c) for n, c in self.net.callbacks_ if n != KEEPER]

    @property
    def live(self) -> dict[str, Any]:
        """What is named in place of being stored, by name."""
        net = self.net
        live: dict[str, Any] = {
            "net": net,
            "run": self.run,
            "train": self.data.train,
            "valid": self.data.valid,
            "owner": self.owner,
            "streams": self.streams,
        }
        for name in net._optimizers:
            live[f"{name}_"] = getattr(net, f"{name}_")
        for name, module in self._modules().items():
            for place, part in module.named_modules():
                live[f"{name}:{place}"] = part
            for place, parameter in module.named_parameters():
                live[f"{name}:{place}:weight"] = parameter
        for name, callback in self.callbacks:
            live[f"callback:{name}"] = callback
            if isinstance(course := vars(callback).get("course"), Course):
                live["course"] = course
        return {name: value for name, value in live.items() if value is not None}

    def taken(self, *, finished: bool) -> dict[str, Any]:
        """Return the state; tensors in it are those of the training itself."""
        net, run = self.net, self.run
        course = self.live.get("course")
        return {
            "seed": self.streams.init_seed,
            "finished": finished,
            "modules": {n: module_state(m) for n, m in self._modules().items()},
            "optimizers": {
                name: getattr(net, f"{name}_").state_dict() for name in net._optimizers
            },
            "history": list(net.history_),
            "callbacks": callback_states(self.callbacks, self.left_out),
            "course": None if course is None else vars(course),
            "replaced": run.method is not self.method,
            "method": run.method if run.method is not self.method else None,
            "parts": self._memories(),
            "epoch": run.epoch,
            "stepper": self._stepper(),
            "streams": {n: self._stream(n).get_state() for n in _STREAMS},
            "random": _random(run) if self.draws else {},
        }

    def check(self, state: dict[str, Any]) -> None:
        """Check that a state is one of this training, before anything is put back.

        Raises
        ------
        Unfit
        """
        if state["seed"] != self.streams.init_seed:
            raise Unfit("it began with another seed")
        modules = self._modules()
        if modules.keys() != state["modules"].keys():
            raise Unfit("it has other modules")
        for name, module in modules.items():
            if problem := misfit(module, state["modules"][name]):
                raise Unfit(problem)
        if self.draws and ("generator" in state["random"]) != (
            _generator(self.run) is not None
        ):
            raise Unfit("it drew from other streams")

    def put(self, state: dict[str, Any]) -> None:
        """Go on from a state that `check` has let pass."""
        net, run = self.net, self.run
        for name, module in self._modules().items():
            put_module_state(module, state["modules"][name])
        for name in net._optimizers:
            put_optimizer_state(getattr(net, f"{name}_"), state["optimizers"][name])
        net.history_[:] = state["history"]
        live = self.live
        put_callback_states(self.callbacks, state["callbacks"])
        if state["course"] is not None and "course" in live:
            vars(live["course"]).update(state["course"])
        if state["replaced"]:
            run.method = state["method"]
        for part, memory in zip(self._parts(), state["parts"], strict=True):
            vars(part).update(memory)
        run.epoch, run.has_no_step = state["epoch"], False
        self._put_stepper(state["stepper"])
        for name in _STREAMS:
            self._stream(name).set_state(state["streams"][name])
        if self.draws:
            _put_random(run, state["random"])

    # -- parts ------------------------------------------------------------------------

    def _modules(self) -> dict[str, nn.Module]:
        net = self.net
        found = {n: getattr(net, f"{n}_") for n in (*net._modules, *net._criteria)}
        return {n: m for n, m in found.items() if isinstance(m, nn.Module)}

    def _parts(self) -> list[Any]:
        return list(self.method.walk()) if isinstance(self.method, Method) else []

    def _memories(self) -> list[dict[str, Any]]:
        """Return what the parts of the method remember: rows, or what users keep."""
        return [
            {k: v for k, v in vars(part).items() if k in ("_kept", "_pool")}
            if type(part).__module__.startswith("sk_mixup.")
            else dict(vars(part))
            for part in self._parts()
        ]

    def _stream(self, name: str) -> torch.Generator:
        if name == "order":
            return self.streams.order
        found = getattr(self.streams.mix, name)
        assert isinstance(found, torch.Generator)
        return found

    def _stepper(self) -> dict[str, Any]:
        stepper = self.run.stepper
        state: dict[str, Any] = {}
        if stepper is None:
            return {}
        if stepper.average is not None:
            state["average"] = {name: vars(stepper.average)[name] for name in _AVERAGE}
        if stepper.schedule is not None:
            state["schedule"] = {name: vars(stepper.schedule)[name] for name in _STEPS}
        if stepper.scaler is not None:
            state["scaler"] = stepper.scaler.state_dict()
        if stepper.companions:
            state["companions"] = [c.state_dict() for c in stepper.companions]
        return state

    def _put_stepper(self, state: dict[str, Any]) -> None:
        stepper = self.run.stepper
        if "average" in state:
            vars(stepper.average).update(state["average"])
        if "schedule" in state:
            vars(stepper.schedule).update(state["schedule"])
        if "scaler" in state:
            stepper.scaler.load_state_dict(state["scaler"])
        for companion, own in zip(
            stepper.companions if stepper else (),
            state.get("companions", ()),
            strict=True,
        ):
            companion.load_state_dict(own)


def _generator(run: Any) -> torch.Generator | None:
    """Return what dropout draws from; None: from the global states."""
    return dropout_generator() if run.lend is None else None


def _random(run: Any) -> dict[str, Any]:
    generator = _generator(run)
    if generator is not None:
        return {"generator": generator.get_state()}
    return {"globals": global_states()}


def _put_random(run: Any, state: dict[str, Any]) -> None:
    generator = _generator(run)
    if generator is not None:
        generator.set_state(state["generator"])
    else:
        put_global_states(state["globals"])
