"""Dropout at the price of a product.

torch draws one random number of 24 bits per value on the CPU, one at a time: for the
small layers of a tabular net that costs more than the layer itself. Here eight values
share one draw of 64 bits, a byte each, which is eight times faster. A byte is enough to
decide with; the rate moves to the nearest 256th, and the scale of what is kept follows.

Trainings in several threads must not read one generator: `dropout_from` gives the nets
of a thread a generator of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar

import torch
from torch import Tensor, nn

from sk_mixup.nets._exporting import is_traced

_STEPS = 256
# Of this thread; None: torch's global one.
_GENERATOR: ContextVar[torch.Generator | None] = ContextVar("dropout", default=None)


@contextmanager
def dropout_from(generator: torch.Generator) -> Iterator[None]:
    """Let the bundled nets draw from a generator, in this thread, on the CPU.

    Parameters
    ----------
    generator : torch.Generator
    """
    token = _GENERATOR.set(generator)
    try:
        yield
    finally:
        _GENERATOR.reset(token)


def dropout_generator() -> torch.Generator | None:
    """Return what the bundled nets draw from in this thread, see `dropout_from`."""
    return _GENERATOR.get()


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` whose rate is a multiple of 1/256 on the CPU.

    Reads torch's global generator as the original does, or the one of `dropout_from`.
    On other devices, inside transforms (``torch.compile``, ``torch.func.vmap``) and for
    ``inplace=True`` it is the original.

    Parameters
    ----------
    p : float, default=0.5
        Rate in [0, 1]; on the CPU rounded to a 256th, and never to 0 or 1.
    inplace : bool, default=False

    Examples
    --------
    >>> import torch
    >>> kept = Dropout(0.25)(torch.ones(10_000))
    >>> kept.unique().round(decimals=3)
    tensor([0.0000, 1.3330])
    """

    #: Whether all that it draws can come from the generator of `dropout_from`.
    draws_apart: ClassVar[bool] = True

    def forward(self, x: Tensor) -> Tensor:
        """Set a share of values to zero, in training."""
        if not self.training or self.p == 0.0:
            return x
        if x.device.type != "cpu" or self.p == 1.0 or self.inplace or is_traced():
            return super().forward(x)
        return x * mask_of_bytes(x, self.p, _GENERATOR.get())


class ExactDropout(nn.Dropout):
    """`torch.nn.Dropout`, bit for bit, which can read the one of `dropout_from`.

    Parameters
    ----------
    p : float, default=0.5
        Rate in [0, 1].
    inplace : bool, default=False

    Examples
    --------
    >>> import torch
    >>> x = torch.ones(10_000)
    >>> with dropout_from(torch.Generator().manual_seed(0)):
    ...     one = ExactDropout(0.25)(x)
    >>> with dropout_from(torch.Generator().manual_seed(0)):
    ...     print(torch.equal(one, ExactDropout(0.25)(x)))
    True
    """

    draws_apart: ClassVar[bool] = True

    def forward(self, x: Tensor) -> Tensor:
        """Set a share of values to zero, in training."""
        drops = self.training and 0 < self.p < 1
        generator = _generator_for(x) if drops and not self.inplace else None
        if generator is None:
            return super().forward(x)
        kept = torch.empty_like(x, requires_grad=False)
        kept.bernoulli_(1 - self.p, generator=generator)
        return x * kept.div_(1 - self.p)


def mask_of_bytes(
    x: Tensor, p: float, generator: torch.Generator | None = None
) -> Tensor:
    """Return what dropout multiplies values with: zero, or the scale of the others.

    Parameters
    ----------
    x : Tensor
        On the CPU.
    p : float
        Rate in (0, 1); rounded to a 256th, and never to 0 or 1.
    generator : torch.Generator or None
        None: torch's global one.
    """
    dropped = min(max(round(p * _STEPS), 1), _STEPS - 1)
    n_values = x.numel()
    draws = torch.empty(-(-n_values // 8), dtype=torch.int64)
    draws.random_(-(2**63), None, generator=generator)
    kept = draws.view(torch.int8)[:n_values].ge_(dropped - _STEPS // 2)
    # In the memory order of the values, or the product would walk across it.
    mask = torch.empty_like(x, requires_grad=False)
    if mask.is_contiguous():
        mask.copy_(kept.view(x.shape))
    else:
        dense = sorted(range(x.ndim), key=mask.stride, reverse=True)
        mask.permute(dense).copy_(kept.view([x.shape[i] for i in dense]))
    return mask.mul_(_STEPS / (_STEPS - dropped))


def uniform_like(x: Tensor) -> Tensor:
    """Return uniform draws of the shape of `x`."""
    generator = _generator_for(x)
    if generator is None:
        return torch.rand_like(x)
    return torch.empty_like(x, requires_grad=False).uniform_(generator=generator)


def _generator_for(x: Tensor) -> torch.Generator | None:
    """Return the generator of this thread; None: torch's global one."""
    generator = _GENERATOR.get()
    if generator is None or x.device.type != "cpu" or is_traced():
        return None
    return generator
