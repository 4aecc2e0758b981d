"""ManifoldMixup: a hidden layer is mixed in one forward pass."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import ManifoldMixup, MixContext, Mixup, mix_layer
from tests.builders import generator


@pytest.fixture
def net():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))


def draw(method, x, net, seed=0):
    return method.draw(x, generator=generator(seed), context=MixContext(module=net))


@pytest.mark.parametrize("per", ["batch", "row"])
def test_the_output_of_the_layer_is_mixed(net, per):
    x = torch.rand(6, 3)
    plan = draw(ManifoldMixup(layers=["0"], per=per), x, net)
    with mix_layer(net, plan):
        output = net(x)
    assert_close(output, net[2](net[1](plan.apply(net[0](x)))))


def test_no_hook_is_left(net):
    x = torch.rand(6, 3)
    plan = draw(ManifoldMixup(layers=["1"]), x, net)
    clean = net(x)
    with mix_layer(net, plan):
        assert not torch.equal(net(x), clean)
    assert torch.equal(net(x), clean)


def test_no_hook_is_left_behind_an_error(net):
    x = torch.rand(6, 3)
    plan = draw(ManifoldMixup(layers=["1"]), x, net)
    with pytest.raises(KeyError), mix_layer(net, plan):
        raise KeyError
    assert not net[1]._forward_hooks


def test_every_named_layer_is_drawn_alike(net):
    method, source = ManifoldMixup(layers=["input", "0", "1"]), generator()
    context, x = MixContext(module=net), torch.rand(4, 3)
    sites = [method.draw(x, generator=source, context=context).site for _ in range(900)]
    for site in (None, "0", "1"):
        assert sites.count(site) / 900 == pytest.approx(1 / 3, abs=0.06)


def test_the_input_is_mixed_as_by_mixup(net):
    x = torch.rand(6, 3)
    plan = draw(ManifoldMixup(1.0, layers="input"), x, net)
    assert plan.site is None
    assert not plan.is_identity
    with mix_layer(net, plan):
        assert torch.equal(net(plan.apply(x)), net(plan.apply(x)))


def test_patterns_name_several_layers(net):
    assert ManifoldMixup(layers="[01]").sites(net) == ["0", "1"]


def test_auto_takes_the_layers_that_the_net_names(net):
    net.mix_layers = ["0"]
    assert ManifoldMixup().sites(net) == ["input", "0"]


def test_auto_needs_a_net():
    with pytest.raises(ValueError, match=r"layers='auto' needs the net"):
        ManifoldMixup().draw(torch.rand(4, 3))


def test_an_unknown_layer_is_named_with_those_there_are(net):
    with pytest.raises(ValueError, match=r"'body' fits no layer.*\['0', '1', '2'\]"):
        draw(ManifoldMixup(layers=["body"]), torch.rand(4, 3), net)


@pytest.mark.parametrize("layers", [[], 3])
def test_layers_are_names(layers):
    with pytest.raises(ValueError, match="layers must be"):
        ManifoldMixup(layers=layers).validate()


@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_token_ids_pass_when_their_embedding_is_mixed(alpha):
    # A batch that happens to stay clean must not be taken for a blend of ids.
    embedding = nn.Embedding(10, 4)
    net = nn.Sequential(embedding, nn.Flatten())
    for tokens in (torch.randint(0, 10, (6, 3)), torch.zeros(1, 3, dtype=torch.int64)):
        plan = draw(ManifoldMixup(alpha, layers=["0"]), tokens, net)
        expected = plan.apply(embedding(tokens)).flatten(1)
        with mix_layer(net, plan):
            assert_close(net(tokens if plan.site else plan.apply(tokens)), expected)


def test_a_call_cannot_mix_a_hidden_layer():
    with pytest.raises(ValueError, match=r"hidden layer '0'.*with mix_layer"):
        ManifoldMixup(layers=["0"])(torch.rand(4, 3), torch.arange(4), n_classes=4)


def test_a_layer_that_never_ran_is_an_error(net):
    plan = draw(ManifoldMixup(layers=["1"]), torch.rand(4, 3), net)
    with pytest.raises(RuntimeError, match="'1' ran 0 times"), mix_layer(net, plan):
        pass


def test_a_layer_that_ran_twice_is_an_error(net):
    x = torch.rand(4, 3)
    plan = draw(ManifoldMixup(layers=["1"]), x, net)
    with pytest.raises(RuntimeError, match="'1' ran 2 times"), mix_layer(net, plan):
        net(net(x) @ torch.ones(2, 3))


def test_a_layer_that_returns_no_floats_is_an_error():
    class Shape(nn.Module):
        def forward(self, x):
            return x.shape[1], x.argmax(1)

    net, x = nn.Sequential(Shape()), torch.rand(4, 2)
    plan = draw(ManifoldMixup(layers=["0"]), x, net)
    message = r"'0' returns tuple of torch.int64.*tensor of floats"
    with pytest.raises(TypeError, match=message), mix_layer(net, plan):
        net(x)


def test_gradients_reach_the_layers_below(net):
    x = torch.rand(6, 3)
    plan = draw(ManifoldMixup(layers=["0"]), x, net)
    with mix_layer(net, plan):
        net(x).sum().backward()
    assert float(net[0].weight.grad.abs().sum()) > 0


def test_lambda_and_partners_are_those_of_mixup(net):
    x = torch.rand(6, 3)
    hidden = ManifoldMixup(0.7, layers=["0"]).draw(x, generator=generator())
    source = generator()
    torch.rand((), dtype=torch.float64, generator=source)  # the layer
    plain = Mixup(0.7).draw(x, generator=source)
    assert torch.equal(hidden.lam, plain.lam)
    assert torch.equal(hidden.partner, plain.partner)
