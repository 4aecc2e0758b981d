"""Any other module, by `torch.func.vmap` over stacked weights.

Three things step out of vmap, since they see all members at once: mixing inside a net,
whose plans are objects of the host; dropout, whose rate may differ by member; and
nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from sk_mixup.training.feeds import map_tensors
from sk_mixup.training.loop import copied, pixels_to_floats
from sk_mixup.training.objectives import main_output
from sk_mixup.training.packing.programs._call import Call, dropouts_of

Weights = dict[str, Tensor]


class TracedProgram:
    """The forward pass of a module that vmap can go through.

    Parameters
    ----------
    module : nn.Module
        One of the members; copied.
    read : callable
        Makes one tensor of what the module returns.
    """

    transposed: frozenset[str] = frozenset()

    def __init__(
        self, module: nn.Module, read: Callable[[Any], Tensor] = main_output
    ) -> None:
        self._read = read
        self._module = copied(module)
        self._call = Call(False)
        self._alone = False
        for number, (name, old) in enumerate(dropouts_of(module)):
            parent, _, key = name.rpartition(".")
            part = _Dropout(self, number, type(old))
            if not name:
                self._module = part
            else:
                setattr(self._module.get_submodule(parent), key, part)

    def __call__(self, params: Weights, buffers: Weights, x: Any, call: Call) -> Tensor:
        """Return the outputs, of shape (members, rows, ...)."""
        self._call = call
        if self._module.training != call.training:
            self._module.train(call.training)
        x = pixels_to_floats(x)
        if len(next(iter(params.values()))) == 1:
            # A module that is called as it is needs no transform.
            self._alone = True
            own, state = (
                {name: value[0] for name, value in part.items()}
                for part in (params, buffers)
            )
            return self._one(own, state, map_tensors(lambda t: t[0], x)).unsqueeze(0)
        self._alone = False
        run = vmap(self._one, randomness="different")
        output: Tensor = run(params, buffers, x)
        return output

    def _one(self, params: Weights, buffers: Weights, x: Any) -> Tensor:
        args: tuple[Any, ...] = ()
        kwargs: dict[str, Any] = {}
        if isinstance(x, dict):
            kwargs = dict(x)
        else:
            args = x if isinstance(x, tuple) else (x,)
        if self._call.mix is not None:
            kwargs["mix"] = self._mix
        return self._read(
            functional_call(self._module, (params, buffers), args, kwargs)
        )

    def _mix(self, x: Tensor) -> Tensor:
        return self._together(x, self._call.mix)

    def drop(self, x: Tensor, number: int, kind: type[nn.Dropout]) -> Tensor:
        """Drop values of all members."""
        return self._together(x, lambda t: self._call.drop(t, number, kind))

    def _together(self, x: Tensor, function: Any) -> Tensor:
        if self._alone:
            result: Tensor = function(x.unsqueeze(0)).squeeze(0)
            return result
        return together(x, function)


class _Dropout(nn.Module):
    """Takes the place of a dropout layer."""

    def __init__(
        self, program: TracedProgram, number: int, kind: type[nn.Dropout]
    ) -> None:
        super().__init__()
        self._program = program
        self._number = number
        self._kind = kind

    def forward(self, x: Tensor) -> Tensor:
        """Drop, while training."""
        if not self.training:
            return x
        return self._program.drop(x, self._number, self._kind)


def together(x: Tensor, function: Any) -> Tensor:
    """Inside vmap: call a function with the tensors of all members, stacked."""
    result: Tensor = _Together.apply(x, function)
    return result


class _Together(torch.autograd.Function):
    """Leaves vmap for one call; autograd follows the plain operations within."""

    @staticmethod
    def forward(x: Tensor, function: Any) -> Tensor:
        """Run outside of vmap, where there is nothing to leave."""
        raise RuntimeError("only within vmap")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep nothing."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Never reached."""
        raise RuntimeError("only within vmap")

    @staticmethod
    def vmap(info: Any, in_dims: Any, x: Tensor, function: Any) -> tuple[Tensor, int]:
        """Call the function."""
        dim = in_dims[0]
        if dim is None:
            x = x.unsqueeze(0).expand(info.batch_size, *x.shape)
        else:
            x = x.movedim(dim, 0)
        return function(x), 0
