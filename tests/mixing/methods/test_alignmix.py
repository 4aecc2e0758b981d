"""AlignMix against the formula, and the transport plan against its constraints."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import AlignMix, ManifoldMixup, MixContext, Mixup, mix_layer
from sk_mixup.mixing.methods._alignmix import alignment
from tests.builders import generator


def slow_plan(cost, eps, n_iter):
    """Sinkhorn's algorithm on the kernel itself, one number at a time."""
    r = len(cost)
    kernel = [[math.exp(-c / eps) for c in row] for row in cost]
    u, v = [1.0] * r, [1.0] * r
    for _ in range(n_iter):
        u = [1 / r / sum(kernel[i][j] * v[j] for j in range(r)) for i in range(r)]
        v = [1 / r / sum(kernel[i][j] * u[i] for i in range(r)) for j in range(r)]
    return [[u[i] * kernel[i][j] * v[j] for j in range(r)] for i in range(r)]


def slow_alignmix(x, partner, lam, eps, n_iter):
    mixed = torch.empty_like(x)
    for n in range(len(x)):
        own, other = x[n].flatten(1), x[int(partner[n])].flatten(1)
        r = own.shape[1]
        cost = [
            [float((own[:, i] - other[:, j]).square().sum().sqrt()) for j in range(r)]
            for i in range(r)
        ]
        plan = slow_plan(cost, eps, n_iter)
        for i in range(r):
            aligned = sum(r * plan[i][j] * other[:, j] for j in range(r))
            blend = lam[n] * own[:, i] + (1 - lam[n]) * aligned
            mixed[n].flatten(1)[:, i] = blend
    return mixed


@pytest.mark.parametrize("size", [(3, 2), (5,), (2, 1, 2)])
@pytest.mark.parametrize("per", ["batch", "row"])
def test_the_blend_is_the_formula(size, per):
    x = torch.rand(4, 3, *size, dtype=torch.float64, generator=generator())
    method = AlignMix(1.0, layers=["body"], per=per, eps=0.2, n_iter=200)
    plan = method.draw(x, generator=generator())
    expected = slow_alignmix(x, plan.partner, plan.lam, 0.2, 200)
    assert_close(plan.apply(x), expected, rtol=1e-6, atol=1e-6)


def test_one_position_is_manifold_mixup():
    x = torch.rand(6, 5, 1, 1)
    aligned = AlignMix(layers=["body"]).draw(x, generator=generator())
    plain = ManifoldMixup(layers=["body"]).draw(x, generator=generator())
    assert_close(aligned.apply(x), plain.apply(x))


def test_a_partner_with_moved_positions_is_moved_back():
    # The last map of a picture and of the same picture turned round.
    x = torch.randn(1, 6, 3, 3, generator=generator())
    x = torch.cat((x, x.flip(2, 3)))
    plan = AlignMix(1.0, layers=["body"], eps=0.01).draw(x, generator=generator())
    assert_close(plan.apply(x), x, rtol=1e-3, atol=1e-3)


def test_rows_of_the_alignment_are_shares_and_columns_are_used_up():
    own, other = torch.rand(2, 3, 4, 9, generator=generator())
    weights = alignment(own, other, 0.1, 300)
    assert_close(weights.sum(2), torch.ones(3, 9))
    assert_close(weights.sum(1), torch.ones(3, 9), rtol=1e-3, atol=1e-3)
    assert bool((weights >= 0).all())


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_distances_far_above_eps_stay_finite(dtype):
    x = (100 * torch.randn(4, 8, 3, 3, generator=generator())).to(dtype)
    mixed = AlignMix(layers=["body"]).draw(x, generator=generator()).apply(x)
    assert mixed.dtype == dtype
    assert bool(mixed.isfinite().all())


def test_no_gradient_flows_through_the_alignment():
    x, w = torch.rand(2, 4, 3, 2, 2, dtype=torch.float64, generator=generator())
    x.requires_grad_()
    plan = AlignMix(layers=["body"]).draw(x, generator=generator())
    (gradient,) = torch.autograd.grad(plan.apply(x), x, w)
    # Own rows by lambda, and the partners' positions by their fixed shares.
    shares = alignment(x.flatten(2), x[plan.partner].flatten(2), 0.1, 100)
    lam = plan.lam.view(-1, 1, 1)
    blend = lam * x.flatten(2)
    blend = blend + (1 - lam) * x[plan.partner].flatten(2) @ shares.mT
    (expected,) = torch.autograd.grad(blend, x, w.flatten(2))
    assert_close(gradient, expected)


