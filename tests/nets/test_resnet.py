"""The residual net for images."""

import pytest
import torch

from sk_mixup.mixing import AlignMix, ManifoldMixup, MixContext, mix_layer
from sk_mixup.nets import ResNet
from tests.builders import generator


def last_map(net, x):
    seen = []
    handle = net.stages.register_forward_hook(lambda *args: seen.append(args[2].shape))
    net(x)
    handle.remove()
    return tuple(seen[0][2:])


@pytest.mark.parametrize(
    ("size", "last"),
    [
        ((8, 8), (4, 4)),
        ((28, 28), (7, 7)),
        ((32, 32), (8, 8)),
        ((96, 96), (12, 12)),
        ((2, 5), (2, 5)),
        ((40, 9), (20, 5)),
    ],
)
@pytest.mark.parametrize("channels", [1, 5])
def test_images_of_any_size_end_in_a_small_map(size, last, channels):
    net = ResNet(channels, 3, size=size, width=4)
    x = torch.randn(2, channels, *size)
    assert net(x).shape == (2, 3)
    assert last_map(net, x) == last


@pytest.mark.parametrize("size", [(1, 2), (2, 2), (8, 8)])
def test_a_single_image_trains(size):
    ResNet(1, 2, size=size, width=4).train()(torch.randn(1, 1, *size)).sum().backward()


def test_a_single_pixel_is_refused_with_a_remedy():
    with pytest.raises(ValueError, match=r"at least 2 pixels.*mlp"):
        ResNet(3, 2, size=(1, 1))


def test_width_and_blocks():
    net = ResNet(3, 2, width=6, n_blocks=(1, 2))
    assert net.head.in_features == 12
    assert [len(stage) for stage in net.stages] == [1, 2]
    assert net.mix_layers == ["stages.0", "stages.1"]


@pytest.mark.parametrize("settings", [{"width": 0}, {"n_blocks": 0}, {"n_blocks": ()}])
def test_bad_settings(settings):
    with pytest.raises(ValueError, match="at least 1"):
        ResNet(3, 2, **settings)


def test_channels_are_standardized_inside():
    x = torch.rand(4, 2, 8, 8)
    scale = torch.tensor([255.0, 10.0]).view(1, 2, 1, 1)
    plain = ResNet(2, 3, size=(8, 8), width=4).eval()
    net = ResNet(
        2, 3, size=(8, 8), width=4, channel_mean=[5.0, -7.0], channel_std=[255.0, 10.0]
    ).eval()
    weights = {k: v for k, v in plain.state_dict().items() if "scale" not in k}
    net.load_state_dict(weights, strict=False)
    shifted = x * scale + torch.tensor([5.0, -7.0]).view(1, 2, 1, 1)
    torch.testing.assert_close(net(shifted), plain(x), rtol=1e-3, atol=1e-4)


def test_a_constant_channel_stays_finite():
    net = ResNet(1, 2, size=(8, 8), width=4, channel_mean=[3.0], channel_std=[0.0])
    assert net(torch.full((2, 1, 8, 8), 3.0)).isfinite().all()


def test_statistics_of_other_channels_are_refused():
    with pytest.raises(ValueError, match=r"channel_std.*3 channels"):
        ResNet(3, 2, channel_mean=[0.0] * 3, channel_std=[1.0])


def test_pixels_as_bytes_equal_pixels_as_floats():
    net = ResNet(1, 2, size=(8, 8), width=4).eval()
    x = torch.randint(0, 256, (2, 1, 8, 8), dtype=torch.uint8)
    assert torch.equal(net(x), net(x.float()))


def test_the_input_is_left_alone():
    x = torch.randn(2, 1, 8, 8)
    before = x.clone()
    ResNet(1, 2, size=(8, 8), width=4)(x).sum().backward()
    assert torch.equal(x, before)


@pytest.mark.parametrize("method", [ManifoldMixup(2.0), AlignMix(2.0, n_iter=3)])
def test_stages_can_be_mixed(method):
    net = ResNet(1, 2, size=(8, 8), width=4)
    x, y = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 0, 1])
    sites = set()
    for seed in range(12):
        plan = method.draw(
            x,
            y,
            generator=generator(seed),
            context=MixContext(module=net),
        )
        sites.add(plan.site)
        with mix_layer(net, plan):
            assert net(x).shape == (4, 2)
    wanted = set(net.mix_layers) if type(method) is ManifoldMixup else {"stages.2"}
    assert sites == {None, *wanted}
