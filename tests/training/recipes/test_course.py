"""How long a training goes on, and at which rates."""

import numpy as np
import pytest

from sk_mixup import MixupClassifier
from sk_mixup.mixing import CMixup, LinearSchedule, Mixup, OneOf, PerKey
from sk_mixup.training import Course, follows_plan
from tests.training.packing.packs import fitted_together


def run(course, losses):
    """Return the rate of each epoch until the course is over."""
    rates = []
    for loss in losses:
        if course.is_over:
            break
        rates.append(course.rate)
        course.look(loss)
    return rates


# -- the course ------------------------------------------------------------------------


def test_the_rate_stays_level_while_the_loss_falls():
    course = Course(100, patience=3)
    rates = run(course, np.linspace(1.0, 0.1, 30))
    assert rates[:2] == [0.25, 0.75]
    assert set(rates[2:]) == {1.0}
    assert not course.is_over


def test_the_end_is_a_share_of_what_led_to_the_best_epoch():
    course = Course(100, patience=4)
    rates = run(course, [*np.linspace(1.0, 0.1, 20), *np.full(60, 0.2)])
    best, waited, end = 20, 4, 10
    # The smoothed loss falls on for an epoch or two behind the best one.
    assert best + waited <= len(rates) - end <= best + waited + 3
    assert rates[-end:] == pytest.approx([1 - (k + 0.5) / end for k in range(end)])
    assert course.is_over


def test_the_training_returns_to_its_best_weights_once():
    course = Course(100, patience=2)
    seen = []
    for loss in [0.9, 0.5, 0.6, 0.7, 0.7, 0.7, 0.7]:
        course.look(loss)
        seen.append((course.turns, course.goes_back))
    assert seen.count((True, True)) == 1
    assert set(seen) == {(False, False), (True, True)}


def test_there_is_nothing_to_return_to_where_the_last_epoch_is_the_best():
    course = Course(6, patience=50)
    for loss in [0.6, 0.5, 0.4]:
        course.look(loss)
    assert course.turns
    assert not course.goes_back


@pytest.mark.parametrize("longest", [1, 2, 3, 4, 7, 20])
def test_no_training_is_longer_than_the_bound(longest):
    rates = run(Course(longest), np.linspace(1.0, 0.0, 50))
    assert len(rates) == longest
    assert all(0.0 < rate <= 1.0 for rate in rates)


def test_losses_below_zero_can_fall_too():
    course = Course(100, patience=3)
    run(course, np.linspace(-1.0, -5.0, 30))
    assert course.n_epochs == 100


def test_a_lucky_epoch_does_not_end_a_training_that_goes_on_falling():
    losses = np.linspace(1.0, 0.5, 40)
    losses[5] -= 0.05
    course = Course(200, patience=6)
    run(course, losses)
    assert course.n_epochs == 200


def test_every_training_begins_anew():
    course = Course(50, patience=1)
    first = run(course, [1.0] * 50)
    course.begin()
    assert run(course, [1.0] * 50) == first


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
ROWS = RNG.uniform(-2.0, 2.0, (600, 3)).astype(np.float32)
CLEAN = (ROWS[:, 0] * ROWS[:, 1] > 0).astype(int)
CHANCE = RNG.integers(0, 2, 600)


def model(**settings):
    """Return a small default net."""
    return MixupClassifier(**({"random_state": 0, "module__d_hidden": 16} | settings))


@pytest.fixture(scope="module")
def clean():
    return model().fit(ROWS, CLEAN)


def test_labels_that_follow_from_the_columns_are_trained_longer(clean):
    assert clean.n_iter_ > model().fit(ROWS, CHANCE).n_iter_


def test_the_learning_rate_ends_near_zero(clean):
    rates = clean.history_[:, "event_lr"]
    assert len(rates) == clean.n_iter_
    assert rates[-1] < 0.2 * max(rates)


def test_the_best_weights_are_kept():
    # Validated by a part of the rows, the net itself says how good it is.
    fitted = model(early_stopping=True).fit(ROWS, CLEAN)
    assert fitted.history_[-1, "valid_loss"] >= min(fitted.history_[:, "valid_loss"])


@pytest.mark.parametrize("n_epochs", [1, 3, 7])
def test_max_epochs_is_an_upper_bound(n_epochs):
    assert model(max_epochs=n_epochs).fit(ROWS, CLEAN).n_iter_ <= n_epochs


def test_a_longer_patience_waits_longer():
    few = model(n_iter_no_change=2).fit(ROWS, CHANCE).n_iter_
    assert few < model(n_iter_no_change=15).fit(ROWS, CHANCE).n_iter_


def test_a_schedule_of_alpha_keeps_the_planned_epochs():
    fitted = model(mix=Mixup(LinearSchedule(0.4, 0.0))).fit(ROWS, CLEAN)
    assert fitted.n_iter_ == fitted.net_.max_epochs


def test_a_second_fit_begins_anew():
    fitted = model(warm_start=True, max_epochs=6).fit(ROWS, CLEAN)
    first = fitted.history_[0, "event_lr"]
    fitted.fit(ROWS, CLEAN)
    assert fitted.history_[fitted.n_iter_ // 2, "event_lr"] == pytest.approx(first)


def test_members_of_a_pack_go_their_own_courses_as_alone():
    settings = {"module__dropout": 0.0, "early_stopping": True}
    together = [model(**settings, random_state=seed) for seed in range(2)]
    fitted_together(together, [(ROWS, CHANCE)] * 2)
    for seed, one in enumerate(together):
        lone = model(**settings, random_state=seed).fit(ROWS, CHANCE)
        losses = one.history_[:, "valid_loss"]
        assert losses == pytest.approx(lone.history_[:, "valid_loss"], abs=1e-3)
        assert one.history_[:, "event_lr"] == lone.history_[:, "event_lr"]
