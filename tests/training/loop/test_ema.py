"""Averages of weights, against a loop written by hand."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from sk_mixup.training.loop._ema import WeightAverage
from tests.builders import (
    Recorder,
    assert_same_weights,
    classifier,
)
from tests.training.by_hand import (
    SGD,
    VALIDATION,
    X_VAL,
    Y_VAL,
    X,
    Y,
    assert_like_by_hand,
    module,
)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_ema_is_the_weighted_mean_of_the_weights_after_each_step(decay):
    assert_like_by_hand({"decay": decay}, ema=decay)


def test_ema_of_accumulated_steps_counts_steps():
    assert_like_by_hand({"decay": 0.5, "group": 2}, ema=0.5, accumulate=2)


class Losses(Callback):
    """Computes the loss of the validation data with the weights callbacks see."""

    def __init__(self):
        self.losses = []

    def on_epoch_end(self, net, **kwargs):
        with torch.no_grad():
            output = net.module_(torch.from_numpy(X_VAL))
            loss = nn.functional.cross_entropy(output, torch.from_numpy(Y_VAL))
            self.losses.append(loss.item())


def test_ema_is_what_is_validated_and_what_callbacks_see():
    losses = Losses()
    model = classifier(module=module(), **SGD, ema=0.9, callbacks=[losses])
    model.fit(X, Y, **VALIDATION)
    assert model.history_[:, "valid_loss"] == pytest.approx(losses.losses, abs=1e-6)
    plain = classifier(module=module(), **SGD).fit(X, Y, **VALIDATION)
    assert model.history_[-1, "valid_loss"] != plain.history_[-1, "valid_loss"]


def test_ema_does_not_change_what_is_trained():
    averaged, plain = (
        classifier(module=module(), **SGD, ema=ema).fit(X, Y) for ema in (0.9, None)
    )
    assert averaged.history_[:, "train_loss"] == plain.history_[:, "train_loss"]


def test_early_stopping_keeps_the_best_average():
    recorder = Recorder()
    model = classifier(module=module(), **SGD | {"max_epochs": 6, "lr": 1.5}, ema=0.5)
    model.set_params(callbacks=[recorder]).fit(X, Y, **VALIDATION)
    best = int(np.argmin(model.history_[:, "valid_loss"]))
    for key, value in model.module_.state_dict().items():
        assert torch.equal(value, recorder.states[best][key])


def test_ema_goes_on_where_the_last_training_ended():
    one = classifier(module=module(), **SGD | {"max_epochs": 4}, ema=0.9)
    other = classifier(
        module=module(), **SGD | {"max_epochs": 2}, ema=0.9, warm_start=True
    )
    assert_same_weights(one.fit(X, Y), other.fit(X, Y).fit(X, Y))


def test_ema_of_partial_fits_is_that_of_one_training():
    whole = classifier(module=module(), **SGD, ema=0.9).fit(X, Y)
    parts = classifier(module=module(), **SGD, ema=0.9)
    for _ in range(3):
        parts.partial_fit(X, Y)
    assert_same_weights(whole, parts)


def test_a_changed_module_starts_a_new_average():
    net = module()
    average = WeightAverage(0.9)
    average.begin(net)
    average.update()
    average.show()
    average.end(lambda: None)
    with torch.no_grad():
        net[0].weight.add_(1.0)
    average.begin(net)
    assert average.n_steps == 0


def test_buffers_are_those_of_the_trained_module():
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    averaged, plain = (
        classifier(module=net, **SGD, ema=ema).fit(X, Y) for ema in (0.99, None)
    )
    for name, buffer in plain.module_.named_buffers():
        assert torch.equal(buffer, averaged.module_.get_buffer(name))
