"""The step of a fused Adam or AdamW on the CPU, at the price of its arithmetic.

For every group of parameters torch sorts tensors by device and dtype, looks for graphs
under capture and checks what has not changed; of the small nets of tables, which have
half a dozen groups, that costs more than the step itself. Here the same kernels get the
same numbers, and groups of the same settings go in together. The weights that follow
are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import optimizer as hooks

# Lists of parameters, gradients, both averages, and steps.
_Lists = tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor], list[Tensor]]

# What groups that go in together have in common.
_SETTINGS = ("lr", "betas", "weight_decay", "eps", "maximize")


def take_step(optimizer: torch.optim.Optimizer) -> None:
    """Do what ``optimizer.step()`` does.

    Parameters
    ----------
    optimizer : Optimizer
        Its parameters have their gradients.
    """
    if not (_is_plain(optimizer) and step_fused(optimizer, optimizer.param_groups)):
        optimizer.step()


def _is_plain(optimizer: torch.optim.Optimizer) -> bool:
    """Whether nobody would notice that its `step` was not called."""
    return (
        type(optimizer) in (torch.optim.AdamW, torch.optim.Adam)
        # Schedulers of torch count steps by a method of their own.
        and "step" not in vars(optimizer)
        and not optimizer._optimizer_step_pre_hooks
        and not optimizer._optimizer_step_post_hooks
        and not hooks._global_optimizer_pre_hooks
        and not hooks._global_optimizer_post_hooks
        and not torch.autograd.profiler._is_profiler_enabled
    )


@torch.no_grad()
def step_fused(
    optimizer: torch.optim.Optimizer, groups: Sequence[dict[str, Any]]
) -> bool:
    """Take the step of some groups, if all of them are such as this knows.

    Parameters
    ----------
    optimizer : Adam or AdamW
    groups : sequence of dict
        Of its groups of parameters.

    Returns
    -------
    done : bool
        False: nothing has changed. So it is for the first step, which torch must
        prepare, for other devices and dtypes, and for all but ``fused=True``.
    """
    # Older AdamWs do not say it of their groups.
    is_adamw = isinstance(optimizer, torch.optim.AdamW)
    found: dict[tuple[Any, ...], tuple[dict[str, Any], _Lists]] = {}
    for group in groups:
        on_device = any(isinstance(x, Tensor) for x in (group["lr"], *group["betas"]))
        if not group["fused"] or group["amsgrad"] or group["capturable"] or on_device:
            return False
        decoupled = group.get("decoupled_weight_decay", is_adamw)
        alike = (decoupled, *(group[name] for name in _SETTINGS))
        _, lists = found.setdefault(alike, (group, ([], [], [], [], [])))
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            state = optimizer.state.get(parameter)
            if (
                not state
                or not parameter.is_cpu
                or parameter.dtype is not torch.float32
                or gradient.is_sparse
            ):
                return False
            states = (state["exp_avg"], state["exp_avg_sq"], state["step"])
            for so_far, value in zip(
                lists, (parameter, gradient, *states), strict=True
            ):
                so_far.append(value)
    for (decoupled, *_), (group, lists) in found.items():
        if lists[0]:
            apply_fused(decoupled, group, *lists)
    return True


def apply_fused(
    decoupled: bool,
    settings: dict[str, Any],
    parameters: list[Tensor],
    gradients: list[Tensor],
    means: list[Tensor],
    squares: list[Tensor],
    steps: list[Tensor],
) -> None:
    """Count a step, and call torch's kernel for it.

    Parameters
    ----------
    decoupled : bool
        AdamW's weight decay, not Adam's.
    settings : dict
        Those of a group of parameters.
    parameters, gradients : list of Tensor
    means, squares : list of Tensor
        Averages of the gradients and of their squares.
    steps : list of Tensor
    """
    torch._foreach_add_(steps, 1)
    kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_
    beta1, beta2 = settings["betas"]
    kernel(
        parameters,
        gradients,
        means,
        squares,
        [],
        steps,
        lr=settings["lr"],
        beta1=beta1,
        beta2=beta2,
        weight_decay=settings["weight_decay"],
        eps=settings["eps"],
        amsgrad=False,
        maximize=settings["maximize"],
    )
