"""What processes run that are killed, and this one too, so that code is the same."""

import os
import sys
import threading
import time
from pathlib import Path

import torch
from torch import nn

from sk_mixup import MixupClassifier, MixupSearchCV
from tests.builders import blobs, people


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(4, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 2)
        )

    def forward(self, x):
        return self.layers(x)


def victim(kind, folder):
    """Return a model that is to be fitted, and its data."""
    own = {"random_state": 0, "device": "cpu"}
    if kind == "table":
        X, y, _ = people(90)
        table = MixupClassifier(preset="fast", max_epochs=20, **own)
        return table.set_params(checkpoint=folder), X, y
    X, y = blobs(90)
    net = MixupClassifier(Net, max_epochs=20, batch_size=16, **own)
    if kind == "module":
        return net.set_params(checkpoint=folder), X, y
    grid = {"alpha": [0.1, 1.0], "batch_size": [8, 16, 32]}
    return MixupSearchCV(net, grid, cv=2, checkpoint=folder), X, y


def die(folder, n_files, number):
    """End this process once so many checkpoints have been seen."""
    seen = set()
    while len(seen) < n_files:
        seen.update(Path(folder).rglob("*.checkpoint"))
        time.sleep(0.0005)
    os.kill(os.getpid(), number)


def fit_and_die(kind, folder, n_files, number):
    """Fit in this process, which does not live to see the end."""
    torch.set_num_threads(1)
    threading.Thread(target=die, args=(folder, n_files, number), daemon=True).start()
    model, X, y = victim(kind, folder)
    model.fit(X, y)


if __name__ == "__main__":
    sys.exit("Not by its own name: classes would have another one.")
