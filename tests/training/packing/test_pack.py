"""A pack of trainings gives what the trainings alone would give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skorch.callbacks import EpochScoring
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.estimators import GivenRows, Settings, prepare, read
from sk_mixup.mixing import CutMix, ManifoldMixup, Mixup, RegMixup
from sk_mixup.training import pack_key, train_together, unfusable_reason
from tests.training.packing.packs import (
    ALPHAS,
    FOLDS,
    N_CLASSES,
    N_ROWS,
    NO_STOP,
    STOPPING,
    WIDTH,
    DoubleNet,
    as_member,
    check_equal,
    fitted_together,
    layered,
    prepared,
    rows,
)


def branching(x):
    return x if x.sum() > 0 else -x


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(WIDTH, N_CLASSES)

    def forward(self, x):
        return branching(self.linear(x))


@pytest.fixture(scope="module")
def data():
    return rows()


# -- members equal lone fits --------------------------------------------------------


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("stopping", [NO_STOP, STOPPING])
def test_double_precision_members_equal_lone_fits_to_nine_digits(data, norm, stopping):
    def make(**one):
        return MixupClassifier(DoubleNet, module__norm=norm, **stopping, **one)

    check_equal(make, ALPHAS, data, 1e-9)


@pytest.mark.parametrize("norm", [False, True])
def test_layers_by_hand_equal_lone_fits(data, norm):
    def make(**one):
        return MixupClassifier(layered, module__norm=norm, **NO_STOP, **one)

    check_equal(make, ALPHAS, data, 1e-4)


def test_the_perceptron_for_tables_equals_lone_fits(data):
    def make(**one):
        return MixupClassifier("mlp", module__dropout=0.0, **NO_STOP, **one)

    check_equal(make, ALPHAS, data, 1e-4, folds=FOLDS[:1])


def test_the_default_net_in_double_precision_equals_lone_fits(data):
    states = []
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        for together in (False, True):
            estimator = MixupClassifier(module__dropout=0.0, **NO_STOP)
            settings = Settings.of(estimator, data[0])
            rows = read(settings, GivenRows(*data))
            rows.train.X = {
                key: value.double() if value.is_floating_point() else value
                for key, value in rows.train.X.items()
            }
            training = prepare(settings, rows)
            if together:
                assert train_together([as_member(training)]) == [None]
            else:
                training.go()
            states.append(training.net.module_.state_dict())
    finally:
        torch.set_default_dtype(before)
    for key, value in states[0].items():
        torch.testing.assert_close(states[1][key], value, rtol=0, atol=1e-9)


def test_sample_weights(data):
    weight = np.random.default_rng(1).uniform(0.5, 2.0, N_ROWS)

    def make(**one):
        return MixupClassifier(DoubleNet, **STOPPING, **one)

    check_equal(make, ALPHAS[:3], data, 1e-9, weight=weight)


@pytest.mark.parametrize("criterion", [nn.MSELoss, nn.SmoothL1Loss])
def test_regression(data, criterion):
    x, _ = data
    y = x[:, 0] * 2 + np.sin(x[:, 1])

    def make(**one):
        return MixupRegressor(
            DoubleNet, module__n_outputs=1, criterion=criterion, **STOPPING, **one
        )

    check_equal(make, ALPHAS[1:], (x, y), 1e-9)


def test_one_logit(data):
    x, y = data

    def make(**one):
        return MixupClassifier(DoubleNet, module__n_outputs=1, **NO_STOP, **one)

    check_equal(make, ALPHAS, (x, (y > 0).astype(int)), 1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        [{"lr": 1e-3}, {"lr": 1e-2}],
        [{"optimizer__weight_decay": 0.0}, {"optimizer__weight_decay": 0.5}],
        [{"optimizer__betas": (0.9, 0.99)}, {"optimizer__betas": (0.7, 0.9)}],
        [{"criterion__label_smoothing": 0.0}, {"criterion__label_smoothing": 0.1}],
        [{"mix__p": 0.3}, {"mix__p": 1.0}, {"mix__off_last": 2}],
        [{"mix": Mixup(0.3, per="row")}, {"mix": Mixup(0.3, single_target=True)}],
        [{"clip_norm": 0.1}, {"clip_norm": None}],
        [{"random_state": 1}, {"random_state": 2}],
        [{"class_weight": "balanced"}, {"class_weight": {0: 1, 1: 2, 2: 3}}],
        [{"max_epochs": 5}, {"max_epochs": 7}],
        [{"schedule": "cosine", "warmup": 1}, {"schedule": "one_cycle"}],
    ],
    ids=lambda settings: next(iter(settings[0])),
)
def test_what_may_differ_between_members(data, settings):
    def make(**one):
        given = {"criterion": nn.CrossEntropyLoss} | NO_STOP | one
        return MixupClassifier(DoubleNet, **given)

    check_equal(make, settings, data, 1e-9, folds=FOLDS[1:])


def test_sgd_with_momentum(data):
    def make(**one):
        return MixupClassifier(
            DoubleNet,
            optimizer=torch.optim.SGD,
            optimizer__momentum=0.9,
            **NO_STOP,
            **one,
        )

    check_equal(make, ALPHAS[:2], data, 1e-9)


def test_plans_that_change_the_number_of_rows(data):
    def make(**one):
        return MixupClassifier(DoubleNet, mix=RegMixup(one["a"], p=0.5), **NO_STOP)

    check_equal(make, [{"a": 0.5}, {"a": 5.0}], data, 1e-9)


def test_each_member_drops_at_its_own_rate(data):
    x, y = data
    rates = [0.0, 0.5]
    members = [
        MixupClassifier(layered, module__dropout=rate, **NO_STOP) for rate in rates
    ]
    fitted_together(members, [(x, y)] * 2)
    lone = [
        MixupClassifier(layered, module__dropout=r, **NO_STOP).fit(x, y) for r in rates
    ]
    without, with_half = (m.predict_proba(x) for m in members)
    np.testing.assert_allclose(without, lone[0].predict_proba(x), atol=1e-4)
    assert not np.allclose(without, with_half, atol=1e-3)
    losses = [m.history_[-1, "train_loss"] for m in (members[1], lone[1])]
    assert losses[0] == pytest.approx(losses[1], abs=0.15)


# -- members do not disturb each other ----------------------------------------------


def test_a_member_that_fails_harms_no_other(data):
    x, y = data
    good = MixupClassifier(DoubleNet, **NO_STOP)
    bad = MixupClassifier(DoubleNet, **(NO_STOP | {"lr": 1e200}))
    errors = fitted_together([bad, good], [(x, y)] * 2)
    assert isinstance(errors[0], FloatingPointError)
    assert errors[1] is None
    lone = MixupClassifier(DoubleNet, **NO_STOP).fit(x, y)
    np.testing.assert_allclose(good.predict_proba(x), lone.predict_proba(x), atol=1e-9)


def test_the_global_generators_stay_where_they_were(data):
    before = torch.get_rng_state()
    fitted_together([MixupClassifier(layered, **NO_STOP)], [data])
    assert torch.equal(before, torch.get_rng_state())


# -- memory, stopping from outside, interrupts ---------------------------------------


def test_packs_that_do_not_fit_are_split(data, monkeypatch):
    from sk_mixup.training.packing import _together

    sizes = []
    crew = _together.Crew

    def noted(members, *more):
        sizes.append(len(members))
        return crew(members, *more)

    monkeypatch.setattr(_together, "Crew", noted)
    members = [MixupClassifier(layered, alpha=a, **NO_STOP) for a in (0.1, 0.2, 0.3)]
    each = _together.member_bytes(prepared(members[0], *data)[1])
    errors = fitted_together(members, [data] * 3, memory_limit=2 * each)
    assert errors == [None] * 3
    assert sizes == [2, 1]


def test_members_can_be_stopped_from_outside(data):
    x, y = data
    seen = []

    def after_epoch(epoch, losses, active):
        seen.append((epoch, [loss is not None for loss in losses], list(active)))
        return [0] if epoch == 1 else []

    members = [
        MixupClassifier(layered, alpha=a, **(STOPPING | {"n_iter_no_change": 30}))
        for a in (0.1, 0.4)
    ]
    fitted_together(members, [(x, y)] * 2, after_epoch=after_epoch)
    assert [m.n_iter_ for m in members] == [2, STOPPING["max_epochs"]]
    assert seen[1] == (1, [True, True], [0, 1])
    assert seen[2] == (2, [False, True], [1])


def test_an_interrupt_leaves_finished_members_finished(data):
    def after_epoch(epoch, losses, active):
        if epoch == 5:
            raise KeyboardInterrupt
        return []

    short = MixupClassifier(DoubleNet, **NO_STOP)
    long = MixupClassifier(DoubleNet, **(NO_STOP | {"max_epochs": 9}))
    pairs = [prepared(estimator, *data) for estimator in (short, long)]
    with pytest.raises(KeyboardInterrupt):
        train_together([member for _, member in pairs], after_epoch=after_epoch)
    short._become(pairs[0][0])
    lone = MixupClassifier(DoubleNet, **NO_STOP).fit(*data)
    np.testing.assert_allclose(
        short.predict_proba(data[0]), lone.predict_proba(data[0]), atol=1e-9
    )


# -- who can be fused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"callbacks": [EpochScoring("f1_macro", name="f1")]}, "callback"),
        ({"mix": ManifoldMixup(0.2, layers=["first"])}, "hidden layers"),
        ({"optimizer": torch.optim.LBFGS, "lr": 0.1}, "optimizer LBFGS"),
        ({"iterator_train__drop_last": True}, "DataLoader"),
        ({"accumulate": 2}, "accumulate"),
        ({"module": Branching}, "vmap cannot go through Branching"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_fused_has_a_reason(data, settings, reason):
    estimator = MixupClassifier(**({"module": DoubleNet} | NO_STOP | settings))
    _, member = prepared(estimator, *data)
    assert reason in unfusable_reason(member)
    assert pack_key(member) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 17},
        {"optimizer": torch.optim.SGD},
        {"module__norm": True},
        {"criterion": nn.MultiMarginLoss},
        {"mix": RegMixup(0.2)},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_what_differs_in_structure_has_another_key(data, settings):
    plain = MixupClassifier(DoubleNet, **NO_STOP)
    other = MixupClassifier(DoubleNet, **(NO_STOP | settings))
    keys = [pack_key(prepared(estimator, *data)[1]) for estimator in (plain, other)]
    assert None not in keys
    assert keys[0] != keys[1]


def test_pictures_with_pasted_boxes_train_together(data):
    x = np.random.default_rng(0).normal(size=(40, 1, 6, 6)).astype(np.float32)
    y = np.arange(40) % 2

    def module():
        return nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2)
        )

    def make(alpha):
        return MixupClassifier(module, mix=CutMix(alpha), **NO_STOP)

    members = [make(0.5), make(1.0)]
    fitted_together(members, [(x, y)] * 2)
    for member, alpha in zip(members, (0.5, 1.0), strict=True):
        lone = make(alpha).fit(x, y)
        np.testing.assert_allclose(
            member.predict_proba(x), lone.predict_proba(x), atol=1e-4
        )
