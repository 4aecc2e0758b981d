"""Weights and statistics that all processes must have alike."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from sk_mixup.processes._group import Processes


@torch.no_grad()
def share_state(processes: Processes, *modules: object) -> None:
    """Give all processes the weights and buffers of the first.

    Parameters
    ----------
    processes : Processes
    *modules : object
        Those that are no modules have none.
    """
    for module in modules:
        if isinstance(module, nn.Module):
            _broadcast(processes, [*module.parameters(), *module.buffers()])


@torch.no_grad()
def average_statistics(processes: Processes, module: nn.Module, n_rows: int) -> None:
    """Average what normalisation layers have seen in an epoch, by rows.

    Each process has normalised its own share of every batch. Other buffers become those
    of the first process.

    Parameters
    ----------
    processes : Processes
    module : Module
    n_rows : int
        Of this process, in the epoch.
    """
    running = [
        value
        for part in module.modules()
        if isinstance(part, _NormBase)
        for value in (part.running_mean, part.running_var)
        if value is not None
    ]
    known = {id(value) for value in running}
    _broadcast(processes, [b for b in module.buffers() if id(b) not in known])
    if not running:
        return
    host = torch.cat([value.reshape(-1).double() for value in running]).cpu()
    mean = processes.mean(host, n_rows)
    parts = mean.split([value.numel() for value in running])
    for value, part in zip(running, parts, strict=True):
        value.copy_(part.view(value.shape))


def _broadcast(processes: Processes, tensors: list[Tensor]) -> None:
    """Give all processes the values of the first, in one message per dtype."""
    groups: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
    for tensor in tensors:
        if tensor.numel():
            groups.setdefault((tensor.dtype, tensor.device), []).append(tensor)
    for alike in groups.values():
        host = torch.cat([t.detach().reshape(-1) for t in alike]).cpu()
        _send_from_first(processes, host)
        if processes.rank == 0:
            continue
        for tensor, part in zip(
            alike, host.split([t.numel() for t in alike]), strict=True
        ):
            tensor.copy_(part.view(tensor.shape))


def _send_from_first(processes: Processes, host: Tensor) -> None:
    source = dist.get_global_rank(processes.control, 0)
    # Bytes: a backend need not know the dtype.
    values = host.view(torch.uint8)
    processes.call(lambda: dist.broadcast(values, source, group=processes.control))
