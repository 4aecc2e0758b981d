"""Where the randomness of a draw comes from.

Partners, lambda, the choice to mix at all and the place each read their own stream, so
that a change of alpha (or of anything else) moves none of the other draws.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class MixStreams(NamedTuple):
    """One generator per kind of draw; ``None`` is torch's global generator.

    Attributes
    ----------
    partner, lam, gate, site : torch.Generator or None
        For partners, lambda, apply probabilities, and boxes and layers.
    """

    partner: torch.Generator | None
    lam: torch.Generator | None
    gate: torch.Generator | None
    site: torch.Generator | None

    @property
    def are_apart_on_cpu(self) -> bool:
        """Whether these are four generators of the CPU.

        Then several draws of one stream may be made at once: no other draw comes
        between them.
        """
        streams = [stream for stream in self if stream is not None]
        return len({id(stream) for stream in streams}) == 4 and all(
            stream.device.type == "cpu" for stream in streams
        )

    @classmethod
    def of(cls, generator: torch.Generator | MixStreams | None) -> MixStreams:
        """Return streams as they are; one generator serves all four draws."""
        if isinstance(generator, MixStreams):
            return generator
        if generator is not None and not isinstance(generator, torch.Generator):
            raise TypeError(
                "generator must be a torch.Generator, a MixStreams or None; got"
                f" {generator!r} of type {type(generator).__name__}."
            )
        return cls(generator, generator, generator, generator)


def uniform(generator: torch.Generator | None) -> float:
    """Draw one uniform number on the host."""
    device = "cpu" if generator is None else generator.device
    return torch.rand(
        (), dtype=torch.float64, generator=generator, device=device
    ).item()


def uniforms(n_rows: int, generator: torch.Generator | None) -> Tensor:
    """Draw one uniform number per row on the generator's device."""
    device = "cpu" if generator is None else generator.device
    return torch.rand(n_rows, generator=generator, device=device)


def integer(high: int, generator: torch.Generator | None) -> int:
    """Draw one integer in [0, high) on the host."""
    return min(int(uniform(generator) * high), high - 1)


def generator_on(device: torch.device, seed: int) -> torch.Generator | None:
    """Return a generator of a device; None for "meta", where there is nothing to draw.

    Parameters
    ----------
    device : torch.device
    seed : int
    """
    if device.type == "meta":
        return None
    return torch.Generator(device=device).manual_seed(seed)


def rows_let_in(gate: bool | Tensor, p: float) -> Tensor | None:
    """Return the rows that a gate lets be mixed.

    Parameters
    ----------
    gate : bool, or Tensor of shape (B,), bool
        Open, or one per row.
    p : float
        Probability that it was drawn by.

    Returns
    -------
    rows : Tensor of shape (B,), bool, or None
        None: all.
    """
    return gate if isinstance(gate, Tensor) and p < 1 else None
