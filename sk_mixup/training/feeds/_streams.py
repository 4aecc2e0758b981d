"""All randomness of a training, from one seed.

Initial weights, batch order, partners, lambda, the gate, the site and dropout read
streams of their own.
"""

from __future__ import annotations

import copy
import hashlib
from typing import Any

import numpy as np
import torch

from sk_mixup.mixing import MixStreams

_NAMES = ("order", "partner", "lam", "gate", "site")


class TrainStreams:
    """The streams of one training; picklable, so that a training can go on later.

    Parameters
    ----------
    seed : int
        Every stream is derived from it.
    """

    def __init__(self, seed: int) -> None:
        derived = np.random.SeedSequence(seed).generate_state(len(_NAMES) + 4)
        seeds = [int(value) for value in derived]
        self._generators = {
            name: torch.Generator().manual_seed(value)
            for name, value in zip(_NAMES, seeds, strict=False)
        }
        self.init_seed, self.dropout_seed, self.split_seed, self.encode_seed = seeds[
            len(_NAMES) :
        ]

    @property
    def order(self) -> torch.Generator:
        """The stream of batch orders."""
        return self._generators["order"]

    @property
    def mix(self) -> MixStreams:
        """The streams of a draw."""
        return MixStreams(*(self._generators[name] for name in _NAMES[1:]))

    def next_dropout_seed(self) -> int:
        """Return a seed for dropout; each further training gets a new one."""
        seed = self.dropout_seed
        self.dropout_seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**32
        return seed

    def of_process(self, rank: int, *, own_order: bool) -> TrainStreams:
        """Return the streams of one of several processes, made of the same ones.

        Those of the first are these. All have the same initial weights and split.

        Parameters
        ----------
        rank : int
            Number of the process.
        own_order : bool
            Whether the process has rows of its own to put in order.
        """
        own = copy.deepcopy(self)
        if rank == 0:
            return own
        kept = () if own_order else ("order",)
        for name, generator in own._generators.items():
            if name not in kept:
                state = generator.get_state().numpy().tobytes()
                generator.manual_seed(_seed_of(state, rank))
        own.dropout_seed = _seed_of(str(self.dropout_seed).encode(), rank)
        return own

    def __getstate__(self) -> dict[str, Any]:
        """Keep the states: generators themselves need not be picklable."""
        state = vars(self).copy()
        state["_generators"] = {
            name: generator.get_state().numpy()
            for name, generator in self._generators.items()
        }
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Rebuild the generators."""
        vars(self).update(state)
        self._generators = {}
        for name, value in state["_generators"].items():
            generator = torch.Generator()
            generator.set_state(torch.from_numpy(value.copy()))
            self._generators[name] = generator


def _seed_of(state: bytes, rank: int) -> int:
    digest = hashlib.blake2b(state + rank.to_bytes(8, "little"), digest_size=4)
    return int.from_bytes(digest.digest(), "little")
