"""Modules that keep something in Python train alone, and as they would alone."""

from __future__ import annotations

import itertools
import random
from collections import deque
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup import MixupClassifier
from sk_mixup.training.packing import _key
from sk_mixup.training.packing._key import unfusable_reason
from sk_mixup.training.packing._state import plain_state, written_attribute
from tests.training.packing.packs import N_CLASSES, NO_STOP, WIDTH, prepared, rows

CALLS = [0]


class Head(nn.Module):
    """A linear layer; `scale` says by how much its logits are multiplied."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(WIDTH, N_CLASSES)

    def forward(self, x):
        return self.linear(x) * self.scale(x)

    def scale(self, x):
        return 1.0


class Counter(Head):
    """Warms up by the number of its calls."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def scale(self, x):
        self.calls += self.training
        return min(1.0, self.calls / 50 + 0.02)


class RunningMean(Head):
    """Keeps a mean in an attribute that is no buffer."""

    def __init__(self):
        super().__init__()
        self.mean = torch.zeros(())

    def scale(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean().detach()
        return 1.0 + self.mean


class Array(Head):
    """Writes into an array in place."""

    def __init__(self):
        super().__init__()
        self.past = np.zeros(3)

    def scale(self, x):
        self.past[1:] = self.past[:-1]
        self.past[0] = float(x.detach().mean())
        return 1.0 + self.past.mean()


class Listing(Head):
    """Remembers what it saw."""

    def __init__(self):
        super().__init__()
        self.seen = deque(maxlen=100)

    def scale(self, x):
        self.seen.append(len(x))
        return 1.0 / len(self.seen)


class Nested(Head):
    """Counts in an object within a dict."""

    def __init__(self):
        super().__init__()
        self.config = {"warmup": SimpleNamespace(step=0)}

    def scale(self, x):
        self.config["warmup"].step += 1
        return 1.0 / self.config["warmup"].step


class Iterating(Head):
    """The state is that of an iterator."""

    def __init__(self):
        super().__init__()
        self.numbers = itertools.count(1)

    def scale(self, x):
        return 1.0 / next(self.numbers)


class Drawing(Head):
    """Draws from a generator of Python that it owns."""

    def __init__(self):
        super().__init__()
        self.random = random.Random(0)

    def scale(self, x):
        return 1.0 + self.random.random()


class OfClass(Head):
    """Counts on its class."""

    calls = 0

    def scale(self, x):
        type(self).calls += 1
        return 1.0 / type(self).calls


class Outside(Head):
    """Counts in a variable of its file."""

    def scale(self, x):
        CALLS[0] += 1
        return 1.0 / CALLS[0]


class Inner(nn.Module):
    """Has a stateful part."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(WIDTH, WIDTH), Counter())

    def forward(self, x):
        return self.body(x)


def closing():
    """Return a module that counts in a variable of the function that made it."""
    calls = []

    class Closing(Head):
        def scale(self, x):
            calls.append(1)
            return 1.0 / len(calls)

    return Closing()


def hooked():
    """Return a module whose hook writes down what it sees."""
    seen = []
    module = Head()
    module.linear.register_forward_hook(lambda part, x, y: seen.append(len(y)))
    return module


STATEFUL = {
    Counter: "calls",
    RunningMean: "mean",
    Array: "past",
    Listing: "seen",
    Nested: "config",
    Iterating: "numbers",
    Drawing: "random",
    OfClass: "OfClass.calls",
    Outside: "Outside.scale",
    Inner: "body.1.calls",
    closing: "Closing.scale",
    hooked: "linear.a hook",
}


def reason(module):
    x, y = rows()
    return unfusable_reason(prepared(MixupClassifier(module, **NO_STOP), x, y)[1])


@pytest.mark.parametrize("module", STATEFUL, ids=lambda one: one.__name__)
def test_a_module_that_writes_to_python_is_not_fused(module):
    assert reason(module).endswith(f"its forward writes {STATEFUL[module]}")


class Buffered(Head):
    """Counts in a buffer, which packs keep for every member."""

    def __init__(self):
        super().__init__()
        self.register_buffer("n", torch.zeros(()))

    def scale(self, x):
        if self.training:
            self.n += 1
        return torch.clamp(self.n / 50 + 0.02, max=1.0)


class Constant(Head):
    """Holds much, and changes nothing of it."""

    def __init__(self):
        super().__init__()
        self.table = np.arange(5000.0)
        self.names = {"a": [1, 2, {3}], "me": SimpleNamespace(of=print)}
        self.names["loop"] = self.names
        self.act = lambda x: x.relu()
        self.parts = [self.linear]

    def scale(self, x):
        return 1.0 + self.act(x).mean()


@pytest.mark.parametrize("module", [Buffered, Constant, Head])
def test_a_module_that_writes_nothing_but_buffers_is_fused(module):
    assert reason(module) is None


def test_random_numbers_of_its_own_are_not_fused():
    class Noisy(Head):
        def scale(self, x):
            return 1.0 + torch.randn_like(x).mean() * self.training

    assert reason(Noisy) == "Noisy draws random numbers of its own"


def test_two_looks_at_one_module_are_equal():
    module = Constant()
    assert written_attribute(plain_state(module), plain_state(module)) is None


def test_an_attribute_that_comes_or_goes_is_written():
    assert written_attribute({"a": 1}, {"a": 1, "b": 2}) == "b"
    assert written_attribute({"a": 1, "b": 2}, {"a": 1}) == "b"


def test_long_arrays_that_differ_in_the_middle_make_two_programs():
    one, other = Constant(), Constant()
    other.table[2500] = 0.0
    assert _key.module_signature(one) != _key.module_signature(other)


def test_trials_that_are_remembered_are_bounded_by_bytes(monkeypatch):
    monkeypatch.setattr(_key, "_TRIALS", {})
    monkeypatch.setattr(_key, "_MOST_BYTES", 100_000)
    for number in range(4):
        module = Constant()
        module.long = list(range(number, number + 1000))
        assert reason(module) is None
    assert 1 <= len(_key._TRIALS) < 4
    for key in _key._TRIALS:
        assert _key.bytes_of(key) < 100_000


class InPlace(Head):
    """Works on its rows where they are, which members of a fold share."""

    def forward(self, x):
        x -= 0.5
        return self.linear(x)


def test_a_module_that_writes_into_its_input_is_not_fused():
    assert reason(InPlace) == "the forward of InPlace writes into its input"
