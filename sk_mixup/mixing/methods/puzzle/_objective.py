"""What PuzzleMix minimises over the masks of a batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sk_mixup.mixing.methods.puzzle._borders import Borders
from sk_mixup.mixing.methods.puzzle._energy import GridEnergy


def puzzle_energy(
    own: Tensor,
    other: Tensor,
    lam: Tensor,
    borders: tuple[Borders, Borders] | None,
    *,
    n_labels: int,
    beta: float,
    gamma: float,
    eta: float,
) -> GridEnergy:
    """Return the energies of masks; label l of L stands for the own share l / (L - 1).

    Parameters
    ----------
    own, other : Tensor of shape (B, n_rows, n_columns)
        Saliencies of both images of each pair; they sum to 1.
    lam : Tensor of shape (B,)
        Own share that the prior expects.
    borders : (Borders, Borders) or None
        As `pixel_borders` returns them; None: pixels do not count.
    n_labels : int
    beta, gamma, eta : float
        Weights of unequal labels, of pixels (a multiple of `beta`) and of the prior.
    """
    _, n_rows, n_columns = own.shape
    n_cells = n_rows * n_columns
    share = torch.linspace(0.0, 1.0, n_labels)
    # What is lost of either image.
    unary = (1.0 - share) * own.unsqueeze(3) + share * other.unsqueeze(3)
    unary = unary + (eta / n_cells) * prior_cost(lam, n_labels).view(-1, 1, 1, n_labels)
    # Saliencies of a cell shrink with the number of cells, lengths of borders less.
    step = beta / (16.0 * math.sqrt(n_cells))
    down = torch.full_like(own[:, 1:], step)
    right = torch.full_like(own[:, :, 1:], step)
    if borders is not None:
        below, beside = (
            Borders(*(step * gamma * part for part in border)) for border in borders
        )
        beside = Borders(*(part.transpose(1, 2) for part in beside))
        down, right = down + below.weight, right + beside.weight
        unary[:, :-1] += share * below.first.unsqueeze(3)
        unary[:, 1:] += share * below.second.unsqueeze(3)
        unary[:, :, :-1] += share * beside.first.unsqueeze(3)
        unary[:, :, 1:] += share * beside.second.unsqueeze(3)
    distance = (share.unsqueeze(1) - share).square()
    # NOTE[DIFF]: a border that is smoother with a cut than without one has no weight
    # instead of a negative one, which no cut algorithm can take.
    return GridEnergy(unary, right.clamp(min=0.0), down.clamp(min=0.0), distance)


def prior_cost(lam: Tensor, n_labels: int) -> Tensor:
    """Return minus the logarithm of the binomial prior of each label: (B, L).

    Label l has the probability of l successes of L - 1, each of probability `lam`.
    """
    successes = torch.arange(n_labels, dtype=torch.float64)
    tries = n_labels - 1
    ways = torch.tensor([math.log(math.comb(tries, k)) for k in range(n_labels)])
    lam = lam.double().clamp(1e-8, 1.0 - 1e-8).unsqueeze(1)
    logarithm = ways + successes * lam.log() + (tries - successes) * (1.0 - lam).log()
    return -logarithm.float()
