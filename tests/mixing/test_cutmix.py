"""CutMix against the formula, pixel by pixel."""

import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup.mixing import CutMix, MixStreams


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def streams(seed):
    return MixStreams(*(generator(10 * seed + k) for k in range(4)))


def slow_cutmix(x, partner, lam, centre_y, centre_x, *, fold):
    """Paste one box into each image, one pixel at a time."""
    n_rows, n_channels, height, width = x.shape
    mixed, shares = x.clone(), []
    for i in range(n_rows):
        side = math.sqrt(1 - lam[i])
        high, wide = round(side * height), round(side * width)
        top, left = centre_y[i] - high // 2, centre_x[i] - wide // 2
        inside = [
            [top <= r < top + high and left <= c < left + wide for c in range(width)]
            for r in range(height)
        ]
        area = sum(map(sum, inside))
        swap = fold and 2 * area > height * width
        for r in range(height):
            for c in range(width):
                if inside[r][c] != swap:
                    for k in range(n_channels):
                        mixed[i, k, r, c] = x[partner[i], k, r, c]
        own = 1 - area / (height * width)
        shares.append(1 - own if swap else own)
    return mixed, torch.tensor(shares)


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("size", [(6, 6), (5, 8), (7, 3), (1, 4)])
def test_a_box_for_the_batch_is_the_formula(fold, size):
    for seed in range(8):
        x = torch.rand(3, 2, *size)
        plan = CutMix(0.7, fold=fold).draw(x, generator=streams(seed))
        again = streams(seed)
        u = torch.rand((), dtype=torch.float64, generator=again.lam).item()
        lam = [stats.beta.ppf(u, 0.7, 0.7)] * 3
        centres = [
            [int(torch.rand((), dtype=torch.float64, generator=again.site) * n)] * 3
            for n in size
        ]
        mixed, shares = slow_cutmix(x, plan.partner, lam, *centres, fold=fold)
        assert torch.equal(plan.apply(x), mixed)
        assert_close(plan.lam, shares)


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("size", [(6, 6), (5, 8), (7, 3)])
def test_a_box_per_row_is_the_formula(fold, size):
    for seed in range(4):
        x = torch.rand(6, 2, *size)
        plan = CutMix(0.7, per="row", fold=fold).draw(x, generator=streams(seed))
        again = streams(seed)
        u = torch.rand(6, dtype=torch.float64, generator=again.lam)
        lam = stats.beta.ppf(u.numpy(), 0.7, 0.7)
        centres = [
            (torch.rand(6, generator=again.site) * n).long().tolist() for n in size
        ]
        mixed, shares = slow_cutmix(x, plan.partner, lam, *centres, fold=fold)
        assert torch.equal(plan.apply(x), mixed)
        assert_close(plan.lam, shares)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_folding_keeps_the_own_majority(per):
    x = torch.rand(5, 1, 7, 6)
    for seed in range(20):
        plan = CutMix(per=per, fold=True).draw(x, generator=generator(seed))
        assert float(plan.lam.min()) >= 0.5


@pytest.mark.parametrize("per", ["batch", "row"])
def test_folding_complements_the_mask_and_clamps_nothing(per):
    x = torch.rand(5, 1, 7, 6)
    for seed in range(20):
        plain = CutMix(per=per).draw(x, generator=generator(seed))
        folded = CutMix(per=per, fold=True).draw(x, generator=generator(seed))
        assert_close(folded.lam, torch.maximum(plain.lam, 1 - plain.lam))


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.half])
def test_pixels_of_any_dtype_can_be_pasted(per, dtype):
    x = torch.randint(0, 2, (4, 1, 6, 6)).to(dtype)
    plan = CutMix(per=per).draw(x, generator=generator())
    assert plan.apply(x).dtype == dtype
    assert torch.equal(plan.apply(x).long(), plan.apply(x.long()))


@pytest.mark.parametrize("per", ["batch", "row"])
def test_tables_are_refused_with_the_way_out(per):
    with pytest.raises(ValueError, match=r"got shape \(4, 3\)\. .* use Mixup"):
        CutMix(per=per)(torch.rand(4, 3), torch.arange(4), n_classes=4)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_a_plan_refuses_images_of_another_size(per):
    # The share pasted would not be the share of the label.
    plan = CutMix(per=per).draw(torch.rand(4, 1, 8, 8), generator=generator())
    with pytest.raises(ValueError, match="images of 8 x 8 pixels"):
        plan.apply(torch.rand(4, 1, 16, 16))


# -- bugs of peers -------------------------------------------------------------------


@pytest.mark.parametrize("per", ["batch", "row"])
def test_labels_and_pixels_agree_on_odd_images(per):
    # keras: label weights use fractional edges, pixels whole ones (error up to .21).
    x = torch.zeros(2, 1, 9, 9)
    x[1] = 1
    for seed in range(30):
        plan = CutMix(per=per).draw(x, generator=generator(seed))
        assert_close(plan.apply(x)[0].mean(), 1 - plan.lam[0])


def test_the_box_has_the_area_that_was_drawn():
    # composer: the cut is made with the complement of the area that was meant.
    x = torch.rand(400, 1, 64, 64)
    alpha = 40.0  # lambda close to one half
    plan = CutMix(alpha, per="row").draw(x, generator=generator())
    pasted = plan.mask.flatten(1).float().mean(1)
    # A side of sqrt(1/2) of the image; half of it is clipped by up to a quarter.
    side = math.sqrt(0.5)
    assert float(pasted.max()) == pytest.approx(0.5, abs=0.2)
    assert float(pasted.mean()) == pytest.approx((side - side**2 / 4) ** 2, abs=0.03)
