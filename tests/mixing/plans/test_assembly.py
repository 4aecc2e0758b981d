"""Images put together from several rows, and their targets."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.testing import assert_close

from sk_mixup.mixing.plans import AssemblyPlan, StackPlan
from sk_mixup.mixing.plans._assembly import row_shares
from tests.builders import generator


def drawn(n_rows, height, width, seed=0):
    size = (n_rows, height, width)
    return torch.randint(0, n_rows, size, generator=generator(seed))


any_source = given(
    n_rows=st.integers(1, 6),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    seed=st.integers(0, 2**20),
)


@any_source
@settings(max_examples=25)
def test_every_place_comes_from_its_source(n_rows, height, width, seed):
    source = drawn(n_rows, height, width, seed)
    x = torch.rand(n_rows, 2, height, width, generator=generator(seed))
    before = x.clone()
    mixed = AssemblyPlan.of(source).apply(x)
    for b in range(n_rows):
        for i in range(height):
            for j in range(width):
                assert torch.equal(mixed[b, :, i, j], x[source[b, i, j], :, i, j])
    assert torch.equal(x, before)


@any_source
@settings(max_examples=25)
def test_targets_have_the_share_of_every_source(n_rows, height, width, seed):
    source = drawn(n_rows, height, width, seed)
    plan = AssemblyPlan.of(source)
    y = torch.randint(0, 3, (n_rows,), generator=generator(seed))
    wanted = torch.zeros(n_rows, 3)
    for b in range(n_rows):
        for row in source[b].flatten():
            wanted[b, y[row]] += 1 / (height * width)
    assert_close(plan.targets(y, 3), wanted)
    soft = torch.nn.functional.one_hot(y, 3).float()
    assert_close(plan.targets(soft), wanted)
    numbers = torch.rand(n_rows, generator=generator(seed))
    assert_close(plan.targets(numbers), row_shares(source, torch.float32) @ numbers)


@any_source
@settings(max_examples=25)
def test_sources_are_all_rows_and_their_weights(n_rows, height, width, seed):
    source = drawn(n_rows, height, width, seed)
    plan, shares = AssemblyPlan.of(source), row_shares(source, torch.float32)
    total = torch.zeros(n_rows, n_rows)
    for row, weight in plan.label_sources:
        total[torch.arange(n_rows), row] += weight
    assert_close(total, shares)
    assert_close(shares.sum(1), torch.ones(n_rows))
    weights = torch.stack([weight for _, weight in plan.label_sources])
    assert bool((weights[:-1] >= weights[1:]).all())
    assert_close(plan.lam, shares.diagonal())


def test_the_partner_is_who_gives_most_beside_oneself():
    source = torch.tensor([[[0, 1, 1, 2]], [[1, 1, 1, 1]], [[0, 0, 0, 1]]])
    plan = AssemblyPlan.of(source)
    assert plan.partner.tolist() == [1, 1, 0]
    assert plan.lam.tolist() == [0.25, 1.0, 0.0]
    assert plan.label_weights[1].tolist() == [0.75, 0.0, 1.0]


def test_bytes_and_channels_last_stay_what_they_are():
    source = drawn(4, 3, 5)
    x = torch.randint(0, 255, (4, 3, 3, 5), generator=generator()).byte()
    last = x.contiguous(memory_format=torch.channels_last)
    plan = AssemblyPlan.of(source)
    assert plan.apply(x).dtype == torch.uint8
    assert plan.apply(last).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(plan.apply(last), plan.apply(x))


def test_a_pair_of_labels_is_refused_with_what_serves_instead():
    plan = AssemblyPlan.of(drawn(4, 3, 3))
    with pytest.raises(ValueError, match=r"plan\.targets\(y, n_classes\)"):
        plan.partner_rows(torch.arange(4))


def test_another_size_is_refused():
    with pytest.raises(ValueError, match=r"drawn for places of shape \(3, 3\)"):
        AssemblyPlan.of(drawn(4, 3, 3)).apply(torch.rand(4, 1, 3, 4))


def test_copies_one_below_the_other_keep_all_their_sources():
    plans = [AssemblyPlan.of(drawn(4, 3, 3, seed)) for seed in range(3)]
    y = torch.tensor([0, 1, 2, 1])
    stacked = StackPlan.of(plans)
    assert_close(stacked.targets(y, 3), torch.cat([p.targets(y, 3) for p in plans]))
    total = sum(share for share, _ in stacked.label_parts(y))
    assert_close(total, torch.ones(12))


def test_one_graph_serves_every_assembly(compiled):
    step = compiled(lambda plan, x: plan.apply(x))
    x = torch.rand(3, 2, 2, 4, generator=generator())
    for shift in range(1, 3):
        source = (torch.arange(3).view(3, 1, 1) + shift * torch.eye(2, 4).long()) % 3
        plan = AssemblyPlan.of(source)
        assert torch.equal(step(plan, x), plan.apply(x))
