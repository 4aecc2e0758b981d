"""Who mixes with whom."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sk_mixup.mixing import CutMix, Mixup
from sk_mixup.mixing._pairing import shuffle


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


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
