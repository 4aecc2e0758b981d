"""AdamW with orthogonal steps for matrices."""

import copy

import pytest
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from sk_mixup.nets import EnsembleLinear
from sk_mixup.training import MuonAdamW

SETTINGS = {"lr": 1e-2, "weight_decay": 0.1}


def weights(*shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def step(optimizer, gradients):
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    optimizer.step()


def moved(shape, gradient, **settings):
    """Return the first step that a matrix takes along a gradient."""
    weight = nn.Parameter(torch.zeros(shape))
    group = {"params": [weight], "orthogonal": True}
    step(MuonAdamW([group], lr=1.0, weight_decay=0.0, **settings), [gradient])
    return -weight.detach()


def conditioned(n, m, seed=0):
    """Return a matrix with singular values between 0.3 and 1."""
    generator = torch.Generator().manual_seed(seed)
    u, _, vh = torch.linalg.svd(torch.randn(n, m, generator=generator))
    rank = min(n, m)
    return u[:, :rank] @ torch.linspace(0.3, 1.0, rank).diag() @ vh[:rank]


@pytest.mark.parametrize("shape", [(12, 30), (30, 12), (16, 16)])
def test_a_step_points_where_the_polar_factor_does(shape):
    gradient = conditioned(*shape).double()
    u, _, vh = torch.linalg.svd(gradient, full_matrices=False)
    found = moved(shape, gradient.float()).double()
    cosine = (found * (u @ vh)).sum() / (found.norm() * (u @ vh).norm())
    assert cosine > 0.97


def test_a_step_has_the_size_of_one_of_adamw():
    size = moved((40, 60), conditioned(40, 60)).square().mean().sqrt()
    assert 0.1 < size < 0.4


def test_the_scale_of_a_gradient_does_not_matter():
    gradient = conditioned(12, 20)
    torch.testing.assert_close(
        moved((12, 20), 1e-4 * gradient), moved((12, 20), gradient), rtol=0, atol=2e-2
    )


def test_units_move_alike():
    gradient = conditioned(12, 20)
    gradient[:6] *= 1e-3
    sizes = moved((12, 20), gradient).norm(dim=1)
    assert sizes.max() < 1.1 * sizes.min()


def test_every_matrix_of_a_stack_steps_for_itself():
    gradients = torch.stack([conditioned(16, 24, seed) for seed in range(3)])
    together = moved((3, 16, 24), gradients)
    for k, gradient in enumerate(gradients):
        alone = moved((1, 16, 24), gradient.unsqueeze(0))
        torch.testing.assert_close(together[k], alone[0])


def test_a_matrix_of_linear_steps_as_the_transposed_one_of_a_stack():
    gradient = conditioned(16, 24)
    stacked = moved((1, 24, 16), gradient.mT.unsqueeze(0))
    torch.testing.assert_close(moved((16, 24), gradient), stacked[0].mT)


def test_other_groups_step_as_adamw_does_to_the_bit():
    ours, theirs = weights((5,), (4, 3)), weights((5,), (4, 3))
    groups = [
        {"params": ours},
        {"params": weights((6, 6), seed=9), "orthogonal": True},
    ]
    mine = MuonAdamW(groups, **SETTINGS)
    plain = torch.optim.AdamW(theirs, **SETTINGS)
    for seed in range(5):
        gradients = [p.detach() for p in weights((5,), (4, 3), (6, 6), seed=seed)]
        step(mine, gradients)
        step(plain, gradients[:2])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_weights_decay_as_those_of_adamw():
    (weight,) = weights((6, 8))
    before = weight.detach().clone()
    step(
        MuonAdamW([{"params": [weight], "orthogonal": True}], **SETTINGS),
        [torch.zeros(6, 8)],
    )
    torch.testing.assert_close(weight.detach(), before * (1 - 1e-2 * 0.1))


def test_with_an_interval_a_step_is_one_of_the_mean_gradient():
    parts = [conditioned(12, 20, seed) for seed in range(3)]
    (weight,), (other,) = weights((12, 20)), weights((12, 20))
    group = {"params": [weight], "orthogonal": True}
    seldom = MuonAdamW([group], lr=0.1, weight_decay=0.0, interval=3)
    for place, part in enumerate(parts):
        before = weight.detach().clone()
        step(seldom, [part])
        assert torch.equal(before, weight) == (place < 2)
    often = MuonAdamW(
        [{"params": [other], "orthogonal": True}], lr=0.1, weight_decay=0.0
    )
    step(often, [sum(parts) / 3])
    torch.testing.assert_close(weight, other)


def test_a_closure_clears_the_gradients_of_all_groups():
    net = nn.Linear(4, 3)
    groups = [
        {"params": [net.weight], "orthogonal": True},
        {"params": [net.bias]},
    ]
    optimizer = MuonAdamW(groups, lr=0.1)
    seen = []

    def closure():
        optimizer.zero_grad(set_to_none=True)
        loss = net(torch.ones(2, 4)).square().sum()
        loss.backward()
        expected = torch.autograd.grad(net(torch.ones(2, 4)).square().sum(), net.weight)
        seen.append(torch.equal(net.weight.grad, expected[0]))
        return loss

    losses = [optimizer.step(closure).item() for _ in range(3)]
    assert seen == [True] * 3
    assert losses[-1] < losses[0]


def test_hooks_run_once_a_step_whatever_was_used_before():
    torch.optim.AdamW(weights((2, 2)))
    groups = [
        {"params": weights((6, 8)), "orthogonal": True},
        {"params": weights((3,))},
    ]
    optimizer = MuonAdamW(groups)
    seen = []
    optimizer.register_step_post_hook(lambda *_: seen.append("own"))
    handle = register_optimizer_step_post_hook(lambda *_: seen.append("any"))
    step(optimizer, [torch.ones(6, 8), torch.ones(3)])
    handle.remove()
    assert sorted(seen) == ["any", "own"]


@pytest.mark.parametrize("interval", [1, 2])
def test_a_stored_state_goes_on_to_the_bit(interval):
    def made(values):
        group = {"params": values, "orthogonal": True}
        return MuonAdamW([group], interval=interval, **SETTINGS)

    (first,) = weights((2, 8, 6))
    one = made([first])
    gradients = [w.detach() for s in range(7) for w in weights((2, 8, 6), seed=s)]
    for gradient in gradients[:3]:
        step(one, [gradient])
    second = nn.Parameter(first.detach().clone())
    two = made([second])
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    for gradient in gradients[3:]:
        step(one, [gradient])
        step(two, [gradient])
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_a_copy_takes_further_groups():
    copied = copy.deepcopy(MuonAdamW(weights((3,)), momentum=0.8, interval=2))
    copied.add_param_group({"params": weights((4, 6)), "orthogonal": True})
    assert [g["orthogonal"] for g in copied.param_groups] == [False, True]
    assert [g["momentum"] for g in copied.param_groups] == [0.8, 0.8]
    assert [g["interval"] for g in copied.param_groups] == [2, 2]


def test_a_net_of_members_learns():
    torch.manual_seed(0)
    x = torch.randn(64, 6)
    y = (x[:, :1] * x[:, 1:2]).expand(-1, 3).unsqueeze(2)
    hidden = EnsembleLinear(6, 32, 3, shares_weight=False)
    head = EnsembleLinear(32, 1, 3, shares_weight=False)
    rest = [hidden.bias, *head.parameters()]
    groups = [{"params": [hidden.weight], "orthogonal": True}, {"params": rest}]
    optimizer = MuonAdamW(groups, lr=1e-2)
    losses = []
    for _ in range(200):
        optimizer.zero_grad()
        loss = (head(hidden(x).relu()) - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


# -- wrong calls -----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4,), (4, 3, 3, 3)])
def test_only_matrices_can_step_orthogonally(shape):
    with pytest.raises(ValueError, match=r"needs matrices.*shape \(4,"):
        MuonAdamW([{"params": weights(shape), "orthogonal": True}])


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_momentum_is_a_share(momentum):
    with pytest.raises(ValueError, match=f"momentum must be in .*got {momentum}"):
        MuonAdamW(weights((2, 2)), momentum=momentum)


@pytest.mark.parametrize("interval", [0, 1.5])
def test_interval_is_a_whole_number(interval):
    with pytest.raises(ValueError, match=f"interval must be .*got {interval}"):
        MuonAdamW(weights((2, 2)), interval=interval)
