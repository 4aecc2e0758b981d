"""Maps of what stands out, against slow loops and as pictures that one can see."""

import math

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing.looks import (
    blurred,
    fine_grained,
    resized,
    spectral_residual,
    to_sum_one,
)

MAPS = [fine_grained, spectral_residual]
every_map = pytest.mark.parametrize("seen", MAPS)


def slow_fine_grained(image):
    """Compare each pixel with the box around it, one after the other."""
    height, width = image.shape
    seen = torch.zeros(height, width, dtype=image.dtype)
    for radius in (12, 24, 28, 48, 56, 112):
        for i in range(height):
            for j in range(width):
                around = [
                    image[a, b]
                    for a in range(max(0, i - radius), min(height, i + radius + 1))
                    for b in range(max(0, j - radius), min(width, j + radius + 1))
                    if (a, b) != (i, j)
                ]
                seen[i, j] += abs(image[i, j] - sum(around) / len(around))
    return seen / seen.max()


def slow_spectral_residual(image, sigma):
    """Sum waves one by one, where the fast way has a fast Fourier transform."""
    height, width = image.shape
    rows = torch.arange(height, dtype=torch.float64)
    columns = torch.arange(width, dtype=torch.float64)

    def wave(u, v, sign):
        angle = sign * 2 * math.pi * (u * rows[:, None] / height + v * columns / width)
        return torch.complex(angle.cos(), angle.sin())

    pairs = [(u, v) for u in range(height) for v in range(width)]
    spectrum = torch.stack([(image * wave(u, v, -1)).sum() for u, v in pairs])
    spectrum = spectrum.view(height, width)
    level = (spectrum.abs() + 1e-8).log()
    residual = level.clone()
    for u, v in pairs:
        around = [
            level[(u + a) % height, (v + b) % width]
            for a in (-1, 0, 1)
            for b in (-1, 0, 1)
        ]
        residual[u, v] -= sum(around) / 9
    back = sum(
        torch.polar(residual[u, v].exp(), spectrum[u, v].angle()) * wave(u, v, 1)
        for u, v in pairs
    )
    power = (back.abs() / (height * width)).square()
    out = torch.zeros_like(power)
    for i, j in pairs:
        vertical = torch.exp(-((rows - i) ** 2) / (2 * sigma**2))
        across = torch.exp(-((columns - j) ** 2) / (2 * sigma**2))
        weight = torch.outer(vertical / vertical.sum(), across / across.sum())
        out[i, j] = (weight * power).sum()
    return out / out.max()


def pictures(n_rows=2, size=(13, 17)):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n_rows, 3, *size, generator=generator, dtype=torch.float64)


def test_fine_grained_is_what_slow_loops_find():
    x = pictures()
    expected = torch.stack([slow_fine_grained(row.mean(0)) for row in x])
    assert_close(fine_grained(x), expected)


def test_the_spectral_residual_is_what_slow_loops_find():
    x = pictures(2, (6, 8))
    expected = torch.stack([slow_spectral_residual(row.mean(0), 0.32) for row in x])
    assert_close(spectral_residual(x), expected)


@every_map
@pytest.mark.parametrize("size", [(32, 32), (40, 96)])
def test_a_spot_on_an_even_ground_stands_out(seen, size):
    x = 0.02 * torch.rand(2, 3, *size)
    x[0, :, 8:12, 20:24] += 1.0
    x[1] += 1.0
    x[1, :, 20:24, 4:8] = 0.0
    found = seen(x)
    for row, (height, width) in zip(found, [(10, 22), (22, 6)], strict=True):
        at = int(row.argmax())
        assert abs(at // size[1] - height) <= 3
        assert abs(at % size[1] - width) <= 3


@every_map
def test_a_map_lies_between_zero_and_one(seen):
    found = seen(torch.randn(3, 1, 9, 70))
    assert found.shape == (3, 9, 70)
    assert_close(found.amax((1, 2)), torch.ones(3))
    assert float(found.min()) >= 0


@every_map
@pytest.mark.parametrize("value", [0.0, 0.3, -7.0, 1e4])
def test_an_image_of_one_colour_shows_nothing(seen, value):
    x = torch.full((2, 3, 16, 20), value)
    x[1, :, 4, 4] += 1 + abs(value)
    found = seen(x)
    assert not bool(found[0].any())
    assert bool(found[1].any())


@every_map
@pytest.mark.parametrize("size", [(1, 1), (1, 5), (3, 1), (2, 2)])
def test_the_smallest_images_have_maps(seen, size):
    found = seen(torch.rand(2, 1, *size))
    assert found.shape == (2, *size)
    assert bool(found.isfinite().all())


@every_map
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.bfloat16])
def test_pixels_and_half_precision_are_read_as_floats(seen, dtype):
    x = (torch.rand(2, 3, 12, 10) * 99).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        found = seen(x)
    assert found.dtype == torch.float32
    assert_close(found, seen(x.float()))


@every_map
def test_rows_are_seen_one_by_one(seen):
    x = torch.rand(4, 3, 12, 10)
    assert_close(seen(x)[2:3], seen(x[2:3]))


def test_a_blur_keeps_what_is_even_and_spreads_a_point():
    maps = torch.ones(1, 7, 9)
    assert_close(blurred(maps, 2.0), maps)
    maps[0, 3, 4] = 10.0
    assert float(blurred(maps, 1.0)[0, 3, 5]) > 1.1
    assert blurred(maps, 0.0) is maps


def test_sums_become_one():
    maps = torch.rand(4, 4, 5)
    maps[1], maps[2, 1, 1], maps[3, 1, 1] = 0.0, torch.inf, torch.nan
    summed = to_sum_one(maps)
    assert_close(summed.sum((1, 2)), torch.ones(4))
    for row in summed[1:]:
        assert_close(row, torch.full((4, 5), 0.05))
    assert_close(summed[0], maps[0] / maps[0].sum())


def test_maps_take_the_size_of_the_image():
    maps = torch.rand(2, 4, 4)
    assert resized(maps, (4, 4)) is maps
    assert resized(maps, (8, 6)).shape == (2, 8, 6)
