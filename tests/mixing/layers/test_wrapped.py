"""Modules inside compiled and parallel ones."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    ManifoldMixup,
    mix_layer,
)
from tests.builders import no_hooks
from tests.mixing.layers.nets import MLP, draw, found, numbers


def test_layers_of_a_compiled_net_have_their_plain_names():
    net, x = MLP(), numbers()
    compiled = torch.compile(net, backend="eager")
    compiled(x)
    assert found(compiled, x) == ["input", "body.0", "body.3"]
    names = ["_orig_mod.body.0", "body.2"]
    assert ManifoldMixup(layers=names).sites(compiled) == ["body.0", "body.2"]
    plan = draw(ManifoldMixup(layers=["body.0"]), compiled, x)
    net.eval()
    with mix_layer(compiled, plan):
        output = compiled(x)
    assert_close(output, net(x, "body.0", plan.apply))
    assert no_hooks(net)


def test_a_compiled_part_of_a_net():
    net, x = MLP(), numbers()
    by_hand = copy.deepcopy(net)
    net.body = torch.compile(net.body, backend="eager")
    net(x)
    assert "body.0" in found(net, x)
    (
        net.eval(),
        by_hand.load_state_dict(
            {k.replace("_orig_mod.", ""): v for k, v in net.state_dict().items()}
        ),
    )
    plan = draw(ManifoldMixup(layers=["body.0"]), net, x)
    with mix_layer(net, plan):
        output = net(x)
    assert_close(output, by_hand.eval()(x, "body.0", plan.apply))


def test_layers_inside_data_parallel_have_their_plain_names():
    net, x = MLP(), numbers()
    parallel = nn.DataParallel(net)
    plan = draw(ManifoldMixup(layers=["body.0"]), parallel, x)
    if len(parallel.device_ids) < 2:
        parallel.device_ids = [0, 1]  # As on a machine with two devices.
    with (
        pytest.raises(ValueError, match="DataParallel over 2"),
        mix_layer(parallel, plan),
    ):
        parallel(x)
