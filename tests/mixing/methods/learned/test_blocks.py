"""Mix blocks against slow loops over places, written from the formulas."""

import math

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.nn import functional
from torch.testing import assert_close

from sk_mixup.mixing.methods.learned._blocks import (
    CrossBlock,
    ScaledBlock,
    TwoSidedBlock,
    bent_lam,
    enlarged,
)
from tests.builders import generator

KINDS = [CrossBlock, ScaledBlock, TwoSidedBlock]


def block(kind, channels=4):
    made = kind(channels)
    made.start(generator())
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(4).add_(0.1)  # far from flat
    return made


def maps(n_rows=3, channels=4, size=(2, 3), seed=0):
    draws = generator(seed)
    shape = (n_rows, channels, *size)
    own = torch.randn(shape, generator=draws)
    lam = torch.rand(n_rows, generator=draws)
    return own, torch.randn(shape, generator=draws), lam


def at(convolution, pixel):
    """What a convolution of one pixel makes of a pixel."""
    weight = convolution.weight[:, :, 0, 0]
    return [
        float(sum(w * v for w, v in zip(row, pixel, strict=True)) + bias)
        for row, bias in zip(weight.tolist(), convolution.bias.tolist(), strict=True)
    ]


def pixels(features):
    """The pixels of one map (channels, h, w) as lists."""
    return features.flatten(1).T.tolist()


def softmax(scores):
    top = max(scores)
    powers = [math.exp(score - top) for score in scores]
    return [power / sum(powers) for power in powers]


def taken(queries, keys, values):
    """For each query, the mean of the values by softmax of scaled products."""
    scale = math.sqrt(len(queries[0]))
    return [
        sum(
            share * value
            for share, value in zip(
                softmax(
                    [
                        sum(a * b for a, b in zip(q, k, strict=True)) / scale
                        for k in keys
                    ]
                ),
                values,
                strict=True,
            )
        )
        for q in queries
    ]


def slow_cross(made, own, other, lam):
    own = [[*p, lam] for p in pixels(own)]
    other = [[*p, 1 - lam] for p in pixels(other)]
    return taken(
        [at(made.query, p) for p in own],
        [at(made.query, p) for p in other],
        [at(made.value, p)[0] for p in other],
    )


def slow_scaled(made, own, other, lam):
    k = made.k
    bent = (4 / 3 * lam**3 - 2 * lam**2 + (k + 1) * lam) / (k + 1 - 2 / 3)
    own = [[v * (1 + bent) for v in p] for p in pixels(own)]
    other = [[v * (1 + (1 - bent)) for v in p] for p in pixels(other)]
    both = [[*a, *b] for a, b in zip(own, other, strict=True)]
    hidden = [[max(0.0, v) for v in at(made.value[0], p)] for p in other]
    return taken(
        [at(made.query, p) for p in both],
        [at(made.key, p) for p in both],
        [at(made.value[2], p)[0] for p in hidden],
    )


def slow_two_sided(made, own, other, lam):
    own = [[*p, lam] for p in pixels(own)]
    other = [[*p, 1 - lam] for p in pixels(other)]

    def side(mine, theirs):
        return taken(
            [at(made.query, p) for p in mine],
            [at(made.key, p) for p in theirs],
            [at(made.value, p)[0] for p in mine],
        )

    mine, theirs = side(own, other), side(other, own)
    return [b - a for a, b in zip(mine, theirs, strict=True)]


@pytest.mark.parametrize(
    ("kind", "slow"),
    [
        (CrossBlock, slow_cross),
        (ScaledBlock, slow_scaled),
        (TwoSidedBlock, slow_two_sided),
    ],
)
def test_a_block_is_the_formula_place_by_place(kind, slow):
    made = block(kind)
    own, other, lam = maps()
    wanted = [
        slow(made, a, b, share)
        for a, b, share in zip(own, other, lam.tolist(), strict=True)
    ]
    found = made.logits(own, other, lam)
    assert found.shape == (3, 2, 3)
    assert_close(found.flatten(1), torch.tensor(wanted), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_masks_begin_flat(kind):
    made = kind(4)
    made.start(generator())
    mask = made(*maps(), (4, 6))
    assert mask.shape == (3, 4, 6)
    assert_close(mask, torch.full_like(mask, 0.5), atol=0.01, rtol=0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_knows_lambda(kind):
    made = block(kind)
    own, other, _ = maps()
    low, high = (made(own, other, torch.full((3,), v), (2, 3)) for v in (0.1, 0.9))
    assert (low - high).abs().max() > 1e-3


def test_two_sides_exchanged_exchange_the_shares():
    made = block(TwoSidedBlock)
    own, other, lam = maps()
    there, back = made(own, other, lam, (4, 6)), made(other, own, 1 - lam, (4, 6))
    assert_close(there, 1 - back, atol=1e-5, rtol=0.0)


@given(k=st.floats(0, 10), lam=st.floats(0, 1))
def test_lambda_is_bent_in_order_and_alike_from_both_ends(k, lam):
    bent = bent_lam(torch.tensor([lam, 1 - lam, 0.0, 0.5, 1.0]).double(), k)
    assert_close(bent[0] + bent[1], torch.tensor(1.0).double(), atol=1e-6, rtol=0.0)
    assert_close(bent[2:], torch.tensor([0.0, 0.5, 1.0]).double())
    assert -1e-9 <= bent[0] <= 1 + 1e-9


@given(
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    wanted=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
@settings(max_examples=30)
@pytest.mark.parametrize(
    ("mode", "of_torch"), [("nearest",) * 2, ("linear", "bilinear")]
)
def test_maps_are_enlarged_as_torch_does(mode, of_torch, size, wanted):
    given_maps = torch.rand(2, *size, generator=generator())
    found = enlarged(given_maps, wanted, mode)
    assert_close(
        found, functional.interpolate(given_maps[None], wanted, mode=of_torch)[0]
    )
