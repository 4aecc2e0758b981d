"""Gradients of a chain of layers, by the chain rule and without autograd.

Autograd is made for nets that change from step to step: it builds a graph, and finds
memory for every value, at every step. The nets of a sweep are the same layers a hundred
thousand times over. A tape has the memory of all values and gradients of one batch, and
walks through the layers forth and back: a third less time per step, and fewer calls
that Python threads have to take turns for.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sk_mixup.training.packing.programs._call import Call

Pull = Callable[[Tensor], Tensor]

_aten = torch.ops.aten


class Link:
    """One layer of a tape; keeps what its gradient needs."""

    def forth(self, x: Tensor, call: Call) -> Tensor:
        """Return what the layer makes of (members, rows, features)."""
        raise NotImplementedError

    def back(self, grad: Tensor) -> Tensor:
        """Return the gradient of the input; `grad` may be overwritten."""
        raise NotImplementedError


class LinearLink(Link):
    """A linear layer.

    Parameters
    ----------
    weight : tuple of two Tensors of shape (members, in, out), or (members, out, in)
        The weight, and where its gradient is to be written.
    bias : tuple of two Tensors of shape (members, out), or None
    n_rows : int
    transposed : bool
        Whether the shape of `weight` is the first one.
    is_first : bool
        Whether nobody wants the gradient of the input.
    """

    def __init__(
        self,
        weight: tuple[Tensor, Tensor],
        bias: tuple[Tensor, Tensor] | None,
        n_rows: int,
        transposed: bool,
        is_first: bool,
    ) -> None:
        values, self._weight_grad = weight[0].detach(), weight[1]
        self._transposed = transposed
        self._forth = values if transposed else values.transpose(1, 2)
        self._back = values.transpose(1, 2) if transposed else values
        members, n_in, n_out = self._forth.shape
        self._bias = None if bias is None else bias[0].detach().unsqueeze(1)
        self._bias_grad = None if bias is None else bias[1]
        self._output = values.new_empty((members, n_rows, n_out))
        self._grad = None if is_first else values.new_empty((members, n_rows, n_in))

    def forth(self, x: Tensor, call: Call) -> Tensor:
        self._x = x
        if self._bias is None:
            return torch.bmm(x, self._forth, out=self._output)
        return torch.baddbmm(self._bias, x, self._forth, out=self._output)

    def back(self, grad: Tensor) -> Tensor:
        if self._transposed:
            torch.bmm(self._x.transpose(1, 2), grad, out=self._weight_grad)
        else:
            torch.bmm(grad.transpose(1, 2), self._x, out=self._weight_grad)
        if self._bias_grad is not None:
            torch.sum(grad, 1, out=self._bias_grad)
        if self._grad is None:
            return grad
        return torch.bmm(grad, self._back, out=self._grad)


class ReluLink(Link):
    """Overwrites its input, which is the output of a linear layer."""

    def forth(self, x: Tensor, call: Call) -> Tensor:
        self._y = x.relu_()
        return self._y

    def back(self, grad: Tensor) -> Tensor:
        return _aten.threshold_backward.grad_input(grad, self._y, 0, grad_input=grad)


class ElementLink(Link):
    """A function of every number.

    Parameters
    ----------
    function : callable
    derive : callable
        Returns the gradient of ``(grad, kept)``.
    keeps_output : bool
        Whether `kept` is the output, and not the input.
    """

    def __init__(
        self,
        function: Callable[[Tensor], Tensor],
        derive: Callable[[Tensor, Tensor], Tensor],
        keeps_output: bool,
    ) -> None:
        self._function, self._derive = function, derive
        self._keeps_output = keeps_output

    def forth(self, x: Tensor, call: Call) -> Tensor:
        y = self._function(x)
        self._kept = y if self._keeps_output else x
        return y

    def back(self, grad: Tensor) -> Tensor:
        return self._derive(grad, self._kept)


class DropoutLink(Link):
    """Drops values.

    Parameters
    ----------
    number : int
        Of the dropout layer.
    kind : type
    """

    def __init__(self, number: int, kind: type[nn.Dropout]) -> None:
        self._number, self._kind = number, kind

    def forth(self, x: Tensor, call: Call) -> Tensor:
        self._mask = call.mask(x, self._number, self._kind)
        return x if self._mask is None else x * self._mask

    def back(self, grad: Tensor) -> Tensor:
        return grad if self._mask is None else grad.mul_(self._mask)


class Tape:
    """The layers of a chain, with the memory of one batch.

    Parameters
    ----------
    links : list of Link
    grads : dict of str to Tensor
        Where the gradient of every parameter is after a step.
    """

    def __init__(self, links: list[Link], grads: dict[str, Tensor]) -> None:
        self._links, self.grads = links, grads

    @torch.no_grad()
    def __call__(self, x: Tensor, call: Call, pull: Pull) -> dict[str, Tensor]:
        """Return the gradients, valid until the next call.

        Parameters
        ----------
        x : Tensor of shape (members, rows, features)
        call : Call
        pull : callable
            Returns the gradient of the loss by the output.
        """
        for link in self._links:
            x = link.forth(x, call)
        grad = pull(x)
        for link in reversed(self._links):
            grad = link.back(grad)
        return self.grads
