"""Gradients averaged over processes, every row alike.

torch's wrapper of modules averages processes alike, whatever rows they had, wants every
process in every step, and calls the module in its own way. Here gradients travel after
the backward pass, in a few large messages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from sk_mixup.processes._group import Processes

# Of one message: while it travels, the next one is filled.
_MESSAGE_BYTES = 2**23


class GradientAverage:
    """Replaces gradients by their mean over all rows of all processes.

    Parameters
    ----------
    processes : Processes
    parameters : iterable of Tensor
        The same ones, in the same order, in every process.
    """

    def __init__(self, processes: Processes, parameters: Iterable[Tensor]) -> None:
        self.processes = processes
        self.parameters = list(parameters)
        self._messages = _messages(self.parameters)

    def is_of(self, parameters: Iterable[Tensor]) -> bool:
        """Whether it averages the gradients of just these parameters."""
        known = iter(self.parameters)
        return all(one is next(known, None) for one in parameters) and (
            next(known, None) is None
        )

    @torch.no_grad()
    def __call__(self, n_rows: float) -> Tensor:
        """Average all gradients; return the rows of all processes.

        Parameters
        ----------
        n_rows : float
            That the gradients of this process are the mean of; 0: it has none.
        """
        if not self.parameters:
            return torch.tensor(float(n_rows))
        place = self.parameters[0].device
        known = [parameter.grad is not None for parameter in self.parameters]
        # A parameter that no process has used keeps no gradient.
        head = torch.tensor([float(n_rows), *map(float, known)]).to(place)
        sent = [self._send(head)]
        sent += [self._send(message.filled(n_rows)) for message in self._messages]
        self._wait(sent)
        total = head[0]
        used = self.parameters_used(head)
        for message in self._messages:
            message.empty(total, used)
        return total

    def parameters_used(self, head: Tensor) -> set[int] | None:
        """Return which parameters have a gradient anywhere; None: nobody looked.

        Reading it would wait for another device in every step.
        """
        if head.device.type != "cpu":
            return None
        return {
            id(parameter)
            for parameter, n in zip(self.parameters, head[1:].tolist(), strict=True)
            if n > 0
        }

    def _send(self, tensor: Tensor) -> Any:
        group = self.processes.group_of(tensor)
        return self.processes.call(
            lambda: dist.all_reduce(tensor, group=group, async_op=True)
        )

    def _wait(self, sent: list[Any]) -> None:
        for work in sent:
            self.processes.call(work.wait)


class _Message:
    """Gradients of some parameters, side by side."""

    def __init__(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters
        sizes = [parameter.numel() for parameter in parameters]
        self.flat = torch.empty(
            sum(sizes), dtype=parameters[0].dtype, device=parameters[0].device
        )
        self.views = [
            part.view(parameter.shape)
            for part, parameter in zip(self.flat.split(sizes), parameters, strict=True)
        ]

    def filled(self, n_rows: float) -> Tensor:
        """Take in the gradients, times the rows that they are the mean of."""
        here = []
        for view, parameter in zip(self.views, self.parameters, strict=True):
            if parameter.grad is None or n_rows == 0:
                view.zero_()
            else:
                here.append((view, _dense(parameter.grad)))
        if here:
            views, grads = zip(*here, strict=True)
            torch._foreach_copy_(views, grads)
        return self.flat.mul_(n_rows)

    def empty(self, total: Tensor, used: set[int] | None) -> None:
        """Give the parameters what has come."""
        self.flat.div_(total.to(self.flat.dtype))
        here = []
        for view, parameter in zip(self.views, self.parameters, strict=True):
            if used is not None and id(parameter) not in used:
                continue
            if parameter.grad is None:
                if parameter.requires_grad:
                    parameter.grad = view.clone()
            else:
                here.append((parameter.grad, view))
        if here:
            grads, views = zip(*here, strict=True)
            torch._foreach_copy_(grads, views)


def _messages(parameters: list[Tensor]) -> list[_Message]:
    messages: list[_Message] = []
    waiting: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
    for parameter in parameters:
        key = parameter.dtype, parameter.device
        waiting.setdefault(key, []).append(parameter)
        size = sum(p.numel() * p.element_size() for p in waiting[key])
        if size >= _MESSAGE_BYTES:
            messages.append(_Message(waiting.pop(key)))
    return messages + [_Message(rest) for rest in waiting.values()]


def _dense(grad: Tensor) -> Tensor:
    if grad.layout is not torch.strided:
        raise ValueError(
            "module: sparse gradients (such as those of nn.Embedding(sparse=True))"
            " cannot be averaged over processes. Say sparse=False, or"
            " distributed=None."
        )
    return grad
