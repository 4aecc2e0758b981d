"""ResizeMix against torch's resizing, row by row, and against plain loops."""

import itertools
import math

import pytest
import torch
from scipy import stats
from torch.nn.functional import interpolate
from torch.testing import assert_close

from sk_mixup.mixing import ResizeMix
from tests.builders import generator
from tests.mixing.builders import streams

SIZES = [(9,), (6, 5), (5, 4, 7)]


def drawn(per, scope, n_rows, size, seed):
    """Return start and side of every row's box, from the words of the docstring."""
    source, boxes = streams(seed), []
    if per == "batch":

        def draw(stream):
            u = torch.rand((), dtype=torch.float64, generator=stream)
            return [float(u)] * n_rows
    else:

        def draw(stream):
            return torch.rand(n_rows, generator=stream).tolist()

    tau = [scope[0] + (scope[1] - scope[0]) * u for u in draw(source.lam)]
    us = [draw(source.site) for _ in size]
    for i in range(n_rows):
        sides = [max(round(tau[i] * n), 1) for n in size]
        starts = [int(us[k][i] * (n - sides[k] + 1)) for k, n in enumerate(size)]
        boxes.append(list(zip(starts, sides, strict=True)))
    return boxes


def slow_line(values, side):
    """Resize a list of numbers by a triangle as wide as the reduction."""
    n, resized = len(values), []
    for place in range(side):
        centre = (place + 0.5) * n / side
        weights = [max(0.0, 1 - abs(j + 0.5 - centre) * side / n) for j in range(n)]
        total = sum(w * v for w, v in zip(weights, values, strict=True))
        resized.append(total / sum(weights))
    return resized


def slow_resize(image, sides):
    """Resize one channel along one axis after the other."""
    for axis, side in enumerate(sides):
        shape = list(image.shape)
        shape[axis] = side
        resized = torch.zeros(shape, dtype=image.dtype)
        others = [range(n) if k != axis else [0] for k, n in enumerate(shape)]
        for place in itertools.product(*others):
            line = list(place)
            line[axis] = slice(None)
            values = slow_line(image[tuple(line)].tolist(), side)
            resized[tuple(line)] = torch.tensor(values, dtype=image.dtype)
        image = resized
    return image


def slow_resizemix(x, partner, boxes, resize):
    mixed, shares = x.clone(), []
    for i, box in enumerate(boxes):
        sides = [side for _, side in box]
        places = tuple(slice(start, start + side) for start, side in box)
        for channel in range(x.shape[1]):
            mixed[(i, channel, *places)] = resize(x[partner[i], channel], sides)
        shares.append(1 - math.prod(sides) / math.prod(x.shape[2:]))
    return mixed, torch.tensor(shares)


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_it_is_the_formula_along_any_number_of_axes(size, per):
    x = torch.rand(3, 2, *size)
    for seed in range(3):
        plan = ResizeMix((0.2, 1.0), per=per).draw(x, generator=streams(seed))
        boxes = drawn(per, (0.2, 1.0), 3, size, seed)
        mixed, shares = slow_resizemix(x, plan.partner, boxes, slow_resize)
        assert_close(plan.apply(x), mixed)
        assert_close(plan.lam, shares)


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", [(32, 32), (17, 40)], ids=str)
def test_images_are_resized_as_by_torch_with_antialiasing(size, per):
    def resize(image, sides):
        image = image[None, None]
        return interpolate(image, sides, mode="bilinear", antialias=True)[0, 0]

    x = torch.rand(5, 2, *size)
    for seed in range(3):
        plan = ResizeMix(per=per).draw(x, generator=streams(seed))
        boxes = drawn(per, (0.1, 0.8), 5, size, seed)
        mixed, _ = slow_resizemix(x, plan.partner, boxes, resize)
        assert_close(plan.apply(x), mixed)


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_codes_are_taken_from_the_nearest_place(dtype, size, per):
    def resize(image, sides):
        for axis, side in enumerate(sides):
            n = image.shape[axis]
            nearest = [math.floor((k + 0.5) * n / side) for k in range(side)]
            image = image.index_select(axis, torch.tensor(nearest))
        return image

    x = torch.randint(0, 2**40, (4, 2, *size), generator=generator()).to(dtype)
    plan = ResizeMix(per=per).draw(x, generator=streams(1))
    boxes = drawn(per, (0.1, 0.8), 4, size, 1)
    mixed, _ = slow_resizemix(x, plan.partner, boxes, resize)
    assert plan.apply(x).dtype == dtype
    assert torch.equal(plan.apply(x), mixed)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_bytes_are_interpolated_and_rounded(per):
    x = torch.randint(0, 256, (6, 3, 12, 9), dtype=torch.uint8)
    plan = ResizeMix(per=per).draw(x, generator=generator())
    mixed = plan.apply(x)
    assert mixed.dtype == torch.uint8
    assert torch.equal(mixed, plan.apply(x.float()).round().to(torch.uint8))


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("dtype", [torch.half, torch.bfloat16, torch.complex64])
def test_the_dtype_stays(per, dtype):
    x = torch.rand(4, 2, 8, 6).to(dtype)
    plan = ResizeMix(per=per).draw(x, generator=generator())
    mixed = plan.apply(x)
    assert mixed.dtype == dtype
    if dtype != torch.complex64:
        assert_close(mixed, plan.apply(x.float()).to(dtype))
    else:
        assert_close(mixed.real, plan.apply(x.real))


