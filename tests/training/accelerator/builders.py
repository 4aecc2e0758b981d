"""Small data, nets and models for trainings on the device `meta`."""

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from torch import nn

from sk_mixup import MixupClassifier

N_ROWS, BATCH, EPOCHS = 40, 8, 2
STEPS = N_ROWS // BATCH
#: Reads of an epoch at most, at its end: losses and accuracy, and one for each of those
#: that have a look of their own. `test_reads` says how many which training needs.
MOST_READS = 4


class Convolution(nn.Module):
    """A layer with maps, and a head."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(2, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.maps(x).relu().flatten(2).mean(2))


class Attention(nn.Module):
    """Patches that attend to each other, for methods that read that."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(2, 8, 2, stride=2)
        self.block = nn.MultiheadAttention(8, 2, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        tokens = self.patches(x).flatten(2).mT
        return self.head(self.block(tokens, tokens, tokens)[0].mean(1))


class Halved(nn.Linear):
    """Returns half precision, as a net under autocast does."""

    def forward(self, x):
        return super().forward(x).to(torch.bfloat16)


def perceptron():
    return nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3)
    )


def rng():
    return np.random.default_rng(0)


def vectors(n_rows=N_ROWS):
    return rng().standard_normal((n_rows, 4)).astype(np.float32)


def images():
    return rng().standard_normal((N_ROWS, 2, 8, 8)).astype(np.float32)


def sounds():
    return rng().standard_normal((N_ROWS, 64)).astype(np.float32)


def table(n_rows=N_ROWS):
    words = rng().choice(["Ulm", "Trier", "Jena"], n_rows)
    X = pd.DataFrame({"size": rng().normal(size=n_rows), "town": words})
    X.loc[::7, "size"] = np.nan
    return X


def matrix():
    return sparse.random(N_ROWS, 30, 0.2, format="csr", random_state=0)


def texts():
    words = rng()
    return [" ".join(words.choice(["a", "b", "c", "d"], 6)) for _ in range(N_ROWS)]


def bags():
    numbers = rng()
    return [numbers.normal(size=(2 + k % 3, 4)).astype("f4") for k in range(N_ROWS)]


def classes(n_rows=N_ROWS):
    return np.arange(n_rows) % 3


def numbers(n_rows=N_ROWS):
    return np.linspace(-1, 1, n_rows)


def model(kind=MixupClassifier, **params):
    own = {"max_epochs": EPOCHS, "batch_size": BATCH, "random_state": 0}
    own |= {"early_stopping": False, "precision": "float32"}
    return kind(**(own | params))


def assert_never_waits(found, *, n_steps=STEPS):
    """Check that epochs are read at their end alone; return their events."""
    _, epochs, _ = found.parts()
    assert [epoch.count("step") for epoch in epochs] == [n_steps] * len(epochs)
    for epoch in epochs:
        last = len(epoch) - 1 - epoch[::-1].index("step")
        assert "read" not in epoch[:last]
        assert epoch.count("read") <= MOST_READS
    return epochs
