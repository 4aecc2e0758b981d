"""Schedules of the learning rate, against a loop written by hand."""

import math

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from sk_mixup.training.recipes._schedule import StepSchedule, factor
from tests.builders import (
    assert_same_weights,
    classifier,
)
from tests.training.by_hand import SGD, X, Y, assert_like_by_hand, module


def cosine(step, n_steps):
    return 0.5 * (1 + math.cos(math.pi * step / n_steps))


def warm_linear(step, n_steps):
    n_warm = 4  # an epoch
    if step < n_warm:
        return (step + 1) / n_warm
    return 1 - (step - n_warm) / (n_steps - n_warm)


def warm_constant(step, n_steps):
    return min(1.0, (step + 1) / (0.5 * n_steps))


@pytest.mark.parametrize(
    ("knobs", "rate"),
    [
        ({"schedule": "cosine"}, cosine),
        ({"schedule": "linear", "warmup": 1}, warm_linear),
        ({"schedule": None, "warmup": 0.5}, warm_constant),
        ({"schedule": "auto", "warmup": 0.5}, warm_constant),
        ({"schedule": math.exp}, lambda i, n: math.exp(i / n)),
    ],
    ids=["cosine", "linear", "warm-up alone", "auto", "function"],
)
def test_schedule_sets_the_rate_of_every_batch(knobs, rate):
    assert_like_by_hand({"rate": rate}, **knobs)


def test_one_cycle_is_that_of_torch():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=50, cycle_momentum=False
    )
    for step in range(50):
        wanted = optimizer.param_groups[0]["lr"]
        assert factor("one_cycle", step, 50) == pytest.approx(wanted, abs=1e-9)
        optimizer.step()
        if step < 49:
            schedule.step()


@pytest.mark.parametrize("schedule", ["cosine", "linear", "one_cycle", None])
@pytest.mark.parametrize("n_steps", [1, 2, 7])
@pytest.mark.parametrize("n_warmup", [0, 1, 3.5, 20])
def test_every_step_has_a_rate_between_nothing_and_all(schedule, n_steps, n_warmup):
    rates = [factor(schedule, i, n_steps, n_warmup) for i in range(n_steps)]
    assert all(0 < rate <= 1 for rate in rates)


def test_every_parameter_group_keeps_its_share():
    groups = [("0.*", {"lr": 0.02})]
    seen = []

    class Rates(Callback):
        def on_batch_begin(self, net, training, **kwargs):
            seen.append([g["lr"] for g in net.optimizer_.param_groups])

    model = classifier(module=module(), **SGD, optimizer__param_groups=groups)
    model.set_params(schedule="cosine", callbacks=[Rates()]).fit(X, Y)
    first, second = np.array(seen).T
    np.testing.assert_allclose(first / 0.02, second / 0.1)


def test_history_holds_the_last_rate_of_an_epoch():
    model = classifier(module=module(), **SGD, schedule="linear").fit(X, Y)
    wanted = [0.1 * (1 - i / 12) for i in (3, 7, 11)]
    assert model.history_[:, "event_lr"] == pytest.approx(wanted)


def test_a_further_fit_runs_its_schedule_from_the_start():
    model = classifier(module=module(), **SGD, schedule="linear", warm_start=True)
    model.fit(X, Y).fit(X, Y)
    rates = model.history_[:, "event_lr"]
    assert rates[:3] == rates[3:]


def test_partial_fit_keeps_the_rate():
    model = classifier(module=module(), **SGD, schedule="linear", warmup=2)
    plain = classifier(module=module(), **SGD)
    for _ in range(2):
        model.partial_fit(X, Y)
        plain.partial_fit(X, Y)
    assert_same_weights(model, plain)


def test_auto_is_the_cosine_per_epoch_of_the_table_recipe():
    model = classifier(early_stopping=False).fit(X, Y)
    # The first group is that of the embeddings.
    first = model.net_.optimizer_.param_groups[0]["initial_lr"]
    wanted = [first * cosine(epoch, 5) for epoch in range(5)]
    assert model.history_[:, "event_lr"] == pytest.approx(wanted)


def test_schedule_none_keeps_the_rate_of_the_table_recipe():
    optimizer = torch.optim.AdamW
    plain = {"optimizer__weight_decay": 1e-2, "optimizer__fused": True}
    blind = {"early_stopping": False}
    one = classifier(schedule=None, **blind).fit(X, Y)
    other = classifier(optimizer=optimizer, **plain, **blind).fit(X, Y)
    assert_same_weights(one, other)


def test_a_stream_without_length_steps_once_per_epoch_at_first():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = StepSchedule("linear", 0, 2, [optimizer])
    rates = []
    for _ in range(2):
        schedule.start_epoch(iter(range(4)))
        for _ in range(4):
            schedule.start_batch()
            rates.append(schedule.lr)
    assert rates == [1, 1, 1, 1, 0.5, 0.375, 0.25, 0.125]
