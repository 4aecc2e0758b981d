"""Lambda is the Beta quantile of a uniform draw."""

import itertools
import math

import pytest
import torch
from numpy.testing import assert_allclose
from scipy import integrate, stats

from sk_mixup.mixing import expected_smoothing
from sk_mixup.mixing.draws._beta import symmetric_beta
from sk_mixup.mixing.draws._laws import BetaLaw, draw_lam
from tests.builders import generator

ALPHAS = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0]


def probabilities():
    """Both tails and the middle of (0, 1/2]."""
    tail = torch.logspace(-15, math.log10(0.5), 300, dtype=torch.float64)
    middle = torch.linspace(1e-3, 0.5, 300, dtype=torch.float64)
    return torch.cat((tail, middle)).clamp(max=0.5)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_quantiles_are_those_of_scipy(alpha):
    v = probabilities()
    expected = stats.beta.ppf(v.numpy(), alpha, alpha)
    assert_allclose(symmetric_beta(alpha).lower(v), expected, rtol=1e-8, atol=1e-300)


@pytest.mark.parametrize("alpha", ALPHAS)
def test_one_quantile_on_the_host_is_that_of_the_tensor(alpha):
    law, v = symmetric_beta(alpha), probabilities()
    one_by_one = [law.lower_scalar(value) for value in v.tolist()]
    assert_allclose(one_by_one, law.lower(v), rtol=1e-12, atol=1e-300)


def test_quantile_of_zero_is_a_number():
    law = symmetric_beta(0.2)
    assert law.lower_scalar(0.0) == 0.0
    assert float(law.lower(torch.zeros(1, dtype=torch.float64))) == 0.0


@pytest.mark.parametrize("size", [None, 3])
def test_huge_alpha_gives_one_half(size):
    lam = draw_lam(BetaLaw(1e30), size, fold=True, generator=generator())
    assert_allclose(lam, 0.5, atol=0.005)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 1.0, 4.0])
def test_drawn_lambda_follows_the_beta_law(alpha):
    lam = draw_lam(BetaLaw(alpha), 4000, fold=False, generator=generator(1))
    assert stats.kstest(lam.numpy(), stats.beta(alpha, alpha).cdf).pvalue > 0.01


@pytest.mark.parametrize("alpha", [0.1, 1.0, 4.0])
def test_lambda_drawn_one_by_one_follows_the_beta_law(alpha):
    source = generator(2)
    lam = [
        draw_lam(BetaLaw(alpha), None, fold=False, generator=source)
        for _ in range(2000)
    ]
    assert stats.kstest(lam, stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_folded_lambda_is_the_larger_share_of_the_same_draw():
    plain = draw_lam(BetaLaw(0.4), 100, fold=False, generator=generator())
    folded = draw_lam(BetaLaw(0.4), 100, fold=True, generator=generator())
    assert_allclose(folded, torch.maximum(plain, 1 - plain))


def test_one_uniform_stream_serves_every_alpha():
    # A larger alpha moves each folded lambda towards one half, draw by draw.
    draws = [
        draw_lam(BetaLaw(alpha), 200, fold=True, generator=generator(3))
        for alpha in (0.05, 0.2, 1.0, 4.0, 50.0)
    ]
    for weak, strong in itertools.pairwise(draws):
        assert bool((weak >= strong).all())


@pytest.mark.parametrize("size", [None, 5])
def test_alpha_zero_reads_as_much_of_the_stream_as_any_other(size):
    states = []
    for alpha in (0.0, 0.2, 8.0):
        source = generator(4)
        draw_lam(BetaLaw(alpha), size, fold=True, generator=source)
        states.append(source.get_state())
    assert torch.equal(states[0], states[1])
    assert torch.equal(states[1], states[2])


@pytest.mark.parametrize(
    ("alpha", "rate"),
    [
        (0.1, 0.0584),
        (0.2, 0.1012),
        (0.5, 0.1817),
        (1.0, 0.25),
        (2.0, 0.3125),
        (10.0, 0.4119),
    ],
)
def test_expected_smoothing_has_the_published_values(alpha, rate):
    assert expected_smoothing(alpha) == pytest.approx(rate, abs=5e-5)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 3.0, 30.0])
def test_expected_smoothing_is_the_mean_of_the_smaller_share(alpha):
    density = stats.beta(alpha, alpha).pdf
    half, _ = integrate.quad(lambda lam: lam * density(lam), 0, 0.5)
    assert expected_smoothing(alpha) == pytest.approx(2 * half, rel=1e-6)


def test_no_mixing_smooths_nothing():
    assert expected_smoothing(0) == 0.0


@pytest.mark.parametrize("alpha", [-0.5, math.nan, math.inf])
def test_expected_smoothing_refuses_what_is_no_alpha(alpha):
    with pytest.raises(ValueError, match="alpha must be a number of at least 0"):
        expected_smoothing(alpha)
