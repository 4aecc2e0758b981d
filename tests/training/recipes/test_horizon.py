"""How long a training is planned to be."""

import numpy as np
import pytest
import torch

from sk_mixup import MixupClassifier
from sk_mixup.mixing import CMixup, LinearSchedule, Mixup, OneOf, PerKey
from sk_mixup.training import Horizon, PlannedCosine, follows_plan
from tests.training.packing.packs import check_equal, fitted_together

FALLING = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]
LEVEL = [1.0, 0.9, 0.8, 0.799, 0.798, 0.797]


def planned(train, valid, horizon):
    """Return the planned epochs after each epoch."""
    plans = []
    for losses in zip(train, valid, strict=True):
        horizon.look(*losses)
        plans.append(horizon.n_epochs)
    return plans


# -- the plan --------------------------------------------------------------------------


def test_falling_losses_half_way_are_worth_a_longer_training():
    assert planned(FALLING, FALLING, Horizon(8, 30)) == [8, 8, 8, 30, 30, 30]


def test_losses_are_compared_over_a_sixth_of_the_short_plan():
    slow = [1.0 - 0.02 * epoch for epoch in range(12)]
    assert planned(slow, slow, Horizon(12, 90))[-1] == 12
    assert planned(slow, slow, Horizon(24, 90))[-1] == 90


@pytest.mark.parametrize(
    ("train", "valid"), [(FALLING, LEVEL), (LEVEL, FALLING), (LEVEL, LEVEL)]
)
def test_both_losses_must_fall(train, valid):
    assert planned(train, valid, Horizon(12, 30)) == [12] * 6


def test_of_mixed_batches_the_validation_loss_decides_alone():
    assert planned(LEVEL, FALLING, Horizon(8, 30, mixes=True))[-1] == 30
    assert planned(FALLING, LEVEL, Horizon(12, 30, mixes=True))[-1] == 12


def test_one_bad_epoch_hides_nothing():
    valid = [1.0, 0.9, 0.95, 0.6]
    assert planned(FALLING[:4], valid, Horizon(8, 30))[-1] == 30


def test_a_loss_that_is_not_positive_has_no_share_to_fall_by():
    losses = [0.5, -0.5, -1.0, -2.0]
    assert planned(losses, losses, Horizon(8, 30))[-1] == 8


def test_every_training_starts_with_the_short_plan():
    horizon = Horizon(4, 30)
    planned(FALLING, FALLING, horizon)
    horizon.begin()
    assert horizon.n_epochs == 4
    assert planned(LEVEL, LEVEL, horizon) == [4, 30, 30, 30, 30, 30]


def test_a_long_plan_that_stops_paying_goes_back_and_ends_soon():
    horizon = Horizon(6, 30)
    planned(FALLING, FALLING, horizon)
    seen = []
    for valid in (0.3, 0.31, 0.32, 0.33, 0.34):
        horizon.look(0.1, valid)
        seen.append((horizon.n_epochs, horizon.goes_back))
    # Half a short plan without a better epoch, and a third of one to come.
    assert seen == [(30, False), (30, False), (30, False), (12, True), (12, False)]


def test_a_training_goes_back_once_even_near_its_end():
    horizon = Horizon(6, 14)
    planned(FALLING, FALLING, horizon)
    seen = []
    for _ in range(8):
        horizon.look(0.1, 0.7)
        seen.append(horizon.goes_back)
    assert sum(seen) == 1


def test_a_long_plan_that_pays_is_kept():
    horizon = Horizon(6, 30)
    losses = list(0.9 ** np.arange(30))
    assert planned(losses, losses, horizon)[-1] == 30


