"""The global random states of torch, NumPy and Python, which a process has once.

What can read nothing else (the layers of torch, and code of users) finds them seeded
for a while; they are put back afterwards, and one thread at a time has them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from sk_mixup.turns._turns import TURNS


@contextmanager
def seeded_globals(seed: int) -> Iterator[Callable[[], None]]:
    """Seed torch's, NumPy's and Python's global states, and put them back at the end.

    One thread at a time has them; another one that wants to waits here.

    Parameters
    ----------
    seed : int
        In [0, 2**32).

    Yields
    ------
    lend : callable
        Lets threads that wait go first, where the caller has had them for a while:
        they find the states that were there before, and the caller goes on from its
        own. To be called now and then, between two steps.
    """
    with TURNS:
        before = global_states()
        _seed(seed)

        def lend() -> None:
            nonlocal before
            if not TURNS.is_over:
                return
            own = global_states()
            put_global_states(before)
            try:
                TURNS.pass_on()
            finally:
                before = global_states()
                put_global_states(own)

        try:
            yield lend
        finally:
            put_global_states(before)


@contextmanager
def kept_globals() -> Iterator[None]:
    """Put the global states back after code of users that may draw from them."""
    with TURNS:
        before = global_states()
        try:
            yield
        finally:
            put_global_states(before)


class GlobalStates(NamedTuple):
    """What the global generators are at."""

    torch: Tensor
    numpy: Any
    python: Any
    cuda: list[Tensor] | None
    mps: Tensor | None


def global_states() -> GlobalStates:
    """Return the present states."""
    return GlobalStates(
        torch.get_rng_state(),
        np.random.get_state(),  # noqa: NPY002 - put back
        random.getstate(),
        torch.cuda.get_rng_state_all() if _uses_cuda() else None,
        torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
    )


def put_global_states(states: GlobalStates) -> None:
    """Set the states that `global_states` returned."""
    torch.set_rng_state(states.torch)
    np.random.set_state(states.numpy)  # noqa: NPY002
    random.setstate(states.python)
    if states.cuda is not None:
        torch.cuda.set_rng_state_all(states.cuda)
    if states.mps is not None:
        torch.mps.set_rng_state(states.mps)


def _seed(seed: int) -> None:
    # `torch.manual_seed` also notes the seed, with the stack of its caller, for every
    # kind of device that nobody has used yet.
    torch.default_generator.manual_seed(seed)
    if _uses_cuda():
        torch.cuda.manual_seed_all(seed)
    if torch.backends.mps.is_available():
        torch.mps.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - user modules may read it
    random.seed(seed)


def _uses_cuda() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_initialized()
