"""GuidedMix: shares by saliency, and partners whose saliency lies elsewhere."""

import itertools

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import GuidedMix, MixContext
from sk_mixup.mixing.looks import blurred, spectral_residual
from sk_mixup.mixing.methods.saliency._guided_mix import farthest_partners
from tests.builders import generator, looking_context
from tests.mixing.builders import streams


def images(n_rows=6, size=(8, 10)):
    return torch.rand(n_rows, 2, *size, generator=generator(1))


def slow_mixture(seen, x, partner):
    """Mix pixel by pixel."""
    mixed, lam = torch.zeros_like(x), []
    for i, j in enumerate(partner):
        shares = []
        for a, b in itertools.product(*map(range, x.shape[2:])):
            own, other = float(seen[i, a, b]), float(seen[j, a, b])
            share = own / (own + other)
            mixed[i, :, a, b] = share * x[i, :, a, b] + (1 - share) * x[j, :, a, b]
            shares.append(share)
        lam.append(sum(shares) / len(shares))
    return mixed, torch.tensor(lam)


@pytest.mark.parametrize("saliency", ["sr", "ap"])
def test_pixels_are_mixed_by_their_saliency_in_either_image(saliency):
    x, y = images(), torch.arange(6) % 3
    context = looking_context(x)
    plan = GuidedMix(saliency).draw(x, y, generator=streams(), context=context)
    if saliency == "sr":
        seen = spectral_residual(x)
    else:
        module = context.module.eval()
        leaf = x.clone().requires_grad_()
        loss = torch.nn.functional.cross_entropy(module(leaf), y, reduction="sum")
        (slope,) = torch.autograd.grad(loss, leaf)
        seen = slope.pow(2).sum(1).sqrt()
    seen = blurred(seen, 0.1 * 10)
    seen = seen / seen.sum((1, 2), keepdim=True)
    mixed, lam = slow_mixture(seen, x, plan.partner.tolist())
    assert_close(plan.apply(x), mixed, atol=1e-5, rtol=1e-4)
    assert_close(plan.lam, lam, atol=1e-5, rtol=1e-4)


def slow_round(maps, first):
    """Walk from row to row, each time to the farthest one that is left."""
    left, now = [i for i in range(len(maps)) if i != first], first
    partner = {}
    while left:
        away = [float((maps[now] - maps[i]).pow(2).sum()) for i in left]
        after = left.pop(away.index(max(away)))
        partner[now] = after
        now = after
    partner[now] = first
    return [partner[i] for i in range(len(maps))]


@pytest.mark.parametrize("n_rows", [2, 3, 7, 8])
@pytest.mark.parametrize("first", [0, 1])
def test_partners_are_the_farthest_in_one_round(n_rows, first):
    maps = torch.rand(n_rows, 4, 5, dtype=torch.float64, generator=generator(n_rows))
    partner = farthest_partners(maps, first).tolist()
    assert partner == slow_round(maps, first)
    assert sorted(partner) == list(range(n_rows))
    assert all(i != j for i, j in enumerate(partner))


def test_partners_by_distance_are_really_used():
    # In public code, the pairs are found when images and labels are paired already.
    x = images(8)
    greedy = GuidedMix().draw(x, generator=streams())
    seen = blurred(spectral_residual(x), 1.0)
    seen = seen / seen.sum((1, 2), keepdim=True)
    rounds = [slow_round(seen, first) for first in range(8)]
    assert greedy.partner.tolist() in rounds
    shuffled = GuidedMix(greedy=False).draw(x, generator=streams())
    assert greedy.partner.tolist() != shuffled.partner.tolist()
    own = greedy.targets(torch.arange(8), 8).gather(1, greedy.partner[:, None])
    assert bool((own > 0).all())


def test_rows_of_different_groups_are_never_paired():
    groups = torch.tensor([0, 1, 0, 1, 1, 2])
    partner = farthest_partners(torch.rand(6, 3, 3), 4, groups)
    assert torch.equal(groups, groups[partner])
    assert partner[5] == 5
    context = MixContext(groups=groups)
    plan = GuidedMix().draw(images(), generator=streams(), context=context)
    assert plan.lam[5] == 1
    assert torch.equal(groups, groups[plan.partner])


def test_two_images_that_show_nothing_are_blended_half_and_half():
    x = torch.ones(2, 3, 6, 6)
    plan = GuidedMix().draw(x, generator=streams())
    assert_close(plan.lam, torch.tensor([0.5, 0.5]))


def test_one_batch_in_so_many_is_looked_at():
    kinds = {
        type(GuidedMix(every=2).draw(images(), generator=streams(seed))).__name__
        for seed in range(12)
    }
    assert kinds == {"SoftMaskPlan", "LinearPlan"}


def test_only_the_gradient_asks_the_net():
    assert not GuidedMix().reads_module
    assert GuidedMix("ap").reads_module
    GuidedMix().draw(images())
    with pytest.raises(ValueError, match=r"GuidedMix looks at.*MixContext\(module=net"):
        GuidedMix("ap").draw(images(), torch.arange(6))


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"saliency": "xx"}, ValueError, "saliency must be one of"),
        ({"blur": -1}, ValueError, "blur must be a number of at least 0; got -1"),
        ({"greedy": "no"}, TypeError, "greedy must be True or False; got 'no'"),
    ],
)
def test_parameters_are_checked(params, error, message):
    with pytest.raises(error, match=message):
        GuidedMix(**params).draw(images())
