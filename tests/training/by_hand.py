"""A training loop written by hand, and the same training of a classifier."""

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import nn

from tests.builders import (
    blobs,
    classifier,
    weights_of,
)

X, Y = blobs(60, n_classes=3)
X_VAL, Y_VAL = blobs(32, n_classes=3, seed=0)
VALIDATION = {"X_val": X_VAL, "y_val": Y_VAL}
SGD = {
    "mix": None,
    "optimizer": torch.optim.SGD,
    "optimizer__momentum": 0.9,
    "lr": 0.1,
    "batch_size": 16,  # 60 rows: the fourth batch has 12
    "max_epochs": 3,
}


def module():
    """Return a small net with known weights."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


class Batches(Callback):
    """Keeps the batches of a training, by epoch."""

    def __init__(self):
        self.epochs = []

    def on_epoch_begin(self, net, **kwargs):
        self.epochs.append([])

    def on_batch_begin(self, net, batch, training, **kwargs):
        if training:
            self.epochs[-1].append(tuple(part.clone() for part in batch))


def by_hand(epochs, *, lr=0.1, group=1, clip=None, decay=None, rate=None):
    """Return the weights of a plain loop over the same batches."""
    net = module()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    average, n_steps, done = None, 0, 0
    total = sum(map(len, epochs))
    for batches in epochs:
        for start in range(0, len(batches), group):
            rows = batches[start : start + group]
            for _ in rows:
                if rate is not None:
                    optimizer.param_groups[0]["lr"] = lr * rate(done, total)
                done += 1
            x, y = (torch.cat(parts) for parts in zip(*rows, strict=True))
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(net.parameters(), clip)
            optimizer.step()
            n_steps += 1
            now = [p.detach().clone() for p in net.parameters()]
            if decay is not None:
                # All steps so far, each with its weight, from the definition.
                history = [*(average or []), now]
                average = history
    if decay is None:
        return [p.detach().numpy() for p in net.parameters()]
    weight = np.array([decay ** (n_steps - 1 - i) for i in range(n_steps)])
    weight /= weight.sum()
    return [
        sum(w * step[k].numpy() for w, step in zip(weight, average, strict=True))
        for k in range(len(average[0]))
    ]


def assert_like_by_hand(expected, **knobs):
    """Check a training against `by_hand`, on the batches of that training."""
    batches = Batches()
    model = classifier(module=module(), callbacks=[batches], **(SGD | knobs)).fit(X, Y)
    for a, b in zip(
        weights_of(model), by_hand(batches.epochs, **expected), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-6)
    return model
