"""Periodic embeddings of numbers."""

import math

import pytest
import torch

from sk_mixup.nets import PeriodicEmbedding

VARIANTS = ["plr", "pbld"]


def slow(embedding, x):
    """Return the embedding of one number after the other."""
    rows = []
    for row in x:
        tokens = []
        for j, value in enumerate(row):
            angle = 2 * math.pi * embedding.frequency[j] * value
            if embedding.variant == "plr":
                waves = torch.cat([angle.cos(), angle.sin()])
            else:
                waves = (angle + embedding.phase[j]).cos()
            mapped = waves @ embedding.weight[j] + embedding.bias[j, 0]
            if embedding.variant == "plr":
                tokens.append(mapped.relu())
            else:
                tokens.append(torch.cat([value.view(1), mapped]))
        rows.append(torch.stack(tokens))
    return torch.stack(rows)


@pytest.mark.parametrize("variant", VARIANTS)
def test_equals_the_formula(variant):
    embedding = PeriodicEmbedding(3, 5, n_frequencies=4, sigma=0.5, variant=variant)
    x = torch.randn(6, 3)
    torch.testing.assert_close(embedding(x), slow(embedding, x))


@pytest.mark.parametrize("variant", VARIANTS)
def test_gradients_reach_all_parameters(variant):
    embedding = PeriodicEmbedding(3, 5, variant=variant)
    embedding(torch.randn(32, 3)).square().sum().backward()
    assert all(bool(p.grad.abs().sum() > 0) for p in embedding.parameters())


def test_sigma_is_the_scale_of_the_frequencies():
    embedding = PeriodicEmbedding(100, 4, n_frequencies=48, sigma=0.3)
    assert float(embedding.frequency.detach().std()) == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"variant": "sine"}, r"variant must be one of .*'sine'"),
        ({"n_frequencies": 0}, "n_frequencies must be at least 1"),
        ({"sigma": 0.0}, "sigma greater than 0"),
        ({"d_embedding": 1}, "too narrow"),
    ],
)
def test_wrong_settings_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        PeriodicEmbedding(**{"n_columns": 2, "d_embedding": 4} | params)
