"""Members that leave out folds, and what they find out about mixing."""

import pickle

import numpy as np
import pytest
from skorch.callbacks import Callback, EpochScoring
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import CMixup, Mixup
from tests.builders import blobs

X, Y = blobs(64)


def classifier(**params):
    settings = {"max_epochs": 8, "random_state": 0, "module__d_hidden": 16}
    return MixupClassifier(**(settings | params))


def regressor(**params):
    settings = {"max_epochs": 8, "random_state": 0, "module__d_hidden": 16}
    return MixupRegressor(**(settings | params))


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(X, Y)


# -- who leaves out what ---------------------------------------------------------------


def test_members_share_nothing_and_are_joined_by_the_module(fitted):
    assert fitted.module_.n_members == 16
    assert not fitted.module_.shares_weights
    assert fitted.predict_proba(X).shape == (64, 2)


def test_the_validation_loss_is_that_of_rows_not_seen(fitted):
    assert "valid_loss" in fitted.history_[0]
    # Labels by chance cannot be known of rows that were left out.
    chance = np.random.default_rng(0).integers(0, 2, 64)
    blind = classifier(max_epochs=40).fit(X, chance)
    assert min(blind.history_[:, "valid_loss"]) > 0.6


@pytest.mark.parametrize(
    "params",
    [
        {"module": "tabm"},
        {"early_stopping": False},
        {"early_stopping": True},
        {"mix": "manifold"},
        {"mix": CMixup(0.2)},
        {"module__shares_weights": True},
        {"module__n_members": 1},
        {"callbacks": [EpochScoring("accuracy", on_train=False)]},
    ],
    # By name: an object would be shown with its address.
    ids=lambda given: next(iter(given)),
)
def test_otherwise_members_share_their_matrices(params):
    y = Y if not isinstance(params.get("mix"), CMixup) else X[:, 0]
    model = (classifier if y is Y else regressor)(**params).fit(X, y)
    assert model.module_.shares_weights


def test_given_validation_rows_are_used():
    model = classifier().fit(X, Y, X_val=X[:20], y_val=Y[:20])
    assert model.module_.shares_weights


def test_a_class_with_one_row_is_left_out_by_nobody():
    y = Y.copy()
    y[0] = 2
    assert classifier().fit(X, y).module_.shares_weights


def test_numbers_are_left_out_too():
    model = regressor(max_epochs=60).fit(X, X[:, 0])
    assert not model.module_.shares_weights
    assert model.score(X, X[:, 0]) > 0.8


def test_weights_count():
    weight = np.r_[np.zeros(16), np.ones(48)]
    weighted = classifier().fit(X, Y, sample_weight=weight)
    part = classifier().fit(X[16:], Y[16:])
    np.testing.assert_array_equal(weighted.predict_proba(X), part.predict_proba(X))


def test_a_training_goes_on_with_the_same_folds():
    model = classifier(warm_start=True).fit(X, Y)
    n_before = model.n_iter_
    model.fit(X, Y)
    assert model.n_iter_ > n_before
    assert not model.module_.shares_weights


def test_partial_fit_goes_on_with_all_rows(fitted):
    model = pickle.loads(pickle.dumps(fitted)).partial_fit(X, Y)
    assert model.n_iter_ == fitted.n_iter_ + 1
    assert model.predict(X).shape == (64,)


def test_a_pickle_holds_no_rows(fitted):
    many = classifier(max_epochs=2).fit(*blobs(3_000))
    few = classifier(max_epochs=2).fit(*blobs(2_900))
    assert len(pickle.dumps(many)) - len(pickle.dumps(few)) < 100 * X[0].nbytes


def test_the_temperature_is_fitted_on_rows_not_seen(fitted):
    assert 0.2 < fitted.temperature_ < 5.0
    assert fitted.temperature_ != 1.0


# -- how strongly to mix ---------------------------------------------------------------


def test_both_ways_are_tried_and_judged(fitted):
    found = [
        h["event_alpha_losses"] for h in fitted.history_ if "event_alpha_losses" in h
    ]
    assert len(found) == 1
    assert set(found[0]) == {0.0, 0.5}
    assert fitted.history_[0, "event_alpha"] == 0.25


