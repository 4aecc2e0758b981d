"""What stands out of an image by itself, without a net: two maps of saliency."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ParamSpec

import torch
from torch import Tensor
from torch.nn import functional

P = ParamSpec("P")


def _in_full_precision(function: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Call without gradients, and outside of autocast."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        first = args[0]
        assert isinstance(first, Tensor)
        kind = first.device.type
        exact: AbstractContextManager[Any] = nullcontext()
        if torch.amp.is_autocast_available(kind):
            exact = torch.autocast(kind, enabled=False)
        with torch.no_grad(), exact:
            return function(*args, **kwargs)

    return call


# Half the sides of the surroundings that a pixel is compared with, in pixels.
_RADII = (12, 24, 28, 48, 56, 112)
# Spectra are taken of images of this side, on which the filters' widths are meant.
_SPECTRAL_SIDE = 64


@_in_full_precision
def fine_grained(x: Tensor) -> Tensor:
    """Return how much each pixel differs from its surroundings, at six scales.

    Of the mean over channels, how much brighter or darker a pixel is than the mean of
    the box around it is added up over the scales.

    Parameters
    ----------
    x : Tensor of shape (B, channels, height, width), float

    Returns
    -------
    saliency : Tensor of shape (B, height, width)
        From 0 to 1; 0 everywhere for an image of one colour.

    References
    ----------
    Montabone, Soto: Human Detection Using a Mobile Platform and Novel Features Derived
    from a Visual Saliency Mechanism, Image and Vision Computing, 2010.
    """
    gray = gray_of(x)
    height, width = gray.shape[1:]
    seen = torch.zeros_like(gray)
    # Boxes beyond the image are all of it.
    largest = max(height, width)
    radii = [min(radius, largest) for radius in _RADII]
    for radius in sorted(set(radii)):
        rows, columns = _box(height, radius, gray), _box(width, radius, gray)
        count = rows.sum(1).unsqueeze(1) * columns.sum(1)
        total = rows @ gray @ columns.T
        # Around the pixel, without it.
        around = (total - gray) / (count - 1.0).clamp(min=1.0)
        # A pixel alone has no surroundings.
        seen = seen + (gray - around).abs() * radii.count(radius) * (count > 1)
    return _to_one(seen * _varies(gray))


@_in_full_precision
def spectral_residual(x: Tensor) -> Tensor:
    """Return where an image departs from the even course of its spectrum.

    Of the mean over channels, shrunk to 64 pixels: the logarithm of the amplitudes less
    their mean over 3 x 3 frequencies goes back with the phases, is squared and blurred
    (by a 25th of the longer side).

    Parameters
    ----------
    x : Tensor of shape (B, channels, height, width), float

    Returns
    -------
    saliency : Tensor of shape (B, height, width)
        From 0 to 1; 0 everywhere for an image of one colour.

    References
    ----------
    Hou, Zhang: Saliency Detection: A Spectral Residual Approach, CVPR 2007.
    """
    gray = gray_of(x)
    size = gray.shape[1:]
    shrink = min(1.0, _SPECTRAL_SIDE / max(size))
    small = gray
    if shrink < 1.0:
        new = [max(1, round(n * shrink)) for n in size]
        small = functional.interpolate(gray.unsqueeze(1), new, mode="area").squeeze(1)
    spectrum = torch.fft.fft2(small)
    level = torch.log(spectrum.abs() + 1e-8)
    around = functional.pad(level.unsqueeze(1), (1, 1, 1, 1), mode="circular")
    residual = level - functional.avg_pool2d(around, 3, 1).squeeze(1)
    back = torch.fft.ifft2(torch.polar(residual.exp(), spectrum.angle()))
    seen = blurred(back.abs().square(), max(small.shape[1:]) / 25.0)
    if shrink < 1.0:
        seen = functional.interpolate(seen.unsqueeze(1), size, mode="bilinear")
        seen = seen.squeeze(1)
    # An image of one colour has no spectrum but its mean.
    return _to_one(seen * _varies(gray))


@_in_full_precision
def blurred(maps: Tensor, sigma: float) -> Tensor:
    """Return maps blurred by a Gaussian that is cut, and weighed anew, at the borders.

    Parameters
    ----------
    maps : Tensor of shape (B, height, width)
    sigma : float
        Standard deviation in pixels; 0: as they are.
    """
    if sigma == 0:
        return maps
    rows, columns = (_gauss(n, sigma, maps) for n in maps.shape[1:])
    return rows @ maps @ columns.T


def resized(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return maps of another size.

    Parameters
    ----------
    maps : Tensor of shape (B, height, width)
    size : (int, int)
    """
    if tuple(maps.shape[1:]) == tuple(size):
        return maps
    larger = functional.interpolate(
        maps.unsqueeze(1), tuple(size), mode="bilinear", align_corners=False
    )
    return larger.squeeze(1)


def to_sum_one(maps: Tensor) -> Tensor:
    """Return maps that sum to 1; one that is 0 everywhere, or not finite, becomes even.

    Parameters
    ----------
    maps : Tensor of shape (B, height, width)
        At least 0.
    """
    total = maps.sum((1, 2), keepdim=True)
    even = torch.full_like(maps, 1.0 / maps[0].numel())
    fits = (total > 0) & total.isfinite()
    return torch.where(fits, maps / total.clamp(min=1e-38), even)


def gray_of(x: Tensor) -> Tensor:
    """Return the mean over channels, float32 or wider: (B, height, width)."""
    return (x if x.dtype == torch.float64 else x.float()).mean(1)


def _varies(gray: Tensor) -> Tensor:
    """Return 1 for images that are not of one colour, 0 for the others: (B, 1, 1)."""
    spread = gray.amax((1, 2)) - gray.amin((1, 2))
    return (spread > 1e-5 * _largest(gray)).to(gray.dtype).view(-1, 1, 1)


def _box(size: int, radius: int, like: Tensor) -> Tensor:
    """Return the matrix that sums over what lies within a radius."""
    place = torch.arange(size, device=like.device)
    return ((place.unsqueeze(1) - place).abs() <= radius).to(like.dtype)


def _gauss(size: int, sigma: float, like: Tensor) -> Tensor:
    place = torch.arange(size, device=like.device, dtype=like.dtype)
    weight = torch.exp(-0.5 * ((place.unsqueeze(1) - place) / sigma).square())
    return weight / weight.sum(1, keepdim=True)


def _largest(maps: Tensor) -> Tensor:
    return maps.abs().amax((1, 2)).clamp(min=torch.finfo(maps.dtype).tiny)


def _to_one(maps: Tensor) -> Tensor:
    return maps / _largest(maps).view(-1, 1, 1)
