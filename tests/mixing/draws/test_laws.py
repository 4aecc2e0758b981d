"""Laws of lambda: what is drawn, and what a method makes of it."""

import math

import pytest
import torch
from scipy import stats
from torch.nn import functional
from torch.testing import assert_close

from sk_mixup.mixing import (
    BetaLaw,
    ClippedLaw,
    FixedLaw,
    ManifoldMixup,
    Mixup,
    OneSidedBetaLaw,
    UniformLaw,
    expected_smoothing,
    resolve_method,
)
from sk_mixup.mixing.draws._laws import draw_lam
from tests.builders import generator
from tests.mixing.builders import streams

CONTINUOUS = [
    (BetaLaw(0.3), stats.beta(0.3, 0.3)),
    (BetaLaw(4.0), stats.beta(4.0, 4.0)),
    (OneSidedBetaLaw(0.2), stats.beta(0.2, 1.0)),
    (OneSidedBetaLaw(3.0), stats.beta(3.0, 1.0)),
    (UniformLaw(), stats.uniform()),
    (UniformLaw(0.2, 0.7), stats.uniform(0.2, 0.5)),
]
LAWS = [law for law, _ in CONTINUOUS] + [
    FixedLaw(0.7),
    ClippedLaw(BetaLaw(0.2), 0.1, 0.8),
    ClippedLaw(UniformLaw(), 0.4, 0.4),
]
# Frozen distributions would show their addresses.
LAW_NAMES = [repr(law) for law, _ in CONTINUOUS]


