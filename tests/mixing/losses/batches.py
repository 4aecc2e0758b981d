"""Mixed batches and the formulas of losses, written slowly."""

import math

import torch

from sk_mixup.mixing import (
    BinaryCrossEntropy,
    DecoupledCrossEntropy,
    MixedTargets,
    RankMixupLoss,
    SoftCrossEntropy,
    TwoHotBinaryCrossEntropy,
)
from tests.builders import generator

C = 4
WEIGHT = [0.2, 1.0, 5.0, 0.0]
LOSSES = [
    SoftCrossEntropy,
    BinaryCrossEntropy,
    TwoHotBinaryCrossEntropy,
    DecoupledCrossEntropy,
    RankMixupLoss,
]


def batch(n_rows=9, n_classes=C, dtype=torch.float64):
    """Return logits and a pair: different classes, the same, unmixed, half and half."""
    output = torch.randn(n_rows, n_classes, generator=generator(1), dtype=dtype)
    y = torch.randint(0, n_classes, (n_rows,), generator=generator(2))
    partner = torch.randint(0, n_classes, (n_rows,), generator=generator(3))
    lam = torch.rand(n_rows, generator=generator(4), dtype=dtype)
    partner[0] = y[0]
    y[1], partner[1], lam[1] = 0, 1, 1.0
    y[2], partner[2], lam[2] = 0, 1, 0.5
    y[3], partner[3], lam[3] = 2, 1, 0.0
    return output, MixedTargets(y, partner, lam)


def slow_soft(pair, n_classes=C):
    soft = torch.zeros(len(pair.y), n_classes, dtype=pair.lam.dtype)
    for i, (own, other, lam) in enumerate(zip(*pair, strict=True)):
        soft[i, own] += lam
        soft[i, other] += 1 - lam
    return soft


def softmax(logits):
    exponentials = [math.exp(z) for z in logits]
    return [e / sum(exponentials) for e in exponentials]


def bce(z, t, pos_weight=1.0):
    p = 1 / (1 + math.exp(-z))
    return -(pos_weight * t * math.log(p) + (1 - t) * math.log(1 - p))


def rows_of(one_row, *columns):
    values = [one_row(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    return torch.tensor(values, dtype=torch.float64)
