"""The state of a module, with what its `state_dict` leaves out."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_PLAIN = (type(None), bool, int, float, str)


def module_state(module: nn.Module) -> dict[str, Any]:
    """Return weights, buffers and plain values of all parts of a module."""
    parts = {}
    for name, part in module.named_modules():
        own = {
            key: value
            for key, value in vars(part).items()
            if isinstance(value, _PLAIN) and (key == "training" or key[0] != "_")
        }
        passing = {
            key: part._buffers[key]
            for key in sorted(part._non_persistent_buffers_set)
            if part._buffers.get(key) is not None
        }
        parts[name] = own, passing
    learns = {name: p.requires_grad for name, p in module.named_parameters()}
    return {"weights": module.state_dict(), "parts": parts, "learns": learns}


def misfit(module: nn.Module, state: dict[str, Any]) -> str | None:
    """Return why a state is not one of this module; None: it is."""
    own = module.state_dict()
    if own.keys() != state["weights"].keys():
        return "its weights have other names"
    for name, value in own.items():
        stored = state["weights"][name]
        if isinstance(value, Tensor) and value.shape != stored.shape:
            return f"its {name} has another shape"
    return None


@torch.no_grad()
def put_module_state(module: nn.Module, state: dict[str, Any]) -> None:
    """Give a module the state of `module_state`, in place."""
    module.load_state_dict(state["weights"])
    stored = state["parts"]
    for name, part in module.named_modules():
        own, passing = stored.get(name, ({}, {}))
        vars(part).update(own)
        for key, value in passing.items():
            part._buffers[key].copy_(value)
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(state["learns"].get(name, True))


def put_optimizer_state(optimizer: Any, state: dict[str, Any]) -> None:
    """Give an optimizer a state; who holds one of its groups goes on holding it."""
    groups = list(optimizer.param_groups)
    optimizer.load_state_dict(state)
    for group, new in zip(groups, optimizer.param_groups, strict=True):
        group.clear()
        group.update(new)
    optimizer.param_groups[:] = groups
