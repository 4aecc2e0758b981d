"""Settings and fixtures that every test file may rely on."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator

# Before anything imports matplotlib: tests draw, and there is no screen.
os.environ.setdefault("MPLBACKEND", "Agg")
# And before torch: threads that have nothing to do sleep. Test processes beside each
# other have more threads than cores, and spinning ones keep those that work waiting.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import numpy as np
import pytest
import torch
from hypothesis import settings

# The same examples in every run: a failure in CI is a failure here. No deadline: the
# first example of a test pays for compilation and allocation.
settings.register_profile("default", derandomize=True, deadline=None)
settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked `gpu` on machines without a CUDA device."""
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="needs a CUDA device")
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(skip)


@pytest.fixture
def seeded_torch() -> Iterator[None]:
    """Seed torch's global generator for one test, and give it back as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Return what sets torch's number of threads, and put the number back."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def empty_dynamo() -> Iterator[None]:
    """Let a test begin and end without compiled code."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.fixture
def unchanged_random_state() -> Iterator[None]:
    """Fail a test that changes a global random state or torch's thread count."""
    before = _global_states()
    yield
    changed = [
        name for name, state in _global_states().items() if state != before[name]
    ]
    assert not changed, f"the test changed these global states: {', '.join(changed)}"


def _global_states() -> dict[str, object]:
    """Return what must be as it was, in a form that compares with `==`."""
    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    states: dict[str, object] = {
        "python random": random.getstate(),
        "numpy random": (kind, keys.tobytes(), *rest),
        "torch random": torch.get_rng_state().numpy().tobytes(),
        "torch threads": torch.get_num_threads(),
    }
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states["cuda random"] = [
            s.numpy().tobytes() for s in torch.cuda.get_rng_state_all()
        ]
    return states
