"""Masks of dropout, of each member its own.

A mask is drawn from the member's seed, the epoch, the step and its place within the
forward pass, and from nothing else: however members are split into packs, and whoever
has left, a member drops the same values. Members of one seed and one rate, as those
that differ in alpha are, share what is drawn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sk_mixup.mixing.draws import generator_on
from sk_mixup.nets import Dropout, mask_of_bytes


class DropMasks:
    """Masks for some members.

    Parameters
    ----------
    seeds : sequence of int
        Of every member.
    rates : sequence of sequences of float
        For every dropout layer the rate of each member.
    device : torch.device
    """

    def __init__(
        self,
        seeds: Sequence[int],
        rates: Sequence[Sequence[float]],
        device: torch.device,
    ) -> None:
        self._generator = generator_on(device, 0)
        self._device = device
        self._layers = [_Shared(seeds, layer, device) for layer in rates]
        self.start(0, 0)

    def start(self, epoch: int, step: int) -> None:
        """Begin a forward pass.

        Parameters
        ----------
        epoch : int
        step : int
            Within the epoch.
        """
        self._position = epoch, step
        self._drawn = 0

    def draw(self, x: Tensor, layer: int, kind: type[nn.Dropout]) -> Tensor | None:
        """Return what dropout multiplies values with; None: nothing is dropped.

        Parameters
        ----------
        x : Tensor of shape (members, ...)
        layer : int
            Number of the dropout layer.
        kind : type
            `torch.nn.Dropout`, or the one of this package.

        Returns
        -------
        mask : Tensor of shape (members or 1, ...) or None
        """
        # A layer may be called several times in a pass.
        number, self._drawn = self._drawn, self._drawn + 1
        shared = self._layers[layer]
        if not shared.drops:
            return None
        masks = [self._one(x, *pair, number, kind) for pair in shared.pairs]
        if len(masks) == 1:
            return masks[0].unsqueeze(0)
        stacked = torch.stack(masks)
        return stacked if shared.place is None else stacked[shared.place]

    def _one(
        self, x: Tensor, seed: int, rate: float, number: int, kind: type[nn.Dropout]
    ) -> Tensor:
        # In the order of the indices: how values lie in memory may depend on the pack.
        mask = torch.empty(x.shape[1:], dtype=x.dtype, device=x.device)
        if rate == 0:
            return mask.fill_(1.0)
        generator = self._generator
        if generator is not None:
            generator.manual_seed(_seed(seed, *self._position, number))
        if kind is Dropout and x.device.type == "cpu" and rate < 1:
            assert generator is not None
            return mask_of_bytes(mask, rate, generator)
        mask.bernoulli_(1.0 - rate, generator=generator)
        return mask.div_(max(1.0 - rate, 1e-30))


class _Shared:
    """What is drawn once for the members of one layer.

    Attributes
    ----------
    pairs : list of (seed, rate)
    place : Tensor or None
        Index of every member's pair; None: each has its own.
    drops : bool
    """

    def __init__(
        self, seeds: Sequence[int], rates: Sequence[float], device: torch.device
    ) -> None:
        own = list(zip(seeds, rates, strict=True))
        self.pairs = list(dict.fromkeys(own))
        self.drops = any(rate > 0 for rate in rates)
        self.place: Tensor | None = None
        if len(self.pairs) < len(own):
            place = [self.pairs.index(pair) for pair in own]
            self.place = torch.tensor(place, device=device)


def _seed(*numbers: int) -> int:
    """Return a seed for some numbers, unlike those of their neighbours."""
    text = " ".join(map(str, numbers)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