def rates(horizon, n_epochs, change_at=None):
    """Return the learning rate of each epoch."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    schedule = PlannedCosine(optimizer, horizon)
    seen = []
    for epoch in range(n_epochs):
        if epoch == change_at:
            horizon.n_epochs = horizon.long
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return [*seen, optimizer.param_groups[0]["lr"]]


def cosine(n_epochs):
    return [1 + np.cos(np.pi * epoch / n_epochs) for epoch in range(n_epochs + 1)]


def test_the_rate_falls_to_zero_at_the_end_of_the_short_plan():
    assert rates(Horizon(6, 30), 6) == pytest.approx(cosine(6))


def test_the_rate_goes_on_along_the_long_plan():
    seen = rates(Horizon(6, 12), 12, change_at=3)
    assert seen[:4] == pytest.approx(cosine(6)[:4])
    assert seen[4:] == pytest.approx(cosine(12)[4:])


@pytest.mark.parametrize(
    ("method", "follows"),
    [
        (None, False),
        (Mixup(0.2), False),
        (OneOf([Mixup(0.2), CMixup()]), False),
        (Mixup(LinearSchedule(0.4, 0.0)), True),
        (Mixup(0.2, p=LinearSchedule(1.0, 0.0)), True),
        (Mixup(0.2, off_last=2), True),
        (OneOf([CMixup(), Mixup(0.2, off_first=0.1)]), True),
        (PerKey({"image": Mixup(LinearSchedule(0.4, 0.0))}), True),
    ],
)
def test_who_counts_on_the_length_of_a_training(method, follows):
    assert follows_plan(method) is follows


# -- trainings -------------------------------------------------------------------------

RNG = np.random.default_rng(0)
ROWS = RNG.uniform(-2.0, 2.0, (900, 3)).astype(np.float32)
CLEAN = (ROWS[:, 0] * ROWS[:, 1] > 0).astype(int)
CHANCE = RNG.integers(0, 2, 900)


def model(**settings):
    """Return a small default net."""
    return MixupClassifier(**({"random_state": 0, "module__d_hidden": 32} | settings))


@pytest.fixture(scope="module")
def n_short():
    """Epochs of the short plan."""
    return model(early_stopping=False).fit(ROWS, CLEAN).n_iter_


def test_labels_that_follow_from_the_columns_are_trained_longer(n_short):
    assert model().fit(ROWS, CLEAN).n_iter_ == 3 * n_short


def test_labels_by_chance_are_not(n_short):
    assert model().fit(ROWS, CHANCE).n_iter_ == n_short


def test_mixing_is_trained_longer_too(n_short):
    assert model(alpha=0.2).fit(ROWS, CLEAN).n_iter_ > n_short


def test_the_learning_rate_ends_near_zero():
    fitted = model().fit(ROWS, CLEAN)
    seen = fitted.history_[:, "event_lr"]
    assert seen[-1] < 0.01 * seen[0]
    assert len(seen) == fitted.n_iter_


@pytest.mark.parametrize(
    "settings",
    [
        {"max_epochs": 7},
        {"n_iter_no_change": 50},
        {"schedule": None},
        {"mix": Mixup(LinearSchedule(0.4, 0.0))},
    ],
    ids=["max_epochs", "n_iter_no_change", "schedule", "a schedule of alpha"],
)
def test_what_a_user_plans_is_kept(settings, n_short):
    wanted = settings.get("max_epochs", n_short)
    assert model(**settings).fit(ROWS, CLEAN).n_iter_ == wanted


def test_a_second_fit_plans_anew(n_short):
    fitted = model(warm_start=True).fit(ROWS, CLEAN)
    # The history goes on: three short plans, and one.
    assert fitted.fit(ROWS, CHANCE).n_iter_ == 4 * n_short


@pytest.fixture
def _all_are_long(monkeypatch):
    """Let every training start the long plan."""
    monkeypatch.setattr("sk_mixup.training.recipes._horizon._DECLINE", -1.0)


@pytest.mark.usefixtures("_all_are_long")
def test_a_long_training_that_learns_by_heart_goes_back_to_its_best_epoch(n_short):
    fitted = model().fit(ROWS, CHANCE)
    losses = fitted.history_[:, "valid_loss"]
    assert n_short < fitted.n_iter_ < 3 * n_short
    last = fitted.n_iter_ - -(-n_short // 3) - 1
    before, after = losses[last], losses[last + 1]
    # From there on, with a small learning rate.
    assert after < before


@pytest.mark.usefixtures("_all_are_long")
def test_members_of_a_pack_go_back_as_alone():
    together = [model(module__dropout=0.0, random_state=seed) for seed in range(3)]
    fitted_together(together, [(ROWS, CHANCE)] * 3)
    for seed, one in enumerate(together):
        lone = model(module__dropout=0.0, random_state=seed).fit(ROWS, CHANCE)
        losses = one.history_[:, "valid_loss"]
        assert losses == pytest.approx(lone.history_[:, "valid_loss"], abs=1e-3)


def test_members_of_a_pack_find_out_each_for_itself():
    x, y = np.concatenate([ROWS, ROWS]), np.concatenate([CLEAN, CHANCE])
    folds = [np.arange(900), np.arange(900, 1800)]

    def make(**one):
        return model(module__dropout=0.0, **one)

    check_equal(make, [{"alpha": 0.0}, {"alpha": 0.2}], (x, y), 2e-3, folds=folds)
