"""Balanced-MixUp: its law and its partners."""

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup.mixing import BalancedMixup, LinearSchedule, MixContext
from tests.builders import generator
from tests.mixing.builders import streams


@pytest.mark.parametrize("alpha", [0.1, 0.2, 2.0])
def test_the_partner_has_the_one_sided_share(alpha):
    y = torch.arange(600) % 3
    plan = BalancedMixup(alpha, per="row").draw(
        torch.rand(600, 1).double(), y, generator=generator()
    )
    share = 1 - plan.lam.numpy()
    assert stats.kstest(share, stats.beta(alpha, 1).cdf).pvalue > 0.01


@pytest.mark.parametrize("per", ["batch", "row"])
def test_rows_are_blended_by_the_formula(per):
    x, y = torch.rand(6, 2), torch.tensor([0, 0, 0, 0, 1, 1])
    for seed in range(5):
        plan = BalancedMixup(0.3, per=per).draw(x, y, generator=streams(seed))
        n_draws = 1 if per == "batch" else 6
        u = torch.rand(n_draws, dtype=torch.float64, generator=streams(seed).lam)
        for i, j in enumerate(plan.partner.tolist()):
            lam = stats.beta.ppf(float(u[min(i, n_draws - 1)]), 0.3, 1)
            assert_close(plan.apply(x)[i], ((1 - lam) * x[i] + lam * x[j]).float())
            label = torch.zeros(2)
            label[y[i]] += 1 - lam
            label[y[j]] += lam
            assert_close(plan.targets(y, 2)[i], label)


def test_partners_are_balanced_over_classes():
    y = torch.tensor([0] * 36 + [1] * 4)
    source, method = generator(), BalancedMixup()
    drawn = torch.cat(
        [
            y[method.draw(torch.rand(40, 1), y, generator=source).partner]
            for _ in range(100)
        ]
    )
    assert float(drawn.float().mean()) == pytest.approx(0.5, abs=0.03)


def test_no_alpha_is_no_mixing():
    x, y = torch.rand(4, 2), torch.arange(4) % 2
    plan = BalancedMixup(0.0).draw(x, y)
    assert plan.is_identity
    assert BalancedMixup(0.0).never_mixes
    assert not BalancedMixup().never_mixes


def test_alpha_may_follow_a_schedule():
    method = BalancedMixup(LinearSchedule(1.0, 0.0))
    x, y = torch.rand(4, 2), torch.arange(4) % 2
    assert not method.draw(x, y, context=MixContext(0, 2)).is_identity
    assert method.draw(x, y, context=MixContext(2, 2)).is_identity


@pytest.mark.parametrize(
    ("y", "error"), [(None, ValueError), (torch.rand(4), TypeError)]
)
def test_labels_are_needed(y, error):
    with pytest.raises(error, match="BalancedMixup needs class labels"):
        BalancedMixup().draw(torch.rand(4, 2), y)


def test_a_batch_of_one_stays_clean():
    x = torch.rand(1, 2)
    assert torch.equal(BalancedMixup().draw(x, torch.tensor([3])).apply(x), x)
