"""Augmentation of whole batches, for the `augment` parameter of the estimators.

Any callable that takes a batch and returns one will do. Those of libraries often draw
once for the batch; these draw for every row, without a loop over rows, and need torch
alone. They read torch's global generator, which a training seeds and puts back.
"""

from __future__ import annotations

import numbers
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class RandomCrop:
    """Shift images: pad them, and cut a window of the old size out of every row.

    Parameters
    ----------
    padding : int, default=4
        Pixels added on every side; a row moves by up to as many.
    fill : float, default=0
        Value of the new pixels.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.augment import RandomCrop
    >>> RandomCrop(padding=2)(torch.zeros(5, 3, 8, 8, dtype=torch.uint8)).dtype
    torch.uint8
    """

    def __init__(self, padding: int = 4, *, fill: float = 0) -> None:
        self.padding = padding
        self.fill = fill
        if not isinstance(padding, numbers.Integral) or padding < 1:
            raise ValueError(f"padding must be an int of at least 1; got {padding!r}.")

    def __call__(self, x: Tensor) -> Tensor:
        """Return shifted rows.

        Parameters
        ----------
        x : Tensor of shape (B, ..., height, width)

        Returns
        -------
        x : Tensor of the same shape and dtype
        """
        _need(self, x, 3, "(B, ..., height, width)")
        n_rows, height, width = len(x), x.shape[-2], x.shape[-1]
        padded = functional.pad(x, [self.padding] * 4, value=self.fill)
        # Every window there is, as a view; each row takes one of its own.
        windows = padded.unfold(-2, height, 1).unfold(-2, width, 1)
        top, left = torch.randint(
            2 * self.padding + 1, (2, n_rows), device=x.device
        ).unbind()
        rows = torch.arange(n_rows, device=x.device)
        return windows[rows, ..., top, left, :, :]

    def __repr__(self) -> str:
        """Return the call that makes it."""
        fill = f", fill={self.fill}" if self.fill else ""
        return f"RandomCrop(padding={self.padding}{fill})"


class RandomFlip:
    """Mirror rows.

    Parameters
    ----------
    p : float, default=0.5
        Probability for every row.
    axis : int, default=-1
        Axis that is mirrored; -1: left and right of an image.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.augment import RandomFlip
    >>> RandomFlip(p=1.0)(torch.tensor([[1, 2, 3]]))
    tensor([[3, 2, 1]])
    """

    def __init__(self, p: float = 0.5, *, axis: int = -1) -> None:
        self.p = p
        self.axis = axis
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"p must be a number from 0 to 1; got {p!r}.")

    def __call__(self, x: Tensor) -> Tensor:
        """Return rows of which some are mirrored.

        Parameters
        ----------
        x : Tensor of shape (B, ...)

        Returns
        -------
        x : Tensor of the same shape and dtype
        """
        _need(self, x, 2, "(B, ...)")
        mirrored = torch.rand(len(x), device=x.device) < self.p
        mirrored = mirrored.view(-1, *[1] * (x.ndim - 1))
        return torch.where(mirrored, x.flip(self.axis), x)

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return f"RandomFlip(p={self.p}, axis={self.axis})"


class GaussianNoise:
    """Add noise to numbers: signals, spectrograms, scaled columns.

    Parameters
    ----------
    std : float, default=0.1
        Standard deviation, on the scale of the input.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.augment import GaussianNoise
    >>> GaussianNoise(std=0.5)(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """

    def __init__(self, std: float = 0.1) -> None:
        self.std = std
        if not std >= 0.0:
            raise ValueError(f"std must be a number of at least 0; got {std!r}.")

    def __call__(self, x: Any) -> Any:
        """Return noisy rows.

        Parameters
        ----------
        x : Tensor of floats, or a dict or tuple of tensors
            Of several tensors, those that hold no floats stay as they are.

        Returns
        -------
        x : like the input
        """
        if isinstance(x, dict):
            return {key: self._noisy(value) for key, value in x.items()}
        if isinstance(x, (tuple, list)):
            return type(x)(map(self._noisy, x))
        if isinstance(x, Tensor) and not x.is_floating_point():
            raise ValueError(
                f"augment: GaussianNoise needs floats; the batch has dtype {x.dtype}."
                " Convert X, or put a step before it that does."
            )
        return self._noisy(x)

    def _noisy(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if x.is_floating_point() else x

    def __repr__(self) -> str:
        """Return the call that makes it."""
        return f"GaussianNoise(std={self.std})"


def _need(step: Any, x: Any, n_dims: int, shape: str) -> None:
    if isinstance(x, Tensor) and x.ndim >= n_dims:
        return
    got = tuple(x.shape) if isinstance(x, Tensor) else type(x).__name__
    raise ValueError(
        f"augment: {type(step).__name__} needs a tensor of shape {shape}; got {got}."
        " For several inputs, give a function that calls it on the right one."
    )


__all__ = ["GaussianNoise", "RandomCrop", "RandomFlip"]
