"""Who can train together, and why somebody cannot."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import torch
from skorch.callbacks import (
    EpochScoring,
    EpochTimer,
    LRScheduler,
    PassthroughScoring,
    PrintLog,
)
from torch import nn

from sk_mixup.inputs import ArrayRows, holds_sparse
from sk_mixup.mixing import Method, Mixup
from sk_mixup.training.feeds import ArrayData, MemberRows
from sk_mixup.training.loop import BestWeights, CountedAccuracy, TrainingBar
from sk_mixup.training.objectives import PixelObjective
from sk_mixup.training.packing._autocast import AutocastProgram
from sk_mixup.training.packing._feeds import _leaves
from sk_mixup.training.packing._losses import loss_kind
from sk_mixup.training.packing._member import PackMember
from sk_mixup.training.packing._optimizer import ELEMENTWISE, names_of_groups
from sk_mixup.training.packing._signature import (
    bytes_of,
    criterion_signature,
    input_signature,
    module_signature,
    value_signature,
)
from sk_mixup.training.packing._trial import reason_of_state, try_program
from sk_mixup.training.packing.programs import (
    LayerProgram,
    Step,
    TracedProgram,
    read_graph,
)
from sk_mixup.training.recipes import CourseRates, Knobs

#: Why nets of tables train alone: their members are many trainings already.
FOLDS_OF_MEMBERS = "the members of the net leave out folds of their own"
# Callbacks whose work the pack does, or that nobody misses in one.
_KNOWN = (
    BestWeights, CourseRates, EpochTimer, PassthroughScoring, PrintLog, TrainingBar,
)  # fmt: skip


class _Tried(NamedTuple):
    """What was found out about a module."""

    reason: str | None
    steps: list[Step] | None


# Of which a search asks for one module many times. Keys describe what modules hold, so
# it is their bytes that are bounded.
_TRIALS: dict[Any, _Tried] = {}
_MOST_TRIALS = 64
_MOST_BYTES = 2**20


def pack_key(member: PackMember) -> Hashable | None:
    """Return what members that can train in one pack have in common.

    Parameters
    ----------
    member : PackMember

    Returns
    -------
    key : hashable or None
        None: the training cannot be fused; `unfusable_reason` says why.
    """
    if unfusable_reason(member) is not None:
        return None
    net, run, train = member.net, member.run, member.train
    objective = run.objective
    kind = loss_kind(objective)
    x, y = train.sample()
    y = y[0] if isinstance(y, tuple) else y
    method = run.method
    # Blends of all members are computed together; other plans are not.
    family: Any = "blends"
    if method is not None and type(method) is not Mixup:
        family = type(method)
    return (
        module_signature(net.module_),
        input_signature(x),
        (y.dtype, tuple(y.shape[1:])),
        train.weight is None,
        kind,
        type(objective),
        type(getattr(objective, "inner", None)),
        objective.n_classes,
        objective.takes_log,
        objective.counts,
        None if kind == "each" else criterion_signature(objective.criterion),
        type(net.optimizer_),
        tuple(names_of_groups(member)),
        member.batch_size,
        member.knobs.precision,
        str(net.place_),
        family,
    )


def unfusable_reason(member: PackMember) -> str | None:
    """Return why a training cannot be fused with others; None: it can.

    Parameters
    ----------
    member : PackMember
    """
    return (
        _reason_of_data(member)
        or _reason_of_target(member)
        or _reason_of_net(member.net)
        or _reason_of_knobs(member.knobs)
        or _reason_of_method(member.run.method)
        or _reason_of_module(member)
    )


def _reason_of_data(member: PackMember) -> str | None:
    for data in (member.train, member.valid):
        if data is None:
            continue
        if not isinstance(data, ArrayData):
            return "the data come as a stream"
        if isinstance(data, MemberRows):
            return FOLDS_OF_MEMBERS
        if holds_sparse(data.X):
            return "the rows of X are sparse"
        for leaf in _leaves(data.X):
            if not hasattr(leaf, "data_ptr") and not isinstance(leaf, ArrayRows):
                return "the data are read from a data set"
    return None


def _reason_of_target(member: PackMember) -> str | None:
    if isinstance(member.run.objective, PixelObjective):
        return "y holds a class per pixel"
    return None


def _reason_of_net(net: Any) -> str | None:
    if net.uses_loader_:
        return "iterator_train is given, so batches come from a DataLoader"
    if net.is_double_:
        return "the module's weights are float64"
    if not net._infers_plainly:
        return f"{type(net).__bases__[1].__name__} has its own infer"
    if net.predict_nonlinearity != "auto" or getattr(net, "threshold", 0.5) != 0.5:
        return "the net has its own predict_nonlinearity or threshold"
    for name, callback in net.callbacks_:
        if type(callback) is LRScheduler and callback.step_every == "epoch":
            continue
        is_accuracy = (
            type(callback) in (CountedAccuracy, EpochScoring) and name == "valid_acc"
        )
        if type(callback) not in _KNOWN and not is_accuracy:
            return f"the callback {name} ({type(callback).__name__}) belongs to one net"
    if net._optimizers != ["optimizer"]:
        return "the net has several optimizers"
    if type(net.optimizer_) not in ELEMENTWISE:
        kind = type(net.optimizer_).__name__
        return f"the optimizer {kind} does not treat every weight by itself"
    if net.optimizer_.state or len(net.history_):
        return "the training goes on from an earlier one"
    known = {id(p) for p in net.module_.parameters()}
    for group in net.optimizer_.param_groups:
        if any(id(p) not in known for p in group["params"]):
            return "the criterion has weights that are trained"
    return None


def _reason_of_knobs(knobs: Knobs) -> str | None:
    for name, used in (
        ("augment", bool(knobs.augment)),
        ("ema", knobs.ema is not None),
        ("accumulate", knobs.accumulate > 1),
        ("precision='float16'", knobs.precision == torch.float16),
        ("compile", knobs.compile is not None),
        ("channels_last", knobs.channels_last),
    ):
        if used:
            return f"{name} is set"
    return None


def _reason_of_method(method: Method | None) -> str | None:
    if method is None:
        return None
    name = type(method).__name__
    if method.reads_module:
        return f"mix: {name} looks at the module or at earlier steps"
    if _mixes_layers(method):
        return f"mix: {name} mixes hidden layers"
    if any(isinstance(part, Method) and part.weighs_late for part in method.walk()):
        return f"mix: {name} learns the weights of labels from the net as it runs"
    return None


def _mixes_layers(method: Method) -> bool:
    return any(callable(getattr(part, "sites", None)) for part in method.walk())


def _reason_of_module(member: PackMember) -> str | None:
    return _tried(member).reason


def make_program(member: PackMember) -> LayerProgram | TracedProgram | AutocastProgram:
    """Return what computes the outputs of all members of a pack."""
    module, tried = member.net.module_, _tried(member)
    program: LayerProgram | TracedProgram
    if tried.steps is not None:
        program = LayerProgram(module, tried.steps)
    else:
        program = TracedProgram(module, member.run.objective.read)
    if (precision := member.knobs.precision) is None:
        return program
    device_type = member.net.place_.type
    return AutocastProgram(program, device_type, precision)


def is_by_hand(member: PackMember) -> bool:
    """Whether the net of a member that can be fused is layers computed by hand."""
    return _tried(member).steps is not None


def _tried(member: PackMember) -> _Tried:
    """Choose a program for a module, and try whether it computes the same."""
    module, read = member.net.module_, member.run.objective.read
    x, _ = member.train.sample(6)
    key = module_signature(module), value_signature(input_signature(x))
    if key not in _TRIALS:
        _TRIALS[key] = _try(module, x, read)
        _forget()
    return _TRIALS[key]


def _try(module: nn.Module, x: Any, read: Any) -> _Tried:
    reason = reason_of_state(module, x, read)
    if reason is not None:
        return _Tried(reason, None)
    steps = read_graph(module, x)
    if steps is not None:
        layered = LayerProgram(module, steps)
        if try_program(layered, module, x, read) is None:
            return _Tried(None, steps)
    return _Tried(try_program(TracedProgram(module, read), module, x, read), None)


def _forget() -> None:
    """Let the oldest trials go where there are too many; the last one stays."""
    sizes = {key: bytes_of(key) for key in _TRIALS}
    total = sum(sizes.values())
    for key in list(_TRIALS)[:-1]:
        if len(_TRIALS) <= _MOST_TRIALS and total <= _MOST_BYTES:
            break
        total -= sizes[key]
        del _TRIALS[key]
