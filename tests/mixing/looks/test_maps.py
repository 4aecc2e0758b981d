"""Maps of features and of classes."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing.looks import class_activations, feature_map, last_map_layer
from tests.mixing.looks.nets import context_of, images, pooled


def test_the_last_map_is_what_goes_into_the_pooling():
    net, (x, _) = pooled(), images()
    assert last_map_layer(context_of(net), x) == "4"
    net.eval()
    assert_close(feature_map(context_of(net), x), net[:5](x))


def test_a_block_ends_after_its_parts():
    net, (x, _) = pooled(), images()
    block = nn.Sequential(net[:5], net[5:])
    assert last_map_layer(context_of(block), x) == "0"


def test_a_layer_can_be_named():
    net, (x, _) = pooled(), images()
    net.eval()
    assert_close(feature_map(context_of(net), x, "2"), net[:3](x))


def test_a_map_of_one_place_is_the_last_choice():
    net, (x, _) = pooled(), images(size=(2, 2))
    # The second convolution halves the image to one place.
    assert last_map_layer(context_of(net), x) == "3"
    assert last_map_layer(context_of(net), x[:, :, :1, :1]) == "5"


def test_the_layer_is_found_anew_for_another_size():
    net, (x, _) = pooled(), images()
    assert last_map_layer(context_of(net), x) == "4"
    assert last_map_layer(context_of(net), images(size=(2, 2))[0]) == "3"


class Heads(nn.Module):
    """Patches whose tokens go through a layer per head, as vision transformers have."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 2, stride=2)
        self.norm = nn.LayerNorm(8)
        self.of_heads = nn.LayerNorm(4)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        tokens = self.norm(self.patches(x).flatten(2).mT)
        heads = self.of_heads(tokens.unflatten(2, (2, 4)).transpose(1, 2))
        pays = self.drop((heads @ heads.mT).softmax(-1))
        return self.head((pays @ heads).transpose(1, 2).flatten(2).mean(1))


def test_what_heads_make_of_tokens_is_no_map():
    x = torch.rand(4, 3, 8, 8)
    assert last_map_layer(context_of(Heads()), x) == "patches"


@pytest.mark.parametrize("chunk", [1, 4])
def test_chunks_give_what_the_whole_gives(chunk):
    net, (x, y) = pooled(), images()
    context = context_of(net)
    assert_close(feature_map(context, x, chunk=chunk), feature_map(context, x))
    assert_close(
        class_activations(context, x, y, chunk=chunk), class_activations(context, x, y)
    )


def test_another_net_can_be_asked():
    net, other, (x, y) = pooled(), pooled(), images()
    with torch.no_grad():
        other[0].weight.mul_(2)
    for look in (
        lambda **how: feature_map(context_of(net), x, **how),
        lambda **how: class_activations(context_of(net), x, y, **how),
    ):
        assert not torch.allclose(look(), look(module=other))
    assert feature_map(None, x, module=other).shape == (6, 4, 4, 3)


def test_behind_average_pooling_it_is_the_class_activation_map():
    net, (x, y) = pooled(), images()
    net.eval()
    with torch.no_grad():
        features, weight = net[:5](x), net[7].weight
        expected = torch.stack(
            [
                sum(weight[label, c] * features[i, c] for c in range(4))
                for i, label in enumerate(y)
            ]
        )
    assert_close(class_activations(context_of(net), x, y), expected)


def test_shares_of_classes_weigh_their_maps():
    net, (x, y) = pooled(), images()
    context = context_of(net)
    soft = torch.rand(6, 3).softmax(1)
    maps = [class_activations(context, x, torch.full_like(y, c)) for c in range(3)]
    expected = sum(s.view(-1, 1, 1) * m for s, m in zip(soft.T, maps, strict=True))
    assert_close(class_activations(context, x, soft), expected)


def test_one_logit_speaks_for_the_second_class_and_against_the_first():
    net, (x, _) = pooled(1), images()
    context = context_of(net)
    second = class_activations(context, x, torch.ones(6, dtype=torch.int64))
    first = class_activations(context, x, torch.zeros(6, dtype=torch.int64))
    assert_close(first, -second)
    assert_close(class_activations(context, x, torch.rand(6)), second)


def test_a_net_with_a_hidden_layer_in_its_head_has_activations_too():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 5), nn.Tanh(),
        nn.Linear(5, 3),
    )  # fmt: skip
    x, y = images()
    features = net[:2](x).detach().requires_grad_()
    score = net[2:](features).gather(1, y[:, None]).sum()
    (slope,) = torch.autograd.grad(score, features)
    expected = (slope.sum((2, 3), keepdim=True) * features).sum(1).detach()
    assert_close(class_activations(context_of(net), x, y), expected)


def test_a_net_without_maps_is_named_with_a_remedy():
    net = nn.Sequential(nn.Flatten(), nn.Linear(96, 4), nn.ReLU(), nn.Linear(4, 3))
    x, y = images()
    for look in (
        lambda: feature_map(context_of(net), x, who="AttentiveMix"),
        lambda: class_activations(context_of(net), x, y, who="AttentiveMix"),
    ):
        message = r"AttentiveMix looks.*Sequential returns one.*saliency_mix"
        with pytest.raises(ValueError, match=message):
            look()


@pytest.mark.parametrize(
    ("layer", "message"),
    [("7", r"layer '7' returns shape \(6, 3\)"), ("9", "has no layer '9'")],
)
def test_a_layer_that_is_no_map_is_named(layer, message):
    net, (x, y) = pooled(), images()
    with pytest.raises(ValueError, match=message):
        feature_map(context_of(net), x, layer)
    with pytest.raises(ValueError, match=message):
        class_activations(context_of(net), x, y, layer)


def test_a_layer_that_runs_twice_is_named():
    conv = nn.Conv2d(2, 2, 3, padding=1)
    net = nn.Sequential(conv, conv, nn.Flatten(), nn.Linear(96, 3))
    with pytest.raises(ValueError, match="'0', which ran 2 times"):
        feature_map(context_of(net), images()[0], "0")


def test_activations_need_a_gradient_behind_the_layer():
    class Detached(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps, self.head = nn.Conv2d(2, 3, 3), nn.Linear(3, 3)

        def forward(self, x):
            return self.head(self.maps(x).detach().mean((2, 3)))

    x, y = images()
    with pytest.raises(ValueError, match=r"SnapMix looks.*no gradient.*layer 'maps'"):
        class_activations(context_of(Detached()), x, y, who="SnapMix")


def test_activations_need_classes():
    with pytest.raises(ValueError, match=r"SnapMix looks.*got y=None"):
        class_activations(context_of(pooled()), images()[0], None, who="SnapMix")
