"""Pairings that prefer some partners: by class, by target, by nearness.

Each row has a weight for every other row, and its partner is drawn by the inverse of
their cumulative sum: one uniform number per row whatever the weights, so that trainings
that differ in the pairing alone read their streams alike. Time and memory are O(B^2).
A row whose weights are all zero is its own partner and stays clean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from sk_mixup.mixing._params import Parameterized, check_integer, check_number
from sk_mixup.mixing.draws._streams import uniforms
from sk_mixup.mixing.plans import class_labels, row_class_counts, row_groups

if TYPE_CHECKING:
    from sk_mixup.mixing._context import MixContext


def between(
    n_rows: int,
    *,
    x: Any = None,
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
    context: MixContext | None = None,
) -> Tensor:
    """Draw a partner of another class; parameters as for `shuffle`."""
    y = class_labels("pairing='between'", y, n_rows)
    return draw_partners(_others(y, context) & ~_same(y), generator)


def within(
    n_rows: int,
    *,
    x: Any = None,
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
    context: MixContext | None = None,
) -> Tensor:
    """Draw another row of the same class; parameters as for `shuffle`."""
    y = class_labels("pairing='within'", y, n_rows)
    return draw_partners(_others(y, context) & _same(y), generator)


def minority(
    n_rows: int,
    *,
    x: Any = None,
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
    context: MixContext | None = None,
) -> Tensor:
    """Draw a partner with weight 1 / (rows of its class).

    The rows are those of the training where `context.class_counts` says how many they
    are, otherwise those of the batch. Parameters as for `shuffle`.
    """
    who = "pairing='minority'"
    y = class_labels(who, y, n_rows)
    counts = row_class_counts(who, y, context)
    return draw_partners(_others(y, context) / counts, generator)


def balanced(
    n_rows: int,
    *,
    x: Any = None,
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
    context: MixContext | None = None,
) -> Tensor:
    """Draw a class, all alike, then another row of this class.

    The classes are those that have a row to offer. Parameters as for `shuffle`.
    """
    y = class_labels("pairing='balanced'", y, n_rows)
    others, same = _others(y, context), _same(y)
    # Rows of j's class that i may draw: those of its group, without i itself.
    reachable = same & (others | torch.eye(n_rows, dtype=torch.bool, device=y.device))
    sizes = reachable.sum(1) - same.long()
    return draw_partners(others / sizes.clamp(min=1), generator)


class KernelPairing(Parameterized):
    r"""Prefer partners with a similar target, the pairing of C-Mixup.

    Row i draws partner j with probability proportional to
    :math:`\exp(-\|y_i - y_j\|^2 / 2 \sigma^2)`, where each output of y is divided by
    its standard deviation in the batch. A row is never its own partner.

    Parameters
    ----------
    bandwidth : float, default=1.0
        :math:`\sigma`, greater than 0, in standard deviations of the target. Small:
        the most similar row alone; large: any row.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import KernelPairing, Mixup
    >>> x, y = torch.randn(4, 3), torch.tensor([0.0, 10.0, 0.1, 10.1])
    >>> Mixup(pairing=KernelPairing(0.1)).draw(x, y).partner
    tensor([2, 3, 0, 1])
    """

    def __init__(self, bandwidth: float = 1.0) -> None:
        self.bandwidth = bandwidth

    def validate(self) -> None:
        """Check the bandwidth."""
        check_number("bandwidth", self.bandwidth, low=0.0)
        if self.bandwidth == 0:
            raise ValueError("bandwidth must be greater than 0; got 0.")

    def __call__(
        self,
        n_rows: int,
        *,
        x: Any = None,
        y: Tensor | None = None,
        generator: torch.Generator | None = None,
        context: MixContext | None = None,
    ) -> Tensor:
        """Draw partners; parameters as for `shuffle`."""
        self.validate()
        if y is None or not y.is_floating_point():
            got = "y=None" if y is None else f"y of dtype {y.dtype}"
            raise (ValueError if y is None else TypeError)(
                f"pairing='similar' (KernelPairing) needs float targets; got {got}. For"
                " classes use pairing='within' or 'between'."
            )
        if len(y) != n_rows:
            raise ValueError(
                f"pairing='similar' (KernelPairing) needs one target per row, {n_rows};"
                f" got y of shape {tuple(y.shape)}."
            )
        others = _others(y, context)
        if n_rows < 2:
            return draw_partners(others, generator)
        z = y.detach().reshape(n_rows, -1).double()
        spread = z.std(0, correction=0)
        z = (z - z.mean(0)) / torch.where(spread > 0, spread, 1.0)
        # Not by matrix products, which lose the small distances that matter here.
        distance = torch.cdist(z, z, compute_mode="donot_use_mm_for_euclid_dist")
        logits = distance.square_().mul_(-0.5 / float(self.bandwidth) ** 2)
        logits = torch.where(others, logits, -torch.inf)
        # Measured from each row's best partner: far-off rows keep one, too.
        weights = (logits - logits.amax(1, keepdim=True)).exp_()
        return draw_partners(weights.nan_to_num_(nan=0.0), generator)


class NearestPairing(Parameterized):
    """Pair each row with one of its nearest neighbours in the batch.

    Nearness is the Euclidean distance of flattened inputs, as they are given: scale
    columns first. Of several input tensors the first counts.

    Parameters
    ----------
    k : int, default=5
        Number of nearest rows, at least 1, one of which is drawn, all alike.

    Examples
    --------
    >>> import torch
    >>> from sk_mixup.mixing import Mixup, NearestPairing
    >>> x = torch.tensor([[0.0], [10.0], [0.1], [10.1]])
    >>> Mixup(pairing=NearestPairing(k=1)).draw(x).partner
    tensor([2, 3, 0, 1])
    """

    def __init__(self, k: int = 5) -> None:
        self.k = k

    def validate(self) -> None:
        """Check the number of neighbours."""
        check_integer("k", self.k, low=1)

    def __call__(
        self,
        n_rows: int,
        *,
        x: Any = None,
        y: Tensor | None = None,
        generator: torch.Generator | None = None,
        context: MixContext | None = None,
    ) -> Tensor:
        """Draw partners; parameters as for `shuffle`."""
        self.validate()
        while isinstance(x, (Mapping, tuple, list)) and x:
            x = next(iter(x.values() if isinstance(x, Mapping) else x))
        if not isinstance(x, Tensor):
            raise ValueError(
                "pairing='nearest' (NearestPairing) needs the input x as a tensor; got"
                f" {type(x).__name__}."
            )
        if not x.is_floating_point() and x.dtype != torch.uint8:
            raise TypeError(
                "pairing='nearest' (NearestPairing) measures distances between floats;"
                f" got an input of dtype {x.dtype}. Convert measurements to float32;"
                " for codes and token ids use another pairing."
            )
        others = _others(x, context)
        if n_rows < 2:
            return draw_partners(others, generator)
        z = x.detach().unsqueeze(-1).flatten(1)
        z = z if z.dtype == torch.float64 else z.float()
        # Distances come from products, and far from the origin those lose digits.
        z = z - z.mean(0)
        distance = torch.cdist(z, z)
        distance = distance.nan_to_num_(nan=torch.finfo(z.dtype).max)
        distance = torch.where(others, distance, torch.inf)
        nearest = distance.topk(min(int(self.k), n_rows - 1), largest=False).indices
        chosen = torch.zeros_like(others).scatter_(1, nearest, True)
        return draw_partners(chosen & others, generator)


def draw_partners(
    weights: Tensor, generator: torch.Generator | Tensor | None
) -> Tensor:
    """Draw one column per row with probabilities proportional to weights.

    Parameters
    ----------
    weights : Tensor of shape (B, n), n >= B; bool or float
        Not negative. Column i belongs to row i itself.
    generator : torch.Generator, Tensor of shape (B,) or None
        Gives one uniform number per row; or the numbers.

    Returns
    -------
    partner : Tensor of shape (B,), int64
        The own index where all weights are zero.
    """
    n_rows, n_columns = weights.shape
    device = weights.device
    u = generator if isinstance(generator, Tensor) else uniforms(n_rows, generator)
    u = u.to(device, torch.float64, non_blocking=True)
    own = torch.arange(n_rows, device=device)
    if n_columns == 0:
        return own
    reached = weights.cumsum(1, dtype=torch.float64)
    total = reached[:, -1]
    # The first column that exceeds the number: never one of weight zero.
    goal = (u * total).unsqueeze(1)
    drawn = torch.searchsorted(reached, goal, right=True).squeeze(1)
    return torch.where(total > 0, drawn, own)


def _others(rows: Tensor, context: MixContext | None) -> Tensor:
    """Mark who may be a partner of whom: any other row of the same group, (B, B)."""
    n_rows = len(rows)
    others = ~torch.eye(n_rows, dtype=torch.bool, device=rows.device)
    groups = row_groups(n_rows, context)
    return others if groups is None else others & _same(groups.to(rows.device))


def _same(labels: Tensor) -> Tensor:
    return labels.unsqueeze(1) == labels
