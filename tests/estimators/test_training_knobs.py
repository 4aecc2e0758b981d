"""Settings of a training as parameters of an estimator."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from skorch.callbacks import LRScheduler
from torch import nn

from sk_mixup.augment import GaussianNoise
from tests.builders import (
    assert_same_weights,
    blobs,
    classifier,
    mlp,
    people,
    regressor,
    same_weights,
    weights_of,
)

X, Y = blobs(64)
TABLE, LABELS, INCOME = people(60)
KNOBS = {
    "augment": GaussianNoise(0.01),
    "schedule": "cosine",
    "warmup": 1,
    "ema": 0.9,
    "clip_norm": 1.0,
    "accumulate": 2,
    "precision": "bfloat16",
}


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("schedule", "cosin", ValueError),
        ("schedule", 3, ValueError),
        ("warmup", -1, ValueError),
        ("warmup", "1", TypeError),
        ("ema", 1.0, ValueError),
        ("ema", True, TypeError),
        ("clip_norm", 0, ValueError),
        ("clip_norm", -1.0, ValueError),
        ("accumulate", 0, ValueError),
        ("accumulate", 1.5, TypeError),
        ("precision", "half", ValueError),
        ("precision", torch.bfloat16, ValueError),
        ("compile", "yes", TypeError),
        ("compile", {"speed": 3}, ValueError),
        ("compile__mode", "default", ValueError),
        ("channels_last", 1, TypeError),
        ("augment", "flip", TypeError),
    ],
)
def test_bad_values_are_found_before_training(name, value, error):
    for make in (classifier, regressor):
        model = make(**{name: value})
        with pytest.raises(error, match=name.partition("__")[0]):
            model.fit(X, Y)


def test_a_misspelt_schedule_is_corrected():
    with pytest.raises(ValueError, match="Did you mean 'cosine'"):
        classifier(schedule="cosin").fit(X, Y)


@pytest.mark.parametrize("make", [classifier, regressor])
def test_settings_survive_clone_and_pickle(make):
    model = make(**KNOBS).fit(TABLE, LABELS if make is classifier else INCOME)
    params = clone(model).get_params()
    assert {k: params[k] for k in KNOBS if k != "augment"} == {
        k: v for k, v in KNOBS.items() if k != "augment"
    }
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.predict(TABLE), model.predict(TABLE))


@pytest.mark.parametrize("make", [classifier, regressor])
def test_settings_go_on_after_pickling(make):
    y = LABELS if make is classifier else INCOME
    models = [make(**KNOBS).partial_fit(TABLE, y) for _ in range(2)]
    models[1] = pickle.loads(pickle.dumps(models[1]))
    for model in models:
        model.partial_fit(TABLE, y)
    assert_same_weights(*models)


def test_settings_are_swept():
    grid = {"ema": [None, 0.5], "clip_norm": [0.1]}
    model = classifier(module=mlp())
    search = GridSearchCV(model, grid, cv=2).fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_table_with_all_settings_is_learnt():
    model = classifier(**KNOBS | {"max_epochs": 30, "lr": 0.02}).fit(TABLE, LABELS)
    assert model.score(TABLE, LABELS) > 0.8


def test_ema_can_be_switched_off_between_fits():
    model = classifier(module=mlp(), ema=0.9, warm_start=True).fit(X, Y)
    model.set_params(ema=None).fit(X, Y)
    assert "module_average_" not in vars(model.net_)


# -- wrapped skorch nets ---------------------------------------------------------------


@pytest.mark.parametrize(
    "knobs",
    [
        {"schedule": "cosine"},
        {"ema": 0.9},
        {"clip_norm": 0.01},
        {"accumulate": 2},
        {"precision": "bfloat16"},
        {"augment": lambda x: x * 2},
        {"warmup": 0.5},
    ],
    ids=" ".join,
)
def test_wrapped_nets_take_every_setting(knobs):
    optimizer = {"optimizer": torch.optim.SGD, "lr": 0.1, "batch_size": 16}
    net = NeuralNetClassifier(mlp, criterion=nn.CrossEntropyLoss, **optimizer)
    wrapped = classifier(module=net, **knobs).fit(X, Y)
    own = classifier(module=mlp, **optimizer, **knobs).fit(X, Y)
    plain = classifier(module=net).fit(X, Y)
    assert_same_weights(wrapped, own)
    assert not same_weights(wrapped, plain)


@pytest.mark.usefixtures("empty_dynamo")
def test_a_wrapped_net_that_compiles_itself_gives_a_plain_module():
    net = NeuralNetClassifier(
        mlp, criterion=nn.CrossEntropyLoss, compile=True, compile__backend="eager"
    )
    model = classifier(module=net).fit(X, Y)
    assert model.net_.compile_options_ == {"backend": "eager"}
    assert type(model.module_) is nn.Sequential


class OwnInfer(NeuralNetClassifier):
    """A net that calls its module in a way of its own."""

    def infer(self, x, **fit_params):
        return super().infer(x * 2, **fit_params)


@pytest.mark.usefixtures("empty_dynamo")
def test_settings_reach_a_net_with_its_own_infer():
    net = OwnInfer(mlp, criterion=nn.CrossEntropyLoss)
    plain = classifier(module=net).fit(X, Y)
    half = classifier(module=net, precision="bfloat16").fit(X, Y)
    difference = np.abs(weights_of(plain)[0] - weights_of(half)[0]).max()
    assert 0 < difference < 0.05
    compiled = classifier(module=net, compile={"backend": "eager"}).fit(X, Y)
    np.testing.assert_allclose(weights_of(plain)[0], weights_of(compiled)[0], atol=1e-6)


def test_two_schedules_are_refused():
    callbacks = [LRScheduler(policy="StepLR", step_size=1)]
    model = classifier(module=mlp(), schedule="cosine", callbacks=callbacks)
    with pytest.raises(ValueError, match="LRScheduler would both"):
        model.fit(X, Y)


def test_a_scheduler_of_skorch_stands_in_for_a_schedule():
    steps = LRScheduler(policy="StepLR", step_size=1, gamma=0.5, step_every="batch")
    model = classifier(module=mlp(), callbacks=[steps], lr=0.1, batch_size=16)
    model.fit(X, Y)
    rates = model.history_[0, "batches", :, "event_lr"]
    assert rates == pytest.approx([0.1, 0.05, 0.025, 0.0125])


# -- progress --------------------------------------------------------------------------


def test_verbose_2_shows_a_bar_with_the_time_left_and_the_table(capsys):
    pytest.importorskip("tqdm")
    model = classifier(verbose=2, batch_size=16).fit(X, Y)
    printed = capsys.readouterr()
    assert "/5 [" in printed.err
    assert "train_loss" in printed.out
    assert printed.out.count("\n") >= 5
    pickle.dumps(model)


def test_verbose_2_without_tqdm_names_the_extra(monkeypatch):
    monkeypatch.setattr("sk_mixup.estimators._settings.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"sk-mixup\[progress\]"):
        classifier(verbose=2).fit(X, Y)


def test_verbose_1_shows_no_bar(capsys):
    classifier(verbose=1).fit(X, Y)
    assert capsys.readouterr().err == ""
