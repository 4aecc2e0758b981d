"""Remix against its rule, pair by pair."""

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup.mixing import FixedLaw, MixContext, Mixup, Remix, resolve_method
from tests.builders import generator


def slow_rule(lam, n_own, n_partner, kappa, tau):
    """Return the weight of the own label, as the paper writes it."""
    if n_own / n_partner >= kappa and lam < tau:
        return 0.0
    if n_own / n_partner <= 1 / kappa and 1 - lam < tau:
        return 1.0
    return lam


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize(("kappa", "tau"), [(3.0, 0.5), (2.0, 0.8), (1.0, 1.0)])
def test_labels_follow_the_rule(per, kappa, tau):
    counts = torch.tensor([100, 40, 7, 3])
    context = MixContext(class_counts=counts)
    method = Remix(1.0, kappa=kappa, tau=tau, per=per)
    for seed in range(10):
        x = torch.rand(12, 3)
        y = torch.randint(0, 4, (12,), generator=generator(seed))
        plan = method.draw(x, y, generator=generator(seed), context=context)
        own, other = plan.label_weights
        n = counts[y].tolist()
        for i, j in enumerate(plan.partner.tolist()):
            lam = float(plan.lam[i])
            wanted = slow_rule(lam, n[i], n[j], kappa, tau)
            assert float(own[i]) == pytest.approx(wanted)
            assert float(other[i]) == pytest.approx(1 - wanted)
            label = torch.zeros(4)
            label[y[i]] += wanted
            label[y[j]] += 1 - wanted
            assert_close(plan.targets(y, 4)[i], label)
            assert_close(plan.apply(x)[i], lam * x[i] + (1 - lam) * x[j])


def test_without_counts_the_batch_is_counted():
    y = torch.tensor([0] * 6 + [1] * 2)
    plan = Remix(law=FixedLaw(0.4)).draw(torch.rand(8, 2), y, generator=generator())
    different = (y[plan.partner] != y) & (y == 0)
    assert bool(different.any())
    wanted = torch.where(different, 0.0, 0.4)
    assert_close(plan.label_weights[0], wanted)


def test_a_ratio_of_exactly_kappa_counts():
    # A third of 3 is not 1/3 in floats: the rule must not hang on the last bit.
    for small in range(1, 60):
        context = MixContext(class_counts=torch.tensor([3 * small, small]))
        plan = Remix(law=FixedLaw(0.4)).draw(
            torch.rand(2, 1), torch.tensor([0, 1]), context=context
        )
        assert_close(plan.label_weights[0], torch.tensor([0.0, 0.4]))
        plan = Remix(law=FixedLaw(0.6)).draw(
            torch.rand(2, 1), torch.tensor([1, 0]), context=context
        )
        assert_close(plan.label_weights[0], torch.tensor([1.0, 0.6]))


def test_lambda_follows_the_beta_law_unfolded():
    # Folded, the larger class would never lose its label.
    plan = Remix(0.7, per="row").draw(
        torch.rand(500, 1), torch.arange(500) % 2, generator=generator()
    )
    assert stats.kstest(plan.lam.numpy(), stats.beta(0.7, 0.7).cdf).pvalue > 0.01


def test_the_input_is_mixed_as_by_mixup():
    x, y = torch.rand(6, 2), torch.arange(6) % 3
    ours = Remix(0.5).draw(x, y, generator=generator())
    plain = Mixup(0.5, fold=False).draw(x, y, generator=generator())
    assert torch.equal(ours.partner, plain.partner)
    assert torch.equal(ours.apply(x), plain.apply(x))


def test_no_share_for_the_rule_is_mixup():
    x, y = torch.rand(6, 2), torch.tensor([0, 0, 0, 0, 1, 2])
    plan = Remix(tau=0.0, per="row").draw(x, y, generator=generator())
    assert torch.equal(plan.label_weights[0], plan.lam)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_clean_rows_keep_their_label(per):
    context = MixContext(class_counts=torch.tensor([90, 1]))
    x, y = torch.rand(8, 2), torch.tensor([0, 1] * 4)
    for seed in range(10):
        plan = Remix(per=per, p=0.5, tau=1.0).draw(
            x, y, generator=generator(seed), context=context
        )
        clean = plan.lam == 1
        assert bool((plan.label_weights[0][clean] == 1).all())
        assert torch.equal(plan.apply(x)[clean], x[clean])


def test_classes_without_training_rows_do_no_harm():
    context = MixContext(class_counts=torch.tensor([4, 0]))
    plan = Remix(law=FixedLaw(0.4)).draw(
        torch.rand(2, 1), torch.tensor([0, 1]), context=context
    )
    assert_close(plan.label_weights[0], torch.tensor([0.0, 0.4]))


@pytest.mark.parametrize(
    ("y", "error"),
    [(None, ValueError), (torch.rand(4), TypeError), (torch.eye(4), TypeError)],
)
def test_labels_are_needed(y, error):
    with pytest.raises(error, match="Remix needs class labels"):
        Remix().draw(torch.rand(4, 2), y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kappa": 0.5}, "kappa must be a number of at least 1; got 0.5"),
        ({"tau": 1.5}, "tau must be a number between 0 and 1"),
        ({"alpha": -1.0}, "alpha must be"),
    ],
)
def test_parameters_are_checked(params, message):
    with pytest.raises(ValueError, match=message):
        Remix(**params).validate()


def test_it_goes_by_its_name():
    method = resolve_method("remix", alpha=0.3, overrides={"kappa": 2.0})
    assert type(method) is Remix
    assert (method.alpha, method.kappa, method.tau) == (0.3, 2.0, 0.5)
    assert "fold" not in method.get_params()


def test_targets_keep_two_axes():
    # keras: labels of shape (B,) were broadcast to (B, B).
    x, y = torch.rand(5, 2), torch.arange(5)
    assert Remix()(x, y, n_classes=5)[1].shape == (5, 5)
    assert Remix().draw(x, y).label_weights[0].shape == (5,)
