"""Dropout by bytes."""

import pytest
import torch
from torch import nn

from sk_mixup.nets import Dropout


@pytest.mark.parametrize("p", [0.01, 0.2, 0.5, 0.97])
def test_the_share_dropped_is_the_rate(p):
    kept = Dropout(p)(torch.ones(200_000))
    assert (kept == 0).float().mean().item() == pytest.approx(p, abs=5e-3)


@pytest.mark.parametrize("p", [0.001, 0.1, 0.3, 0.999])
def test_the_mean_stays(p):
    mean = Dropout(p)(torch.ones(400_000)).mean().item()
    assert mean == pytest.approx(1.0, abs=0.1)


def test_nothing_happens_outside_of_training():
    x = torch.randn(7, 3)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_gradients_flow_through_what_is_kept():
    x = torch.ones(5, 7, requires_grad=True)
    out = Dropout(0.5)(x)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


def test_neighbours_are_independent():
    kept = (Dropout(0.5)(torch.ones(100_000)) > 0).float() - 0.5
    for lag in range(1, 10):
        assert abs((kept[lag:] * kept[:-lag]).mean().item()) < 5e-3


def test_any_memory_order_gets_the_same_share():
    x = torch.ones(8, 50, 60).transpose(0, 1)
    kept = Dropout(0.25)(x)
    assert kept.stride() == x.stride()
    assert (kept == 0).float().mean().item() == pytest.approx(0.25, abs=0.02)


def test_the_global_generator_decides():
    x, dropout = torch.ones(100), Dropout(0.5)
    torch.manual_seed(3)
    first = dropout(x)
    torch.manual_seed(3)
    assert torch.equal(dropout(x), first)


def test_doubles_stay_doubles():
    assert Dropout(0.5)(torch.ones(9, dtype=torch.float64)).dtype == torch.float64


def test_inside_vmap_it_is_the_original():
    out = torch.func.vmap(Dropout(0.5), randomness="different")(torch.ones(4, 1_000))
    assert len({tuple(row) for row in (out > 0).tolist()}) == 4


def test_it_is_a_dropout_to_those_who_look():
    assert isinstance(Dropout(0.1), nn.Dropout)
