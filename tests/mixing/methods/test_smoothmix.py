"""SmoothMix against its formula, place by place."""

import itertools
import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup.mixing import SmoothMix
from tests.builders import generator
from tests.mixing.builders import streams

SIZES = [(9,), (6, 5), (5, 4, 7)]


def slow_window(size, sigma, centre):
    """Measure in places, with a width and a centre along each axis."""
    window = torch.zeros(size)
    for place in itertools.product(*(range(n) for n in size)):
        square = 0.0
        for v, n, c in zip(place, size, centre, strict=True):
            square += ((v + 0.5) - c * n) ** 2 / (sigma * n) ** 2
        window[place] = math.exp(-square / 2)
    return window


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_is_the_formula_along_any_number_of_axes(size, per, fold):
    x = torch.rand(4, 2, *size)
    for seed in range(4):
        method = SmoothMix((0.3, 0.9), per=per, fold=fold)
        plan = method.draw(x, generator=streams(seed))
        again, n_masks = streams(seed), 4 if per == "row" else 1
        sigma = 0.3 + 0.6 * torch.rand(n_masks, generator=again.lam)
        centre = [torch.rand(n_masks, generator=again.site) for _ in size]
        mixed, shares = [], []
        for i in range(4):
            k = i if per == "row" else 0
            window = slow_window(size, float(sigma[k]), [float(c[k]) for c in centre])
            if fold and window.mean() > 0.5:
                window = 1 - window
            mixed.append((1 - window) * x[i] + window * x[plan.partner[i]])
            shares.append(1 - window.mean())
        assert_close(plan.apply(x), torch.stack(mixed))
        assert_close(plan.lam, torch.stack(shares))


def test_widths_are_uniform_in_the_range():
    x = torch.rand(1).expand(1000, 1, 400)
    plan = SmoothMix((0.1, 0.3), per="row").draw(x, generator=generator())
    # The second difference of log G is -1 / (sigma n)^2, wherever the centre is.
    log = plan.mask.double().log()
    curve = (log[:, 300] - 2 * log[:, 200] + log[:, 100]) / 100**2
    sigma = (-curve * 400**2).rsqrt()
    assert stats.kstest(sigma.numpy(), stats.uniform(0.1, 0.2).cdf).pvalue > 0.01


def test_centres_are_uniform_over_the_image():
    x = torch.rand(1).expand(1000, 1, 101, 70)
    plan = SmoothMix(per="row").draw(x, generator=generator())
    peaks = plan.mask.flatten(1).argmax(1)
    for peak, n in ((peaks // 70, 101), (peaks % 70, 70)):
        jitter = torch.rand(1000, generator=generator(1))
        places = (peak + jitter) / n
        assert stats.kstest(places.numpy(), "uniform").pvalue > 0.01


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", [(12, 12), (5, 20), (20, 5)], ids=str)
def test_the_label_has_the_share_of_the_pixels_on_its_own_side(per, size):
    # OpenMixup: the weights of the labels are swapped, and only squares are served.
    x = torch.zeros(2, 1, *size)
    x[0] = 1
    for seed in range(10):
        plan = SmoothMix(per=per).draw(x, generator=generator(seed))
        assert_close(plan.apply(x)[0].mean(), plan.lam[0])
        targets = plan.targets(torch.tensor([0, 1]), 2)
        assert_close(targets[0, 0], plan.apply(x)[0].mean())


def test_images_of_bytes_become_floats():
    x = torch.randint(0, 256, (4, 1, 6, 6), dtype=torch.uint8)
    plan = SmoothMix().draw(x, generator=generator())
    assert torch.equal(plan.apply(x), plan.apply(x.float()))


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"sigma": 0.3}, TypeError, r"sigma must be a pair .*; got 0\.3"),
        ({"sigma": (0, 0.5)}, ValueError, r"sigma must be above 0; got \(0, 0\.5\)"),
        ({"sigma": (0.5, 0.25)}, ValueError, "sigma must be in order"),
        ({"per": "image"}, ValueError, "per must be one of .*; got 'image'"),
        ({"fold": None}, TypeError, "fold must be True or False; got None"),
    ],
)
def test_wrong_parameters_are_named(params, error, match):
    with pytest.raises(error, match=match):
        SmoothMix(**params).draw(torch.rand(4, 1, 8, 8))
