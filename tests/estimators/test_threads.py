"""Fits in threads: the nets of fits one by one, and nothing global changes."""

import random
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import Dataset

from sk_mixup import MixupSearchCV
from sk_mixup.augment import RandomFlip
from sk_mixup.training import StopTraining
from tests.builders import blobs, classifier, people, weights_of

N_THREADS = 8
TABLE, LABELS, _ = people(40)
X, Y = blobs(40)
IMAGES = np.random.default_rng(0).random((40, 1, 8, 8), dtype=np.float32)
TEXTS = np.array(["a red fox", "the lazy dog", "one blue bird"] * 14, dtype=object)[:40]

pytestmark = pytest.mark.usefixtures("unchanged_random_state", "unchanged_switches")


@pytest.fixture
def unchanged_switches():
    """Fail a test that changes what else a process has once; switch threads often."""

    def switches():
        return {
            "dtype": torch.get_default_dtype(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "fast attention": torch.backends.mha.get_fastpath_enabled(),
            "gradients": torch.is_grad_enabled(),
        }

    before, interval = switches(), sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(interval)
    assert switches() == before


class Drawing(nn.Module):
    """Draws from all global generators, by dropout and by its own code."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.5), nn.Linear(16, 2))
        self.shift = float(np.random.rand())  # noqa: NPY002 - as users do

    def forward(self, x):
        if self.training:
            x = x + self.shift * np.random.rand() + random.random()  # noqa: NPY002
        return self.layers(x)


class AlwaysDrawing(Drawing):
    """Draws when it is evaluated, too."""

    def forward(self, x):
        return super().forward(x + torch.rand(1))


class Noise(Callback):
    """Draws between two steps."""

    def on_batch_end(self, net, training, **kwargs):
        if training:
            with torch.no_grad():
                net.module_.weight += 0.01 * torch.randn(2, 4)


class Augmented(Dataset):
    """Draws items anew at every look."""

    def __len__(self):
        return len(X)

    def __getitem__(self, i):
        return torch.from_numpy(X[i]) + torch.randn(4) + random.random(), int(Y[i])


def linear():
    return nn.Linear(4, 2)


KINDS = {
    "table": ({}, TABLE, LABELS),
    "own module": ({"module": Drawing, "early_stopping": True}, X, Y),
    "convolutions": (
        {"module": "convnet", "mix": "cutmix", "module__dropout": 0.5},
        *(IMAGES[:, 0], Y),
    ),
    "texts": ({"module": "text_bag"}, TEXTS, Y),
    "attention": ({"module": "ft_transformer"}, TABLE, LABELS),
    "hidden layers": ({"module": Drawing, "mix": "manifold"}, X, Y),
    "augmented": (
        {"module": "resnet", "augment": RandomFlip(), "module__width": 4},
        *(IMAGES, Y),
    ),
    "callback": ({"module": linear, "callbacks": [Noise()]}, X, Y),
    "data set": ({"module": linear}, Augmented(), None),
    "out of fold": ({"calibration": "temperature", "module": linear}, X, Y),
}


def assert_equal(some, others):
    for a, b in zip(some, others, strict=True):
        np.testing.assert_array_equal(a, b)


def in_threads(function, seeds):
    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(function, seeds))


@pytest.mark.parametrize("kind", KINDS)
def test_fits_in_threads_are_fits_one_by_one(kind):
    params, rows, labels = KINDS[kind]

    def fit(seed):
        model = classifier(random_state=seed, **params).fit(rows, labels)
        temperature = np.asarray(model.temperature_, dtype=float)
        return [*weights_of(model), temperature]

    alone = [fit(seed) for seed in range(2)] * 2
    for one, other in zip(alone, in_threads(fit, [0, 1] * 2), strict=True):
        assert_equal(one, other)


def test_kinds_of_nets_train_beside_each_other():
    def fit(kind):
        params, rows, labels = KINDS[kind]
        return weights_of(classifier(**params).fit(rows, labels))

    kinds = ["table", "own module", "convolutions", "texts"] * 2
    alone = [fit(kind) for kind in kinds[:4]] * 2
    for one, other in zip(alone, in_threads(fit, kinds), strict=True):
        assert_equal(one, other)


@pytest.mark.parametrize("module", [None, Drawing], ids=["table", "own module"])
@pytest.mark.filterwarnings("ignore:None of the fits")
def test_searches_in_threads_are_searches_one_by_one(module):
    def search(seed):
        model = classifier(module=module, random_state=seed)
        one = MixupSearchCV(model, {"alpha": [0.0, 0.4]}, cv=2, scoring="neg_log_loss")
        return one.fit(X, Y).cv_results_["mean_test_score"]

    alone = [search(seed) for seed in range(2)] * 2
    np.testing.assert_array_equal(alone, in_threads(search, [0, 1] * 2))


def test_a_fit_inside_a_fit_has_its_own_numbers():
    inner = []

    class Fits(Callback):
        def on_epoch_end(self, net, **kwargs):
            inner.append(weights_of(classifier(module=Drawing).fit(X, Y)))

    outer = classifier(module=Drawing, callbacks=[Fits()]).fit(X, Y)
    alone = weights_of(classifier(module=Drawing).fit(X, Y))
    for found in [weights_of(outer), *inner]:
        assert_equal(found, alone)


def test_a_training_that_reads_globals_lets_others_have_their_turn():
    began, done = threading.Event(), threading.Event()

    class Watch(Callback):
        def on_batch_end(self, net, **kwargs):
            began.set()

        def on_epoch_end(self, net, **kwargs):
            if done.is_set():
                raise StopTraining

    def short():
        began.wait(20)
        classifier(module=Drawing).fit(X, Y)
        done.set()

    thread = threading.Thread(target=short)
    thread.start()
    endless = {"max_epochs": 100_000, "callbacks": [Watch()]}
    long = classifier(module=Drawing, **endless).fit(X, Y)
    thread.join(20)
    assert len(long.history_) < 100_000


def test_a_module_that_draws_when_evaluated_is_judged_alike():
    params = {"module": AlwaysDrawing, "early_stopping": True}
    one, other = (classifier(**params).fit(X, Y) for _ in range(2))
    assert one.temperature_ == other.temperature_
    assert one.history_[:, "valid_loss"] == other.history_[:, "valid_loss"]
