"""Training loops as an expert writes them for data that fits in memory.

The twins of the estimators: same net, optimizer, batch size and shuffling. No
validation, no callbacks, no checks; the loss is read once per epoch. What an estimator
takes beyond them is the price of everything it does for its user.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True)
class LoopResult:
    """What a loop leaves.

    Attributes
    ----------
    marks : list of float
        Clock at the start of every epoch, and at the end of the last.
    losses : list of float
        Mean training loss per epoch.
    module : nn.Module
        The trained net.
    """

    marks: list[float]
    losses: list[float]
    module: nn.Module


def train_loop(
    module: nn.Module,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    *,
    alpha: float,
    lr: float,
    batch_size: int,
    epochs: int,
    seed: int,
) -> LoopResult:
    """Train a net by hand; alpha 0 takes the loop without mixing.

    Parameters
    ----------
    module : nn.Module
        Trained in place.
    x, y : ndarray of shape (rows, features) and (rows,)
        Inputs and class indices.
    alpha : float
        Of Beta(alpha, alpha), one lambda per batch.
    lr, batch_size, epochs :
        As usual.
    seed : int
        Of the batch order and of lambda.
    """
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y)
    optimizer = torch.optim.AdamW(module.parameters(), lr=lr, fused=True)
    criterion = nn.CrossEntropyLoss()
    generator = torch.Generator().manual_seed(seed)
    rng = np.random.default_rng(seed)
    marks, losses = [], []
    module.train()
    for _ in range(epochs):
        marks.append(time.perf_counter())
        total = torch.zeros(())
        order = torch.randperm(len(inputs), generator=generator)
        for index in order.split(batch_size):
            xb, yb = inputs[index], labels[index]
            optimizer.zero_grad(set_to_none=True)
            if alpha > 0:
                loss = mixed_step_loss(module, criterion, xb, yb, alpha, rng)
            else:
                loss = criterion(module(xb), yb)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(index)
        losses.append(total.item() / len(inputs))
    marks.append(time.perf_counter())
    return LoopResult(marks, losses, module)


def mixed_step_loss(
    module: nn.Module,
    criterion: nn.Module,
    x: Tensor,
    y: Tensor,
    alpha: float,
    rng: np.random.Generator,
) -> Tensor:
    """Return the mixup loss of a batch, in the form of the paper's code."""
    lam = rng.beta(alpha, alpha)
    perm = torch.randperm(len(x))
    output = module(lam * x + (1 - lam) * x[perm])
    loss: Tensor = lam * criterion(output, y) + (1 - lam) * criterion(output, y[perm])
    return loss
