"""Nets with layers to mix, their inputs, and what a draw of them is."""

import pytest
import torch
from torch import nn

from sk_mixup.mixing import (
    ManifoldMixup,
    MixContext,
)
from tests.builders import generator


class Block(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.short = nn.Sequential(
            nn.Conv2d(n_in, n_out, 1, stride), nn.BatchNorm2d(n_out)
        )

    def forward(self, x):
        inner = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(inner + self.short(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 1, 1)
        self.bn = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.layer1 = nn.Sequential(Block(4, 4, 1), Block(4, 4, 1))
        self.layer2 = nn.Sequential(Block(4, 8, 2), Block(8, 8, 1))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8, 3)

    def forward(self, x, at=None, mix=None):
        """Run; `at` and `mix` are the edit by hand that the hook is compared with."""

        def mixed(name, h):
            return mix(h) if name == at else h

        h = mixed("stem", self.stem(x))
        h = self.relu(mixed("bn", self.bn(h)))
        for name in ("layer1", "layer2"):
            stage = getattr(self, name)
            if at is None:
                h = stage(h)
                continue
            for i, block in enumerate(stage):
                h = mixed(f"{name}.{i}", block(h))
            h = mixed(name, h)
        return self.fc(self.pool(h).flatten(1))


class Transformer(nn.Module):
    def __init__(self, batch_first=True):
        super().__init__()
        self.batch_first = batch_first
        self.embed = nn.Embedding(20, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=batch_first)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, ids, at=None, mix=None):
        def mixed(name, h):
            if name != at:
                return h
            if self.batch_first or name == "embed":
                return mix(h)
            return mix(h.transpose(0, 1)).transpose(0, 1)

        h = mixed("embed", self.embed(ids))
        h = h if self.batch_first else h.transpose(0, 1)
        for i, layer in enumerate(self.encoder.layers):
            h = mixed(f"encoder.layers.{i}", layer(h))
        h = mixed("encoder", h)
        return self.head(h.mean(1 if self.batch_first else 0))


class EncoderNet(Transformer):
    """The same net, and hooks on the encoder as a whole work too."""

    def forward(self, ids, at=None, mix=None):
        if at is not None:
            return super().forward(ids, at, mix)
        h = self.embed(ids)
        h = self.encoder(h if self.batch_first else h.transpose(0, 1))
        return self.head(h.mean(1 if self.batch_first else 0))


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(5, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 6), nn.ReLU()
        )
        self.head = nn.Linear(6, 3)

    def forward(self, x, at=None, mix=None):
        if at is None:
            return self.head(self.body(x))
        h = x
        for i, layer in enumerate(self.body):
            h = layer(h)
            h = mix(h) if at == f"body.{i}" else h
        return self.head(mix(h) if at == "body" else h)


def ids():
    return torch.randint(0, 20, (6, 7), generator=generator(3))


def pixels():
    return torch.rand(6, 3, 8, 8, generator=generator(3))


def numbers():
    return torch.rand(6, 5, generator=generator(3))


def draw(method, net, x, seed=0):
    return method.draw(x, generator=generator(seed), context=MixContext(module=net))


def bert():
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=30,
        hidden_size=8,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=10,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        num_labels=2,
    )
    return transformers, config


def tokens():
    mask = torch.ones(5, 7, dtype=torch.int64)
    mask[1, 4:] = 0
    mask[4, 5:] = 0
    chosen = torch.randint(0, 30, (5, 7), generator=generator())
    return {"input_ids": chosen, "attention_mask": mask}


def found(net, x, method=None):
    method = method or ManifoldMixup()
    draw(method, net, x)
    return method.sites(net)
