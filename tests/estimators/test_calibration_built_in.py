"""`calibration` of the classifier: a temperature, and no other change."""

import functools
import pickle
import time

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import softmax
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import EpochScoring, GradientNormClipping
from torch import nn
from torch.nn import functional
from torch.utils.data import IterableDataset

from sk_mixup import MixupClassifier, MixupWarning
from sk_mixup.estimators import _calibration
from sk_mixup.metrics import fit_temperature, refined_log_loss_scorer
from tests.builders import assert_same_weights, blobs, classifier

N = 240
X, Y = blobs(N, n_classes=3, seed=1)
X_VAL, Y_VAL = blobs(N, n_classes=3, seed=1)
X_VAL = X_VAL + np.random.default_rng(5).standard_normal(X_VAL.shape) * 0.8
X_VAL = X_VAL.astype(np.float32)


def layer(n_outputs, n_inputs=4):
    """Return a factory of a module of one layer."""
    return functools.partial(nn.Linear, n_inputs, n_outputs)


def net(**params):
    """Return a classifier whose module is one layer."""
    return classifier(**({"module": layer(3), "lr": 0.05, "max_epochs": 6} | params))


def raw(model, X):
    with torch.no_grad():
        return model.module_(torch.from_numpy(X)).double().numpy()


# -- with a validation part ------------------------------------------------------------


def test_it_is_the_best_temperature_of_the_validation_rows():
    model = net(alpha=1.0).fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    expected = fit_temperature(raw(model, X_VAL), Y_VAL)
    assert model.temperature_ == pytest.approx(expected, rel=1e-4)
    assert model.temperature_ != 1.0


def test_predict_proba_divides_the_logits_of_the_module():
    model = net(alpha=1.0).fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    expected = softmax(raw(model, X) / model.temperature_, axis=1)
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-6)


def test_it_counts_the_weights_of_validation_rows():
    weight = np.where(Y_VAL == 0, 9.0, 1.0)
    model = net().fit(X, Y, X_val=X_VAL, y_val=Y_VAL, sample_weight_val=weight)
    expected = fit_temperature(raw(model, X_VAL), Y_VAL, weight)
    assert model.temperature_ == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("module", [None, layer(3)])
def test_weights_history_and_labels_are_those_without(module):
    options = {"module": module, "early_stopping": True}
    plain = net(calibration=None, **options).fit(X, Y)
    model = net(calibration="auto", **options).fit(X, Y)
    assert plain.temperature_ == 1.0
    assert model.temperature_ != 1.0
    assert_same_weights(plain, model)
    for key in ("train_loss", "valid_loss", "valid_acc"):
        assert plain.history_[:, key] == model.history_[:, key]
    np.testing.assert_array_equal(plain.predict(X_VAL), model.predict(X_VAL))


def test_under_confident_nets_gain_confidence_and_lose_log_loss():
    X, y = blobs(900, n_classes=3, seed=2)
    options = {"alpha": 2.0, "max_epochs": 20, "early_stopping": True}
    with pytest.warns(MixupWarning, match="strong for plain Mixup"):
        plain = classifier(calibration=None, **options).fit(X[:600], y[:600])
    with pytest.warns(MixupWarning, match="strong for plain Mixup"):
        model = classifier(**options).fit(X[:600], y[:600])
    assert model.temperature_ < 0.9
    losses = [log_loss(y[600:], m.predict_proba(X[600:])) for m in (plain, model)]
    assert losses[1] < losses[0]


def test_a_search_may_compare_both():
    grid = {"calibration": [None, "auto"]}
    search = GridSearchCV(
        net(early_stopping=True), grid, cv=2, scoring=refined_log_loss_scorer
    )
    search.fit(X, Y)
    # What the scorer refines away already makes no difference.
    np.testing.assert_allclose(*search.cv_results_["mean_test_score"], atol=0.01)


# -- kinds of targets ------------------------------------------------------------------


def test_one_logit():
    y, y_val = (Y > 0).astype(int), (Y_VAL > 0).astype(int)
    model = net(module=layer(1)).fit(X, y, X_val=X_VAL, y_val=y_val)
    assert model.temperature_ == pytest.approx(
        fit_temperature(raw(model, X_VAL), y_val), rel=1e-4
    )
    expected = 1 / (1 + np.exp(-raw(model, X)[:, 0] / model.temperature_))
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], expected, atol=1e-6)


def test_several_labels():
    def indicators(y):
        return np.stack([y == 0, y > 0, y == 2], 1).astype(int)

    labels = indicators(Y_VAL)
    model = net().fit(X, indicators(Y), X_val=X_VAL, y_val=labels)
    flat = fit_temperature(raw(model, X_VAL).ravel(), labels.ravel())
    assert model.temperature_ == pytest.approx(flat, rel=1e-4)
    expected = 1 / (1 + np.exp(-raw(model, X) / model.temperature_))
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), raw(model, X) > 0)


