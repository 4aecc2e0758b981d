"""Layers that cannot be mixed are found before the training."""

import pytest
import torch
from torch import nn

from sk_mixup.mixing import (
    AlignMix,
    ManifoldMixup,
    Mixup,
    OneOf,
    Repeat,
    try_layers,
)
from tests.mixing.layers.nets import MLP, EncoderNet, ResNet, ids, numbers, pixels


def attempt(method, net, x):
    try_layers(method, net, x, torch.arange(len(x)))


class Repeats(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.relu = nn.Linear(5, 5), nn.ReLU()
        self.spare, self.head = nn.Linear(5, 5), nn.Linear(5, 2)

    def forward(self, x):
        return self.head(self.relu(self.body(self.relu(x))))


WRAPPED = [
    lambda method: method,
    lambda method: Repeat(method),
    lambda method: OneOf([Mixup(), method]),
    lambda method: OneOf([Mixup(), Repeat(method)]),
]


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("layers", ["relu", ["input", "body", "relu"]])
def test_a_layer_that_runs_twice(wrap, layers):
    method = wrap(ManifoldMixup(layers=layers))
    with pytest.raises(RuntimeError, match="'relu' ran 2 times"):
        attempt(method, Repeats(), numbers())


@pytest.mark.parametrize("wrap", WRAPPED)
def test_a_layer_that_never_runs(wrap):
    method = wrap(ManifoldMixup(layers=["body", "spare"], p=0.01, per="row"))
    with pytest.raises(RuntimeError, match="'spare' ran 0 times"):
        attempt(method, Repeats(), numbers())


def test_a_layer_with_the_batch_second_is_found_whatever_its_shape():
    net, x = EncoderNet(batch_first=False), ids()[:, :2]
    attempt(ManifoldMixup(layers=["encoder.layers.0"]), net, x)
    method = ManifoldMixup(layers=["encoder.layers.0.linear1"])
    message = r"linear1' returns shape \(2, 2, 16\) for 2 rows.*not the first axis"
    with pytest.raises(ValueError, match=message):
        attempt(method, net, x)


def test_alignmix_needs_a_feature_map():
    with pytest.raises(ValueError, match=r"'body' gave shape \(2, 6\)"):
        attempt(AlignMix(layers=["body"]), MLP(), numbers())


def test_ids_that_would_be_drawn_are_refused():
    with pytest.raises(TypeError, match="Mix their embedding"):
        attempt(ManifoldMixup(layers=["input", "embed"]), EncoderNet(), ids())


def test_patterns_leave_out_lists_of_layers():
    net = EncoderNet()
    sites = ManifoldMixup(layers=["encoder.layers*", "embed"]).sites(net)
    assert "encoder.layers" not in sites
    assert {"encoder.layers.0", "encoder.layers.1", "embed"} <= set(sites)


def test_one_row_is_enough_for_a_trial():
    attempt(ManifoldMixup(), ResNet(), pixels()[:1])


def test_other_methods_are_not_tried():
    attempt(Mixup(), nn.Linear(100, 3), numbers())
