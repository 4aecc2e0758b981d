"""AttentiveMix: the cells that a net attends to most."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import AttentiveMix, MixContext
from sk_mixup.mixing.looks import running_average
from tests.builders import generator
from tests.mixing.builders import streams
from tests.mixing.methods.saliency.nets import Bright, patches

SPOTS = [(0, 0), (3, 5), (6, 2), (1, 6)]


def drawn(x, net=None, **params):
    context = MixContext(module=Bright() if net is None else net)
    params = {"network": "training"} | params
    return AttentiveMix(**params).draw(x, generator=streams(), context=context)


def slow_mask(attention, k, grid, size):
    """Mark the best cells, one pixel after the other."""
    cells = {}
    for a in range(grid):
        for b in range(grid):
            inside = [
                float(attention[i, j])
                for i in range(size[0])
                for j in range(size[1])
                if i * grid // size[0] == a and j * grid // size[1] == b
            ]
            cells[a, b] = sum(inside) / len(inside)
    best = sorted(cells, key=cells.get, reverse=True)[:k]
    mask = torch.zeros(size, dtype=torch.bool)
    for i in range(size[0]):
        for j in range(size[1]):
            mask[i, j] = (i * grid // size[0], j * grid // size[1]) in best
    return mask


@pytest.mark.parametrize("k", [1, 5, 48])
def test_the_best_cells_of_the_partner_are_pasted(k):
    x = torch.rand(5, 1, 14, 14, generator=generator(1))
    plan = drawn(x, k=k)
    for i, partner in enumerate(plan.partner.tolist()):
        assert torch.equal(plan.mask[i], slow_mask(x[partner, 0], k, 7, (14, 14)))
    assert_close(plan.lam, torch.full((5,), 1 - k / 49))


def test_what_is_bright_is_pasted():
    x = patches(SPOTS)
    plan = drawn(x, k=1)
    for i, partner in enumerate(plan.partner.tolist()):
        assert torch.equal(plan.mask[i], x[partner, 0] > 0)


@pytest.mark.parametrize("size", [(15, 13), (7, 7), (5, 4), (3, 20)])
def test_lambda_is_measured_where_cells_differ_in_size(size):
    x = torch.rand(4, 1, *size, generator=generator(1))
    plan = drawn(x)
    assert_close(plan.lam.double(), 1 - plan.mask.flatten(1).double().mean(1))
    assert bool((plan.lam < 1).all())


def test_without_k_lambda_is_drawn():
    x = patches(SPOTS)
    shares = set()
    for seed in range(6):
        method = AttentiveMix(k=None, network="training")
        context = MixContext(module=Bright())
        plan = method.draw(x, generator=streams(seed), context=context)
        cells = (1 - plan.lam.double()) * 49
        assert_close(cells, cells.round(), atol=1e-4, rtol=0)
        assert len(plan.lam.unique()) == 1
        shares.add(float(plan.lam[0]))
    assert len(shares) > 3


def test_a_given_net_is_asked_in_place_of_the_one_that_trains():
    class Dark(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps = nn.Conv2d(1, 1, 1)
            with torch.no_grad():
                self.maps.weight.fill_(-1.0)
                self.maps.bias.fill_(1.0)

        def forward(self, x):
            return self.maps(x).mean((2, 3))

    x = patches(SPOTS)
    dark = Dark().double()
    method = AttentiveMix(k=6, network=dark)
    assert not method.reads_module
    plan = method.draw(x, generator=streams())
    for i, partner in enumerate(plan.partner.tolist()):
        assert not bool((plan.mask[i] & (x[partner, 0] > 0)).any())


def test_the_average_follows_the_net_slowly():
    net = Bright()
    average = running_average(net, 0.9)
    with torch.no_grad():
        net.maps.weight.fill_(11.0)
    assert running_average(net, 0.9) is average
    assert_close(average.maps.weight.detach().flatten(), torch.tensor([2.0]))
    assert running_average(net, 0.5) is not average
    assert running_average(Bright(), 0.9) is not average
    assert not any(p.requires_grad for p in average.parameters())


def test_the_average_counts_steps_of_whole_numbers_as_they_are():
    net = nn.BatchNorm1d(2)
    average = running_average(net, 0.9)
    net(torch.rand(4, 2))
    running_average(net, 0.9)
    assert int(average.num_batches_tracked) == 1


def test_the_average_is_asked_by_name():
    net, x = Bright(), patches(SPOTS)
    drawn(x, net, k=1, network="average")
    # A net that trains may go astray; 0.999 of the average is what it was.
    with torch.no_grad():
        net.maps.weight.fill_(-50.0)
    plan = drawn(x, net, k=1, network="average")
    for i, partner in enumerate(plan.partner.tolist()):
        assert torch.equal(plan.mask[i], x[partner, 0] > 0)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"k": 50}, ValueError, r"k must be at most grid \* grid = 49; got 50"),
        ({"k": -1}, ValueError, "k must be an integer of at least 0"),
        ({"grid": 0}, ValueError, "grid must be an integer of at least 1"),
        ({"network": "mine"}, ValueError, "network must be 'training', 'average' or a"),
        ({"decay": 1.0}, ValueError, "decay=1 would never take a new weight in"),
        ({"layer": "head"}, ValueError, r"AttentiveMix looks.*'head' returns shape"),
    ],
)
def test_misuse_is_named(params, error, message):
    with pytest.raises(error, match=message):
        drawn(patches(SPOTS), **params)


def test_a_net_without_maps_is_named():
    net = nn.Sequential(nn.Flatten(), nn.Linear(196, 2))
    with pytest.raises(ValueError, match=r"AttentiveMix looks.*saliency_mix or cutmix"):
        drawn(patches(SPOTS), net)


@pytest.mark.parametrize("name", ["grid_size", "beta", "top_k"])
def test_an_option_by_another_name_is_refused(name):
    # Configurations of public code name two of these, and nothing reads them there.
    with pytest.raises(TypeError, match=name):
        AttentiveMix(**{name: 7})
    with pytest.raises(ValueError, match=f"no parameter {name!r}"):
        AttentiveMix().set_params(**{name: 7})
