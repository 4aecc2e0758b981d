"""A trial and an error leave a module as it was."""

import copy

import pytest
import torch

from sk_mixup.mixing import (
    ManifoldMixup,
    mix_layer,
    try_layers,
)
from tests.builders import no_hooks
from tests.mixing.layers.nets import MLP, ResNet, draw, numbers, pixels


class Noisy(ResNet):
    """Counts in a buffer, and draws numbers, even in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen = self.seen + 1
        return super().forward(x + 0 * torch.rand(1))


@pytest.mark.usefixtures("unchanged_random_state")
def test_a_trial_leaves_the_net_as_it_was():
    with torch.random.fork_rng(devices=[]):
        net, x, y = Noisy(), pixels(), torch.arange(6)
    net.train()
    net.layer1[0].bn1.eval()  # A frozen part.
    state = copy.deepcopy(net.state_dict())
    modes = [part.training for part in net.modules()]
    fused = torch.backends.mha.get_fastpath_enabled()
    try_layers(ManifoldMixup(layers="auto"), net, x, y)
    for key, value in net.state_dict().items():
        assert torch.equal(value, state[key]), key
    assert [part.training for part in net.modules()] == modes
    assert torch.backends.mha.get_fastpath_enabled() == fused
    assert no_hooks(net)
    assert all(p.grad is None for p in net.parameters())


def test_hooks_of_the_user_stay():
    net, x = MLP(), numbers()
    seen = []
    net.body.register_forward_hook(lambda *_: seen.append(1))
    plan = draw(ManifoldMixup(layers=["body"]), net, x)
    with mix_layer(net, plan):
        net(x)
    net(x)
    assert len(seen) == 2
    assert len(net.body._forward_hooks) == 1


@pytest.mark.parametrize("layers", ["auto", ["body.0"]])
def test_an_error_in_the_net_leaves_no_hooks(layers):
    class Fails(MLP):
        def forward(self, x):
            super().forward(x)
            raise KeyError("inside")

    net, x = Fails(), numbers()
    with pytest.raises(KeyError, match="inside"):
        try_layers(ManifoldMixup(layers=layers), net, x, torch.arange(6))
    assert no_hooks(net)
    assert net.training
    plan = draw(ManifoldMixup(layers=["body.0"]), net, x)
    with pytest.raises(KeyError, match="inside"), mix_layer(net, plan):
        net(x)
    assert no_hooks(net)
