"""Who is mixed with whom."""

import pytest
import torch
from hypothesis import given, strategies as st

from sk_mixup.mixing import (
    CutMix,
    KernelPairing,
    MemoryPairing,
    MixContext,
    Mixup,
    NearestPairing,
)
from sk_mixup.mixing.draws._pairing import PAIRINGS, reverse, shuffle
from tests.builders import generator


@given(n_rows=st.integers(2, 40), seed=st.integers(0, 2**20))
def test_shuffled_partners_are_a_derangement(n_rows, seed):
    partner = shuffle(n_rows, generator=generator(seed))
    rows = torch.arange(n_rows)
    assert torch.equal(partner.sort().values, rows)
    assert not bool((partner == rows).any())


def test_a_single_row_is_its_own_partner():
    assert shuffle(1).tolist() == [0]


def test_every_other_row_is_equally_likely():
    source = generator()
    n_draws = 4000
    counts = torch.zeros(5, 5)
    for _ in range(n_draws):
        counts[torch.arange(5), shuffle(5, generator=source)] += 1
    others = counts[~torch.eye(5, dtype=torch.bool)] / n_draws
    assert float((others - 0.25).abs().max()) < 0.03


def neighbour(n_rows, **known):
    """Pair rows 0 and 1, 2 and 3, ...; the last of an odd number stays alone."""
    partner = torch.arange(n_rows) ^ 1
    return partner.clamp(max=n_rows - 1)


@pytest.mark.parametrize(
    "method",
    [
        Mixup(1.0, pairing=neighbour),
        Mixup(1.0, per="row", pairing=neighbour),
        CutMix(pairing=neighbour),
        CutMix(fold=True, pairing=neighbour),
        CutMix(per="row", fold=True, pairing=neighbour),
    ],
    ids=lambda method: f"{method.short_name}-{method.per}-fold={method.fold}",
)
@pytest.mark.parametrize("seed", range(5))
def test_a_row_without_a_partner_stays_clean(method, seed):
    x = torch.rand(5, 2, 6, 6)
    plan = method.draw(x, generator=generator(seed))
    assert plan.partner.tolist() == [1, 0, 3, 2, 4]
    assert plan.lam[4] == 1
    assert torch.equal(plan.apply(x)[4], x[4])
    assert plan.targets(torch.arange(5), 5)[4].tolist() == [0, 0, 0, 0, 1]


def test_a_pairing_sees_the_targets():
    def by_target(n_rows, *, y, **known):
        return y.argsort(descending=True)[y.argsort().argsort()]

    y = torch.tensor([3.0, 1.0, 2.0, 4.0])
    plan = Mixup(pairing=by_target).draw(torch.rand(4, 2), y)
    assert plan.partner.tolist() == [2, 3, 0, 1]


def test_an_unknown_pairing_is_named_with_the_nearest():
    with pytest.raises(ValueError, match=r"got 'shufle'\. Did you mean 'shuffle'\?"):
        Mixup(pairing="shufle").draw(torch.rand(4, 2))


@given(
    n_rows=st.integers(1, 30), n_groups=st.integers(1, 6), seed=st.integers(0, 2**20)
)
def test_groups_are_deranged_one_by_one(n_rows, n_groups, seed):
    source = generator(seed)
    groups = torch.randint(0, n_groups, (n_rows,), generator=source)
    partner = shuffle(n_rows, generator=source, context=MixContext(groups=groups))
    rows = torch.arange(n_rows)
    assert torch.equal(partner.sort().values, rows)
    assert torch.equal(groups[partner], groups)
    alone = torch.stack([(groups == g).sum() == 1 for g in groups])
    assert torch.equal(partner == rows, alone)


def test_one_group_is_no_group():
    context = MixContext(groups=torch.zeros(9, dtype=torch.int64))
    grouped = shuffle(9, generator=generator(3), context=context)
    assert torch.equal(grouped, shuffle(9, generator=generator(3)))


def test_partners_inside_a_group_are_equally_likely():
    source = generator()
    context = MixContext(groups=torch.tensor([7, 2, 7, 7, 2, 7]))
    counts = torch.zeros(6, 6)
    for _ in range(3000):
        partner = shuffle(6, generator=source, context=context)
        counts[torch.arange(6), partner] += 1
    share = counts / 3000
    assert share[1, 4] == 1
    sevens = [0, 2, 3, 5]
    inside = share[sevens][:, sevens][~torch.eye(4, dtype=torch.bool)]
    assert float((inside - 1 / 3).abs().max()) < 0.04


