"""Seeded generators, small data and short trainings that several rooms share."""

import copy

import numpy as np
import pandas as pd
import torch
from skorch.callbacks import Callback
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import MixContext


def generator(seed=0):
    """Return a generator of torch with this seed."""
    return torch.Generator().manual_seed(seed)


def blobs(n_rows=60, n_features=4, n_classes=2, seed=0):
    """Return float32 rows around one centre per class, and int labels."""
    random = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    centres = 2.0 * random.standard_normal((n_classes, n_features))
    X = centres[y] + random.standard_normal((n_rows, n_features))
    return X.astype(np.float32), y


def people(n_rows=60, seed=0):
    """Return a raw table with missing values and text, text labels and incomes."""
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, n_rows).astype(float)
    X = pd.DataFrame(
        {
            "age": age,
            "hours": random.integers(0, 60, n_rows),
            "job": random.choice(["nurse", "cook", "clerk"], n_rows).astype(object),
            "region": pd.Categorical(random.choice(["north", "south"], n_rows)),
            "member": random.random(n_rows) < 0.5,
        }
    )
    income = age * 100 + 500 * (X["job"] == "nurse") + random.normal(0, 100, n_rows)
    y = np.where(income > income.median(), "high", "low")
    X.loc[::7, "age"] = np.nan
    X.loc[::11, "job"] = None
    return X, y, income.to_numpy()


def scaled_logits(n_rows=400, n_classes=3, scale=1.0, seed=0):
    """Return logits that are `scale` times what they ought to be, and labels."""
    random = np.random.default_rng(seed)
    logits = 2.0 * random.standard_normal((n_rows, n_classes))
    y = (logits + random.gumbel(size=logits.shape)).argmax(1)
    return scale * logits, y


def bright_images(n_rows=32, n_channels=1, dtype=np.uint8):
    """Return images of which every second is bright above, and which ones."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 100, (n_rows, n_channels, 8, 8))
    pixels[::2, :, :4] += 150
    return pixels.astype(dtype), np.arange(n_rows) % 2


def mlp():
    """Return a small net with known weights, which seeds torch."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))


class LookedAt(nn.Module):
    """A net for rows of any shape and dtype, with a map where they are images."""

    def __init__(self, shape, n_outputs=8):
        super().__init__()
        self.is_image = len(shape) == 4
        width = shape[1] if len(shape) > 2 else shape[-1]
        if len(shape) == 3:  # (rows, columns, embedding)
            width = shape[2]
        layer = nn.Conv2d(width, 4, 3, padding=1) if self.is_image else None
        self.maps = layer or nn.Linear(width, 4)
        self.norm = nn.BatchNorm2d(4) if self.is_image else nn.Identity()
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, n_outputs)

    def forward(self, x):
        x = self.norm(self.maps(x.float())).relu()
        if self.is_image:
            x = x.flatten(2).mean(2)
        elif x.ndim > 2:
            x = x.flatten(1, -2).mean(1)
        return self.head(self.drop(x))


def looking_context(x, n_outputs=8, **facts):
    """Return a context with a net that takes `x`, for methods that look at it."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = LookedAt(x.shape, n_outputs)
    return MixContext(module=module, **facts)


def classifier(**params):
    """Return a classifier that trains for a moment."""
    return MixupClassifier(**({"max_epochs": 5, "random_state": 0} | params))


def regressor(**params):
    """Return a regressor that trains for a moment."""
    return MixupRegressor(**({"max_epochs": 5, "random_state": 0} | params))


class Recorder(Callback):
    """Keeps the weights after every epoch."""

    def __init__(self):
        self.states = []

    def on_epoch_end(self, net, **kwargs):
        self.states.append(copy.deepcopy(net.module_.state_dict()))


class Batches(Callback):
    """Keeps the rows of every training batch, before they are mixed."""

    def __init__(self):
        self.seen = []

    def on_batch_begin(self, net, batch, training, **kwargs):
        if training:
            self.seen.append(batch[0].clone())


def weights_of(model):
    """Return the values of the trained module."""
    return [value.numpy() for value in model.module_.state_dict().values()]


def assert_same_weights(one, other):
    """Check that two trainings ended alike, bit for bit."""
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_array_equal(a, b)


def same_weights(one, other):
    """Whether two trainings ended alike, bit for bit."""
    return all(map(np.array_equal, weights_of(one), weights_of(other)))


def no_hooks(module):
    """Whether nothing listens to a module or to a part of it."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    return not any(getattr(m, kind) for m in module.modules() for kind in kinds)
