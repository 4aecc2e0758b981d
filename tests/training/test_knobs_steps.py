"""Clipping, accumulation, averages and schedules, against a loop written by hand."""

import copy
import math

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, GradientNormClipping
from torch import nn

from sk_mixup.mixing import Mixup
from sk_mixup.training import Objective
from sk_mixup.training.loop._ema import WeightAverage
from sk_mixup.training.recipes._schedule import StepSchedule, factor
from tests.estimators.helpers import (
    Recorder,
    assert_same_weights,
    blobs,
    classifier,
    regressor,
    weights_of,
)

X, Y = blobs(60, n_classes=3)
X_VAL, Y_VAL = blobs(32, n_classes=3, seed=0)
VALIDATION = {"X_val": X_VAL, "y_val": Y_VAL}
SGD = {
    "mix": None,
    "optimizer": torch.optim.SGD,
    "optimizer__momentum": 0.9,
    "lr": 0.1,
    "batch_size": 16,  # 60 rows: the fourth batch has 12
    "max_epochs": 3,
}


def module():
    """Return a small net with known weights."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))


class Batches(Callback):
    """Keeps the batches of a training, by epoch."""

    def __init__(self):
        self.epochs = []

    def on_epoch_begin(self, net, **kwargs):
        self.epochs.append([])

    def on_batch_begin(self, net, batch, training, **kwargs):
        if training:
            self.epochs[-1].append(tuple(part.clone() for part in batch))


def by_hand(epochs, *, lr=0.1, group=1, clip=None, decay=None, rate=None):
    """Return the weights of a plain loop over the same batches."""
    net = module()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    average, n_steps, done = None, 0, 0
    total = sum(map(len, epochs))
    for batches in epochs:
        for start in range(0, len(batches), group):
            rows = batches[start : start + group]
            for _ in rows:
                if rate is not None:
                    optimizer.param_groups[0]["lr"] = lr * rate(done, total)
                done += 1
            x, y = (torch.cat(parts) for parts in zip(*rows, strict=True))
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), y).backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(net.parameters(), clip)
            optimizer.step()
            n_steps += 1
            now = [p.detach().clone() for p in net.parameters()]
            if decay is not None:
                # All steps so far, each with its weight, from the definition.
                history = [*(average or []), now]
                average = history
    if decay is None:
        return [p.detach().numpy() for p in net.parameters()]
    weight = np.array([decay ** (n_steps - 1 - i) for i in range(n_steps)])
    weight /= weight.sum()
    return [
        sum(w * step[k].numpy() for w, step in zip(weight, average, strict=True))
        for k in range(len(average[0]))
    ]


def assert_like_by_hand(expected, **knobs):
    """Check a training against `by_hand`, on the batches of that training."""
    batches = Batches()
    model = classifier(module=module(), callbacks=[batches], **(SGD | knobs)).fit(X, Y)
    for a, b in zip(
        weights_of(model), by_hand(batches.epochs, **expected), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-6)
    return model


# -- clipping and accumulation ---------------------------------------------------------


def test_plain_steps_are_those_of_a_loop_by_hand():
    assert_like_by_hand({})


@pytest.mark.parametrize("norm", [0.05, 0.5])
def test_clip_norm(norm):
    assert_like_by_hand({"clip": norm}, clip_norm=norm)


def test_clip_norm_is_the_callback_of_skorch():
    callback = GradientNormClipping(gradient_clip_value=0.05)
    one = classifier(module=module(), **SGD, clip_norm=0.05).fit(X, Y)
    other = classifier(module=module(), **SGD, callbacks=[callback]).fit(X, Y)
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


@pytest.mark.parametrize("group", [2, 3, 4, 100])
def test_accumulated_batches_step_as_one_batch_of_their_rows(group):
    # Of 4 batches in an epoch; the last group of 3 is one batch alone, with 12 rows.
    assert_like_by_hand({"group": group}, accumulate=group)


def test_clip_norm_is_of_the_accumulated_gradient():
    assert_like_by_hand({"group": 2, "clip": 0.05}, accumulate=2, clip_norm=0.05)


def test_history_holds_the_loss_of_each_batch_whatever_is_accumulated():
    one = classifier(module=module(), **SGD | {"lr": 1e-9}, accumulate=3).fit(X, Y)
    other = classifier(module=module(), **SGD | {"lr": 1e-9}).fit(X, Y)
    np.testing.assert_allclose(
        one.history_[:, "batches", :, "train_loss"],
        other.history_[:, "batches", :, "train_loss"],
        rtol=1e-5,
    )


class Gradients(Callback):
    """Counts the gradients that callbacks are shown."""

    def __init__(self):
        self.norms = []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        self.norms.append(sum(float(p.grad.norm()) for _, p in named_parameters))


def test_callbacks_see_complete_gradients_before_they_are_clipped():
    gradients = Gradients()
    model = classifier(module=module(), **SGD, accumulate=2, clip_norm=1e-6)
    model.set_params(callbacks=[gradients]).fit(X, Y)
    assert len(gradients.norms) == 3 * 2
    assert min(gradients.norms) > 1e-3


# -- averages --------------------------------------------------------------------------


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_ema_is_the_weighted_mean_of_the_weights_after_each_step(decay):
    assert_like_by_hand({"decay": decay}, ema=decay)


def test_ema_of_accumulated_steps_counts_steps():
    assert_like_by_hand({"decay": 0.5, "group": 2}, ema=0.5, accumulate=2)


class Losses(Callback):
    """Computes the loss of the validation data with the weights callbacks see."""

    def __init__(self):
        self.losses = []

    def on_epoch_end(self, net, **kwargs):
        with torch.no_grad():
            output = net.module_(torch.from_numpy(X_VAL))
            loss = nn.functional.cross_entropy(output, torch.from_numpy(Y_VAL))
            self.losses.append(loss.item())


def test_ema_is_what_is_validated_and_what_callbacks_see():
    losses = Losses()
    model = classifier(module=module(), **SGD, ema=0.9, callbacks=[losses])
    model.fit(X, Y, **VALIDATION)
    assert model.history_[:, "valid_loss"] == pytest.approx(losses.losses, abs=1e-6)
    plain = classifier(module=module(), **SGD).fit(X, Y, **VALIDATION)
    assert model.history_[-1, "valid_loss"] != plain.history_[-1, "valid_loss"]


def test_ema_does_not_change_what_is_trained():
    averaged, plain = (
        classifier(module=module(), **SGD, ema=ema).fit(X, Y) for ema in (0.9, None)
    )
    assert averaged.history_[:, "train_loss"] == plain.history_[:, "train_loss"]


def test_early_stopping_keeps_the_best_average():
    recorder = Recorder()
    model = classifier(module=module(), **SGD | {"max_epochs": 6, "lr": 1.5}, ema=0.5)
    model.set_params(callbacks=[recorder]).fit(X, Y, **VALIDATION)
    best = int(np.argmin(model.history_[:, "valid_loss"]))
    for key, value in model.module_.state_dict().items():
        assert torch.equal(value, recorder.states[best][key])


def test_ema_goes_on_where_the_last_training_ended():
    one = classifier(module=module(), **SGD | {"max_epochs": 4}, ema=0.9)
    other = classifier(
        module=module(), **SGD | {"max_epochs": 2}, ema=0.9, warm_start=True
    )
    assert_same_weights(one.fit(X, Y), other.fit(X, Y).fit(X, Y))


def test_ema_of_partial_fits_is_that_of_one_training():
    whole = classifier(module=module(), **SGD, ema=0.9).fit(X, Y)
    parts = classifier(module=module(), **SGD, ema=0.9)
    for _ in range(3):
        parts.partial_fit(X, Y)
    assert_same_weights(whole, parts)


def test_a_changed_module_starts_a_new_average():
    net = module()
    average = WeightAverage(0.9)
    average.begin(net)
    average.update()
    average.show()
    average.end(lambda: None)
    with torch.no_grad():
        net[0].weight.add_(1.0)
    average.begin(net)
    assert average.n_steps == 0


def test_buffers_are_those_of_the_trained_module():
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    averaged, plain = (
        classifier(module=net, **SGD, ema=ema).fit(X, Y) for ema in (0.99, None)
    )
    for name, buffer in plain.module_.named_buffers():
        assert torch.equal(buffer, averaged.module_.get_buffer(name))


# -- schedules -------------------------------------------------------------------------


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


# -- together --------------------------------------------------------------------------


def test_all_of_them_together_with_mixing_are_reproducible():
    knobs = {
        "schedule": "one_cycle",
        "ema": 0.9,
        "clip_norm": 0.5,
        "accumulate": 2,
        "precision": "bfloat16",
    }
    models = [classifier(mix="manifold", **knobs).fit(X, Y) for _ in range(2)]
    assert_same_weights(*models)


def test_lbfgs_takes_a_schedule_and_an_average():
    model = regressor(module=nn.Linear(4, 1), optimizer=torch.optim.LBFGS, mix=None)
    model.set_params(ema=0.5, schedule="linear", lr=0.5).fit(X, X[:, 0])
    assert model.score(X, X[:, 0]) > 0.9


@pytest.mark.parametrize("knob", [{"clip_norm": 1.0}, {"accumulate": 2}], ids=str)
def test_lbfgs_refuses_what_needs_one_gradient_per_step(knob):
    model = regressor(module=nn.Linear(4, 1), optimizer=torch.optim.LBFGS, **knob)
    with pytest.raises(ValueError, match=f"{next(iter(knob))}.*LBFGS"):
        model.fit(X, X[:, 0])


def test_label_smoothing_comes_after_mixing():
    # timm smooths the mixed target; the loss against a pair of smoothed targets is the
    # same number, since both are linear.
    torch.manual_seed(0)
    smoothing, n_classes = 0.1, 3
    output, y = torch.randn(16, n_classes), torch.randint(n_classes, (16,))
    plan = Mixup(alpha=1.0, per="row").draw(torch.randn(16, 2), y)
    mixed = plan.targets(y, n_classes)
    smoothed = (1 - smoothing) * mixed + smoothing / n_classes
    wanted = -(smoothed * output.log_softmax(1)).sum(1).mean()
    criterion = nn.CrossEntropyLoss(reduction="none", label_smoothing=smoothing)
    loss = Objective(criterion, n_classes)(output, y, None, plan)
    assert loss.item() == pytest.approx(wanted.item(), abs=1e-6)


def test_settings_do_not_change_the_template():
    net = module()
    before = copy.deepcopy(net.state_dict())
    classifier(module=net, **SGD, ema=0.9, accumulate=2).fit(X, Y)
    for key, value in net.state_dict().items():
        assert torch.equal(value, before[key])
