"""FMix against NumPy's Fourier transform and a plain sort."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup.mixing import FMix
from tests.builders import generator
from tests.mixing.builders import streams

SIZES = [(9,), (8,), (6, 5), (5, 6), (5, 4, 7)]


def slow_picture(size, decay_power, noise):
    """Weigh the noise frequency by frequency and transform it back."""
    half = (*size[:-1], size[-1] // 2 + 1)
    spectrum = np.zeros(half, dtype=complex)
    for index in itertools.product(*(range(n) for n in half)):
        square = 0.0
        for k, n in zip(index, size, strict=True):
            square += (min(k, n - k) / n) ** 2
        weight = 1 / max(math.sqrt(square), 1 / max(size)) ** decay_power
        spectrum[index] = weight * complex(*noise[index].tolist())
    return np.fft.irfftn(spectrum, size, axes=range(len(size)))


def slow_own(picture, lam, max_soft):
    """Return the own share of every place, as the paper's code does."""
    n = picture.size
    order = np.argsort(-picture.ravel())
    n_own = math.floor(lam * n + 0.5)
    edge = int(n * min(max_soft, lam, 1 - lam))
    own = np.zeros(n)
    own[order[: n_own + edge]] = 1
    own[order[n_own - edge : n_own + edge]] = np.linspace(1, 0, 2 * edge)
    return torch.tensor(own.reshape(picture.shape), dtype=torch.float32)


@pytest.mark.parametrize("max_soft", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_is_the_formula_along_any_number_of_axes(size, per, max_soft):
    x = torch.rand(4, 2, *size)
    for seed in range(3):
        method = FMix(0.8, decay_power=2.0, max_soft=max_soft, per=per)
        plan = method.draw(x, generator=streams(seed))
        again, n_masks = streams(seed), 4 if per == "row" else 1
        u = torch.rand(n_masks, dtype=torch.float64, generator=again.lam)
        lam = stats.beta.ppf(u.numpy(), 0.8, 0.8)
        half = (*size[:-1], size[-1] // 2 + 1)
        noise = torch.randn((n_masks, *half, 2), generator=again.site)
        mixed, shares = [], []
        for i in range(4):
            k = i if per == "row" else 0
            own = slow_own(slow_picture(size, 2.0, noise[k]), lam[k], max_soft)
            mixed.append(own * x[i] + (1 - own) * x[plan.partner[i]])
            shares.append(own.mean())
        assert_close(plan.apply(x), torch.stack(mixed))
        assert_close(plan.lam, torch.stack(shares))


@pytest.mark.parametrize("max_soft", [0.0, 0.3])
def test_folding_complements_the_mask(max_soft):
    x = torch.rand(60, 1, 7, 6)
    plain, folded = (
        FMix(per="row", max_soft=max_soft, fold=fold).draw(x, generator=streams(1))
        for fold in (False, True)
    )
    assert_close(folded.lam, torch.maximum(plain.lam, 1 - plain.lam))
    small = plain.lam < 0.5
    assert 0 < int(small.sum()) < 60
    sum_of_both = plain.mask[small].float() + folded.mask[small].float()
    assert_close(sum_of_both, torch.ones_like(sum_of_both))


@pytest.mark.parametrize("size", [(2000,), (41, 40), (12, 12, 12)], ids=str)
@pytest.mark.parametrize("max_soft", [0.0, 0.2])
def test_the_share_follows_beta(size, max_soft):
    x = torch.rand(1).expand(300, 1, *size)
    method = FMix(0.6, max_soft=max_soft, per="row")
    lam = method.draw(x, generator=generator()).lam
    jitter = (torch.rand(300, generator=generator(1)) - 0.5) / math.prod(size)
    lam = (lam + jitter).clamp(0, 1)
    assert stats.kstest(lam.numpy(), stats.beta(0.6, 0.6).cdf).pvalue > 0.01


@pytest.mark.parametrize("size", [(64, 64), (48, 80), (1, 1), (1, 30), (33,)], ids=str)
def test_any_size_is_served(size):
    # OpenMixup: masks are 32 x 32 whatever the images are.
    x = torch.zeros(2, 1, *size)
    x[0] = 1
    for max_soft in (0.0, 0.3):
        plan = FMix(max_soft=max_soft).draw(x, generator=generator())
        assert_close(plan.apply(x)[0].mean(), plan.lam[0])


def test_regions_are_smoother_for_a_larger_decay():
    x = torch.rand(1).expand(50, 1, 32, 32)
    borders = []
    for decay_power in (0.0, 1.0, 3.0):
        method = FMix(50.0, decay_power=decay_power, per="row")
        mask = method.draw(x, generator=generator()).mask
        borders.append(float((mask[:, 1:] != mask[:, :-1]).float().mean()))
    assert borders[0] == pytest.approx(0.5, abs=0.02)  # white noise
    assert borders[0] > 1.5 * borders[1]
    assert borders[1] > 1.5 * borders[2]


def test_no_decay_is_too_large():
    # A power of the frequency itself would overflow float32.
    x = torch.rand(1).expand(40, 1, 64, 64)
    plan = FMix(50.0, decay_power=60.0, per="row").draw(x, generator=generator())
    assert float(plan.lam.min()) > 0.3
    assert float(plan.lam.max()) < 0.7


def test_own_places_are_whole_and_every_number_of_them_occurs():
    x = torch.rand(1).expand(200, 1, 2, 3)
    n_own = FMix(per="row").draw(x, generator=generator()).lam * 6
    assert_close(n_own, n_own.round())
    assert set(n_own.round().tolist()) == set(range(7))


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"alpha": -1}, "alpha must be a number of at least 0; got -1"),
        ({"decay_power": -1}, "decay_power must be a number of at least 0; got -1"),
        ({"max_soft": 0.6}, r"max_soft must be .* between 0 and 0\.5; got 0\.6"),
    ],
)
def test_wrong_parameters_are_named(params, match):
    with pytest.raises(ValueError, match=match):
        FMix(**params).draw(torch.rand(4, 1, 8, 8))
