"""Parameters that change between trainings of one net: each takes effect, or raises.

The table goes over all that `get_params` lists: a new parameter needs a line here, and
in `sk_mixup.estimators._going_on`, where one that is not named is refused.
"""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EpochScoring
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import Mixup
from tests.builders import Recorder, blobs, classifier, people, regressor, weights_of

X, Y = blobs(64)


class Net(nn.Module):
    def __init__(self, bias=True):
        super().__init__()
        self.linear = nn.Linear(4, 2, bias=bias)

    def forward(self, x):
        return self.linear(x)


def built(kind=classifier, **params):
    """Return a model of a plain module, trained once."""
    own = {"module": Net, "mix": None, "warm_start": True, "lr": 0.01}
    if kind is regressor:
        own["module"] = nn.Linear(4, 1)
    return kind(**(own | params))


def changed_weights(**change):
    """Say that a second training ends elsewhere than without the change."""

    def check(start, again):
        same = again(start()).module_.state_dict()
        other = again(start().set_params(**change)).module_.state_dict()
        assert any(not torch.equal(a, other[key]) for key, a in same.items())

    return check


def seen(looks, **change):
    """Say what is to be seen after a second training."""

    def check(start, again):
        model = start()
        again(model.set_params(**change))
        assert looks(model)

    return check


def raises(words, kind=classifier, base=None, **change):
    """Say that a second training raises, as it looks at the new value."""

    def check(start, again):
        model = start(kind, **(base or {})).set_params(**change)
        with pytest.raises(ValueError, match=words):
            again(model)

    return check


def refused(name, **change):
    """Say that a second training raises, names the parameter and leaves the model."""

    def check(start, again):
        model = start().set_params(**change)
        before = [value.copy() for value in weights_of(model)]
        with pytest.raises(ValueError, match=rf"{name}=.* goes on with a net .* with"):
            again(model)
        for now, then in zip(weights_of(model), before, strict=True):
            np.testing.assert_array_equal(now, then)

    return check


#: Parameter: what a second training with another value does.
CASES = {
    "module": refused("module", module=nn.Linear(4, 2)),
    "preset": refused("preset", preset="fast"),
    "criterion": refused("criterion", criterion=nn.MultiMarginLoss),
    "categorical_features": refused("categorical_features", categorical_features=[0]),
    "mix": changed_weights(mix=Mixup(1.0)),
    "alpha": changed_weights(mix="mixup", alpha=1.0),
    "max_epochs": seen(lambda m: m.n_iter_ == 5 + 3, max_epochs=3),
    "batch_size": seen(
        lambda m: m.history_[-1]["batches"][0]["train_batch_size"] == 16, batch_size=16
    ),
    "lr": seen(lambda m: m.net_.optimizer_.param_groups[0]["lr"] == 0.5, lr=0.5),
    "optimizer": seen(
        lambda m: type(m.net_.optimizer_) is torch.optim.SGD, optimizer=torch.optim.SGD
    ),
    "callbacks": seen(lambda m: m.callbacks[0].states, callbacks=[Recorder()]),
    "augment": changed_weights(augment=lambda x: -x),
    "schedule": changed_weights(schedule="linear"),
    "warmup": changed_weights(warmup=2),
    "ema": changed_weights(ema=0.9, batch_size=16),
    "clip_norm": changed_weights(clip_norm=1e-6, optimizer=torch.optim.SGD),
    "accumulate": changed_weights(accumulate=2, batch_size=16),
    "precision": changed_weights(precision="bfloat16"),
    "compile": seen(
        lambda m: m.net_.compile_options_ == {"backend": "eager"},
        compile={"backend": "eager"},
    ),
    "channels_last": raises("channels_last=True is for images", channels_last=True),
    "device": seen(lambda m: m.net_.device == "cpu", device="cpu"),
    "verbose": seen(lambda m: m.net_.verbose == 1, verbose=1),
    "warm_start": seen(lambda m: m.n_iter_ == 5, warm_start=False),
    "early_stopping": seen(
        lambda m: "valid_loss" in m.history_[-1], early_stopping=True
    ),
    "validation_fraction": seen(
        lambda m: m.history_[-1]["batches"][-1]["valid_batch_size"] == 32,
        early_stopping=True,
        validation_fraction=0.5,
    ),
    "n_iter_no_change": seen(
        lambda m: m.n_iter_ < 50,
        early_stopping=True,
        n_iter_no_change=1,
        max_epochs=1000,
        lr=1e-30,
    ),
    "class_weight": changed_weights(class_weight={0: 100.0, 1: 1.0}),
    "calibration": raises(
        "calibration='temperature' needs rows", calibration="temperature"
    ),
    "target_kind": raises("target_kind='soft'.* began with", target_kind="soft"),
    "importance": seen(
        lambda m: m.feature_importances_.shape == (X.shape[1],),
        importance="permutation",
    ),
    "checkpoint": raises("checkpoint='here' takes up", checkpoint="here"),
    "checkpoint_every": raises(
        "checkpoint_every must be an int of at least 1", checkpoint_every=0
    ),
    "distributed": raises(
        "distributed must be 'auto', 'parts' or None", distributed="all"
    ),
    "random_state": changed_weights(random_state=7, batch_size=16),
    "head": raises(
        "head='gaussian'.* began with head 'mean'", regressor, head="gaussian"
    ),
    "quantiles": raises(
        "quantiles=.* began with head",
        regressor,
        {"module": None, "head": "quantile"},
        quantiles=[0.1, 0.9],
    ),
    "module__bias": refused("module__bias", module__bias=False),
    "mix__per": changed_weights(mix="mixup", alpha=1.0, mix__per="row"),
    "optimizer__weight_decay": seen(
        lambda m: m.net_.optimizer_.param_groups[0]["weight_decay"] == 0.5,
        optimizer__weight_decay=0.5,
    ),
    "criterion__label_smoothing": refused(
        "criterion__label_smoothing", criterion__label_smoothing=0.1
    ),
    "callbacks__print_log__sink": seen(
        lambda m: dict(m.net_.callbacks_)["print_log"].sink is repr,
        callbacks__print_log__sink=repr,
    ),
    "iterator_train__drop_last": seen(
        lambda m: m.history_[-1, "train_batch_count"] == 2,
        iterator_train__drop_last=True,
        batch_size=30,
    ),
    "iterator_valid__num_workers": seen(
        lambda m: m.net_.get_params_for("iterator_valid") == {"num_workers": 0},
        iterator_valid__num_workers=0,
    ),
    "dataset__length": raises("dataset__length: rows come encoded", dataset__length=3),
    "compile__backend": raises(
        "compile__backend was given without", compile__backend="eager"
    ),
}
#: What one epoch of `partial_fit` does not have, as its documentation says.
NOT_OF_PARTS = {
    "max_epochs",
    "warm_start",
    "early_stopping",
    "validation_fraction",
    "n_iter_no_change",
    "schedule",
    "warmup",
    "calibration",
    "importance",
    "checkpoint",
}


