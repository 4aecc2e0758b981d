"""Fused steps without torch's surroundings: the same weights to the bit."""

import copy

import pytest
import torch

from sk_mixup.training.recipes import take_step
from sk_mixup.training.recipes._fused_step import step_fused


def trained(make, step, n_steps=5, change=None):
    """Return the weights and the states after some steps."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Linear(5, 33), torch.nn.ReLU(), torch.nn.Linear(33, 3)
    )
    optimizer = make(net)
    for k in range(n_steps):
        if change is not None:
            change(optimizer, k)
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(k)
        net(torch.randn(8, 5, generator=generator)).square().sum().backward()
        step(optimizer)
    states = [value for s in optimizer.state.values() for value in s.values()]
    return [*net.parameters(), *states]


def groups_of(net):
    free = {"weight_decay": 0.0}
    return [
        {"params": [net[0].weight]},
        {"params": [net[0].bias], **free},
        {"params": [net[2].weight], "lr": 0.1},
        {"params": [net[2].bias], **free},
    ]


def same(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize("settings", [{}, {"maximize": True}, {"betas": (0.5, 0.9)}])
def test_weights_and_states_are_those_of_the_optimizer(kind, settings):
    def make(net):
        return kind(groups_of(net), lr=0.01, fused=True, weight_decay=0.1, **settings)

    assert same(trained(make, take_step), trained(make, lambda o: o.step()))


def test_rates_may_change_between_steps():
    def make(net):
        return torch.optim.AdamW(groups_of(net), lr=0.01, fused=True)

    def change(optimizer, k):
        for group in optimizer.param_groups:
            group["lr"] *= 0.5

    ours = trained(make, take_step, change=change)
    assert same(ours, trained(make, lambda o: o.step(), change=change))


def one_step_done(**settings):
    weight = torch.nn.Parameter(torch.ones(3))
    idle = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([weight, idle], lr=0.1, fused=True, **settings)
    weight.grad = torch.ones(3)
    optimizer.step()
    return optimizer, weight, idle


def test_parameters_without_a_gradient_stay():
    optimizer, weight, idle = one_step_done()
    before = weight.detach().clone()
    assert step_fused(optimizer, optimizer.param_groups)
    assert torch.equal(idle, torch.ones(2))
    assert not torch.equal(weight, before)


def test_the_first_step_is_torchs():
    weight = torch.nn.Parameter(torch.ones(3))
    weight.grad = torch.ones(3)
    optimizer = torch.optim.AdamW([weight], fused=True)
    assert not step_fused(optimizer, optimizer.param_groups)
    assert torch.equal(weight, torch.ones(3))
    take_step(optimizer)
    assert not torch.equal(weight, torch.ones(3))


@pytest.mark.parametrize(
    "change",
    [{"amsgrad": True}, {"fused": None}, {"lr": torch.tensor(0.1)}, {"capturable": 1}],
)
def test_settings_that_it_does_not_know_change_nothing(change):
    optimizer, weight, _ = one_step_done()
    optimizer.param_groups[0].update(change)
    before, state = weight.detach().clone(), copy.deepcopy(optimizer.state[weight])
    assert not step_fused(optimizer, optimizer.param_groups)
    assert torch.equal(weight, before)
    assert torch.equal(optimizer.state[weight]["step"], state["step"])


@pytest.mark.parametrize("register", ["pre", "post"])
def test_hooks_run(register):
    optimizer, _, _ = one_step_done()
    seen = []
    hook = getattr(optimizer, f"register_step_{register}_hook")
    hook(lambda *args: seen.append(1) and None)
    take_step(optimizer)
    assert seen == [1]


def test_schedulers_of_torch_see_the_step():
    optimizer, _, _ = one_step_done()
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)
    # A warning, which is an error here, tells of steps that were not seen.
    take_step(optimizer)
    scheduler.step()
    assert optimizer._opt_called


def test_profilers_see_the_step():
    optimizer, _, _ = one_step_done()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as p:
        take_step(optimizer)
    assert any("AdamW.step" in event.key for event in p.key_averages())
