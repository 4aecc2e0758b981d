"""How often an epoch reads from its device, by what is asked of the training."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import EpochScoring
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor, callbacks
from sk_mixup.callbacks import MixMonitor
from tests.training.accelerator.builders import (
    Convolution,
    assert_never_waits,
    classes,
    images,
    model,
    numbers,
    perceptron,
    table,
    vectors,
)
from tests.training.accelerator.meta import traffic_of
from tests.training.accelerator.test_methods import case

pytestmark = [
    pytest.mark.filterwarnings("ignore:max_epochs"),
    pytest.mark.filterwarnings("ignore:alpha is strong"),
    # All that is read here is zero.
    pytest.mark.filterwarnings("ignore:The net is under-confident"),
]

VALIDATED = {"early_stopping": True, "validation_fraction": 0.3}
N_MEMBER_ROWS = 300


def reads(estimator, X, y, **fit):
    """Fit, and return the reads of every epoch, none of which came between steps."""
    found = traffic_of(estimator, X, y, **fit)
    _, epochs, _ = found.parts()
    n_steps = epochs[0].count("step")
    assert_never_waits(found, n_steps=n_steps)
    return [epoch.count("read") for epoch in epochs]


def reads_of_net(**params):
    return reads(model(module=perceptron(), **params), vectors(), classes())


def reads_of_members(kind=MixupClassifier, **params):
    """Of members that each leave out a fold: the rate falls after epoch 1 of 4."""
    members = model(
        kind, **{"batch_size": 60, "early_stopping": "auto", "max_epochs": 4} | params
    )
    y = np.arange(N_MEMBER_ROWS)
    y = y % 2 if kind is MixupClassifier else y / N_MEMBER_ROWS
    return reads(members, table(N_MEMBER_ROWS), y)


def test_losses_and_accuracy_are_one_message():
    assert reads_of_net() == [1, 1]


def test_those_of_validation_rows_are_in_the_same_message():
    assert reads_of_net(**VALIDATED) == [1, 1]


def test_so_are_those_of_several_batches_of_validation_rows():
    X, y = images(), classes()
    stopped = model(module=Convolution(), early_stopping=True)
    assert reads(stopped, X, y, X_val=X, y_val=y) == [1, 1]


def test_numbers_have_no_accuracy_and_one_message_too():
    net = model(MixupRegressor, module=nn.Linear(4, 1), **VALIDATED)
    assert reads(net, vectors(), numbers()) == [1, 1]


def test_averaged_weights_are_not_read():
    assert reads_of_net(ema=0.9, **VALIDATED) == [1, 1]


def test_trainings_for_a_temperature_read_as_others_do():
    found = traffic_of(
        model(module=perceptron(), calibration="temperature"), vectors(), classes()
    )
    _, epochs, _ = found.parts()
    trained = [epoch.count("read") for epoch in epochs if "step" in epoch]
    assert trained == [1] * len(trained)


def test_members_that_leave_out_folds_read_once_more_where_their_rate_turns():
    assert reads_of_members() == [2, 1, 1, 1]


def test_members_that_predict_numbers_do_the_same():
    assert reads_of_members(MixupRegressor) == [2, 1, 1, 1]


def test_members_whose_classes_have_weights_do_the_same():
    weighted = {"criterion__weight": torch.tensor([1.0, 2.0])}
    assert reads_of_members(**weighted) == [2, 1, 1, 1]


def test_members_that_need_not_find_out_about_mixing_read_once():
    assert reads_of_members(mix=None) == [1, 1, 1, 1]


def test_members_are_taken_over_in_a_few_reads():
    members = model(batch_size=60, early_stopping="auto", max_epochs=4)
    _, _, after = traffic_of(members, table(300), np.arange(300) % 2).parts()
    # The places of either table of categories, and what the temperature is fitted on.
    assert after.count("read") <= 3


# -- callbacks -----------------------------------------------------------------------


@pytest.mark.parametrize("name", callbacks.__all__)
def test_a_bundled_callback_is_one_message_more(name):
    callback = getattr(callbacks, name)()
    assert reads_of_net(callbacks=[callback], **VALIDATED) == [2, 2]


@pytest.mark.parametrize(
    "name", ["cutmix", "manifold", "reg_mixup", "trans_mix", "token_mix", "auto_mix"]
)
def test_the_monitor_is_one_message_more_whatever_it_sees(name):
    kind, params, X, y = case(name)
    watched = model(kind, callbacks=[MixMonitor()], **params)
    assert reads(watched, X, y) == [2, 2]


def test_the_monitor_of_members_is_one_message_more_where_it_looks():
    watched = {"callbacks": [MixMonitor()], "max_epochs": 8}
    assert reads_of_members(**watched) == [2, 2, 1, 2, 2, 2, 1, 2]


def test_a_checkpoint_is_one_message_whatever_it_holds(tmp_path):
    stored = {"checkpoint": str(tmp_path), "ema": 0.9}
    assert reads_of_net(**stored, **VALIDATED) == [2, 2]


def test_all_of_it_together_are_four_messages(tmp_path):
    watched = {"callbacks": [MixMonitor()], "checkpoint": str(tmp_path)}
    assert max(reads_of_members(**watched)) == 4


def score(**params):
    return EpochScoring("accuracy", name="own", lower_is_better=False, **params)


@pytest.mark.parametrize("rows", ["vectors", "images"])
def test_a_score_of_skorch_is_one_message_however_many_batches_it_has(rows):
    scored = {"callbacks": [score()], "early_stopping": True}
    X, y = (vectors(), classes()) if rows == "vectors" else (images(), classes())
    net = perceptron() if rows == "vectors" else Convolution()
    assert reads(model(module=net, **scored), X, y, X_val=X, y_val=y) == [2, 2]


@pytest.mark.parametrize("rows", ["vectors", "images"])
def test_a_score_of_training_rows_is_one_message_too(rows):
    scored = {"callbacks": [score(on_train=True)]}
    X, net = (
        (vectors(), perceptron()) if rows == "vectors" else (images(), Convolution())
    )
    assert reads(model(module=net, **scored), X, classes()) == [2, 2]


@pytest.mark.parametrize("nonlinearity", ["auto", lambda output: output.softmax(1)])
def test_a_wrapped_net_reads_for_its_own_accuracy(nonlinearity):
    net = NeuralNetClassifier(
        perceptron(),
        criterion=nn.CrossEntropyLoss,
        predict_nonlinearity=nonlinearity,
        max_epochs=2,
        batch_size=8,
        device="meta",
        verbose=0,
    )
    wrapped = MixupClassifier(net, random_state=0, **VALIDATED)
    assert reads(wrapped, vectors(), classes()) == [2, 2]
