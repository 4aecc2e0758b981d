"""Mixing in which every member of a net has partners and shares of its own."""

import pytest
import torch

from sk_mixup.mixing import MixContext, Mixup
from sk_mixup.nets import TabularNet
from tests.builders import generator

N_MEMBERS = 4


def net(**settings):
    torch.manual_seed(0)
    return TabularNet(3, 0, [], 2, n_members=N_MEMBERS, d_hidden=8, **settings)


def drawn(x, alpha=0.5, module=None, seed=0, **settings):
    context = MixContext(module=net() if module is None else module)
    method = Mixup(alpha, per="member", **settings)
    return method.draw(x, generator=generator(seed), context=context)


def test_members_get_partners_and_shares_of_their_own():
    plan = drawn(torch.randn(16, 3))
    assert plan.lam.shape == plan.partners.shape == (16, N_MEMBERS)
    assert len(plan.lam.unique()) > 16
    assert not torch.equal(plan.partners[:, 0], plan.partners[:, 1])
    assert plan.partner.tolist() == plan.partners[:, 0].tolist()
    assert (plan.partners != torch.arange(16).unsqueeze(1)).all()


def test_the_input_is_blended_for_each_member():
    x = torch.randn(6, 3)
    plan = drawn(x)
    mixed = plan.apply(x)
    for k in range(N_MEMBERS):
        lam = plan.lam[:, k].unsqueeze(1)
        expected = lam * x + (1 - lam) * x[plan.partners[:, k]]
        assert torch.allclose(mixed[:, k], expected, atol=1e-6)
        assert torch.allclose(plan.of_member(k).apply(x), expected, atol=1e-6)


def test_targets_are_blended_alike():
    y = torch.tensor([0, 1, 1, 0, 1])
    plan = drawn(torch.randn(5, 3))
    targets = plan.targets(y, 2)
    one = plan.of_member(2).targets(y, 2)
    assert targets.shape == (5, N_MEMBERS, 2)
    assert torch.allclose(targets[:, 2], one)
    numbers = torch.randn(5)
    assert torch.allclose(
        plan.targets(numbers)[:, 1], plan.of_member(1).targets(numbers)
    )


def test_rows_of_members_are_mixed_with_rows_of_the_same_member():
    module = net(shares_weights=False)
    x = torch.randn(6, N_MEMBERS, 3)
    plan = drawn(x, module=module)
    assert plan.has_own_rows
    mixed = plan.apply(x)
    lam = plan.lam[:, 3].unsqueeze(1)
    expected = lam * x[:, 3] + (1 - lam) * x[plan.partners[:, 3], 3]
    assert torch.allclose(mixed[:, 3], expected, atol=1e-6)
    y = torch.arange(24).view(6, N_MEMBERS)
    assert torch.equal(plan.partner_rows(y)[:, 1], y[plan.partners[:, 1], 1])


@pytest.mark.parametrize("shares", [True, False])
def test_gradients_go_to_both_rows_of_a_blend(shares):
    x = torch.randn(6, 3) if shares else torch.randn(6, N_MEMBERS, 3)
    plan = drawn(x, module=net(shares_weights=shares))
    weight = torch.randn(6, N_MEMBERS, 3)
    followed = x.clone().requires_grad_()
    mixed = plan.apply(followed)
    mixed.backward(weight)
    assert torch.equal(mixed, plan.apply(x))
    expected, lam = torch.zeros(6, N_MEMBERS, 3), plan.lam.unsqueeze(2)
    expected += lam * weight
    for k in range(N_MEMBERS):
        other = ((1 - lam) * weight)[:, k]
        expected[:, k] = expected[:, k].index_add(0, plan.partners[:, k], other)
    expected = expected.sum(1) if shares else expected
    torch.testing.assert_close(followed.grad, expected)


def test_one_alpha_for_all_is_the_same_alpha_for_each():
    x = torch.randn(20, 3)
    all_alike = drawn(x, [0.3] * N_MEMBERS).lam
    assert torch.equal(drawn(x, 0.3).lam, all_alike)
    one_differs = drawn(x, [0.3, 0.3, 0.3, 1.0]).lam
    assert torch.equal(one_differs[:, :3], all_alike[:, :3])


def test_alpha_may_differ_between_members():
    lam = drawn(torch.randn(200, 3), [0.0, 0.0, 0.1, 1.0]).lam
    assert (lam[:, :2] == 1.0).all()
    assert lam[:, 2].mean() > lam[:, 3].mean() + 0.05


def test_one_stream_serves_every_alpha():
    x = torch.randn(50, 3)
    weak, strong = (drawn(x, alpha, seed=3) for alpha in (0.2, 0.4))
    assert torch.equal(weak.partners, strong.partners)
    assert (weak.lam >= strong.lam).all()


@pytest.mark.parametrize("alpha", [0.0, [0.0] * N_MEMBERS])
def test_alpha_zero_leaves_rows_alone(alpha):
    assert Mixup(alpha, per="member").never_mixes
    assert drawn(torch.randn(6, 3), alpha).is_identity


@pytest.mark.parametrize("shares", [True, False])
def test_a_net_of_members_mixes_inside(shares):
    module, x = net(shares_weights=shares), torch.randn(6, 3)
    plan = drawn(x, module=module)
    output = module(x, torch.zeros(6, 0, dtype=torch.int64), mix=plan.apply)
    assert output.shape == (6, N_MEMBERS, 2)


def test_nets_without_members_are_refused():
    with pytest.raises(ValueError, match=r"per='member'.*Linear has none.*per='row'"):
        drawn(torch.randn(4, 3), module=torch.nn.Linear(3, 2))


def test_a_draw_without_a_net_is_refused():
    with pytest.raises(ValueError, match=r"no net is known.*MixContext"):
        Mixup(per="member").draw(torch.randn(4, 3))


def test_as_many_alphas_as_members_are_wanted():
    with pytest.raises(ValueError, match="alpha has 2 numbers, and the net has 4"):
        drawn(torch.randn(4, 3), [0.1, 0.2])


def test_several_alphas_are_for_members_alone():
    with pytest.raises(ValueError, match=r"which needs per='member'; got per='row'"):
        Mixup([0.1, 0.2], per="row").validate()


def test_an_alpha_below_zero_is_named():
    with pytest.raises(ValueError, match=r"alpha\[1\] must be"):
        Mixup([0.1, -0.2], per="member").validate()