@pytest.mark.parametrize(
    ("params", "mixing"),
    [
        ({}, [False] * 8 + [True] * 8),
        ({"module__gated": 0.25}, [False] * 12 + [True] * 4),
        ({"module__gated": 0}, ([False, True] * 4) + ([True, False] * 4)),
        ({"module__gated": True}, ([False, True] * 4) + ([True, False] * 4)),
        ({"preset": "fast"}, [False, True] * 2),
    ],
    ids=["default", "a quarter", "no gates", "all gates", "fast"],
)
def test_members_with_gates_mix_and_the_others_do_not(params, mixing):
    seen = []

    class Look(Callback):
        def on_epoch_begin(self, net, **kwargs):
            if not seen:
                seen.extend(alpha > 0 for alpha in net.run_.method.alpha)

    classifier(max_epochs=4, callbacks=[Look()], **params).fit(X, Y)
    assert seen == mixing


def test_alpha_says_what_came_out(fitted):
    alpha = fitted.alpha_
    last = fitted.history_[-1, "event_alpha"]
    assert np.mean(alpha) == last
    assert np.ndim(alpha) == 0 or len(alpha) == 16


@pytest.mark.parametrize("params", [{"alpha": "auto"}, {"mix": "mixup"}])
def test_auto_has_several_spellings(fitted, params):
    model = classifier(**params).fit(X, Y)
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("alpha", [0, 0.3])
def test_a_number_means_what_it_says(alpha):
    model = classifier(alpha=alpha).fit(X, Y)
    assert model.alpha_ == alpha
    assert set(model.history_[:, "event_alpha"]) == {float(alpha)}


@pytest.mark.parametrize(("n_rows", "tries"), [(900, True), (1_000, False)])
def test_numbers_of_many_rows_are_not_mixed_unless_asked_for(n_rows, tries):
    rows = np.random.default_rng(0).normal(size=(n_rows, 2))
    found = regressor(max_epochs=5).fit(rows, rows[:, 0])
    assert found.history_[0, "event_alpha"] == (0.25 if tries else 0.0)
    asked = regressor(max_epochs=5, alpha=0.3).fit(rows, rows[:, 0])
    assert asked.history_[0, "event_alpha"] == 0.3


def test_more_rows_are_mixed_less():
    found = classifier(max_epochs=2).fit(*blobs(1_000))
    assert found.history_[0, "event_alpha"] == pytest.approx(0.1)


def test_none_is_no_mixing():
    assert classifier(mix=None).fit(X, Y).alpha_ == 0.0


def test_members_can_be_told_each():
    alphas = [0.0, 0.1] * 8
    model = classifier(mix=Mixup(alphas, per="member")).fit(X, Y)
    assert model.alpha_.tolist() in (alphas,) or np.ndim(model.alpha_) == 0


@pytest.mark.parametrize(
    "params",
    [{"module": "tabm"}, {"module": "mlp"}, {"mix": "cutmix"}, {"mix": Mixup(0.2)}],
    ids=str,
)
def test_other_nets_and_methods_cannot_find_out(params):
    with pytest.raises(ValueError, match=r"alpha='auto' is for.*MixupSearchCV"):
        classifier(alpha="auto", module__d_hidden=8, **params).fit(X, Y)


def test_another_word_for_alpha_is_an_error():
    with pytest.raises(TypeError, match=r"alpha.*'some'"):
        classifier(alpha="some").fit(X, Y)


@pytest.mark.parametrize(
    ("preset", "n_rows", "n_members", "n_gated"),
    [
        *[("fast", 64, 4, 0), ("default", 64, 16, 8), ("best", 64, 32, 16)],
        *[("fast", 1_000, 4, 0), ("default", 1_000, 8, 4), ("best", 1_000, 16, 8)],
    ],
)
def test_presets_have_so_many_members_of_either_kind(
    preset, n_rows, n_members, n_gated
):
    module = classifier(preset=preset, max_epochs=1).fit(*blobs(n_rows)).module_
    assert module.n_members == n_members
    assert (
        sum(len(p) for n, p in module.named_parameters() if "0.gated.b" in n) == n_gated
    )


def test_members_of_one_kind_can_be_asked_for():
    module = classifier(module__gated=False, max_epochs=2).fit(X, Y).module_
    assert not any("gated" in name for name in module.state_dict())


@pytest.mark.parametrize(
    ("n_rows", "dropout"), [(900, 0.2), (3_000, 0.1), (6_000, 0.05)]
)
def test_of_many_rows_with_numbers_little_is_dropped(n_rows, dropout):
    rows = np.random.default_rng(0).normal(size=(n_rows, 2))
    model = MixupRegressor(max_epochs=1, module__d_hidden=8, random_state=0)
    model.fit(rows, rows[:, 0])
    assert {m.p for m in model.module_.modules() if isinstance(m, nn.Dropout)} == {
        dropout
    }