def test_several_outputs():
    def outputs(y):
        return np.stack([y + 1, y > 0], 1)

    model = net(module=layer(5))
    model.fit(X, outputs(Y), X_val=X_VAL, y_val=outputs(Y_VAL))
    logits = raw(model, X_VAL)
    expected = [
        fit_temperature(logits[:, :3], Y_VAL),
        fit_temperature(logits[:, 3:], Y_VAL > 0),
    ]
    np.testing.assert_allclose(model.temperature_, expected, rtol=1e-4)
    assert len(set(model.temperature_)) == 2
    plain = net(module=layer(5), calibration=None)
    plain.fit(X, outputs(Y), X_val=X_VAL, y_val=outputs(Y_VAL))
    assert plain.temperature_ == [1.0, 1.0]
    np.testing.assert_array_equal(plain.predict(X), model.predict(X))


def test_soft_labels():
    soft = 0.9 * np.eye(3)[Y] + 0.1 / 3
    soft_val = 0.6 * np.eye(3)[Y_VAL] + 0.4 / 3
    model = net().fit(X, soft, X_val=X_VAL, y_val=soft_val)
    expected = fit_temperature(raw(model, X_VAL), soft_val)
    assert model.temperature_ == pytest.approx(expected, rel=1e-3)


def test_tables():
    frame = pd.DataFrame(X).assign(job=np.array(list("abc"))[Y])
    frame.columns = frame.columns.astype(str)
    model = classifier(early_stopping=True).fit(frame, Y)
    assert model.temperature_ != 1.0


# -- without one -----------------------------------------------------------------------


def test_auto_leaves_trainings_of_all_rows_as_they_are():
    model = net().fit(X, Y)
    assert model.temperature_ == 1.0
    np.testing.assert_allclose(
        model.predict_proba(X), softmax(raw(model, X), axis=1), atol=1e-6
    )


def test_temperature_is_cross_fitted_and_gives_up_no_row():
    plain = net(calibration=None, alpha=1.0).fit(X, Y)
    model = net(calibration="temperature", alpha=1.0).fit(X, Y)
    assert_same_weights(plain, model)
    assert plain.history_[:, "train_loss"] == model.history_[:, "train_loss"]
    assert model.temperature_ == pytest.approx(
        fit_temperature(raw(model, X_VAL), Y_VAL), rel=0.5
    )
    assert model.temperature_ != 1.0


def test_cross_fitting_finds_what_new_rows_would_say():
    """A net that learns noise by heart is sure of its own rows, and wrong of others."""
    random = np.random.default_rng(0)
    X = random.standard_normal((560, 60)).astype(np.float32)
    y = (X[:, 0] + random.standard_normal(560) > 0).astype(int)
    options = {"module": layer(2, 60), "mix": None, "lr": 0.1, "max_epochs": 60}
    plain = classifier(calibration=None, **options).fit(X[:60], y[:60])
    model = classifier(calibration="temperature", **options).fit(X[:60], y[:60])
    assert fit_temperature(raw(plain, X[:60]), y[:60]) < 1
    assert model.temperature_ == pytest.approx(
        fit_temperature(raw(plain, X[60:]), y[60:]), rel=0.4
    )
    losses = [log_loss(y[60:], m.predict_proba(X[60:])) for m in (plain, model)]
    assert losses[1] < 0.8 * losses[0]


def test_cross_fitting_repeats_itself_and_leaves_global_states(unchanged_random_state):
    one, two = (net(calibration="temperature").fit(X, Y) for _ in range(2))
    assert one.temperature_ == two.temperature_


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", ["classes", "labels", "outputs", "soft", "groups"])
def test_cross_fitting_serves_every_kind_of_target(kind, weighted):
    y = {
        "labels": np.stack([Y == 0, Y > 0], 1).astype(int),
        "outputs": np.stack([Y, Y > 0], 1) + 1,
        "soft": 0.9 * np.eye(3)[Y] + 0.1 / 3,
    }.get(kind, Y)
    model = classifier(calibration="temperature", mix=None, max_epochs=2)
    weight = 1.0 + np.arange(N) % 2 if weighted else None
    groups = np.arange(N) // 40 if kind == "groups" else None
    model.fit(X, y, sample_weight=weight, groups=groups)
    assert np.ravel(model.temperature_).size == (2 if kind == "outputs" else 1)
    assert np.all(np.ravel(model.temperature_) != 1.0)


def test_rows_of_a_class_that_a_fold_has_not_seen_do_not_count():
    y = Y.copy()
    y[0] = 7
    model = net(calibration="temperature", module=layer(4)).fit(X, y)
    usual = net(calibration="temperature").fit(X, Y).temperature_
    assert model.temperature_ == pytest.approx(usual, rel=0.3)


class Recorder(EpochScoring):
    trainings = 0

    def on_train_begin(self, *args, **kwargs):
        type(self).trainings += 1
        super().on_train_begin(*args, **kwargs)


