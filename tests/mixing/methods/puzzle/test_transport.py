"""Blocks that move to where a mask shows them."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from scipy.optimize import linear_sum_assignment

from sk_mixup.mixing.methods.puzzle._transport import move_to_mask
from tests.builders import generator


def made_up(n_images, n_rows, n_columns, seed=0):
    draw = generator(seed)
    saliency = torch.rand(n_images, n_rows, n_columns, generator=draw).pow(4)
    saliency /= saliency.flatten(1).sum(1).view(-1, 1, 1)
    # Masks as the solver makes them: areas of the three shares.
    place = torch.rand(n_images, 1, 1, generator=draw) * n_columns
    away = torch.arange(n_columns).view(1, 1, -1) - place
    wanted = (away / 2 + 0.5).clamp(0, 1).mul(2).round().div(2)
    return saliency, wanted.expand(-1, n_rows, -1).contiguous()


def costs(saliency, wanted, price):
    """Cost of every block (first) in every place, as the definition has it."""
    n_rows, n_columns = saliency.shape
    places = list(itertools.product(range(n_rows), range(n_columns)))
    cost = np.zeros((len(places), len(places)))
    for (a, (i, j)), (b, (k, m)) in itertools.product(enumerate(places), repeat=2):
        way = ((i - k) / max(n_rows - 1, 1)) ** 2 + (
            (j - m) / max(n_columns - 1, 1)
        ) ** 2
        cost[a, b] = price * way - float(saliency[i, j] * wanted[k, m])
    return cost


def cost_of(cost, blocks):
    return cost[blocks.flatten().numpy(), np.arange(len(cost))].sum()


@given(
    n_rows=st.integers(1, 6),
    n_columns=st.integers(1, 6),
    price=st.sampled_from([0.0, 0.1, 0.8]),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=40)
def test_every_block_is_in_one_place_and_no_move_costs(n_rows, n_columns, price, seed):
    saliency, wanted = made_up(3, n_rows, n_columns, seed)
    blocks = move_to_mask(saliency, wanted, price)
    number = torch.arange(n_rows * n_columns)
    assert torch.equal(blocks.flatten(1).sort(1).values, number.expand(3, -1))
    for b in range(3):
        cost = costs(saliency[b], wanted[b], price)
        assert cost_of(cost, blocks[b]) <= np.trace(cost) + 1e-6


@pytest.mark.parametrize(
    ("size", "price", "part"),
    [((8, 8), 0.8, 0.999), ((16, 16), 0.4, 0.999), ((8, 8), 0.1, 0.8)],
)
def test_most_of_what_the_best_assignment_gains_is_gained(size, price, part):
    saliency, wanted = made_up(4, *size)
    blocks = move_to_mask(saliency, wanted, price)
    gained = possible = 0.0
    for b in range(4):
        cost = costs(saliency[b], wanted[b], price)
        gained += np.trace(cost) - cost_of(cost, blocks[b])
        possible += np.trace(cost) - cost[linear_sum_assignment(cost)].sum()
    assert possible > 0.003
    assert gained >= part * possible


def test_a_high_price_moves_nothing():
    saliency, wanted = made_up(3, 8, 8)
    blocks = move_to_mask(saliency, wanted, 1000.0)
    assert torch.equal(blocks, torch.arange(64).view(8, 8).expand(3, -1, -1))


def test_a_free_way_brings_a_salient_neighbour_to_the_mask():
    saliency = torch.tensor([[[0.1, 0.7, 0.1, 0.1]]])
    wanted = torch.tensor([[[1.0, 0.0, 0.0, 0.0]]])
    blocks = move_to_mask(saliency, wanted, 0.0)
    assert blocks.flatten().tolist() == [1, 0, 2, 3]