@pytest.mark.parametrize("pairing", list(PAIRINGS))
def test_no_pairing_leaves_its_group(pairing):
    groups = torch.tensor([0, 1, 0, 1, 0, 1, 2, 0])
    x = torch.randn(8, 3, generator=generator())
    y = torch.tensor([0, 0, 1, 1, 0, 0, 1, 1])
    y = y.float() if pairing == "similar" else y
    method = Mixup(1.0, per="row", pairing=pairing)
    for seed in range(20):
        context = MixContext(groups=groups)
        plan = method.draw(x, y, generator=generator(seed), context=context)
        assert torch.equal(groups[plan.partner], groups)
        assert plan.partner[6] == 6
        assert plan.lam[6] == 1
        assert torch.equal(plan.apply(x)[6], x[6])


@pytest.mark.parametrize("pairing", list(PAIRINGS))
def test_groups_of_another_length_are_refused(pairing):
    y = torch.ones(4) if pairing == "similar" else torch.ones(4).long()
    context = MixContext(groups=torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"groups must hold .* shape \(4,\); got"):
        Mixup(pairing=pairing).draw(torch.rand(4, 2), y, context=context)


def test_reverse_pairs_the_first_with_the_last():
    assert reverse(4).tolist() == [3, 2, 1, 0]
    assert reverse(5).tolist() == [4, 3, 2, 1, 0]
    x = torch.rand(5, 2)
    plan = Mixup(1.0, pairing="reverse").draw(x, generator=generator())
    assert plan.lam[2] == 1
    assert bool((plan.lam[[0, 1, 3, 4]] < 1).all())


def test_reverse_inside_groups():
    context = MixContext(groups=torch.tensor([5, 1, 5, 1, 5, 9]))
    assert reverse(6, context=context).tolist() == [4, 3, 2, 1, 0, 5]


def test_reverse_draws_nothing():
    source = generator()
    reverse(6, generator=source)
    assert torch.equal(source.get_state(), generator().get_state())


@pytest.mark.parametrize(
    ("pairing", "error", "message"),
    [
        (KernelPairing(0), ValueError, "bandwidth must be greater than 0"),
        (KernelPairing("1"), TypeError, "bandwidth must be a number"),
        (NearestPairing(0), ValueError, "k must be an integer of at least 1; got 0"),
        (NearestPairing(2.5), TypeError, "k must be an integer"),
        (MemoryPairing(0), ValueError, "size must be an integer of at least 1"),
    ],
    ids=repr,
)
def test_parameters_of_pairings_are_checked_with_the_method(pairing, error, message):
    with pytest.raises(error, match=message):
        Mixup(pairing=pairing).validate()


def test_parameters_of_pairings_can_be_swept():
    method = Mixup(pairing=KernelPairing(0.5))
    assert method.get_params()["pairing__bandwidth"] == 0.5
    method.set_params(pairing__bandwidth=2.0)
    assert method.pairing.bandwidth == 2.0


@pytest.mark.parametrize("pairing", list(PAIRINGS))
def test_a_batch_of_one_is_its_own_partner(pairing):
    y = torch.ones(1) if pairing == "similar" else torch.ones(1).long()
    x = torch.rand(1, 2)
    assert PAIRINGS[pairing](1, x=x, y=y, generator=generator()).tolist() == [0]
    plan = Mixup(pairing=pairing).draw(x, y, generator=generator())
    assert torch.equal(plan.apply(x), x)


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        ([1, 0, 2], TypeError, "int64 tensor of row indices; got list"),
        (torch.zeros(3), TypeError, "got torch.float32"),
        (torch.zeros(2).long(), ValueError, r"shape \(3,\); got shape \(2,\)"),
        (torch.tensor([0, 1, 3]), ValueError, "returned row 3, outside 0 to 2"),
        (torch.tensor([0, -1, 1]), ValueError, "returned row -1"),
    ],
)
def test_what_a_pairing_returns_is_checked(result, error, message):
    def mine(n_rows, **known):
        return result

    with pytest.raises(error, match=f"pairing mine .*{message}"):
        Mixup(pairing=mine).draw(torch.rand(3, 2))
