"""Criteria and optimizers by name, callbacks without a list, and extreme weights."""

import numpy as np
import pytest
import torch
from skorch.callbacks import Checkpoint, EpochTimer, LoadInitState
from torch import nn

from sk_mixup.training import listed_callbacks, named_criterion, named_optimizer
from tests.builders import assert_same_weights, blobs, classifier, regressor, weights_of


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adam", torch.optim.Adam),
        ("AdamW", torch.optim.AdamW),
        ("sgd", torch.optim.SGD),
    ],
)
def test_optimizers_have_names(name, expected):
    assert named_optimizer(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", nn.MSELoss),
        ("MSELoss", nn.MSELoss),
        ("mae", nn.L1Loss),
        ("cross_entropy", nn.CrossEntropyLoss),
        ("bce_with_logits", nn.BCEWithLogitsLoss),
        ("smooth_l1_loss", nn.SmoothL1Loss),
        ("huber", nn.HuberLoss),
    ],
)
def test_criteria_have_names(name, expected):
    assert named_criterion(name) is expected


def test_names_train_as_classes_do():
    X, y = blobs()
    template = nn.Linear(4, 1)
    fits = [
        regressor(
            module=template, criterion=criterion, optimizer=optimizer, lr=0.01
        ).fit(X, X[:, 0])
        for criterion, optimizer in (("mae", "sgd"), (nn.L1Loss, torch.optim.SGD))
    ]
    assert_same_weights(*fits)
    assert classifier(optimizer="adam", optimizer__weight_decay=0.1).fit(X, y).net_


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"optimizer": "adamm"}, ValueError, "optimizer='adamm'.*Did you mean 'adam"),
        ({"criterion": "mee"}, ValueError, "criterion='mee' is no loss of torch"),
        ({"optimizer": 3}, TypeError, "optimizer must be"),
        ({"criterion": 3}, TypeError, "criterion must be"),
        ({"callbacks": "timer"}, TypeError, "callbacks must be"),
        ({"callbacks": 3}, TypeError, "callbacks must be"),
        ({"callbacks": [print]}, TypeError, "callbacks must hold"),
        (
            {"optimizer": torch.optim.SGD([torch.zeros(1)], 0.1)},
            TypeError,
            "optimizer must be a class",
        ),
    ],
)
def test_what_is_none_names_the_parameter(params, error, words):
    with pytest.raises(error, match=words):
        classifier(**params).fit(*blobs())


def test_one_callback_needs_no_list():
    timer = EpochTimer()
    model = classifier(callbacks=timer).fit(*blobs())
    assert "dur" in model.history_[-1]
    assert model.callbacks is timer
    assert listed_callbacks(("timer", timer)) == [("timer", timer)]
    assert listed_callbacks(EpochTimer) == [EpochTimer]


def test_the_history_is_that_of_the_net(tmp_path):
    X, y = blobs()
    params = {"module": nn.Linear(4, 2), "max_epochs": 3, "mix": None}
    keeper = Checkpoint(dirname=tmp_path, monitor=None)
    classifier(**params, callbacks=keeper).fit(X, y)
    again = Checkpoint(dirname=tmp_path, monitor=None)
    model = classifier(**params, callbacks=[LoadInitState(again)]).fit(X, y)
    assert model.history_ is model.net_.history
    assert model.n_iter_ == len(model.history_) == 6


@pytest.mark.parametrize("scale", [9e307, 1e-300, 1e-310])
@pytest.mark.parametrize("module", ["mlp", lambda: nn.Linear(4, 2)])
def test_only_ratios_of_weights_count(scale, module):
    X, y = blobs()
    weight = np.where(y == 1, 1.0, 0.5)
    weight[3] = 0.25
    fits = [
        classifier(module=module).fit(X, y, sample_weight=weight * by)
        for by in (1.0, scale)
    ]
    for one, other in zip(*map(weights_of, fits), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_labels_of_sixty_four_bits_come_back():
    X, y = blobs()
    labels = np.array([2**64 - 1, 2**63 + 5], dtype=np.uint64)
    model = classifier(module="mlp").fit(X, labels[y])
    assert model.classes_.dtype == np.uint64
    assert set(model.predict(X).tolist()) <= set(labels.tolist())