def test_callbacks_that_look_on_see_one_training():
    callbacks = [Recorder("accuracy", on_train=True), GradientNormClipping(1.0)]
    model = net(calibration="temperature", callbacks=callbacks, max_epochs=2, mix=None)
    model.fit(X, Y)
    assert Recorder.trainings == 1
    assert len(model.history_) == 2


def test_a_constant_says_below_how_many_rows_auto_cross_fits(monkeypatch):
    monkeypatch.setattr(_calibration, "AUTO_CROSS_FIT_ROWS", N)
    assert net().fit(X, Y).temperature_ == 1.0
    monkeypatch.setattr(_calibration, "AUTO_CROSS_FIT_ROWS", N + 1)
    expected = net(calibration="temperature").fit(X, Y).temperature_
    assert net().fit(X, Y).temperature_ == expected
    # What cannot be split, or has no logits, is trained all the same.
    assert net().fit(X[:3], Y[:3]).temperature_ == 1.0
    assert net(criterion=undeclared).fit(X, Y).temperature_ == 1.0


# -- trainings that go on, and iterables -----------------------------------------------


def test_partial_fit_keeps_the_temperature_of_the_last_fit():
    model = net().fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    before = model.temperature_
    assert model.partial_fit(X, Y).temperature_ == before
    assert model.set_params(calibration="temperature").partial_fit(X, Y)
    assert model.temperature_ == before
    assert model.set_params(calibration=None).partial_fit(X, Y).temperature_ == 1.0
    assert net().partial_fit(X, Y).temperature_ == 1.0


def test_warm_starts_keep_it_until_there_are_rows_to_fit_it_on():
    model = net(warm_start=True).fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    before = model.temperature_
    assert model.fit(X, Y).temperature_ == before
    assert model.fit(X, Y, X_val=X_VAL, y_val=Y_VAL).temperature_ != before


class Stream(IterableDataset):
    def __init__(self, X, y):
        self.X, self.y = X, y

    def __iter__(self):
        return iter(zip(self.X, self.y, strict=True))


@pytest.mark.parametrize("streams", [False, True])
def test_iterables_are_calibrated_on_validation_data(streams):
    model = net(mix=None)
    if streams:
        model.fit(Stream(X, Y), classes=[0, 1, 2], X_val=Stream(X_VAL, Y_VAL))
    else:
        model.fit(Stream(X, Y), classes=[0, 1, 2], X_val=X_VAL, y_val=Y_VAL)
    expected = fit_temperature(raw(model, X_VAL), Y_VAL, spread=0.05)
    assert model.temperature_ == pytest.approx(expected, rel=1e-4)
    assert net(mix=None).fit(Stream(X, Y), classes=[0, 1, 2]).temperature_ == 1.0


# -- the parameter ---------------------------------------------------------------------


def undeclared(output, y):
    return functional.cross_entropy(output, y, reduction="none")


def test_auto_leaves_outputs_alone_of_which_it_knows_nothing():
    model = net(criterion=undeclared).fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    assert model.temperature_ == 1.0


@pytest.mark.parametrize(
    ("params", "arguments", "said"),
    [
        ({"calibration": "isotonic"}, {}, "calibration must be 'auto', 'temperature'"),
        ({"calibration": True}, {}, "calibration must be .* got True"),
        ({"criterion": undeclared}, {}, "criterion=undeclared are.*output_activation="),
        ({}, {"groups": np.zeros(N)}, "all rows are of one group.*Give X_val"),
    ],
)
def test_what_cannot_be_is_said_before_training(params, arguments, said):
    model = net(**({"calibration": "temperature"} | params))
    with pytest.raises(ValueError, match=said):
        model.fit(X, Y, **arguments)
    assert not hasattr(model, "net_")


def test_trainings_without_unseen_rows_are_refused():
    model = net(calibration="temperature", mix=None)
    with pytest.raises(ValueError, match="partial_fit holds out none"):
        model.partial_fit(X, Y)
    with pytest.raises(ValueError, match="an iterable data set cannot be split"):
        model.fit(Stream(X, Y), classes=[0, 1, 2])
    with pytest.raises(ValueError, match="3 rows are too few"):
        model.fit(X[:3], Y[:3])
    with pytest.raises(ValueError, match="every class has a single row"):
        classifier(calibration="temperature").fit(X[:4], list("abcd"))
    model.set_params(warm_start=True).fit(X, Y)
    with pytest.raises(ValueError, match="warm_start goes on with weights"):
        model.fit(X, Y)


def test_it_is_a_parameter_like_any_other():
    model = MixupClassifier(calibration="temperature")
    assert clone(model).get_params()["calibration"] == "temperature"
    assert MixupClassifier().calibration == "auto"
    fitted = net().fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    again = pickle.loads(pickle.dumps(fitted))
    assert again.temperature_ == fitted.temperature_
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_it_costs_little_more_than_a_prediction():
    random = np.random.default_rng(0)
    logits, y = random.standard_normal((10_000, 10)), random.integers(0, 10, 10_000)
    start = time.perf_counter()
    fit_temperature(logits, y)
    assert time.perf_counter() - start < 2.0
