"""MAMix against its curve, pair by pair."""

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup.mixing import FixedLaw, MAMix, MixContext, resolve_method
from tests.builders import generator


def slow_rule(lam, n_own, n_partner, omega):
    """Write the rule as the authors' code has it: exponent -omega, partner's share."""
    share = 1 - lam
    k_own, k_partner = n_own**-omega, n_partner**-omega
    middle = k_own / (k_own + k_partner)
    if share < middle:
        return -0.5 * share / middle + 1.0
    return (share - 1.0) * 0.5 / (middle - 1.0)


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("omega", [0.25, 1.0, 0.0])
def test_labels_follow_the_curve(per, omega):
    counts = torch.tensor([500, 40, 7, 1])
    context = MixContext(class_counts=counts)
    for seed in range(10):
        x = torch.rand(12, 3)
        y = torch.randint(0, 4, (12,), generator=generator(seed))
        plan = MAMix(1.0, omega=omega, per=per).draw(
            x, y, generator=generator(seed), context=context
        )
        n = counts[y].tolist()
        for i, j in enumerate(plan.partner.tolist()):
            lam = float(plan.lam[i])
            wanted = slow_rule(lam, n[i], n[j], omega)
            assert float(plan.label_weights[0][i]) == pytest.approx(wanted, abs=1e-6)
            assert_close(plan.apply(x)[i], lam * x[i] + (1 - lam) * x[j])


def test_a_rare_class_keeps_its_label_longer():
    context = MixContext(class_counts=torch.tensor([1000, 10]))
    plan = MAMix(law=FixedLaw(0.5)).draw(
        torch.rand(2, 1), torch.tensor([0, 1]), context=context
    )
    common, rare = plan.label_weights[0].tolist()
    assert common < 0.5 < rare
    assert common + rare == pytest.approx(1.0)


def test_the_two_lines_meet_at_one_half():
    # imbalanced-DL: a lambda that hits the meeting point exactly is refused.
    plan = MAMix(law=FixedLaw(0.5)).draw(torch.rand(4, 1), torch.tensor([0, 1, 0, 1]))
    assert plan.label_weights[0].tolist() == [0.5] * 4
    context = MixContext(class_counts=torch.tensor([81, 1]))
    plan = MAMix(law=FixedLaw(0.75)).draw(
        torch.rand(2, 1), torch.tensor([0, 1]), context=context
    )
    assert float(plan.label_weights[0][0]) == pytest.approx(0.5)


@pytest.mark.parametrize("lam", [0.0, 1e-6, 0.3, 1.0 - 1e-6, 1.0])
@pytest.mark.parametrize("omega", [0.0, 0.25, 50.0, 1e6])
def test_weights_stay_weights(lam, omega):
    context = MixContext(class_counts=torch.tensor([10**6, 1]))
    plan = MAMix(law=FixedLaw(lam), omega=omega).draw(
        torch.rand(2, 1), torch.tensor([0, 1]), context=context
    )
    own = plan.label_weights[0]
    assert bool(((own >= 0) & (own <= 1)).all())
    if lam in (0.0, 1.0):
        assert own.tolist() == [lam, lam]


def test_lambda_follows_the_beta_law_unfolded():
    plan = MAMix(0.7, per="row").draw(
        torch.rand(500, 1), torch.arange(500) % 2, generator=generator()
    )
    assert stats.kstest(plan.lam.numpy(), stats.beta(0.7, 0.7).cdf).pvalue > 0.01


@pytest.mark.parametrize(
    ("y", "error"), [(None, ValueError), (torch.rand(4), TypeError)]
)
def test_labels_are_needed(y, error):
    with pytest.raises(error, match="MAMix needs class labels"):
        MAMix().draw(torch.rand(4, 2), y)


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="omega must be a number of at least 0"):
        MAMix(omega=-0.25).validate()


def test_it_goes_by_its_name():
    method = resolve_method("ma_mix", overrides={"omega": 0.5})
    assert type(method) is MAMix
    assert (method.alpha, method.omega) == (1.0, 0.5)
