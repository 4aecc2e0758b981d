"""Cells of many images given to as many mixed images, all at once.

Saliency, smoothness and the prior want the best for every mixed image by itself; the
penalty, which is not submodular, keeps them from all wanting the same. It is linear in
one mixed image as long as the others are held, so these are made better one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sk_mixup.mixing.methods.puzzle._energy import GridEnergy
from sk_mixup.mixing.methods.puzzle._lines import improve_lines

# Shares of the penalty that candidates are found with: none, half and all of it.
_SLOPES = (0.0, 0.5, 1.0)
# No label that is forbidden is worth its price.
_FORBIDDEN = 1e6


@dataclass(frozen=True, eq=False)
class JointProblem:
    """Several parts of a batch; each has m images, and m mixed images to be made.

    Attributes
    ----------
    saliency : Tensor of shape (P, m, n_rows, n_columns), float64
        Of the images; sums to 1 over cells.
    prior : Tensor of shape (P, m, m)
        Minus the logarithm of the share of each image (second) that each mixed image
        (first) expects.
    allowed : Tensor of shape (P, m, m), bool
        Which images each mixed image may take, itself among them.
    compatible : Tensor of shape (P, m, m)
        Symmetric: how much a pair of images in different mixed images costs.
    real : Tensor of shape (P, m), bool
        Images that are there, where parts differ in size.
    beta, gamma, eta : float
        Weights of borders, of the penalty and of the prior.
    threshold : float
        Penalty per mixed image up to which there is none.
    """

    saliency: Tensor
    prior: Tensor
    allowed: Tensor
    compatible: Tensor
    real: Tensor
    beta: float
    gamma: float
    eta: float
    threshold: float

    @property
    def n_cells(self) -> int:
        """Cells of an image."""
        return self.saliency.shape[2] * self.saliency.shape[3]

    def energy_of(self, j: int) -> GridEnergy:
        """Return what mixed image `j` of every part costs without the penalty."""
        unary = -self.saliency.permute(0, 2, 3, 1)
        alone = (self.eta / self.n_cells) * self.prior[:, j]
        alone = alone.masked_fill(~self.allowed[:, j], _FORBIDDEN)
        unary = unary + alone[:, None, None]
        n_images = unary.shape[3]
        step = self.beta / self.n_cells
        return GridEnergy(
            unary,
            torch.full_like(unary[:, :, 1:, 0], step),
            torch.full_like(unary[:, 1:, :, 0], step),
            torch.ones(n_images, n_images, dtype=unary.dtype).fill_diagonal_(0.0),
        )

    def count(self, labels: Tensor) -> Tensor:
        """Return the share of each image in some mixed images.

        Parameters
        ----------
        labels : Tensor of shape (n, n_rows, n_columns), int64

        Returns
        -------
        shares : Tensor of shape (n, m), float64
        """
        places = labels.flatten(1)
        size = len(labels), self.saliency.shape[1]
        counts = torch.zeros(size, dtype=torch.float64)
        ones = torch.ones_like(places, dtype=torch.float64)
        return counts.scatter_add_(1, places, ones) / self.n_cells

    def shares(self, labels: Tensor) -> Tensor:
        """Return the shares in all mixed images that are there: (P, m, m), float64."""
        counts = torch.stack([self.count(image) for image in labels.unbind(1)], 1)
        return counts * self.real.unsqueeze(2)

    def overlap(self, shares: Tensor) -> Tensor:
        """Return the sum over pairs of mixed images of their shares' product: (P,)."""
        total = shares.sum(1)
        together = torch.einsum("pi,pik,pk->p", total, self.compatible, total)
        alone = torch.einsum("pji,pik,pjk->p", shares, self.compatible, shares)
        return together - alone

    def total(self, labels: Tensor) -> Tensor:
        """Return the whole objective of each part: (P,), float64.

        Parameters
        ----------
        labels : Tensor of shape (P, m, n_rows, n_columns), int64
        """
        n_real = self.real.sum(1).double()
        single = torch.stack(
            [self.energy_of(j)(labels[:, j]) for j in range(labels.shape[1])], 1
        )
        penalty = self.overlap(self.shares(labels)) / n_real
        penalty = self.gamma * n_real * penalty.clamp(min=self.threshold)
        return (single * self.real).sum(1) + penalty


def solve_jointly(problem: JointProblem, n_sweeps: int) -> Tensor:
    """Return which image each cell of each mixed image comes from.

    Begins with the images themselves; no step makes the objective larger.

    Parameters
    ----------
    problem : JointProblem
        On the CPU.
    n_sweeps : int
        Over all mixed images, at most.

    Returns
    -------
    labels : Tensor of shape (P, m, n_rows, n_columns), int64
        Numbers of images in their part.
    """
    n_parts, n_images, n_rows, n_columns = problem.saliency.shape
    itself = torch.arange(n_images).view(1, -1, 1, 1)
    labels = itself.expand(n_parts, -1, n_rows, n_columns).contiguous()
    shares = problem.shares(labels)
    overlap = problem.overlap(shares)
    energies = [problem.energy_of(j) for j in range(n_images)]
    for _ in range(n_sweeps):
        before = labels.clone()
        for j, energy in enumerate(energies):
            # The overlap as a function of the shares of this image: linear.
            others = shares.sum(1) - shares[:, j]
            slope = 2.0 * torch.einsum("pik,pk->pi", problem.compatible, others)
            rest = overlap - (slope * shares[:, j]).sum(1)
            labels[:, j] = best_image(problem, energy, labels[:, j], slope, rest)
            shares[:, j] = problem.count(labels[:, j]) * problem.real[:, j : j + 1]
            overlap = rest + (slope * shares[:, j]).sum(1)
        if torch.equal(before, labels):
            break
    return labels


def best_image(
    problem: JointProblem,
    energy: GridEnergy,
    labels: Tensor,
    slope: Tensor,
    rest: Tensor,
) -> Tensor:
    """Return the best labels found for one mixed image, the others held.

    Parameters
    ----------
    problem : JointProblem
    energy : GridEnergy
        What the mixed image costs without the penalty.
    labels : Tensor of shape (P, n_rows, n_columns), int64
        What it is made of now.
    slope : Tensor of shape (P, m)
        Overlap with the others, for each image that all of it could be.
    rest : Tensor of shape (P,)
        Overlap of the others with each other.
    """
    n_parts = len(labels)
    price = (problem.gamma / problem.n_cells) * slope[:, None, None]
    costs = torch.cat([energy.unary + share * price for share in _SLOPES])
    # The best of every cell, and the one image that is best in all of them.
    alone = costs.argmin(3)
    whole = costs.flatten(1, 2).sum(1).argmin(1).view(-1, 1, 1).expand_as(alone)
    n_starts = 2 * len(_SLOPES)
    many = GridEnergy(
        costs.repeat(2, 1, 1, 1),
        energy.right.repeat(n_starts, 1, 1),
        energy.down.repeat(n_starts, 1, 1),
        energy.distance,
    )
    found = improve_lines(many, torch.cat((alone, whole)), 1)
    # Those found, and first what it is now, by the true objective.
    found = torch.cat((labels, found))
    index = torch.arange(len(found)) % n_parts
    counted = problem.count(found)
    n_real = problem.real.sum(1).double()[index]
    penalty = (rest[index] + (slope[index] * counted).sum(1)) / n_real
    penalty = problem.gamma * n_real * penalty.clamp(min=problem.threshold)
    value = (energy.some(index)(found) + penalty).view(-1, n_parts)
    found = found.view(-1, *labels.shape)
    return found[value.argmin(0), torch.arange(n_parts)]
