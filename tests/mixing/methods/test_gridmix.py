"""GridMix against plain loops over cells and places."""

import itertools
import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup.mixing import GridMix
from tests.builders import generator
from tests.mixing.builders import streams

SIZES = [(9,), (6, 5), (5, 4, 7)]


def slow_cells(size, n, taken):
    """Fill one cell after the other; `taken` says by cell whether it is pasted."""
    mask = torch.zeros(size, dtype=torch.bool)
    for cell in itertools.product(range(n), repeat=len(size)):
        bounds = [
            (math.floor(k * s / n + 0.5), math.floor((k + 1) * s / n + 0.5))
            for k, s in zip(cell, size, strict=True)
        ]
        mask[tuple(slice(a, b) for a, b in bounds)] = taken[cell]
    return mask


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_is_the_formula_along_any_number_of_axes(size, per, fold):
    x = torch.rand(4, 2, *size)
    for seed in range(4):
        method = GridMix(0.8, n_cells=(2, 5), per=per, fold=fold)
        plan = method.draw(x, generator=streams(seed))
        again, n_masks = streams(seed), 4 if per == "row" else 1
        u = torch.rand(n_masks, dtype=torch.float64, generator=again.lam)
        lam = stats.beta.ppf(u.numpy(), 0.8, 0.8)
        n_cells = 2 + (torch.rand(n_masks, generator=again.site) * 4).long()
        cells = torch.rand(n_masks, *(5,) * len(size), generator=again.site)
        mixed, shares = x.clone(), []
        for i in range(4):
            k = i if per == "row" else 0
            mask = slow_cells(size, int(n_cells[k]), cells[k] < 1 - lam[k])
            if fold and mask.float().mean() > 0.5:
                mask = ~mask
            mixed[i] = torch.where(mask, x[plan.partner[i]], x[i])
            shares.append(1 - mask.float().mean())
        assert torch.equal(plan.apply(x), mixed)
        assert_close(plan.lam, torch.stack(shares))


def test_a_number_of_cells_may_be_fixed():
    plan = GridMix(n_cells=4, per="row").draw(torch.rand(40, 1, 8, 12))
    cells = plan.mask.view(40, 4, 2, 4, 3)
    assert torch.equal(cells.all(4).all(2), cells.any(4).any(2))


def test_all_numbers_of_cells_are_equally_likely():
    # One cell in two or more differs from its neighbour; lambda is close to 1/2.
    x = torch.rand(1).expand(3000, 1, 60)
    counts = []
    for n in (2, 3, 4):
        fixed = GridMix(1e4, n_cells=n, per="row").draw(x, generator=generator(n))
        counts.append(fixed.mask.diff(dim=1).sum(1).float().mean())
    drawn = GridMix(1e4, n_cells=(2, 4), per="row").draw(x, generator=generator())
    changes = drawn.mask.diff(dim=1).sum(1).float().mean()
    assert_close([float(c) for c in counts], [0.5, 1.0, 1.5], atol=0.05, rtol=0)
    assert float(changes) == pytest.approx(1.0, abs=0.05)


def test_the_share_follows_beta_on_a_fine_grid():
    x = torch.rand(1).expand(600, 1, 40, 40)
    lam = GridMix(2.0, n_cells=40, per="row").draw(x, generator=generator()).lam
    assert stats.kstest(lam.numpy(), stats.beta(2.0, 2.0).cdf).pvalue > 0.01


def test_each_cell_comes_from_the_partner_with_probability_one_minus_lambda():
    # On two cells, with lambda uniform: both with probability E[(1-lam)^2] = 1/3.
    x = torch.rand(1).expand(4000, 1, 2)
    plan = GridMix(1.0, n_cells=2, per="row").draw(x, generator=generator())
    counts = torch.bincount(plan.mask.sum(1), minlength=3)
    expected = [4000 / 3] * 3
    assert stats.chisquare(counts.numpy(), expected).pvalue > 0.01


@pytest.mark.parametrize("per", ["batch", "row"])
def test_more_cells_than_places_are_served(per):
    x = torch.zeros(2, 1, 3, 2)
    x[1] = 1
    for seed in range(10):
        plan = GridMix(n_cells=7, per=per).draw(x, generator=generator(seed))
        assert_close(plan.apply(x)[0].mean(), 1 - plan.lam[0])


@pytest.mark.parametrize(
    ("n_cells", "error", "match"),
    [
        (0, ValueError, "n_cells must be an integer of at least 1; got 0"),
        (2.5, TypeError, r"n_cells must be an integer of at least 1; got 2\.5"),
        ((2, 3, 4), ValueError, r"integer or a pair \(low, high\); got \(2, 3, 4\)"),
        ((4, 2), ValueError, "n_cells must be in order"),
    ],
)
def test_a_wrong_number_of_cells_is_named(n_cells, error, match):
    with pytest.raises(error, match=match):
        GridMix(n_cells=n_cells).draw(torch.rand(4, 1, 8, 8))
