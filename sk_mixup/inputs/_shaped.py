"""What reaches a bundled net for arrays: numbers, and the shape to build it by."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from sk_mixup.inputs._array import ArrayInput, spec_of
from sk_mixup.inputs._lazy import ArrayRows, LazyRows
from sk_mixup.inputs._rows import as_rows
from sk_mixup.inputs._sparse import SparseRows

# Rows that tell the scale of a channel, and rows looked at together.
_SCALE_ROWS = 4096
_BLOCK = 256
# More places than this in the last axis are no colours.
_MOST_COLOURS = 4


class ShapedInput(ArrayInput):
    """Arrays for a net that is built from the shape and the scale of their channels.

    Integers other than uint8 become float32: such a net takes measurements.

    Parameters
    ----------
    name : str
        What messages call the estimator.
    net : str
        What messages call the net.
    axes : tuple of int
        How many axes a row may have behind its channels.
    wanted : str
        The shape in words.
    """

    kind: ClassVar[str] = "array"
    channel_mean: Tensor
    channel_std: Tensor

    def __init__(self, name: str, net: str, axes: tuple[int, ...], wanted: str) -> None:
        super().__init__(name)
        self.net = net
        self.axes = axes
        self.wanted = wanted

    def check(self, X: Any) -> Any:
        """Return rows of a shape that the net takes; a data set is not read yet."""
        rows = as_rows(X)
        if rows is not None:
            raise TypeError(
                f"module={self.net!r} takes {self.wanted}, one array; got {rows!r}."
                " Several inputs need a module of your own."
            )
        rows = super().check(X)
        if not isinstance(rows, LazyRows) or isinstance(rows, (ArrayRows, SparseRows)):
            self._check_shape(tuple(rows.shape))
        return rows

    def _check_shape(self, shape: tuple[int, ...]) -> None:
        n_dims = len(shape)
        if n_dims - 2 not in self.axes:
            hint = ""
            if n_dims - 1 in self.axes:
                hint = " For one channel give X[:, None]."
            elif n_dims == 2:
                hint = (
                    " Reshape the rows if they are flattened, or use module='mlp' for"
                    " a table."
                )
            raise ValueError(
                f"module={self.net!r} takes {self.wanted}; X has shape {shape}.{hint}"
            )
        if n_dims == 4 and shape[3] <= _MOST_COLOURS < shape[1]:
            raise ValueError(
                f"module={self.net!r} takes {self.wanted}; X of shape {shape} seems to"
                " have its channels last. Give X.transpose(0, 3, 1, 2)."
            )

    def fit_transform(self, X: Any) -> Any:
        """Remember the shape of a row and the scale of its channels, and convert."""
        x = super().fit_transform(X)
        if self.shape is None:
            raise TypeError(
                f"module={self.net!r} takes {self.wanted}, one array; the items of the"
                " data set hold several."
            )
        self._check_shape((len(x), *self.shape))
        if isinstance(x, Tensor) and x.dtype == torch.int64:
            x = x.to(torch.float32)
        elif isinstance(x, ArrayRows) and x.dtype == torch.int64:
            x = x.to_dtype(torch.float32)
        self.spec = spec_of(x)
        self.channel_mean, self.channel_std = channel_scale(x)
        return x

    # Never None here, other than in the base.
    def net_arguments(self, n_outputs: int) -> dict[str, Any]:  # type: ignore[override]
        """Return what the net needs to know of the arrays."""
        assert self.shape is not None
        return {
            "in_channels": self.shape[0],
            "n_outputs": n_outputs,
            "size": self.shape[1:],
            "channel_mean": self.channel_mean,
            "channel_std": self.channel_std,
        }


def channel_scale(x: Any) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation of each channel of (n, channels, ...).

    Parameters
    ----------
    x : Tensor or LazyRows
        May be larger than memory: evenly spread rows are read, in blocks.

    Returns
    -------
    mean, std : Tensor of shape (channels,), float32
    """
    n_rows = len(x)
    rows = torch.arange(0, n_rows, -(-n_rows // _SCALE_ROWS))
    sums: list[Tensor] = []
    squares: list[Tensor] = []
    count = 0
    shift: Tensor | None = None
    for block in rows.split(_BLOCK):
        part = x.read(block) if isinstance(x, LazyRows) else x[block.to(x.device)]
        values = part.cpu().double().transpose(0, 1).flatten(1)
        if shift is None:
            # Squares of numbers far from zero would lose what is asked for.
            shift = values.mean(1, keepdim=True)
        values = values - shift
        sums.append(values.sum(1))
        squares.append(values.square().sum(1))
        count += values.shape[1]
    assert shift is not None
    mean = torch.stack(sums).sum(0) / count
    variance = torch.stack(squares).sum(0) / count - mean.square()
    std = variance.clamp(min=0.0).sqrt()
    return (mean + shift[:, 0]).float(), std.float()