# -- laws ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(500,), (499, 7)], ids=str)
def test_sides_follow_the_scope(size):
    x = torch.rand(1).expand(1000, 1, *size)
    plan = ResizeMix((0.2, 0.9), per="row").draw(x, generator=generator())
    sides = (plan.spans[:, 0, 1] - plan.spans[:, 0, 0]) / size[0]
    assert stats.kstest(sides.numpy(), stats.uniform(0.2, 0.7).cdf).pvalue > 0.01


@pytest.mark.parametrize("per", ["batch", "row"])
def test_all_places_where_it_fits_are_equally_likely(per):
    x, source = torch.rand(500, 1, 8, 6), generator()
    plans = [ResizeMix((0.5, 0.5), per=per).draw(x, generator=source)]
    while per == "batch" and len(plans) < 500:
        plans.append(ResizeMix((0.5, 0.5)).draw(x[:2], generator=source))
    starts = torch.cat([plan.spans[..., 0] for plan in plans])
    counts = torch.bincount(starts[:, 0] * 4 + starts[:, 1], minlength=20)
    assert stats.chisquare(counts.numpy()).pvalue > 0.01


# -- bugs of peers -------------------------------------------------------------------


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("size", [(4, 20), (20, 4), (1, 9)], ids=str)
def test_images_that_are_not_square_have_the_share_of_their_label(per, size):
    # OpenMixup: crashes on them, and its mask is transposed against the paste.
    x = torch.zeros(2, 1, *size)
    x[1] = 1
    for seed in range(10):
        plan = ResizeMix(per=per).draw(x, generator=generator(seed))
        mixed = plan.apply(x)[0, 0]
        assert_close(mixed.mean(), 1 - plan.lam[0])
        (a, b), (c, d) = plan.spans[0].tolist()
        assert_close(mixed[a:b, c:d], torch.ones(b - a, d - c))


@pytest.mark.parametrize("per", ["batch", "row"])
def test_the_whole_partner_is_in_the_box(per):
    # A box clipped at the border would squeeze it or lose a part.
    x = torch.zeros(2, 1, 10, 10)
    x[1, 0, :5] = 1
    for seed in range(10):
        plan = ResizeMix((0.4, 0.8), per=per).draw(x, generator=generator(seed))
        (a, b), (c, d) = plan.spans[0].tolist()
        assert b - a == d - c
        assert float(plan.apply(x)[0].sum()) == pytest.approx((b - a) ** 2 / 2, rel=0.1)


# -- parameters ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "error", "match"),
    [
        (0.3, TypeError, r"scope must be a pair .*; got 0\.3"),
        ((0.1, 1.1), ValueError, r"scope .* between 0 and 1; got 1\.1"),
        ((0.8, 0.1), ValueError, "scope must be in order"),
    ],
)
def test_a_wrong_scope_is_named(scope, error, match):
    with pytest.raises(error, match=match):
        ResizeMix(scope).draw(torch.rand(4, 1, 8, 8))
