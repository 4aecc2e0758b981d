"""Methods with a companion inside the estimators: what it sees, and that it is gone."""

import pickle
import re

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import Callback
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor, MixupSearchCV
from sk_mixup.exceptions import MixupWarning
from sk_mixup.mixing import AutoMix, CutMix, OneOf
from sk_mixup.mixing.methods.learned import BlockCompanion
from tests.builders import assert_same_weights, no_hooks, same_weights
from tests.mixing.methods.learned.nets import cnn, images

NAMES = ["auto_mix", "sa_mix", "ad_auto_mix"]
every_name = pytest.mark.parametrize("name", NAMES)
# Before a training, whether the method can be used.
TRIALS = 2
X, Y = (t.numpy() for t in images(24, seed=3))


def model(name="auto_mix", **params):
    settings = {
        "module": cnn(dropout=0.3),
        "mix": name,
        "max_epochs": 5,
        "batch_size": 8,
        "lr": 0.01,
        "random_state": 0,
    }
    return MixupClassifier(**(settings | params))


@pytest.fixture
def counts(monkeypatch):
    """How often companions learn and step."""
    seen = {"learn": 0, "step": 0, "made": 0}

    def listen(name, key):
        plain = getattr(BlockCompanion, name)

        def counted(self, *args, **kwargs):
            seen[key] += 1
            return plain(self, *args, **kwargs)

        monkeypatch.setattr(BlockCompanion, name, counted)

    for name, key in (("learn", "learn"), ("step", "step"), ("__init__", "made")):
        listen(name, key)
    return seen


@every_name
def test_equal_seeds_give_equal_models_bit_for_bit(name):
    first, second = model(name).fit(X, Y), model(name).fit(X, Y)
    assert_same_weights(first, second)
    assert not same_weights(first, model(name, random_state=1).fit(X, Y))
    assert not same_weights(first, model("cutmix").fit(X, Y))


@every_name
def test_the_module_is_the_users_alone(name):
    fitted = model(name).fit(X, Y)
    template = cnn(dropout=0.3)
    assert [type(m) for m in fitted.module_.modules()] == [
        type(m) for m in template.modules()
    ]
    assert fitted.module_.state_dict().keys() == template.state_dict().keys()
    assert no_hooks(fitted.module_)
    assert fitted.net_.run_ is None
    assert all(p.requires_grad for p in fitted.module_.parameters())


@every_name
def test_a_pickle_holds_nothing_of_the_companion(name):
    plain = pickle.dumps(model("cutmix").fit(X, Y))
    learned = pickle.dumps(model(name).fit(X, Y))
    assert b"BlockCompanion" not in learned
    assert len(learned) < 1.05 * len(plain) + 200


@every_name
def test_predictions_cost_what_they_cost_with_any_method(name):
    def calls(fitted):
        seen = []
        handles = [
            part.register_forward_hook(lambda *_: seen.append(1))
            for part in fitted.module_.modules()
        ]
        fitted.predict_proba(X)
        for handle in handles:
            handle.remove()
        return len(seen)

    assert calls(model(name).fit(X, Y)) == calls(model("cutmix").fit(X, Y))


def test_the_method_itself_stays_a_bag_of_parameters():
    method = AutoMix(every=2)
    fitted = model(method, mix__lr=0.01).fit(X, Y)
    assert method.get_params() == AutoMix(every=2).get_params()
    twin = clone(fitted)
    assert twin.get_params()["mix__lr"] == 0.01
    assert_same_weights(fitted, twin.fit(X, Y))


# -- with the settings of a training -------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"accumulate": 2},
        {"accumulate": 2, "ema": 0.9, "clip_norm": 1.0},
        {"schedule": "cosine", "warmup": 1},
        {"optimizer": torch.optim.LBFGS, "module": cnn().double(), "lr": 0.1},
    ],
    ids=["plain", "accumulate", "stepper", "schedule", "lbfgs"],
)
def test_it_learns_from_every_batch_and_steps_with_the_net(params, counts):
    lbfgs = params.get("optimizer") is torch.optim.LBFGS
    model(**params).fit(X.astype(np.float64) if lbfgs else X, Y)
    assert counts["made"] == 1 + TRIALS
    assert counts["learn"] == 5 * 3
    assert counts["step"] == (5 * 2 if "accumulate" in params else 5 * 3)


def test_an_average_of_weights_is_not_what_the_copy_follows(monkeypatch):
    """The copy follows the trained weights; the module holds them at every step."""
    seen = []
    plain = BlockCompanion.step

    def step(self):
        plain(self)
        seen.append(self.copy.source[0].weight.detach().clone())

    monkeypatch.setattr(BlockCompanion, "step", step)
    model(ema=0.9, accumulate=2).fit(X, Y)
    averaged, seen[:] = list(seen), []
    model(accumulate=2).fit(X, Y)
    for one, other in zip(averaged, seen, strict=True):
        assert torch.equal(one, other)


