"""A fit that is killed and called again ends as if nothing had been."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EpochScoring, Freezer, LRScheduler
from torch import nn
from torch.utils.data import Dataset

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import MemoryPairing, Mixup
from tests.builders import blobs, bright_images, people
from tests.estimators.checkpoints.kills import (
    assert_ended_alike,
    counted_epochs,
    killed_at,
)

TABLE, LABELS, INCOME = people(80)
X, Y = blobs(70)
IMAGES, BRIGHT = bright_images(24)


class Net(nn.Module):
    """Has dropout of torch, running means and a count that no state_dict knows."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 16)
        self.norm = nn.BatchNorm1d(16)
        self.last = nn.Linear(16, 2)
        self.register_buffer("passing", torch.zeros(()), persistent=False)
        self.calls = 0

    def forward(self, x):
        if self.training:
            self.calls += 1
            self.passing += 0.5
        x = torch.relu(self.norm(self.first(x)))
        x = nn.functional.dropout(x, 0.3, self.training)
        return self.last(x) * (1 + 0.01 * (self.calls % 3) + 0.001 * self.passing)


class Learning(nn.Module):
    """A criterion that learns."""

    def __init__(self, reduction="none"):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(2))

    def forward(self, output, y):
        return nn.functional.cross_entropy(output * self.scale, y, reduction="none")


class Noisy(Callback):
    """Draws, and remembers what it has drawn."""

    def __init__(self):
        self.drawn = []

    def on_epoch_end(self, net, **kwargs):
        self.drawn.append(np.random.random())  # noqa: NPY002 - as users do
        with torch.no_grad():
            net.module_.last.bias += 0.01 * sum(self.drawn)


class Items(Dataset):
    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        return torch.from_numpy(X[index]) + 0.1 * torch.randn(4), int(Y[index])


def module(**params):
    return lambda: (
        {"module": Net, "max_epochs": 6, "batch_size": 16, "lr": 0.01} | params
    )


def noise(x):
    return x + 0.1 * torch.randn_like(x)


def annealed():
    return {"callbacks": [("own", LRScheduler("ReduceLROnPlateau", patience=1))]}


#: Kind: rows, target, and what makes the parameters.
KINDS = {
    "table": (TABLE, LABELS, lambda: {"max_epochs": 9, "preset": "fast"}),
    "numbers": (TABLE, INCOME, lambda: {"max_epochs": 6, "preset": "fast"}),
    "shared members": (TABLE, LABELS, lambda: {"module": "tabm", "alpha": 0.3}),
    "held out": (
        TABLE,
        LABELS,
        lambda: {"module": "mlp", "early_stopping": True, "max_epochs": 9},
    ),
    "module": (X, Y, module()),
    "best epoch": (X, Y, module(early_stopping=True, n_iter_no_change=2)),
    "average": (X, Y, module(ema=0.9, schedule="one_cycle", accumulate=2, warmup=1)),
    "augmented": (X, Y, module(augment=noise, clip_norm=0.5)),
    "momentum": (X, Y, module(optimizer="sgd", optimizer__momentum=0.9)),
    "asks again": (
        X,
        Y,
        module(optimizer=torch.optim.LBFGS, lr=0.1, optimizer__max_iter=2),
    ),
    "scheduler": (X, Y, lambda: module()() | annealed()),
    "callback": (X, Y, lambda: module()() | {"callbacks": [Noisy()]}),
    "scores": (
        X,
        Y,
        lambda: (
            module()()
            | {"callbacks": [EpochScoring("accuracy", name="own", on_train=True)]}
        ),
    ),
    "frozen": (X, Y, lambda: module()() | {"callbacks": [Freezer("first*")]}),
    "criterion": (X, Y, module(criterion=Learning)),
    "rising alpha": (X, Y, module(mix=Mixup(lambda progress: 0.1 + progress))),
    "memory": (X, Y, module(mix=Mixup(0.4, pairing=MemoryPairing(24)))),
    "several": (X, Y, module(mix=["mixup", "manifold"])),
    "loader": (X, Y, module(iterator_train__drop_last=True)),
    "data set": (Items(), None, module()),
    "wrapped": (
        X,
        Y,
        lambda: {"module": NeuralNetClassifier(Net, lr=0.1, max_epochs=5)},
    ),
    "images": (
        IMAGES,
        BRIGHT,
        lambda: {"module": "convnet", "mix": "cutmix"},
    ),
    "learned": (IMAGES, BRIGHT, lambda: {"module": "convnet", "mix": "auto_mix"}),
    "folds": (X, Y, module(calibration="temperature", max_epochs=5)),
}


def model(kind, **params):
    rows, target, make = KINDS[kind]
    cls = MixupRegressor if target is INCOME else MixupClassifier
    own = {"max_epochs": 5, "random_state": 0} | make() | params
    return cls(**own), rows, target


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_bit_for_bit(kind, tmp_path):
    whole, rows, target = model(kind)
    whole.fit(rows, target)
    killed, _, _ = model(kind, checkpoint=tmp_path)
    with killed_at(4):
        killed.fit(rows, target)
    again, _, _ = model(kind, checkpoint=tmp_path)
    with counted_epochs() as epochs:
        again.fit(rows, target)
    assert epochs
    assert_ended_alike(whole, again, X if kind == "data set" else rows)


@pytest.mark.parametrize("kind", ["table", "module", "callback", "folds"])
def test_a_finished_one_is_read_and_not_repeated(kind, tmp_path):
    whole, rows, target = model(kind, checkpoint=tmp_path)
    whole.fit(rows, target)
    again, _, _ = model(kind, checkpoint=tmp_path)
    with counted_epochs() as epochs:
        again.fit(rows, target)
    assert not epochs
    assert_ended_alike(whole, again, rows)


@pytest.mark.parametrize("n_files", [1, 2, 5, 6, 7])
def test_it_may_be_killed_whenever(n_files, tmp_path):
    whole, rows, target = model("module")
    whole.fit(rows, target)
    for _ in range(2):  # twice, at the same place of what is left
        killed, _, _ = model("module", checkpoint=tmp_path)
        with killed_at(n_files):
            killed.fit(rows, target)
        n_files = 1
    again, _, _ = model("module", checkpoint=tmp_path)
    assert_ended_alike(whole, again.fit(rows, target), rows)


def test_a_callback_of_mine_has_seen_all_epochs(tmp_path):
    killed, rows, target = model("callback", checkpoint=tmp_path)
    with killed_at(3):
        killed.fit(rows, target)
    seen = []
    own = Noisy()
    own.drawn = seen
    again, _, _ = model("callback", checkpoint=tmp_path, callbacks=[own])
    again.fit(rows, target)
    assert len(seen) == again.n_iter_


def test_a_training_that_goes_on_afterwards_is_the_same(tmp_path):
    whole, rows, target = model("momentum")
    whole.fit(rows, target).partial_fit(rows, target)
    for _ in range(2):
        stored, _, _ = model("momentum", checkpoint=tmp_path)
        stored.fit(rows, target)
    assert_ended_alike(whole, stored.partial_fit(rows, target), rows)
