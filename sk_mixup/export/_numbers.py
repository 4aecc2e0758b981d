"""The encoding of number columns as a torch module, to the bit that of the encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sk_mixup.encoding import TableEncoder
from sk_mixup.nets import places_in

_FAR = 1e15


class NumberEncoding(nn.Module):
    """Encode numbers, and missing ones, as `TableEncoder.transform` does.

    Parameters
    ----------
    encoder : TableEncoder
        Fitted.

    Notes
    -----
    Input (B, n_numeric), NaN for missing; output (B, n_numeric + n_indicators),
    float32. In between it counts in double precision, as the encoder does.
    """

    center: Tensor
    scale: Tensor
    constant: Tensor
    indicators: Tensor

    def __init__(self, encoder: TableEncoder) -> None:
        super().__init__()
        scale = encoder._scale
        self.register_buffer("center", torch.from_numpy(scale.center).unsqueeze(1))
        self.register_buffer("scale", torch.from_numpy(scale.scale).unsqueeze(1))
        self.register_buffer("constant", torch.from_numpy(scale.constant).unsqueeze(1))
        self.register_buffer("indicators", torch.from_numpy(encoder._indicators).long())
        known = {j: k for j, k in encoder._known.items() if len(k.values)}
        self.known = KnownNumbersOf(encoder.n_numeric_, known) if known else None

    def forward(self, numbers: Tensor) -> Tensor:
        """Encode the numbers."""
        # Of a frame they come column by column, in strides that an export would keep.
        x = numbers.clone(memory_format=torch.contiguous_format).double().t()
        missing = x.isnan()
        if self.known is not None:
            x = self.known(x)
        x = ((x - self.center) / self.scale).clamp(-_FAR, _FAR)
        spread = x / 3.0
        x = x / (spread * spread + 1.0).sqrt()
        x = x.masked_fill(self.constant | missing, 0.0)
        if len(self.indicators):
            x = torch.cat([x, missing[self.indicators].to(x.dtype)])
        return x.t().to(torch.float32).contiguous()


class KnownNumbersOf(nn.Module):
    """Make numbers near a value that their column repeats that value.

    Parameters
    ----------
    n_columns : int
    known : mapping of int to KnownNumbers
        Of those columns that repeat values; at least one.

    Notes
    -----
    Input and output (n_columns, B), float64.
    """

    columns: Tensor
    others: Tensor
    order: Tensor
    values: Tensor
    tolerances: Tensor
    middles: Tensor

    def __init__(self, n_columns: int, known: Mapping[int, Any]) -> None:
        super().__init__()
        columns = sorted(known)
        others = [j for j in range(n_columns) if j not in known]
        self.register_buffer("columns", torch.tensor(columns))
        self.register_buffer("others", torch.tensor(others, dtype=torch.int64))
        self.register_buffer("order", torch.tensor([*columns, *others]).argsort())
        found = [known[j] for j in columns]
        values = [one.values for one in found]
        tolerances = [one.tolerances for one in found]
        # Halves, as the encoder takes them: a sum can exceed the largest float.
        middles = [one[:-1] / 2 + one[1:] / 2 for one in values]
        self.register_buffer("values", _padded(values, 0.0))
        # Nothing is as near as that to what only fills up.
        self.register_buffer("tolerances", _padded(tolerances, -1.0))
        self.register_buffer("middles", _padded(middles, np.inf))

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers that are meant."""
        own = x[self.columns].contiguous()
        place = places_in(self.middles, own).clamp(max=self.values.shape[1] - 1)
        values = self.values.gather(1, place)
        is_same = (own - values).abs() <= self.tolerances.gather(1, place)
        own = torch.where(is_same, values, own)
        if not len(self.others):
            return own
        return torch.cat([own, x[self.others]])[self.order]


def _padded(rows: Sequence[np.ndarray], value: float) -> Tensor:
    """Return rows of several lengths as one matrix, of a column at least."""
    width = max(1, max(map(len, rows)))
    matrix = np.full((len(rows), width), value)
    for to, row in zip(matrix, rows, strict=True):
        to[: len(row)] = row
    return torch.from_numpy(matrix)
