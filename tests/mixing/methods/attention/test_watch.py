"""Attention read off a forward pass, whichever way a net computes it."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing.methods.attention._grid import cell_shares, grid_of, spread
from sk_mixup.mixing.methods.attention._watch import watch_attention
from tests.builders import no_hooks
from tests.mixing.methods.attention.nets import Vit, images, paid_to_patches

KINDS = ["fused", "multi_head", "softmax"]


def watched(net, x, layer="auto"):
    with watch_attention(net, layer, "TransMix") as watch:
        net(x)
    return watch


def seen(net, x, layer="auto"):
    return watched(net, x, layer).map(len(x), tuple(x.shape[2:]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prefix", [0, 1, 2])
@pytest.mark.parametrize("size", [(16, 16), (8, 24)])
def test_it_is_what_the_last_block_pays_to_each_patch(kind, prefix, size):
    net, x = Vit(kind, prefix), images(size=size)
    found = seen(net, x)
    assert found.shape == (4, size[0] // 4, size[1] // 4)
    assert_close(found, paid_to_patches(net, x, prefix), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_can_be_named(kind):
    net, x = Vit(kind), images()
    first = paid_to_patches(net, x, 1, block=0)
    assert_close(seen(net, x, "blocks.0"), first, atol=1e-5, rtol=1e-4)
    assert no_hooks(net)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_and_gradients_are_as_without(kind):
    net, x = Vit(kind), images()
    alone = net(x)
    with watch_attention(net, "auto", "TransMix"):
        output = net(x)
    assert_close(output, alone, atol=1e-6, rtol=1e-5)
    gradients = [
        torch.autograd.grad(out.square().sum(), net.patches.weight)[0]
        for out in (alone, output)
    ]
    assert_close(*gradients, atol=1e-6, rtol=1e-4)


def test_who_wants_no_weights_gets_none():
    layer, tokens = nn.MultiheadAttention(8, 2, batch_first=True), torch.rand(2, 4, 8)
    with watch_attention(layer, "auto", "TransMix") as watch:
        assert layer(tokens, tokens, tokens, need_weights=False)[1] is None
        apart = layer(tokens, tokens, tokens, average_attn_weights=False)[1]
    assert apart.shape == (2, 2, 4, 4)
    assert_close(watch.map(2, (8, 8)).flatten(1), apart.mean((1, 2)))


def test_layers_of_torch_are_read_too():
    layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
    tokens = torch.rand(3, 5, 8)
    paid = layer.self_attn(tokens, tokens, tokens)[1]
    found = watched_layer(layer, tokens).map(3, (8, 8))
    assert_close(found.flatten(1), paid[:, 0, 1:], atol=1e-6, rtol=1e-5)


def watched_layer(layer, tokens):
    with watch_attention(layer, "auto", "TransMix") as watch:
        layer(tokens)
    return watch


def test_a_net_may_say_it_itself():
    class Says(nn.Module):
        def attention_map(self):
            return self.said

        def forward(self, x):
            self.said = x.mean(1)[:, ::8, ::8]
            return x.mean((1, 2, 3))

    net, x = Says(), images()
    assert torch.equal(seen(net, x), x[:, 0, ::8, ::8])
    net.said = None
    net.attention_map = torch.rand(3, 2, 2)
    with pytest.raises(ValueError, match=r"attention_map of Says must .*\(4, h, w\)"):
        seen(net, x)


def test_a_net_without_attention_is_told_what_to_do():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.LazyLinear(2))
    with pytest.raises(ValueError, match=r"TransMix reads where .* computed no att"):
        seen(net, images())


def test_attention_within_windows_is_refused():
    class Windows(Vit):
        def forward(self, x):
            parts = x.unfold(2, 8, 8).unfold(3, 8, 8).reshape(-1, 1, 8, 8)
            return super().forward(parts).view(len(x), 4, -1).mean(1)

    with pytest.raises(ValueError, match="has 16 rows for 4 images"):
        seen(Windows(), images())


@pytest.mark.parametrize(
    ("n_tokens", "size", "wanted"),
    [
        (197, (224, 224), (1, (14, 14))),
        (196, (224, 224), (0, (14, 14))),
        (198, (224, 224), (2, (14, 14))),
        (201, (224, 224), (5, (14, 14))),
        (33, (32, 64), (1, (4, 8))),
        (5, (8, 8), (1, (2, 2))),
    ],
)
def test_the_grid_has_the_proportions_of_the_image(n_tokens, size, wanted):
    assert grid_of(n_tokens, size, "TransMix") == wanted


def test_tokens_without_a_grid_are_refused():
    with pytest.raises(ValueError, match=r"24 tokens are no grid .* 7 x 64 pixels"):
        grid_of(24, (7, 64), "TransMix")


def test_cells_have_the_mean_of_their_pixels():
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[0, :3, :2] = True
    assert cell_shares(mask, (2, 2)).tolist() == [[[1.0, 0.0], [0.5, 0.0]]]


def test_pixels_say_what_their_cell_says():
    cells = torch.tensor([[[True, False]]])
    assert spread(cells, (2, 4)).tolist() == [[[True, True, False, False]] * 2]