def test_partners_and_lambda_are_those_of_manifold_mixup():
    x = torch.rand(6, 3, 2, 2)
    aligned = AlignMix(0.7, layers=["body"]).draw(x, generator=generator())
    plain = ManifoldMixup(0.7, layers=["body"]).draw(x, generator=generator())
    assert torch.equal(aligned.partner, plain.partner)
    assert torch.equal(aligned.lam, plain.lam)
    y = torch.rand(6, 2)
    assert_close(aligned.targets(y), plain.targets(y))


def test_the_input_is_mixed_without_alignment():
    x = torch.rand(6, 3, 4, 4)
    aligned = AlignMix(0.7, layers="input").draw(x, generator=generator())
    plain = ManifoldMixup(0.7, layers="input").draw(x, generator=generator())
    assert aligned.site is None
    assert torch.equal(aligned.apply(x), plain.apply(x))


def test_the_last_feature_map_of_a_net_is_mixed():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(36, 2))
    x = torch.rand(4, 3, 5, 5)
    plan = AlignMix(layers=["0"]).draw(
        x, generator=generator(), context=MixContext(module=net)
    )
    with mix_layer(net, plan):
        output = net(x)
    assert torch.equal(output, net[2](net[1](plan.apply(net[0](x)))))


def test_a_layer_without_positions_is_refused():
    plan = AlignMix(layers=["body"]).draw(torch.rand(4, 3), generator=generator())
    with pytest.raises(ValueError, match=r"'body' gave shape \(4, 7\).*ManifoldMixup"):
        plan.apply(torch.rand(4, 7))


@pytest.mark.parametrize("n_rows", [0, 1])
def test_a_batch_without_pairs_stays_as_it_is(n_rows):
    x = torch.rand(n_rows, 3, 2, 2)
    assert torch.equal(AlignMix(layers=["body"]).draw(x).apply(x), x)


@pytest.mark.parametrize("options", [{"alpha": 0}, {"p": 0}])
def test_no_alpha_or_no_probability_is_no_mixing(options):
    x = torch.rand(4, 3, 2, 2)
    plan = AlignMix(layers=["body"], **options).draw(x, generator=generator())
    assert plan.is_identity
    assert torch.equal(plan.apply(x), x)


def test_rows_that_are_not_mixed_stay_bit_for_bit():
    x = torch.rand(60, 3, 2, 2)
    method = AlignMix(layers=["body"], per="row", p=0.5)
    plan = method.draw(x, generator=generator())
    clean = plan.lam == 1
    assert torch.equal(plan.apply(x)[clean], x[clean])
    assert 0 < int(clean.sum()) < 60


def test_the_batch_is_not_changed():
    x = torch.rand(4, 3, 2, 2)
    before = x.clone()
    AlignMix(layers=["body"]).draw(x, generator=generator()).apply(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"eps": 0}, "eps must be greater than 0"), ({"n_iter": 0}, "n_iter must be")],
)
def test_wrong_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        AlignMix(layers=["body"], **options).validate()


# -- bugs of peers -------------------------------------------------------------------


def test_what_is_mixed_at_the_input_reaches_the_net():
    # manifold_mixup's resnet mixes the input, and goes on with the unmixed one.
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(36, 2))
    x = torch.rand(4, 3, 5, 5)
    method = AlignMix(layers=["input", "0"])
    inputs = 0
    for seed in range(10):
        plan = method.draw(x, generator=generator(seed), context=MixContext(module=net))
        if plan.site is not None:
            continue
        inputs += 1
        lam, partner = plan.lam.view(-1, 1, 1, 1), plan.partner
        with mix_layer(net, plan):
            output = net(plan.apply(x))
        assert_close(output, net(lam * x + (1 - lam) * x[partner]))
        assert not torch.allclose(output, net(x))
    assert inputs


def test_a_batch_of_one_keeps_its_axes():
    # The authors' squeeze() takes the row axis of a batch of one away.
    x = torch.rand(2, 3, 2, 2)
    plan = AlignMix(layers=["body"]).draw(x, generator=generator())
    assert plan.apply(x).shape == x.shape
    assert torch.equal(Mixup().draw(x[:1]).apply(x[:1]), x[:1])
