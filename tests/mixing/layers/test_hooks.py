"""A hook on a layer mixes what an edit by hand would."""

import copy

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import (
    AlignMix,
    ManifoldMixup,
    mix_layer,
)
from tests.mixing.layers.nets import (
    MLP,
    EncoderNet,
    ResNet,
    draw,
    generator,
    ids,
    numbers,
    pixels,
)

CASES = [
    *[(ResNet, pixels, at) for at in ("stem", "bn", "layer1", "layer2", "layer2.0")],
    *[(EncoderNet, ids, at) for at in ("embed", "encoder", "encoder.layers.0")],
    *[
        (lambda: EncoderNet(batch_first=False), ids, at)
        for at in ("encoder", "encoder.layers.1")
    ],
    *[(MLP, numbers, at) for at in ("body", "body.0", "body.2")],
]


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize(("make", "data", "at"), CASES)
def test_a_hook_is_an_edit_by_hand(make, data, at, per):
    net, x = make(), data()
    by_hand = copy.deepcopy(net)
    plan = draw(ManifoldMixup(layers=[at], per=per), net, x)
    with mix_layer(net, plan):
        output = net(x)
    expected = by_hand(x, at, plan.apply)
    assert_close(output, expected, rtol=1e-6, atol=1e-6)
    assert not torch.allclose(output, copy.deepcopy(by_hand)(x))
    weights = torch.rand(output.shape, generator=generator(4))
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    for (name, one), other in zip(
        net.named_parameters(), by_hand.parameters(), strict=True
    ):
        assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-6, msg=name)
    for one, other in zip(net.buffers(), by_hand.buffers(), strict=True):
        assert_close(one, other)


def test_alignmix_is_an_edit_by_hand():
    net, x = ResNet(), pixels()
    by_hand = copy.deepcopy(net)
    plan = draw(AlignMix(layers=["layer2"]), net, x)
    with mix_layer(net, plan):
        output = net(x)
    expected = by_hand(x, "layer2", plan.apply)
    assert_close(output, expected, rtol=1e-6, atol=1e-6)
    output.square().sum().backward()
    expected.square().sum().backward()
    for one, other in zip(net.parameters(), by_hand.parameters(), strict=True):
        assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-6)
