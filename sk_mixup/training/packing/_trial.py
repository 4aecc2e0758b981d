"""Whether the program of a pack computes what the module computes.

Modules are code of users: vmap may be unable to go through them, or a module may do
more than compute. Two members are therefore tried for some steps, and outputs,
gradients, weights and buffers compared with those of the modules alone.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from sk_mixup.training.feeds import map_tensors, own_copy, seeded_globals, tensors_of
from sk_mixup.training.loop import call_module, copied, pixels_to_floats
from sk_mixup.training.packing._stack import Stack
from sk_mixup.training.packing._state import plain_state, written_attribute
from sk_mixup.training.packing.programs import Call, LayerProgram, dropouts_of
from sk_mixup.turns import TURNS

# Training steps that are compared: what the first one leaves behind, and what the
# second one makes of it, shows in the third.
_STEPS = 3


def reason_of_state(module: nn.Module, x: Any, read: Any) -> str | None:
    """Return why a module cannot train in a pack: its forward pass keeps things.

    Parameters
    ----------
    module : nn.Module
    x : Tensor, dict or tuple
        Some rows of input, on the CPU.
    read : callable
        Makes one tensor of what the module returns.

    Returns
    -------
    reason : str or None
        None: nothing but parameters and buffers changes in two training steps and one
        step without training.
    """
    name = type(module).__name__
    rows = pixels_to_floats(x)
    try:
        tried = copied(module).cpu()
        before = plain_state(tried)
        for training in (True, True, False):
            tried.train(training)
            given = own_copy(rows)
            with seeded_globals(0):
                read(_called(tried, given)).float().square().mean().backward()
            if not all(map(_same, tensors_of(given), tensors_of(rows))):
                # Members of one fold are given the same rows.
                return f"the forward of {name} writes into its input"
        written = written_attribute(before, plain_state(tried))
    except Exception:
        # The trial of a program says what is wrong.
        return None
    if written is None:
        return None
    return f"{name} keeps state in Python: its forward writes {written}"


def try_program(program: Any, module: nn.Module, x: Any, read: Any) -> str | None:
    """Compare a program with a module.

    Parameters
    ----------
    program : LayerProgram or TracedProgram
    module : nn.Module
    x : Tensor, dict or tuple
        Some rows of input, on the CPU.
    read : callable
        Makes one tensor of what the module returns.

    Returns
    -------
    reason : str or None
        Why the module cannot train in a pack; None: it can.
    """
    name = type(module).__name__
    first = copied(module).cpu()
    for _, part in dropouts_of(first):
        part.p = 0.0
    second = copied(first)
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.mul_(1.25)
    members = [first, second]
    inputs = [x, map_tensors(lambda t: t.flip(0), x)]
    try:
        with TURNS, warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*batching rule.*")
            return _differs(
                program, members, inputs, read, 1, training=False
            ) or _differs(program, members, inputs, read, _STEPS, training=True)
    except Exception as error:
        first_line = str(error).strip().split("\n")[0]
        return (
            f"torch.func.vmap cannot go through {name} ({type(error).__name__}:"
            f" {first_line[:200]})"
        )


def _differs(
    program: Any,
    members: list[nn.Module],
    inputs: list[Any],
    read: Any,
    n_steps: int,
    *,
    training: bool,
) -> str | None:
    """Return in what a program differs from modules after some steps; None: nothing."""
    name = type(members[0]).__name__
    call = Call(training)
    stack = Stack(members, program.transposed)
    params, buffers = stack.views(0, len(members))
    alone = [copied(member).train(training) for member in members]
    for step in range(n_steps):
        rows = [map_tensors(lambda t, by=step: t.roll(by, 0), one) for one in inputs]
        stacked = map_tensors(lambda *t: torch.stack(t), *rows)
        with seeded_globals(0):
            output = program(params, buffers, stacked, call)
            output.float().square().mean().backward()
            grads = {k: p.grad for k, p in params.items() if p.grad is not None}
            by_hand = _by_hand(program, params, stacked, call)
        lone = [_alone(m, v, read) for m, v in zip(alone, rows, strict=True)]
        if lone[0].random:
            return f"{name} draws random numbers of its own"
        if not all(_close(g, grads[key]) for key, g in by_hand.items()):
            return f"gradients by hand differ from those of {name}"
        for k, result in enumerate(lone):
            if not result.agrees(output[k], params, buffers, stack, k):
                return f"in a pack, {name} computes something else than alone"
        for leaf in params.values():
            leaf.grad = None
    return None


def _by_hand(program: Any, params: dict[str, Tensor], x: Any, call: Call) -> Any:
    """Return the gradients of a tape; none where there is no tape."""
    if not isinstance(program, LayerProgram) or x.dtype == torch.uint8:
        return {}
    tape = program.tape(params, x.shape[1])
    # The gradient of the mean of squares.
    return {} if tape is None else tape(x, call, lambda y: 2 * y / y.numel())


class _Alone:
    """What one module computed in a step."""

    def __init__(self, module: nn.Module, output: Tensor, random: bool) -> None:
        self.output, self.random = output, random
        self.params = dict(module.named_parameters())
        self.grads = {
            name: p.grad for name, p in self.params.items() if p.grad is not None
        }
        self.buffers = dict(module.named_buffers())

    def agrees(
        self,
        output: Tensor,
        params: dict[str, Tensor],
        buffers: dict[str, Tensor],
        stack: Stack,
        k: int,
    ) -> bool:
        if output.shape != self.output.shape or not _close(output, self.output):
            return False
        for name, leaf in params.items():
            if not _close(stack.unpacked(name, leaf[k]), self.params[name]):
                return False
            grad, mine = self.grads.get(name), leaf.grad
            if mine is None:
                if grad is not None and bool(grad.any()):
                    return False
                continue
            # The loss of two members has half the gradient.
            theirs = torch.zeros_like(mine[k]) if grad is None else grad / 2
            if grad is not None:
                mine_k = stack.unpacked(name, mine[k])
            else:
                mine_k = mine[k]
            if not _close(mine_k, theirs):
                return False
        return all(_close(b[k], self.buffers[name]) for name, b in buffers.items())


def _alone(module: nn.Module, x: Any, read: Any) -> _Alone:
    again = copied(module)
    module.zero_grad()
    with seeded_globals(0):
        output = read(call_module(module, x))
        output.float().square().mean().backward()
    with seeded_globals(1), torch.no_grad():
        other = read(call_module(again, x))
    return _Alone(module, output.detach(), not _same(output, other))


def _called(module: nn.Module, x: Any) -> Any:
    """Call a module with these very tensors, and not with copies."""
    if isinstance(x, dict):
        return module(**x)
    return module(*x) if isinstance(x, tuple) else module(x)


def _same(a: Tensor, b: Tensor) -> bool:
    return bool(((a == b) | (a.isnan() & b.isnan())).all())


def _close(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(
        a.detach().double(), b.detach().double(), rtol=1e-3, atol=1e-5, equal_nan=True
    )