def fitted(kind=classifier, **params):
    return built(kind, **params).fit(X, Y if kind is classifier else X[:, 0])


def fit_again(model):
    return model.fit(X, Y if isinstance(model, MixupClassifier) else X[:, 0])


def fit_a_part(model):
    return model.partial_fit(X, Y if isinstance(model, MixupClassifier) else X[:, 0])


def test_every_parameter_has_a_case():
    names = MixupClassifier().get_params(False) | MixupRegressor().get_params(False)
    assert set(names) <= set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_warm_start_with_another_value(name):
    CASES[name](fitted, fit_again)


@pytest.mark.parametrize("name", [name for name in CASES if name not in NOT_OF_PARTS])
def test_partial_fit_with_another_value(name):
    CASES[name](fitted, fit_a_part)


def test_parameters_given_again_are_no_change():
    model = fitted(criterion=nn.CrossEntropyLoss, callbacks=[Recorder()])
    again = {"criterion": nn.CrossEntropyLoss, "lr": np.float64(0.01), "module": Net}
    assert model.set_params(**again).fit(X, Y).n_iter_ == 10


def test_none_is_the_recipe_again():
    model = fitted(max_epochs=3, batch_size=16, lr=0.5)
    model.set_params(max_epochs=None, batch_size=None, lr=None).fit(X, Y)
    fresh = built(max_epochs=None, lr=None).fit(X, Y)
    assert model.n_iter_ == 3 + fresh.n_iter_
    assert model.net_.batch_size == fresh.net_.batch_size
    assert model.net_.optimizer_.param_groups[0]["lr"] == fresh.net_.lr


def test_parts_of_a_table_net_keep_their_rates_with_another_optimizer():
    rows, y, _ = people(64)
    model = classifier(module="tabm", warm_start=True).fit(rows, y)
    model.set_params(optimizer=torch.optim.SGD, lr=0.1).partial_fit(rows, y)
    rates = sorted({group["lr"] for group in model.net_.optimizer_.param_groups})
    assert rates == pytest.approx([0.1, 0.3])


def test_a_callback_left_out_sees_no_more():
    recorder = Recorder()
    model = fitted(callbacks=[recorder])
    model.set_params(callbacks=None).fit(X, Y)
    assert len(recorder.states) == 5


def test_a_list_of_callbacks_that_grew_in_place_takes_effect():
    callbacks = []
    model = fitted(callbacks=callbacks)
    callbacks.append(Recorder())
    model.fit(X, Y)
    assert len(callbacks[0].states) == 5


def test_a_wrapped_net_keeps_what_is_its_own():
    class Own(Callback):
        epochs = 0

        def on_epoch_end(self, net, **kwargs):
            self.epochs += 1

    own, added = Own(), Recorder()
    net = NeuralNetClassifier(Net, criterion=nn.CrossEntropyLoss, callbacks=[own])
    net.set_params(lr=0.25, max_epochs=2, verbose=0)
    model = built(module=net, max_epochs=3, lr=0.5).fit(X, Y)
    model.set_params(max_epochs=None, lr=None, callbacks=[added]).fit(X, Y)
    assert model.n_iter_ == 3 + 2
    assert model.net_.lr == 0.25
    assert own.epochs == 5
    assert len(added.states) == 2


def test_scores_go_on_with_another_callback():
    model = fitted()
    scores = EpochScoring("accuracy", name="own", on_train=True, lower_is_better=False)
    model.set_params(callbacks=[scores]).fit(X, Y)
    assert model.history_[-1, "own"] == pytest.approx(model.score(X, Y))
