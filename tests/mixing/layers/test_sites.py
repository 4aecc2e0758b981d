"""The layers that ``layers="auto"`` finds in a module."""

import copy

import pytest
import torch
from torch import nn

from sk_mixup.mixing import (
    AlignMix,
    ManifoldMixup,
    MixContext,
)
from tests.mixing.layers.nets import (
    MLP,
    EncoderNet,
    ResNet,
    bert,
    draw,
    found,
    generator,
    ids,
    numbers,
    pixels,
    tokens,
)


def test_auto_finds_the_stages_of_a_resnet():
    assert found(ResNet(), pixels()) == ["input", "stem", "layer1", "layer2"]


def test_auto_finds_the_layers_of_an_mlp_but_not_its_head():
    assert found(MLP(), numbers()) == ["input", "body.0", "body.3"]


def test_auto_leaves_token_ids_out():
    sites = found(EncoderNet(), ids())
    assert sites == ["embed", "encoder.layers.0", "encoder.layers.1"]


def test_auto_finds_the_encoder_layers_of_a_hugging_face_model():
    transformers, config = bert()
    net = transformers.BertForSequenceClassification(config)
    layers = [f"bert.encoder.layer.{i}" for i in range(3)]
    assert found(net, tokens()) == ["bert.embeddings", *layers, "bert.pooler"]


def test_auto_finds_what_is_inside_a_wrapper():
    class Wrapper(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = MLP()

        def forward(self, x):
            return self.model(x)

    sites = found(Wrapper(), numbers())
    assert sites == ["input", "model.body.0", "model.body.3"]


class TwoBranches(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = nn.Linear(5, 4)
        self.right = nn.Linear(2, 4)
        self.fuse = nn.Linear(8, 6)
        self.head = nn.Linear(6, 2)

    def forward(self, left, right):
        h = torch.cat((self.left(left), self.right(right)), 1)
        return self.head(self.fuse(h).relu())


def test_auto_never_mixes_one_branch_of_two():
    x = {"left": numbers(), "right": torch.rand(6, 2)}
    assert found(TwoBranches(), x) == ["input", "fuse"]


def test_auto_leaves_a_branch_out_whose_head_starts_at_zero():
    net = TwoBranches()
    nn.init.zeros_(net.head.weight)
    x = {"left": numbers(), "right": torch.rand(6, 2)}
    assert found(net, x) == ["input", "fuse"]


def test_auto_leaves_out_layers_that_run_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.shared = nn.Linear(5, 5), nn.Linear(5, 5)
            self.head = nn.Linear(5, 2)

        def forward(self, x):
            return self.head(self.shared(self.shared(self.first(x))))

    assert found(Twice(), numbers()) == ["input", "first"]


def test_auto_leaves_out_layers_with_the_batch_second():
    class Second(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            # Two steps: the shape of two rows does not tell.
            return self.head(self.second(self.first(x).transpose(0, 1)).mean(0))

    assert found(Second(), torch.rand(6, 2, 4)) == ["input", "first"]


def test_auto_without_any_place_says_so():
    net = nn.Sequential(nn.EmbeddingBag(20, 3))
    with pytest.raises(ValueError, match="found no layer of Sequential"):
        draw(ManifoldMixup(), net, ids())


def test_auto_finds_the_same_layers_every_time():
    net, x = ResNet(), pixels()
    assert found(copy.deepcopy(net), x) == found(copy.deepcopy(net), x[:1])


def test_the_layers_of_a_net_are_found_once():
    class Counted(MLP):
        runs = 0

        def forward(self, x):
            self.runs += 1
            return super().forward(x)

    net = Counted()
    draw(ManifoldMixup(), net, numbers())
    runs = net.runs
    draw(AlignMix(), net, numbers())
    assert net.runs == runs > 0


def test_auto_of_alignmix_is_the_last_feature_map():
    assert found(ResNet(), pixels(), AlignMix()) == ["input", "layer2"]


def test_auto_draws_every_place():
    net, x, source = MLP(), numbers(), generator()
    context = MixContext(module=net)
    sites = {
        ManifoldMixup().draw(x, generator=source, context=context).site
        for _ in range(40)
    }
    assert sites == {None, "body.0", "body.3"}


def test_auto_needs_no_rows_once_it_knows_the_net():
    net = MLP()
    assert draw(ManifoldMixup(), net, numbers()[:0]).is_identity
    draw(ManifoldMixup(), net, numbers())
    assert draw(ManifoldMixup(), net, numbers()[:0]).is_identity