def test_early_stopping_goes_back_to_the_best_weights():
    fitted = model(max_epochs=12, early_stopping=True, n_iter_no_change=2)
    fitted.fit(X, Y, X_val=X, y_val=Y)
    losses = [row["valid_loss"] for row in fitted.history_]
    assert np.isfinite(losses).all()
    best = min(range(len(losses)), key=losses.__getitem__)
    assert fitted.score(X, Y) == fitted.history_[best]["valid_acc"]


def test_half_precision_of_the_training_serves_the_copy(monkeypatch):
    dtypes = []
    plain = BlockCompanion._look

    def look(self, x, **kwargs):
        seen = plain(self, x, **kwargs)
        dtypes.append(torch.is_autocast_enabled("cpu"))
        return seen

    monkeypatch.setattr(BlockCompanion, "_look", look)
    first, second = (model(precision="bfloat16").fit(X, Y) for _ in range(2))
    assert_same_weights(first, second)


def test_weights_of_rows_reach_the_block(monkeypatch):
    seen = []
    plain = BlockCompanion.learn

    def learn(self, y, weight=None, context=None):
        seen.append(weight)
        return plain(self, y, weight, context)

    monkeypatch.setattr(BlockCompanion, "learn", learn)
    model(class_weight={0: 1.0, 1: 3.0}).fit(X, Y)
    assert all(len(set(w.tolist())) == 2 for w in seen)


def test_a_further_training_begins_with_a_new_companion(counts):
    fitted = model(warm_start=True).fit(X, Y)
    made = counts["made"]
    fitted.fit(X, Y)
    assert counts["made"] > made
    partial = model()
    for _ in range(2):
        partial.partial_fit(X, Y, classes=[0, 1])
    assert partial.n_iter_ == 2


def test_one_of_several_trains_its_own(counts):
    mix = OneOf([AutoMix(clean=False), CutMix()])
    first, second = (model(mix).fit(X, Y) for _ in range(2))
    assert_same_weights(first, second)
    assert counts["learn"] == counts["step"] == 2 * 15


def test_a_callback_that_changes_the_module_gets_a_companion_of_it(counts):
    class Changes(Callback):
        def on_train_begin(self, net, **kwargs):
            net.module_ = cnn()
            net.initialize_optimizer()

    fitted = model(callbacks=[Changes()]).fit(X, Y)
    assert counts["made"] == 2 + TRIALS
    assert fitted.predict(X).shape == (24,)


def test_numbers_can_be_the_target():
    net = cnn(n_classes=1)
    params = {"max_epochs": 5, "batch_size": 8, "random_state": 0}
    for name in NAMES:
        fitted = MixupRegressor(net, mix=name, **params).fit(X, X.mean((1, 2, 3)))
        assert np.isfinite(fitted.predict(X)).all()


def test_a_search_trains_them_one_by_one():
    search = MixupSearchCV(model(), {"mix__alpha": [0.5, 2.0]}, cv=2)
    with pytest.warns(MixupWarning, match="AutoMix looks at the module"):
        search.fit(X, Y)
    alone = model(AutoMix(search.best_params_["mix__alpha"])).fit(X, Y)
    assert_same_weights(search.best_estimator_, alone)


# -- misuse --------------------------------------------------------------------


@every_name
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"module": nn.Sequential(nn.Flatten(), nn.Linear(64, 2))},
            "looks at a map of features, and no layer of Sequential",
        ),
        ({"mix__layer": "4"}, "'4' returns shape"),
        ({"mix__layer": "body"}, "has no layer 'body'"),
        ({"mix__lr": -1.0}, "lr must be"),
    ],
    ids=["no map", "vector", "no layer", "lr"],
)
def test_what_cannot_work_is_said_before_training(name, change, message, counts):
    with pytest.raises(ValueError, match=re.escape(message)):
        model(name, **change).fit(X, Y)
    assert counts["learn"] == counts["step"] == 0


@every_name
def test_tables_and_vectors_are_refused(name):
    with pytest.raises(ValueError, match="looks at images"):
        MixupClassifier(nn.Linear(64, 2), mix=name).fit(X.reshape(24, 64), Y)


@every_name
def test_a_preview_shows_how_a_training_begins(name):
    preview = model(name, mix__clean=False).preview(X, Y, n=4)
    assert preview.mixed.shape == (4, 1, 8, 8)
    assert preview.plan.mask.shape == (4, 8, 8)
