"""CutMix against the formula, pixel by pixel."""

import itertools
import math

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup.mixing import CutMix
from tests.builders import generator
from tests.mixing.builders import streams


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


def test_no_alpha_pastes_nothing():
    # composer: alpha=0 replaces 58 % of the image.
    x = torch.rand(4, 1, 16, 16)
    for per in ("batch", "row"):
        assert torch.equal(CutMix(0, per=per).draw(x).apply(x), x)


def test_odd_sides_keep_their_length():
    # timm: the far edge is one pixel short where the side is odd.
    x = torch.rand(2, 1, 40, 40)
    found = set()
    for seed in range(60):
        plan = CutMix(4.0, box="inside").draw(x, generator=streams(seed))
        u = torch.rand((), dtype=torch.float64, generator=streams(seed).lam).item()
        side = round(math.sqrt(1 - stats.beta.ppf(u, 4.0, 4.0)) * 40)
        assert float(plan.lam[0]) == pytest.approx(1 - side**2 / 1600)
        found.add(side % 2)
    assert found == {0, 1}


def test_the_last_place_of_a_box_inside_is_reached():
    # timm: minmax never reaches the last offset.
    x = torch.rand(300, 1, 8, 8)
    plan = CutMix(minmax=(0.5, 0.5), per="row").draw(x, generator=generator())
    tops = plan.mask.any(2).int().argmax(1)
    assert set(tops.tolist()) == {0, 1, 2, 3, 4}
    batch = CutMix(minmax=(0.5, 0.5))
    source = generator()
    tops = {batch.draw(x, generator=source).box[0][0] for _ in range(200)}
    assert tops == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 4)])
def test_minmax_serves_small_images(per, size):
    # timm: numpy's "low >= high" where both bounds round to one number of pixels.
    x = torch.rand(6, 1, *size)
    plan = CutMix(minmax=(0.2, 0.4), per=per).draw(x, generator=generator())
    assert plan.apply(x).shape == x.shape


def test_a_sequence_loses_its_share_and_not_the_root_of_it():
    # 1-D ports: a side of sqrt(1 - lambda) of the length.
    x = torch.rand(500, 1, 1000)
    method = CutMix(50.0, per="row", box="inside")  # lambda close to one half
    lam = method.draw(x, generator=generator()).lam
    assert float(lam.mean()) == pytest.approx(0.5, abs=0.01)


# -- sequences and volumes -----------------------------------------------------------

SIZES = [(9,), (6, 5), (5, 4, 7)]
BOXES = ["clipped", "inside", "uniform"]


