"""All randomness of a training, from one seed.

Initial weights, batch order, partners, lambda, the gate, the site and dropout read
streams of their own. Dropout can only read torch's global generator, so the global
states are seeded for the time of a training and put back afterwards.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def seeded_globals(seed: int) -> Iterator[None]:
    """Seed torch's, NumPy's and Python's global states, and put them back at the end.

    Parameters
    ----------
    seed : int
        In [0, 2**32).
    """
    cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
    numpy_state = np.random.get_state()  # noqa: NPY002 - put back below
    before = torch.get_rng_state(), numpy_state, random.getstate()
    before_cuda = torch.cuda.get_rng_state_all() if cuda else None
    # `torch.manual_seed` also notes the seed, with the stack of its caller, for every
    # kind of device that nobody has used yet.
    torch.default_generator.manual_seed(seed)
    if cuda:
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - user modules may read it
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        random.setstate(before[2])
        if before_cuda is not None:
            torch.cuda.set_rng_state_all(before_cuda)
