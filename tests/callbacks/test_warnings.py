"""Each guard rail in the training that it is for, and silence in healthy ones."""

import dataclasses
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup import MixupWarning
from sk_mixup.callbacks import MixMonitor
from sk_mixup.mixing import CutMix, Mixup
from tests.builders import blobs, bright_images, classifier, mlp, people

X, Y = blobs(400, n_classes=4)


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 4))


def warned(model, rows=X, labels=Y, **given):
    """Fit, and return what was warned of and how often."""
    (monitor,) = model.callbacks
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MixupWarning)
        model.fit(rows, labels, **given)
    texts = [str(one.message) for one in caught if one.category is MixupWarning]
    assert len(texts) == len(monitor.warned_)
    assert all(one.filename == __file__ for one in caught)
    return texts


def watched(baseline_loss=None, **params):
    monitor = MixMonitor(baseline_loss=baseline_loss)
    defaults = {"module": net(), "max_epochs": 20, "callbacks": [monitor], "lr": 0.02}
    return classifier(**(defaults | params))


HELD = {"X_val": X[::3], "y_val": Y[::3]}


def test_validation_worse_than_the_baseline_at_half_time():
    (text,) = warned(watched(baseline_loss=1e-3, alpha=0.2), **HELD)
    assert text.startswith("After 10 of 20 planned epochs the best validation")
    assert "baseline_loss=0.001" in text


def test_a_baseline_that_is_beaten_is_not_spoken_of():
    assert warned(watched(baseline_loss=1.3, alpha=0.2), **HELD) == []


def test_a_training_that_ends_early_is_judged_then():
    model = watched(
        baseline_loss=1e-3, alpha=0.1, max_epochs=300, n_iter_no_change=3, lr=0.3
    )
    (text,) = warned(model, **HELD)
    assert model.n_iter_ < 150
    assert text.startswith(f"After {model.n_iter_} of 300 planned epochs the best")


class Timid(nn.Module):
    """Right and not sure where it matters, sure and wrong elsewhere: for ever."""

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        logit = x[:, :1]
        return torch.cat([-logit / 2, logit / 2], 1) + 0 * self.nothing


def test_under_confidence_that_no_temperature_repairs():
    random = np.random.default_rng(0)
    y = np.arange(1000) % 2
    sign = 2.0 * y - 1.0
    wrong = random.random(1000) < 0.4
    sure = np.arange(1000) >= 800
    logits = np.where(sure, 3.0 * np.where(wrong, -sign, sign), 0.5 * sign)
    rows = logits[:, None].astype(np.float32)
    model = watched(module=Timid(), alpha=0.2, max_epochs=12)
    (text,) = warned(model, rows, y, X_val=rows, y_val=y)
    assert "under-confident beyond what a temperature repairs" in text


def test_under_confidence_that_a_temperature_repairs_is_not_spoken_of():
    random = np.random.default_rng(0)
    logits = 3.0 * random.standard_normal(1000)
    y = (random.random(1000) < 1 / (1 + np.exp(-logits))).astype(int)
    rows = (0.2 * logits[:, None]).astype(np.float32)
    model = watched(module=Timid(), alpha=0.2, max_epochs=12)
    assert warned(model, rows, y, X_val=rows, y_val=y) == []


class Forgetful(Mixup):
    """Mixes inputs, and says that labels stay."""

    def _draw(self, *args, **kwargs):
        plan = super()._draw(*args, **kwargs)
        whole = torch.ones_like(plan.lam)
        return dataclasses.replace(plan, label_lam=whole, lam_host=None)


@pytest.mark.parametrize("why", ["groups", "method"])
def test_mixed_targets_that_are_one_hot(why):
    given = {"groups": Y} if why == "groups" else {}
    mix = Forgetful(alpha=1.0) if why == "method" else Mixup(alpha=1.0)
    model = watched(mix=mix, max_epochs=30, early_stopping=False)
    (text,) = warned(model, **given)
    assert text.startswith("Mixed targets are one-hot")
    assert "groups that are classes" in text


def test_alpha_too_strong_for_so_few_epochs():
    model = watched(mix=Mixup(alpha=1.0, per="row"), max_epochs=6)
    (text,) = warned(model)
    assert text.startswith("alpha is strong for max_epochs=6")


def test_one_mistake_is_spoken_of_again_in_the_next_training():
    model = watched(mix=Mixup(alpha=1.0, per="row"), max_epochs=6)
    assert warned(model) == warned(model)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "params",
    [
        {"alpha": 0.2},
        {"alpha": 1.0, "max_epochs": 60},
        {"alpha": 0.4, "early_stopping": True, "max_epochs": 40},
        {"mix": None, "max_epochs": 5},
        {"mix": "manifold", "alpha": 0.2},
        {"alpha": 0.01},
    ],
    ids=str,
)
def test_healthy_trainings_are_left_in_peace(params, seed):
    assert warned(watched(random_state=seed, **params)) == []


def test_healthy_tables_and_images_are_left_in_peace():
    rows, labels, _ = people(200)
    assert warned(watched(module=None, lr=None), rows, labels) == []
    rows, labels = bright_images(64)
    model = watched(module="convnet", mix=CutMix(alpha=1.0), max_epochs=30, lr=None)
    assert warned(model, rows, labels) == []


def test_a_rare_class_and_partial_fits_are_left_in_peace():
    rows, labels = blobs(600)
    labels = (np.arange(600) % 200 == 0).astype(int)
    assert warned(watched(module=mlp(), alpha=0.4), rows, labels) == []
    model = watched(module=mlp(), alpha=0.4)
    for _ in range(3):
        model.partial_fit(rows, labels)
    assert model.callbacks[0].warned_ == set()
