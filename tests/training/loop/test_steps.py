"""Clipping and accumulation, against a loop written by hand."""

import copy

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, GradientNormClipping
from torch import nn

from sk_mixup.mixing import Mixup
from sk_mixup.training import Objective
from sk_mixup.training.loop._steps import forget_gradients
from tests.builders import (
    assert_same_weights,
    classifier,
    regressor,
    weights_of,
)
from tests.training.by_hand import SGD, X, Y, assert_like_by_hand, module


def test_plain_steps_are_those_of_a_loop_by_hand():
    assert_like_by_hand({})


def test_gradients_of_one_step_do_not_meet_those_of_the_next():
    weights = [nn.Parameter(torch.ones(2)) for _ in range(2)]
    groups = [{"params": [weight]} for weight in weights]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    sum(weight.sum() for weight in weights).backward()
    forget_gradients(optimizer)
    assert all(weight.grad is None for weight in weights)


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