@pytest.mark.parametrize(("law", "expected"), CONTINUOUS, ids=LAW_NAMES)
def test_the_quantile_is_that_of_the_law(law, expected):
    u = torch.linspace(0, 0.999, 101, dtype=torch.float64)
    wanted = torch.as_tensor(expected.ppf(u.numpy()))
    assert_close(law.quantile(u), wanted, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_one_quantile_on_the_host_is_that_of_the_tensor(law):
    u = torch.linspace(0, 0.999, 23, dtype=torch.float64)
    singles = [law.quantile_scalar(v) for v in u.tolist()]
    assert_close(torch.tensor(singles, dtype=torch.float64), law.quantile(u))


@pytest.mark.parametrize(("law", "expected"), CONTINUOUS, ids=LAW_NAMES)
@pytest.mark.parametrize("per", ["batch", "row"])
def test_mixup_draws_lambda_by_its_law(law, expected, per):
    method, source = Mixup(law=law, per=per), generator()
    if per == "row":
        lam = method.draw(torch.rand(3000, 1), generator=source).lam
    else:
        x = torch.rand(2, 1)
        plans = [method.draw(x, generator=source) for _ in range(1200)]
        lam = torch.tensor([plan.lam_host for plan in plans])
    assert stats.kstest(lam.double().numpy(), expected.cdf).pvalue > 0.01


def test_a_clipped_law_has_its_tails_at_the_bounds():
    law = ClippedLaw(BetaLaw(0.2), 0.1, 0.8)
    lam = draw_lam(law, 4000, fold=False, generator=generator())
    inner = stats.beta(0.2, 0.2)
    assert float((lam == 0.1).double().mean()) == pytest.approx(
        inner.cdf(0.1), abs=0.03
    )
    assert float((lam == 0.8).double().mean()) == pytest.approx(inner.sf(0.8), abs=0.03)
    assert (float(lam.min()), float(lam.max())) == (0.1, 0.8)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_a_fixed_law_always_gives_the_same_lambda(per):
    plan = Mixup(law=FixedLaw(0.3), per=per).draw(torch.rand(5, 2))
    assert_close(plan.lam, torch.full((5,), 0.3))


@pytest.mark.parametrize("law", LAWS, ids=repr)
@pytest.mark.parametrize("size", [None, 50])
def test_folding_takes_the_larger_share_of_the_same_draw(law, size):
    plain = draw_lam(law, size, fold=False, generator=generator())
    folded = draw_lam(law, size, fold=True, generator=generator())
    plain, folded = torch.as_tensor(plain), torch.as_tensor(folded)
    assert_close(folded, torch.maximum(plain, 1 - plain))


def test_only_the_law_of_the_paper_folds_by_itself():
    # A law with little mass above one half would be turned round by folding.
    x = torch.rand(200, 1)
    assert float(Mixup(1.0, per="row").draw(x).lam.min()) >= 0.5
    law = OneSidedBetaLaw(0.2)
    assert float(Mixup(per="row", law=law).draw(x).lam.min()) < 0.1
    assert float(Mixup(per="row", law=law, fold=True).draw(x).lam.min()) >= 0.5


@pytest.mark.parametrize("law", LAWS, ids=repr)
@pytest.mark.parametrize("size", [None, 7])
def test_every_law_reads_as_much_of_the_stream(law, size):
    source, other = generator(), generator()
    draw_lam(law, size, fold=False, generator=source)
    draw_lam(BetaLaw(1.0), size, fold=False, generator=other)
    assert torch.equal(source.get_state(), other.get_state())


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("method", [Mixup(0.0), Mixup(p=0)], ids=repr)
def test_alpha_and_p_move_no_other_draw(method, per):
    source, other, x = streams(), streams(), torch.rand(6, 2)
    method.set_params(per=per).draw(x, generator=source)
    Mixup(0.7, per=per).draw(x, generator=other)
    for used, expected in zip(source, other, strict=True):
        assert torch.equal(used.get_state(), expected.get_state())


def test_a_law_takes_the_place_of_alpha():
    x = torch.rand(5, 2)
    plan = Mixup(0, law=FixedLaw(0.3)).draw(x)
    assert not plan.is_identity
    assert not Mixup(0, law=FixedLaw(0.3)).never_mixes
    assert Mixup(law=FixedLaw(1.0)).draw(x).is_identity
    assert Mixup(law=BetaLaw(0)).draw(x).is_identity


def test_hidden_layers_take_a_law_too():
    plan = ManifoldMixup(layers=["body"], law=FixedLaw(0.3)).draw(torch.rand(5, 2))
    assert_close(plan.lam, torch.full((5,), 0.3))


def test_parameters_of_a_law_can_be_set():
    law = ClippedLaw(BetaLaw(0.2), 0.1)
    method = resolve_method("mixup", overrides={"law": law, "law__law__alpha": 3.0})
    assert method.law.law.alpha == 3.0
    assert method.get_params()["law__low"] == 0.1


@pytest.mark.parametrize(
    ("law", "error", "message"),
    [
        ("gamma", ValueError, "law must be 'beta' or a law object.*got 'gamma'"),
        (0.3, TypeError, "law must be 'beta' or a law object.*of type float"),
        (BetaLaw(-1), ValueError, "alpha must be a number of at least 0"),
        (BetaLaw("a"), TypeError, "alpha must be a number"),
        (OneSidedBetaLaw(0), ValueError, "alpha of OneSidedBetaLaw must be greater"),
        (UniformLaw(0.7, 0.2), ValueError, "low must not be above high"),
        (UniformLaw(0, 1.5), ValueError, "high must be a number between 0 and 1"),
        (FixedLaw(math.nan), ValueError, "lam must be a number between 0 and 1"),
        (ClippedLaw("beta"), TypeError, "law must be a law of lambda such as"),
        (ClippedLaw(FixedLaw(2.0)), ValueError, "lam must be a number"),
    ],
)
def test_wrong_laws_are_named(law, error, message):
    with pytest.raises(error, match=message):
        Mixup(law=law).draw(torch.rand(4, 2))


# -- one target ----------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("per", ["batch", "row"])
def test_lambda_of_one_target_follows_beta_of_alpha_plus_one_and_alpha(alpha, per):
    method, source = Mixup(alpha, per=per, single_target=True), streams()
    if per == "row":
        x = torch.rand(3000, 1, dtype=torch.float64)
        lam = method.draw(x, generator=source).lam
    else:
        x = torch.rand(2, 1)
        plans = [method.draw(x, generator=source) for _ in range(1200)]
        lam = torch.tensor([plan.lam_host for plan in plans], dtype=torch.float64)
    test = stats.kstest(lam.numpy(), stats.beta(alpha + 1, alpha).cdf)
    assert test.pvalue > 0.01


@pytest.mark.parametrize("per", ["batch", "row"])
def test_one_target_is_the_own_label(per):
    x, y = torch.rand(6, 2), torch.arange(6)
    plan = Mixup(1.0, per=per, single_target=True).draw(x, y, generator=generator())
    assert torch.equal(plan.targets(y, 6), torch.eye(6))
    assert torch.equal(plan.label_weights[0], torch.ones(6))
    numbers = torch.rand(6)
    assert_close(plan.targets(numbers), numbers)
    assert float(plan.lam.max()) < 1
    lam = plan.lam.unsqueeze(1)
    assert_close(plan.apply(x), lam * x + (1 - lam) * x[plan.partner])


def test_one_target_has_the_loss_of_two_in_expectation():
    # Two rows, so that each is the other's partner: the sum over all draws agrees.
    x = torch.tensor([[0.0, 1.0], [2.0, -1.0]], dtype=torch.float64)
    y, weight = torch.tensor([0, 1]), torch.tensor([[1.0, -2.0], [0.5, 0.3]])
    means = []
    for options in ({"single_target": True}, {"fold": False}):
        method, source, losses = Mixup(1.0, **options), streams(), []
        for _ in range(1500):
            mixed, targets = method(x, y, n_classes=2, generator=source)
            output = functional.log_softmax(mixed @ weight.double(), 1)
            losses.append(float(-(output * targets).sum(1).mean()))
        means.append(torch.tensor(losses))
    error = (means[0].var() / 1500 + means[1].var() / 1500).sqrt()
    assert abs(float(means[0].mean() - means[1].mean())) < 3 * float(error)


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("n_rows", [0, 1])
def test_one_target_of_a_batch_without_pairs(per, n_rows):
    x = torch.rand(n_rows, 2)
    plan = Mixup(1.0, per=per, single_target=True).draw(x, generator=generator())
    assert torch.equal(plan.apply(x), x)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_no_alpha_is_no_mixing_with_one_target(per):
    plan = Mixup(0, per=per, single_target=True).draw(torch.rand(4, 2))
    assert plan.is_identity


def test_one_target_cannot_be_folded():
    with pytest.raises(ValueError, match="single_target=True needs lambda on both"):
        Mixup(single_target=True, fold=True).validate()


@pytest.mark.parametrize("name", ["single_target", "fold"])
def test_switches_are_true_or_false(name):
    with pytest.raises(TypeError, match=f"{name} must be True or False; got 1"):
        Mixup(**{name: 1}).validate()


# -- smoothing -----------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3, 0.45])
def test_alpha_is_found_for_a_rate_of_smoothing(rate):
    method = Mixup.from_smoothing(rate, per="row")
    assert expected_smoothing(method.alpha) == pytest.approx(rate, abs=1e-6)
    lam = method.draw(torch.rand(20000, 1), generator=generator()).lam
    assert float((1 - lam).mean()) == pytest.approx(rate, abs=0.005)


def test_no_smoothing_is_no_mixing():
    assert Mixup.from_smoothing(0.0).never_mixes


@pytest.mark.parametrize("rate", [-0.1, 0.5, 0.7, math.nan])
def test_a_rate_that_no_alpha_has_is_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        Mixup.from_smoothing(rate)


def test_other_parameters_go_with_a_rate():
    assert ManifoldMixup.from_smoothing(0.1, layers=["body"]).layers == ["body"]
