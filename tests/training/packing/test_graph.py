"""Modules of users whose layers are computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from sk_mixup import MixupClassifier
from sk_mixup.training.packing._key import make_program
from sk_mixup.training.packing._stack import Stack
from sk_mixup.training.packing.programs._call import Call
from sk_mixup.training.packing.programs._graph import read_graph
from sk_mixup.training.packing.programs._layers import LayerProgram
from sk_mixup.training.packing.programs._masks import DropMasks
from sk_mixup.training.packing.programs._traced import TracedProgram
from tests.training.packing.packs import NO_STOP, WIDTH, check_equal, prepared, rows


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        # No bias: batch norm takes it out, and Adam moves it by rounding alone.
        self.first = nn.Linear(WIDTH, 8, bias=False)
        self.norm = nn.BatchNorm1d(8)
        self.middle = nn.Linear(8, 8)
        self.last = nn.Linear(8, 3)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.0)


class Chain(Base):
    def forward(self, x):
        x = self.relu(self.norm(self.first(x)))
        return self.last(self.drop(functional.gelu(self.middle(x))))


class Residual(Base):
    def forward(self, x):
        x = torch.tanh(self.first(x))
        return self.last(x + 0.5 * functional.relu(self.middle(x)).sigmoid())


class Shared(Base):
    def forward(self, x):
        x = self.first(x)
        return self.last(self.middle(torch.relu(self.middle(x))))


class Flattening(nn.Module):
    def __init__(self):
        super().__init__()
        self.flat, self.last = nn.Flatten(), nn.Linear(WIDTH, 3)

    def forward(self, x):
        return self.last(torch.flatten(self.flat(x), 1))


class OnlyInTraining(Base):
    """Traced in one mode, and other in the other."""

    def forward(self, x):
        x = self.first(x)
        return self.last(torch.relu(x) if self.training else x)


class Overwriting(Base):
    """What `relu` overwrites is read again."""

    def forward(self, x):
        x = self.first(x)
        y = self.relu(x)
        return self.last(x + y)


class RowsTogether(Base):
    def forward(self, x):
        x = self.first(x)
        return self.last(x - x.mean(0))


class Pictures(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Unflatten(1, (1, WIDTH)), nn.Linear(WIDTH, 3))

    def forward(self, x):
        return self.layers(x).squeeze(1)


class Scaled(Base):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x):
        return self.last(self.first(x)) * self.scale


BY_HAND = [Chain, Residual, Shared, Flattening]
BY_VMAP = [OnlyInTraining, Overwriting, RowsTogether, Pictures, Scaled]


def program_of(module):
    estimator = MixupClassifier(module, **NO_STOP)
    return make_program(prepared(estimator, *rows())[1])


@pytest.mark.parametrize("module", BY_HAND)
def test_calls_of_known_layers_are_computed_by_hand(module):
    assert isinstance(program_of(module), LayerProgram)


@pytest.mark.parametrize("module", BY_VMAP)
def test_everything_else_goes_through_vmap(module):
    assert isinstance(program_of(module), TracedProgram)


@pytest.mark.parametrize("module", BY_HAND + BY_VMAP)
def test_either_way_members_equal_lone_fits(module):
    def make(**one):
        return MixupClassifier(module, **(NO_STOP | {"lr": 1e-3}), **one)

    check_equal(make, [{"alpha": 0.0}, {"alpha": 0.4}], rows(), 1e-4)


def test_a_layer_with_hooks_is_not_computed_by_hand():
    module = Chain()
    module.middle.register_forward_hook(lambda *given: None)
    assert read_graph(module, torch.zeros(3, WIDTH)) is None


def test_reading_does_not_touch_the_module():
    module = Chain().train()
    before = {k: v.clone() for k, v in module.state_dict().items()}
    assert read_graph(module, torch.ones(3, WIDTH)) is not None
    assert module.training
    for key, value in module.state_dict().items():
        np.testing.assert_array_equal(value, before[key])


# -- gradients by hand ----------------------------------------------------------------


def activation(function):
    return nn.Sequential(
        nn.Linear(WIDTH, 20), function, nn.Linear(20, 17), nn.ReLU(), nn.Linear(17, 3)
    )


@pytest.mark.parametrize(
    "function",
    [
        nn.ReLU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(), nn.Tanh(), nn.Sigmoid(),
        nn.LeakyReLU(0.2), nn.Identity(),
    ],
    ids=str,
)  # fmt: skip
def test_a_tape_has_the_gradients_of_autograd(function):
    members = [activation(function).double() for _ in range(3)]
    x = torch.randn(3, 6, WIDTH, dtype=torch.float64)
    steps = read_graph(members[0].float(), x[0].float())
    program = LayerProgram(members[0], steps)
    members[0].double()
    stack = Stack(members, program.transposed)
    params, buffers = stack.views(0, 3)
    call = Call(True)
    loss = program(params, buffers, x, call).sin().sum()
    loss.backward()
    by_hand = program.tape(params, 6)(x, call, torch.cos)
    assert by_hand.keys() == params.keys()
    for name, grad in by_hand.items():
        torch.testing.assert_close(grad, params[name].grad, rtol=1e-10, atol=1e-10)


def test_a_tape_drops_what_it_dropped_forth():
    module = nn.Sequential(nn.Linear(WIDTH, 40), nn.Dropout(0.5), nn.Linear(40, 3))
    program = LayerProgram(module, read_graph(module, torch.zeros(2, WIDTH)))
    params, _ = Stack([module], program.transposed).views(0, 1)
    call = Call(True, DropMasks([0], [[0.5]], torch.device("cpu")))
    outputs = []
    tape = program.tape(params, 1)
    grads = tape(
        torch.ones(1, 1, WIDTH), call, lambda y: outputs.append(y.clone()) or y * 0 + 1
    )
    dropped = grads["0.bias"][0] == 0
    assert 10 < int(dropped.sum()) < 30
    torch.testing.assert_close(
        grads["2.weight"][0, :, dropped].abs().sum(), torch.zeros(())
    )


@pytest.mark.parametrize("module", [Residual, Shared, Chain])
def test_only_chains_of_known_gradients_have_a_tape(module):
    made = module()
    program = LayerProgram(made, read_graph(made, torch.zeros(3, WIDTH)))
    params, _ = Stack([made], program.transposed).views(0, 1)
    assert program.tape(params, 3) is None


def test_frozen_weights_have_no_tape():
    module = activation(nn.ReLU())
    module[0].weight.requires_grad_(False)
    program = LayerProgram(module, read_graph(module, torch.zeros(3, WIDTH)))
    params, _ = Stack([module], program.transposed).views(0, 1)
    assert program.tape(params, 3) is None
