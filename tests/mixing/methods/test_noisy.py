"""Noisy Feature Mixup: the blend, and noise of the stated law on it."""

import pytest
import torch
from scipy import stats
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    MixContext,
    Mixup,
    NoisyFeatureMixup,
    mix_layer,
)
from tests.mixing.builders import streams


def slow_noisy_mixup(x, plan, mult, add):
    """Blend, multiply and add, one number at a time."""
    mixed = torch.empty_like(x)
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            lam = float(plan.lam[i])
            blend = lam * x[i, k] + (1 - lam) * x[int(plan.partner[i]), k]
            if lam < 1:
                blend = mult[i, k] * blend + add[i, k]
            mixed[i, k] = blend
    return mixed


@pytest.mark.parametrize("options", [{}, {"per": "row", "p": 0.7}])
def test_the_blend_with_noise_is_the_formula(options):
    x = torch.rand(6, 4)
    plan = NoisyFeatureMixup(**options).draw(x, generator=streams(1))
    assert not plan.is_identity
    mult, add = plan.noise_like(x)
    assert_close(plan.apply(x), slow_noisy_mixup(x, plan, mult, add))


def test_no_levels_are_plain_mixup():
    x = torch.rand(6, 4)
    noisy = NoisyFeatureMixup(0.5, add_noise=0, mult_noise=0)
    plan = noisy.draw(x, generator=streams())
    assert_close(plan.apply(x), Mixup(0.5).draw(x, generator=streams()).apply(x))


def test_levels_move_no_other_draw():
    x = torch.rand(6, 4)
    loud = NoisyFeatureMixup(0.5).draw(x, generator=streams())
    plain = Mixup(0.5).draw(x, generator=streams())
    assert torch.equal(loud.lam, plain.lam)
    assert torch.equal(loud.partner, plain.partner)


@pytest.mark.parametrize("method", [NoisyFeatureMixup(0), NoisyFeatureMixup(p=0)])
def test_alpha_and_p_move_no_other_draw(method):
    source, other = streams(), streams()
    method.draw(torch.rand(6, 4), generator=source)
    NoisyFeatureMixup(0.5).draw(torch.rand(6, 4), generator=other)
    for used, expected in zip(source, other, strict=True):
        assert torch.equal(used.get_state(), expected.get_state())


def test_added_noise_is_normal_and_the_factor_uniform():
    plan = NoisyFeatureMixup().draw(torch.rand(2, 2), generator=streams())
    mult, add = (t.flatten().double() for t in plan.noise_like(torch.empty(50, 80)))
    assert stats.kstest(add / plan.add_level, stats.norm.cdf).pvalue > 0.01
    factor = (mult - 1) / plan.mult_level
    assert stats.kstest(factor, stats.uniform(-1, 2).cdf).pvalue > 0.01


def test_levels_of_batches_follow_beta_2_5():
    method, source, x = NoisyFeatureMixup(), streams(), torch.rand(2, 1)
    plans = [method.draw(x, generator=source) for _ in range(1500)]
    add = torch.tensor([plan.add_level for plan in plans]) / 0.4
    mult = torch.tensor([plan.mult_level for plan in plans]) / 0.2
    assert stats.kstest(add, stats.beta(2, 5).cdf).pvalue > 0.01
    assert stats.kstest(mult, stats.beta(2, 5).cdf).pvalue > 0.01
    assert abs(stats.spearmanr(add, mult).statistic) < 0.08


def test_the_same_plan_gives_the_same_noise():
    net = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2))
    x, context = torch.rand(6, 4), MixContext(module=net)
    method = NoisyFeatureMixup(layers=["0"])
    plan = method.draw(x, generator=streams(), context=context)
    hidden = net[0](x)
    with mix_layer(net, plan):
        output = net(x)
    assert torch.equal(output, net[1](plan.apply(hidden)))
    assert torch.equal(plan.apply(hidden), plan.apply(hidden))


def test_batches_differ_in_their_noise():
    source, x = streams(), torch.rand(6, 4)
    method = NoisyFeatureMixup()
    first, second = (method.draw(x, generator=source) for _ in range(2))
    assert not torch.equal(first.noise[1], second.noise[1])


def test_the_noise_held_for_the_input_is_that_of_the_seed():
    x = torch.rand(6, 4)
    plan = NoisyFeatureMixup().draw(x, generator=streams())
    for held, made in zip(plan.noise, plan.noise_like(x), strict=True):
        assert torch.equal(held, made)


def test_the_input_of_another_shape_gets_noise_of_its_shape():
    # As where a net embeds the input first.
    x = torch.rand(6, 4)
    plan = NoisyFeatureMixup().draw(x, generator=streams())
    assert plan.apply(torch.rand(6, 4, 3)).shape == (6, 4, 3)


@pytest.mark.usefixtures("unchanged_random_state")
def test_noise_leaves_the_global_generator_alone():
    plan = NoisyFeatureMixup(layers=["body"]).draw(
        torch.zeros(6, 4), generator=streams()
    )
    plan.apply(torch.zeros(6, 7))


@pytest.mark.parametrize(
    "method", [NoisyFeatureMixup(0), NoisyFeatureMixup(p=0)], ids=repr
)
def test_a_batch_that_is_not_mixed_gets_no_noise(method):
    x = torch.rand(6, 4)
    plan = method.draw(x, generator=streams())
    assert plan.is_identity
    assert torch.equal(plan.apply(x), x)


def test_rows_that_are_not_mixed_get_no_noise():
    x = torch.rand(200, 4)
    plan = NoisyFeatureMixup(per="row", p=0.5).draw(x, generator=streams())
    same = (plan.apply(x) == x).all(1)
    assert torch.equal(same, plan.lam == 1)
    assert 60 < int(same.sum()) < 140


def test_a_batch_of_one_stays_as_it_is():
    x = torch.rand(1, 4)
    assert torch.equal(NoisyFeatureMixup().draw(x).apply(x), x)


def test_targets_get_no_noise():
    x, y = torch.rand(6, 4), torch.rand(6, 2)
    plan = NoisyFeatureMixup(0.5).draw(x, y, generator=streams())
    plain = Mixup(0.5).draw(x, y, generator=streams())
    assert_close(plan.targets(y), plain.targets(y))


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_the_dtype_and_the_batch_stay_as_they_are(dtype):
    x = torch.rand(4, 3, 6, 5).to(dtype).contiguous(memory_format=torch.channels_last)
    before = x.clone()
    mixed = NoisyFeatureMixup().draw(x, generator=streams()).apply(x)
    assert mixed.dtype == dtype
    assert mixed.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(x, before)


def test_gradients_pass_the_noise():
    x = torch.rand(6, 4, dtype=torch.float64, requires_grad=True)
    plan = NoisyFeatureMixup().draw(x, generator=streams())
    assert torch.autograd.gradcheck(plan.apply, (x,))


def test_layers_are_drawn_as_for_manifold_mixup():
    net = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2))
    net.mix_layers = ["0"]
    method = NoisyFeatureMixup(layers="auto")
    assert method.sites(net) == ["input", "0"]


@pytest.mark.parametrize("name", ["add_noise", "mult_noise"])
def test_negative_levels_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be a number of at least 0"):
        NoisyFeatureMixup(**{name: -0.1}).validate()


def test_token_ids_are_refused():
    with pytest.raises(TypeError, match="Mix their embedding"):
        NoisyFeatureMixup()(torch.arange(6).view(3, 2), torch.arange(3), n_classes=3)