def slow_box(box, size, sides, us):
    """Return start and stop along each axis, from the words of the docstring."""
    spans = []
    for n, side, u in zip(size, sides, us, strict=True):
        if box == "clipped":
            starts = [centre - side // 2 for centre in range(n)]
        elif box == "inside":
            starts = [start for start in range(n) if start + side <= n]
        else:
            starts = [start for start in range(-n, n) if start + side > 0]
        start = starts[int(u * len(starts))]
        spans.append((max(start, 0), min(start + side, n)))
    return spans


def slow_paste(x, partner, spans):
    """Paste one box into each row, one place at a time."""
    mixed, shares = x.clone(), []
    for i, box in enumerate(spans):
        taken = 0
        for place in itertools.product(*(range(n) for n in x.shape[2:])):
            if all(a <= v < b for v, (a, b) in zip(place, box, strict=True)):
                mixed[(i, slice(None), *place)] = x[(partner[i], slice(None), *place)]
                taken += 1
        shares.append(1 - taken / math.prod(x.shape[2:]))
    return mixed, torch.tensor(shares)


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_each_placement_is_its_rule_along_any_number_of_axes(size, box):
    x, n_axes = torch.rand(3, 2, *size), len(size)
    for seed in range(6):
        again = streams(seed)
        u = torch.rand((), dtype=torch.float64, generator=again.lam).item()
        share = (1 - stats.beta.ppf(u, 0.7, 0.7)) ** (1 / n_axes)
        sides = [round(share * n) for n in size]
        us = [
            torch.rand((), dtype=torch.float64, generator=again.site).item()
            for _ in size
        ]
        spans = [slow_box(box, size, sides, us)] * 3 if min(sides) else None
        plan = CutMix(0.7, box=box).draw(x, generator=streams(seed))
        if spans is None:
            assert torch.equal(plan.apply(x), x)
            continue
        mixed, shares = slow_paste(x, plan.partner, spans)
        assert torch.equal(plan.apply(x), mixed)
        assert_close(plan.lam, shares)


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_each_row_has_a_box_by_the_same_rule(size, box):
    x, again = torch.rand(6, 2, *size), streams(3)
    plan = CutMix(0.7, box=box, per="row").draw(x, generator=streams(3))
    lam = stats.beta.ppf(
        torch.rand(6, dtype=torch.float64, generator=again.lam).numpy(), 0.7, 0.7
    )
    us = torch.stack([torch.rand(6, generator=again.site) for _ in size], 1).tolist()
    spans = []
    for i in range(6):
        sides = [round((1 - lam[i]) ** (1 / len(size)) * n) for n in size]
        empty = [(0, 0)] * len(size)
        spans.append(slow_box(box, size, sides, us[i]) if min(sides) else empty)
    mixed, shares = slow_paste(x, plan.partner, spans)
    assert torch.equal(plan.apply(x), mixed)
    assert_close(plan.lam, shares)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_minmax_draws_each_side_on_its_own(size):
    x, again = torch.rand(3, 2, *size), streams(5)
    plan = CutMix(minmax=(0.3, 0.9)).draw(x, generator=streams(5))
    draws = torch.rand(len(size), dtype=torch.float64)
    for k in range(len(size)):
        draws[k] = torch.rand((), dtype=torch.float64, generator=again.lam)
    sides = [
        round((0.3 + 0.6 * float(u)) * n) for u, n in zip(draws, size, strict=True)
    ]
    us = [
        torch.rand((), dtype=torch.float64, generator=again.site).item() for _ in size
    ]
    spans = slow_box("inside", size, sides, us)
    mixed, shares = slow_paste(x, plan.partner, [spans] * 3)
    assert torch.equal(plan.apply(x), mixed)
    assert_close(plan.lam, shares)


# -- laws ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(4000,), (64, 64), (24, 24, 24)], ids=str)
def test_the_area_of_a_box_inside_follows_beta(size):
    x = torch.rand(1).expand(800, 1, *size)
    lam = CutMix(0.6, per="row", box="inside").draw(x, generator=generator()).lam
    # Whole pixels make steps of the law: half a step of jitter hides them.
    steps = torch.rand(800, generator=generator(1)) - 0.5
    sides = (1 - lam).pow(1 / len(size)) + steps / size[0]
    law = stats.beta(0.6, 0.6)
    shares = 1 - sides.clamp(0, 1).pow(len(size))
    assert stats.kstest(shares.numpy(), law.cdf).pvalue > 0.01


def test_the_sides_of_minmax_are_uniform():
    x = torch.rand(1).expand(1000, 1, 500)
    plan = CutMix(minmax=(0.2, 0.8), per="row").draw(x, generator=generator())
    sides = plan.mask.sum(1) / 500
    assert stats.kstest(sides.numpy(), stats.uniform(0.2, 0.6).cdf).pvalue > 0.01


def test_uniform_boxes_cover_all_pixels_equally_often():
    x = torch.rand(1).expand(20000, 1, 9)
    covered = {}
    for box in ("clipped", "uniform"):
        plan = CutMix(box=box, per="row").draw(x, generator=generator())
        covered[box] = plan.mask.float().mean(0)
    spread = {box: float(c.max() - c.min()) for box, c in covered.items()}
    assert spread["uniform"] < 0.02
    # The paper's box favours the middle.
    assert spread["clipped"] > 0.1


# -- parameters and plans ------------------------------------------------------------


def test_minmax_does_not_use_alpha():
    x = torch.rand(4, 1, 8, 8)
    method = CutMix(0, minmax=(0.5, 0.5))
    assert not method.never_mixes
    for per in ("batch", "row"):
        plan = method.set_params(per=per).draw(x, generator=generator())
        assert plan.lam.tolist() == [0.75] * 4


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"box": "centre"}, ValueError, "box must be one of .*; got 'centre'"),
        ({"minmax": 0.3}, TypeError, r"minmax must be a pair .*; got 0\.3"),
        ({"minmax": (0.5, 1.5)}, ValueError, r"minmax .* between 0 and 1; got 1\.5"),
        ({"minmax": (0.5, 0.2)}, ValueError, "minmax must be in order"),
        ({"minmax": (0, 1), "box": "uniform"}, ValueError, "leave one of them out"),
        ({"fold": "yes"}, TypeError, "fold must be True or False; got 'yes'"),
    ],
)
def test_wrong_parameters_are_named(params, error, match):
    with pytest.raises(error, match=match):
        CutMix(**params).draw(torch.rand(4, 1, 8, 8))


@pytest.mark.usefixtures("empty_dynamo")
def test_compiled_code_pastes_outside_a_folded_box():
    # Inside and outside are a graph each.
    step = torch.compile(lambda plan, x: plan.apply(x), backend="eager", fullgraph=True)
    x, source = torch.rand(4, 2, 6, 7), generator()
    plans = [CutMix(fold=True).draw(x, generator=source) for _ in range(8)]
    assert {plan.outside for plan in plans} == {False, True}
    for plan in plans:
        assert torch.equal(step(plan, x), plan.apply(x))
