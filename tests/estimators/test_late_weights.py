"""Trainings whose label weights follow from what the net shows."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional

from sk_mixup import MixupSearchCV, MixupWarning
from sk_mixup.callbacks import MixMonitor
from sk_mixup.skorch import MixupMixin
from tests.builders import blobs, bright_images, classifier, no_hooks, same_weights
from tests.mixing.layers.late import BrightnessMix, WatchingMix, shares

X, Y = blobs(24)
METHODS = [BrightnessMix(layers=["0"]), WatchingMix()]


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 2))


class Seen(Callback):
    """Keeps the first training batch and its partners."""

    batch = None

    def on_batch_begin(self, net, batch, training, **kwargs):
        if training and self.batch is None:
            self.batch = (*map(torch.as_tensor, batch), net.run_.mixed.plan)


def by_hand(method, rows, y, partner):
    """Return the loss and the share of hits of the untrained net on a mixed batch."""
    module, other = net(), y[partner]
    with torch.no_grad():
        if isinstance(method, BrightnessMix):
            hidden = module[0](rows)
            own = shares(hidden, partner)
            output = module[2](module[1]((hidden + hidden[partner]) / 2))
        else:
            mixed = (rows + rows[partner]) / 2
            own = module[0](mixed).mean(1).sigmoid()
            output = module(mixed)
    first, second = (
        functional.cross_entropy(output, t, reduction="none") for t in (y, other)
    )
    right = output.argmax(1)
    hits = own * (right == y) + (1 - own) * (right == other)
    return float((own * first + (1 - own) * second).mean()), float(hits.mean())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("method", METHODS)
def test_loss_and_accuracy_take_the_weights_of_the_pass(method, weighted):
    seen = Seen()
    model = classifier(
        module=net(),
        mix=method,
        max_epochs=5,
        batch_size=24,
        callbacks=[seen],
        early_stopping=False,
    )
    # Equal weights: the loss is the same, by another way.
    model.fit(X, Y, np.full(24, 2.0) if weighted else None)
    rows, y, plan = seen.batch
    loss, hits = by_hand(method, rows, y, plan.partner)
    assert model.history_[0]["train_loss"] == pytest.approx(loss, rel=1e-5)
    assert model.history_[0]["train_acc_mixed"] == pytest.approx(hits, rel=1e-5)
    assert no_hooks(model.module_)


@pytest.mark.parametrize("method", METHODS)
def test_an_optimizer_that_asks_again_gets_the_weights_of_each_pass(method):
    model = classifier(
        module=net(), mix=method, max_epochs=5, optimizer=torch.optim.LBFGS, lr=0.1
    ).fit(X, Y)
    assert np.isfinite(model.history_[-1]["train_loss"])


@pytest.mark.parametrize("method", METHODS)
def test_accumulated_steps_and_monitors_know_the_weights(method):
    model = classifier(
        module=net(),
        mix=method,
        batch_size=8,
        accumulate=2,
        callbacks=[MixMonitor()],
        max_epochs=60,
    ).fit(X, Y)
    assert model.history_[-1]["lam_mean"] == pytest.approx(0.5)


def test_a_search_trains_alone_what_it_cannot_fuse():
    model = classifier(module=net(), max_epochs=5)
    grid = {"mix": [WatchingMix(), WatchingMix(p=0.5)]}
    search = MixupSearchCV(model, grid, cv=2)
    with pytest.warns(MixupWarning, match="learns the weights of labels"):
        search.fit(X, Y)
    alone = classifier(module=net(), max_epochs=5, **search.best_params_).fit(X, Y)
    assert same_weights(search.best_estimator_, alone)


class Net(MixupMixin, NeuralNetClassifier):
    pass


class Spying(Net):
    batch = None

    def train_step_single(self, batch, **fit_params):
        if Spying.batch is None:
            Spying.batch = (*batch, self.mix_run_.plan)
        return super().train_step_single(batch, **fit_params)


@pytest.mark.parametrize("method", METHODS)
def test_a_skorch_net_takes_the_weights_of_the_pass(method):
    Spying.batch = None
    model = Spying(
        net(),
        criterion=nn.CrossEntropyLoss,
        mix=method,
        max_epochs=5,
        batch_size=24,
        train_split=None,
        verbose=0,
    ).fit(X, Y)
    rows, y, plan = Spying.batch
    loss, _ = by_hand(method, rows, y, plan.partner)
    assert model.history[0, "train_loss"] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("mix", ["feature_cutmix", "patch_up"])
def test_maps_of_the_bundled_nets_and_previews(mix):
    X, y = bright_images(32)
    model = classifier(module="convnet", mix=mix, max_epochs=6, batch_size=8)
    preview = model.preview(X, y, n=4)
    assert preview.targets.shape == (4, 2)
    model.fit(X, y)
    assert np.isfinite(model.history_[:, "train_loss"]).all()
    assert no_hooks(model.module_)
