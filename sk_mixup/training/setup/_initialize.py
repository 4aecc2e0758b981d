"""A net initialized, with its module and criterion tried on two rows.

What is wrong with either is found by one forward pass, before training starts.
"""

from __future__ import annotations

from typing import Any

import torch
from skorch import NeuralNetClassifier
from torch import Tensor, nn

from sk_mixup.training.feeds import Input, first_input
from sk_mixup.training.loop import call_module, is_finite
from sk_mixup.training.objectives import (
    MemberObjective,
    Objective,
    TargetKind,
    join_members,
    main_output,
)
from sk_mixup.training.setup._decisions import take_decisions
from sk_mixup.training.setup._trial import check_arguments_of_forward, described, hints


def initialize_net(
    net: Any,
    sample: Input,
    y: Tensor,
    *,
    n_classes: int | None,
    needs_rows: bool,
    kind: TargetKind | None = None,
) -> Objective | MemberObjective:
    """Initialize a net, and try module and criterion on two rows.

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

    Returns
    -------
    objective : Objective or MemberObjective
    """
    outputs: list[Tensor] = []
    plain_initialize = net.initialize_module

    def initialize_module() -> Any:
        plain_initialize()
        give_rates(net)
        outputs.append(_try_module(net, sample, kind))
        _check_numbers(net.module_, sample, outputs[0])
        if kind is None:
            _check_width(net.module_, outputs[0], y, n_classes)
        if net.criterion is None:
            net.criterion = (
                _default_criterion(outputs[0], n_classes)
                if kind is None
                else kind.default_criterion(outputs[0])
            )
            net.criterion__reduction = "none"
        return net

    if kind is not None and isinstance(net, NeuralNetClassifier):
        # skorch's accuracy knows one class per row; ours takes its place.
        net.callbacks__valid_acc = None
    # An attribute on the instance, removed at once: a net must stay picklable.
    net.initialize_module = initialize_module
    try:
        net.initialize()
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
    _try_criterion(objective, outputs[0], y, net.device, needs_rows)
    if net.wraps_:
        take_decisions(net, objective, outputs[0], kind)
    return join_members(net.module_, objective)


def give_rates(net: Any) -> None:
    """Let a module that knows learning rates of its parts have them."""
    rates = getattr(net.module_, "param_groups", None)
    if net.optimizer is torch.optim.LBFGS:
        return  # It takes one group alone.
    if callable(rates) and "optimizer__param_groups" not in vars(net):
        lr = vars(net).get("optimizer__lr", net.lr)
        if groups := rates(lr):
            vars(net)["optimizer__param_groups"] = groups


@torch.no_grad()
def _try_module(net: Any, sample: Input, kind: TargetKind | None = None) -> Tensor:
    module = net.module_
    name = type(module).__name__
    called = net.as_called(module)
    if called is module:
        check_arguments_of_forward(module, sample)
    else:
        name = f"{type(net).__bases__[1].__name__}.infer, with {name},"
    # skorch moves the module to its device after this.
    device, vars(net)["device"] = net.device, "cpu"
    module.eval()
    try:
        output = call_module(called, sample)
    except Exception as error:
        raise ValueError(
            f"module: {name} failed on {len(first_input(sample))} rows"
            f" of shape {described(sample)}: {type(error).__name__}: {error}"
            f"{hints(sample)}"
        ) from error
    finally:
        module.train()
        vars(net)["device"] = device
    if kind is not None:
        n_rows = len(first_input(sample))
        kind.check_output(type(module).__name__, output, n_rows)
        return kind.read(output)
    output = main_output(output)
    if not isinstance(output, Tensor):
        raise ValueError(
            f"module: {type(module).__name__} must return a tensor, or a tuple that"
            f" starts with one; it returned {type(output).__name__}."
        )
    return output


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


def _try_criterion(
    objective: Objective, output: Tensor, y: Tensor, device: Any, needs_rows: bool
) -> None:
    name = getattr(objective.criterion, "__name__", None)
    name = name or type(objective.criterion).__name__
    try:
        with torch.no_grad():
            loss = objective.rows(output.to(device), y.to(device))
    except Exception as error:
        raise ValueError(
            f"criterion: {name} failed on outputs of shape {tuple(output.shape)} and"
            f" targets of shape {tuple(y.shape)}, dtype {y.dtype}:"
            f" {type(error).__name__}: {error}"
        ) from error
    if loss.ndim == 0 and (needs_rows or len(y) == 1):
        raise ValueError(
            f"criterion: {name} returns one number per batch. Mixed targets and weights"
            " need one loss per row: give a criterion with reduction='none' (or a"
            " `reduction` parameter), or mix=None."
        )
    if loss.ndim and loss.shape != (len(y),):
        raise ValueError(
            f"criterion: {name} returned shape {tuple(loss.shape)} for {len(y)} rows."
        )
