"""A net initialized, with its module and criterion tried on rows of the data.

What is wrong with either is found by a forward pass, before training starts.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import InputShapeSetter
from torch import Tensor, nn

from sk_mixup.training.feeds import Input, first_input, move
from sk_mixup.training.loop import call_module, is_double, is_finite
from sk_mixup.training.objectives import (
    MemberObjective,
    Objective,
    TargetKind,
    criterion_name,
    join_members,
    main_output,
)
from sk_mixup.training.recipes import MuonAdamW
from sk_mixup.training.setup._building import prepare_criterion
from sk_mixup.training.setup._criterion_trial import check_rows, try_criterion
from sk_mixup.training.setup._decisions import take_decisions
from sk_mixup.training.setup._trial import check_arguments_of_forward, described, hints

_FULL = (torch.float32, torch.float64)


def initialize_net(
    net: Any,
    sample: Input,
    y: Tensor,
    *,
    n_classes: int | None,
    needs_rows: bool,
    kind: TargetKind | None = None,
    trial: tuple[Input, Tensor] | None = None,
    has_weights: bool = False,
    scale: Tensor | None = None,
    made_up: bool = False,
) -> Objective | MemberObjective:
    """Initialize a net, and try its module and its criterion.

    Parameters
    ----------
    net : skorch net
    sample : Tensor or dict
        Two rows of input (one, if there are no more).
    y : Tensor
        Their targets.
    n_classes : int or None
        None: regression.
    needs_rows : bool
        Whether the training needs one loss per row (mixing or weights).
    kind : TargetKind or None
        Of targets other than one class or some numbers per row.
    trial : (Tensor or dict, Tensor) or None
        Input and targets of as many rows as a batch has, for the criterion; None: the
        two rows.
    has_weights : bool
        Whether rows have weights.
    scale : Tensor or None
        What targets were divided by, for a criterion that counts in their units.
    made_up : bool
        Whether rows and targets are examples, whose values say nothing.

    Returns
    -------
    objective : Objective or MemberObjective
    """
    outputs: list[Tensor] = []
    plain_initialize = net.initialize_module

    def initialize_module() -> Any:
        plain_initialize()
        give_rates(net)
        vars(net)["is_double_"] = _wants_double(net, sample)
        for rows, targets in [(sample, y)] if trial is None else [(sample, y), trial]:
            output = _try_module(net, rows, kind)
            if not made_up:
                _check_numbers(net.module_, rows, output)
            if kind is None:
                _check_width(net.module_, output, targets, n_classes)
            outputs.append(output)
        if net.criterion is None:
            net.criterion = (
                _default_criterion(outputs[0], n_classes)
                if kind is None
                else kind.default_criterion(outputs[0])
            )
            if kind is not None:
                _serve(net, kind)
            prepare_criterion(net)
        return net

    if kind is not None and isinstance(net, NeuralNetClassifier):
        # skorch's accuracy knows one class per row; ours takes its place.
        net.callbacks__valid_acc = None
    _set_shapes(net, sample, y)
    # An attribute on the instance, removed at once: a net must stay picklable.
    net.initialize_module = initialize_module
    try:
        net.initialize()
    except ValueError as error:
        if "empty parameter list" not in str(error):
            raise
        raise ValueError(
            f"module: {type(net.module_).__name__} has no parameters; there is nothing"
            " to train. Layers must be attributes of it, or in a ModuleList."
        ) from error
    finally:
        del net.initialize_module
    takes_log = isinstance(net, NeuralNetClassifier) and isinstance(
        net.criterion_, nn.NLLLoss
    )
    takes_log = takes_log and net.wraps_ is True
    objective = (
        Objective(net.criterion_, n_classes, takes_log=takes_log)
        if kind is None
        else kind.objective(net.criterion_, takes_log=takes_log)
    )
    _match_dtype(net.criterion_, outputs[-1])
    if scale is not None:
        _give_units(objective, scale, y)
    name = type(net.module_).__name__
    tried = y if trial is None else trial[1]
    try_criterion(
        objective, outputs[-1], tried, net.place_, module=name, made_up=made_up
    )
    takes_rows = has_weights or (needs_rows and objective.takes_pairs)
    check_rows(objective, outputs[-1], tried, net.place_, needs_rows=takes_rows)
    if net.wraps_:
        take_decisions(net, objective, outputs[0], kind)
    return join_members(net.module_, objective)


def _serve(net: Any, kind: TargetKind) -> None:
    """Take parameters away that a kind serves itself, where a loss knows none such."""
    known = inspect.signature(net.criterion).parameters
    for name in kind.serves:
        if name not in known and vars(net).pop(f"criterion__{name}", None) is not None:
            net._params_to_validate.discard(f"criterion__{name}")


def _set_shapes(net: Any, sample: Input, y: Tensor) -> None:
    """Let callbacks of skorch tell the module the width of its input.

    They do so when a training begins, which is too late to try the module before.
    """
    given = net.callbacks
    for one in [] if given is None or isinstance(given, str) else given:
        callback = one[-1] if isinstance(one, tuple) else one
        if isinstance(callback, InputShapeSetter) and isinstance(sample, Tensor):
            callback.on_train_begin(net, X=sample, y=y)


def give_rates(net: Any) -> None:
    """Let a module that knows learning rates of its parts have them."""
    rates = getattr(net.module_, "param_groups", None)
    if net.optimizer is torch.optim.LBFGS:
        return  # It takes one group alone.
    if callable(rates) and "optimizer__param_groups" not in vars(net):
        lr = vars(net).get("optimizer__lr", net.lr)
        groups = list(rates(lr))
        if net.optimizer is MuonAdamW:
            matrices = getattr(net.module_, "matrices", ())
            groups += [(name, {"orthogonal": True}) for name in matrices]
        if groups:
            vars(net)["optimizer__param_groups"] = groups


@torch.no_grad()
def _try_module(net: Any, sample: Input, kind: TargetKind | None = None) -> Tensor:
    module = net.module_
    name = type(module).__name__
    if net.as_called(module) is module:
        check_arguments_of_forward(module, sample)
    else:
        name = f"{type(net).__bases__[1].__name__}.infer, with {name},"
    try:
        output = _called(net, sample)
    except Exception as error:
        raise ValueError(
            f"module: {name} failed on {len(first_input(sample))} rows"
            f" of shape {described(sample)}: {type(error).__name__}: {error}"
            f"{hints(sample)}{_hint_of_weights(module)}"
        ) from error
    if kind is not None:
        n_rows = len(first_input(sample))
        kind.check_output(type(module).__name__, output, n_rows)
        return kind.read(output)
    output = main_output(output)
    if not isinstance(output, Tensor):
        raise ValueError(
            f"module: {type(module).__name__} must return a tensor, a tuple that starts"
            f" with one, or a mapping with the key 'logits'; it returned"
            f" {_kind(output)}."
        )
    return output


def _called(net: Any, sample: Input, *, casts: bool = True) -> Any:
    """Return what a net makes of rows, in evaluation mode."""
    module, place = net.module_, net.place_
    # skorch moves the module to its device after this.
    device, vars(net)["device"] = net.device, place
    module.eval()
    try:
        return call_module(net.as_called(module), move(sample, place), casts=casts)
    finally:
        module.train()
        vars(net)["device"] = device


def _check_numbers(module: nn.Module, sample: Input, output: Tensor) -> None:
    """Refuse a module that makes NaN of finite rows; infinite logits may be meant."""
    if output.is_floating_point() and bool(output.isnan().any()) and is_finite(sample):
        row = int(output.isnan().reshape(len(output), -1).any(1).nonzero()[0])
        raise ValueError(
            f"module: {type(module).__name__} returns NaN for finite rows of X (row"
            f" {row} of {len(output)} that it was tried on), before any training. Look"
            " for a division by zero, a logarithm or a root in its forward, and for"
            " weights that were never set."
        )


def _check_width(
    module: nn.Module, output: Tensor, y: Tensor, n_classes: int | None
) -> None:
    name = type(module).__name__
    width = output[0].numel() if len(output) else 0
    if len(output) != len(y):
        raise ValueError(
            f"module: {name} returned {len(output)} rows for {len(y)} rows of input."
        )
    if n_classes is None:
        wanted = y[0].numel()
        if width != wanted:
            raise ValueError(
                f"module: {name} returns {width} values per row, and y has {wanted}"
                " per row."
            )
        return
    if output.ndim > 2 or (width != n_classes and not (width == 1 and n_classes == 2)):
        logit = " (or one logit)" if n_classes == 2 else ""
        raise ValueError(
            f"module: {name} returns shape {tuple(output.shape)} for {len(y)} rows, and"
            f" y has {n_classes} classes: it must return {n_classes} values per row"
            f"{logit}."
        )


def _default_criterion(output: Tensor, n_classes: int | None) -> type[nn.Module]:
    if n_classes is None:
        return nn.MSELoss
    if output.ndim == 1 or output.shape[1] != n_classes:
        return nn.BCEWithLogitsLoss
    return nn.CrossEntropyLoss


def _kind(output: Any) -> str:
    keys = f" with the keys {list(output)}" if isinstance(output, dict) else ""
    return type(output).__name__ + keys


@torch.no_grad()
def _wants_double(net: Any, sample: Input) -> bool:
    """Whether a module with float64 weights leaves its input as it comes."""
    if not is_double(net.module_):
        return False
    try:
        _called(net, sample, casts=False)
    except Exception:
        return True
    return False


def _hint_of_weights(module: nn.Module) -> str:
    """Return what to do with weights of half precision."""
    dtypes = [p.dtype for p in module.parameters() if p.is_floating_point()]
    if not dtypes or dtypes[0] not in (torch.bfloat16, torch.float16):
        return ""
    return (
        f". Its weights are {dtypes[0]}: give a float32 module with"
        " precision='bfloat16', which computes in it and keeps the weights exact."
    )


def _match_dtype(criterion: Any, output: Tensor) -> None:
    """Give the weights of classes the dtype of outputs, as torch's losses want it."""
    if isinstance(criterion, nn.Module) and output.dtype in _FULL:
        for name, value in criterion.named_buffers(recurse=False):
            if value.dtype in _FULL:
                setattr(criterion, name, value.to(output.dtype))


def _give_units(objective: Objective, scale: Tensor, y: Tensor) -> None:
    try:
        objective.in_units(scale, y)
    except ValueError as error:
        name = criterion_name(objective.criterion)
        raise ValueError(f"criterion: {name} counts in the units of y: {error}.") from (
            error
        )
