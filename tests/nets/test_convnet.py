"""The convolutional net for sequences and spectrograms."""

import pytest
import torch

from sk_mixup.nets import ConvNet


@pytest.mark.parametrize(
    "size", [(2,), (7,), (100,), (5000,), (1, 2), (40, 60), (13, 1500)]
)
def test_rows_of_any_length(size):
    net = ConvNet(2, 3, size=size, width=4)
    assert net(torch.randn(2, 2, *size)).shape == (2, 3)
    assert net(torch.randn(1, 2, *size)).shape == (1, 3)


def test_other_lengths_than_the_planned_ones_work():
    net = ConvNet(1, 3, size=(64,), width=4)
    assert net(torch.randn(2, 1, 90)).shape == (2, 3)


@pytest.mark.parametrize("size", [(500,), (16_000,), (64, 500)])
def test_the_last_map_is_small(size):
    net = ConvNet(1, 2, size=size, width=4)
    maps = net.stages(torch.randn(1, 1, *size))
    assert max(maps.shape[2:]) <= 128


def test_a_waveform_is_strided_and_every_value_counts():
    net = ConvNet(1, 2, size=(4096,), width=4).eval()
    x = torch.randn(1, 1, 4096, requires_grad=True)
    net.stages[0][0](x).square().sum().backward()
    assert (x.grad != 0).all()


def test_names_of_stages():
    assert ConvNet(1, 2, n_blocks=2).mix_layers == ["stages.0", "stages.1"]


def test_channels_are_standardized_inside():
    net = ConvNet(
        2, 3, size=(16,), width=4, channel_mean=[1.0, 2.0], channel_std=[3.0, 0.0]
    )
    x = torch.randn(5, 2, 16)
    expected = torch.stack([(x[:, 0] - 1) / 3, x[:, 1] - 2], 1)
    torch.testing.assert_close(net.scale(x), expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (3, 3, 3)}, "one axis or two"),
        ({"size": ()}, "one axis or two"),
        ({"size": (1,)}, "at least 2 places"),
        ({"width": 0}, "width"),
        ({"n_blocks": 0}, "n_blocks"),
        ({"kernel_size": 4}, "odd"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        ConvNet(1, 2, **settings)
