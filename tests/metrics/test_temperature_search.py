"""One temperature, against an independent and slow search."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.optimize import brute
from scipy.special import expit, log_expit, logsumexp, softmax

from sk_mixup.metrics import fit_temperature
from tests.builders import scaled_logits


def loss_of(proba, y, weight=None):
    own = proba[np.arange(len(y)), y] if np.ndim(y) == 1 else np.exp(soft_log(proba, y))
    return -np.average(np.log(own), weights=weight)


def soft_log(proba, y):
    return (np.log(proba) * y).sum(1)


def slow_search(loss, n_rows):
    """Try 2000 temperatures."""
    tried = np.exp(np.linspace(np.log(0.05), np.log(20), 2000))
    values = [loss(t) + np.log(t) ** 2 / (2 * n_rows) for t in tried]
    return tried[int(np.argmin(values))]


@pytest.mark.parametrize("scale", [0.3, 1.0, 4.0])
def test_the_temperature_undoes_a_scale_of_logits(scale):
    logits, y = scaled_logits(20_000, 5, scale)
    assert fit_temperature(logits, y) == pytest.approx(scale, rel=0.03)


@pytest.mark.parametrize("scale", [0.4, 2.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_that_of_a_slow_search(scale, weighted):
    logits, y = scaled_logits(300, 4, scale)
    weight = np.random.default_rng(1).random(300) if weighted else None
    n_rows = 300 if weight is None else weight.sum() ** 2 / (weight**2).sum()
    slow = slow_search(lambda t: loss_of(softmax(logits / t, 1), y, weight), n_rows)
    assert fit_temperature(logits, y, weight) == pytest.approx(slow, rel=3e-3)


def test_probabilities_of_members_are_averaged():
    logits, y = scaled_logits(300, 3)
    random = np.random.default_rng(2)
    members = logits[:, None] * random.uniform(0.5, 3, (1, 4, 1))
    members += random.standard_normal(members.shape)

    def mean_proba(t):
        return softmax(members / t, 2).mean(1)

    slow = slow_search(lambda t: loss_of(mean_proba(t), y), 300)
    found = fit_temperature(members, y)
    assert found == pytest.approx(slow, rel=3e-3)
    assert found != pytest.approx(fit_temperature(members.mean(1), y), rel=0.02)


def test_one_logit_is_that_of_the_second_class():
    logits, y = scaled_logits(300, 2, 3.0)
    logit = logits[:, 1] - logits[:, 0]
    expected = fit_temperature(logits, y)
    assert fit_temperature(logit, y) == pytest.approx(expected, rel=1e-4)
    assert fit_temperature(logit[:, None], y) == pytest.approx(expected, rel=1e-4)
    slow = slow_search(
        lambda t: loss_of(np.stack([expit(-logit / t), expit(logit / t)], 1), y), 300
    )
    assert expected == pytest.approx(slow, rel=3e-3)


def test_sigmoids_per_class_are_scaled_to_sum_to_one():
    logits, y = scaled_logits(300, 3, 2.0)

    def loss(t):
        log_p = log_expit(logits / t)
        return -(log_p - logsumexp(log_p, 1, keepdims=True))[np.arange(300), y].mean()

    found = fit_temperature(logits, y, activation="sigmoid")
    assert found == pytest.approx(slow_search(loss, 300), rel=3e-3)


def test_soft_labels_count_by_their_shares():
    logits, y = scaled_logits(300, 3, 2.0)
    soft = np.eye(3)[y]
    assert fit_temperature(logits, soft) == pytest.approx(fit_temperature(logits, y))
    blurred = 0.7 * soft + 0.1
    assert fit_temperature(logits, blurred) > 1.2 * fit_temperature(logits, y)
    slow = slow_search(lambda t: loss_of(softmax(logits / t, 1), blurred), 300)
    assert fit_temperature(logits, blurred) == pytest.approx(slow, rel=3e-3)


def test_a_weight_is_a_number_of_equal_rows():
    logits, y = scaled_logits(200, 3, 2.0)
    twice = np.repeat(np.arange(200), 1 + np.arange(200) % 2)
    few = fit_temperature(logits, y, 1.0 + np.arange(200) % 2)
    assert few == pytest.approx(fit_temperature(logits[twice], y[twice]), rel=1e-2)


@given(st.integers(1, 30), st.integers(2, 5), st.floats(-3, 3), st.integers(0, 99))
def test_log_loss_is_never_above_that_of_temperature_one(n_rows, n_classes, s, seed):
    logits, y = scaled_logits(n_rows, n_classes, np.exp(s), seed)
    found = fit_temperature(logits, y)
    assert 0.01 <= found <= 100
    assert loss_of(softmax(logits / found, 1), y) <= loss_of(softmax(logits, 1), y)


@pytest.mark.parametrize("n_rows", [10, 100, 1000])
def test_rows_that_are_all_right_do_not_ask_for_certainty(n_rows):
    y = np.arange(n_rows) % 2
    proba = np.where(y[:, None] == np.arange(2), 0.8, 0.2)
    found = fit_temperature(np.log(proba), y)
    best = softmax(np.log(proba) / found, 1).max()
    # More rows are more evidence.
    assert 0.1 / n_rows < 1 - best < 1 / n_rows


def test_rows_that_are_all_wrong_get_little_confidence():
    found = fit_temperature([[3.0, 0.0]] * 50, [1] * 50)
    assert found > 10


def test_the_search_of_many_rows_reads_some_of_them(monkeypatch):
    from sk_mixup.metrics import _temperature

    logits, y = scaled_logits(3000, 3, 2.0)
    whole = fit_temperature(logits, y)
    monkeypatch.setattr(_temperature, "_MOST_VALUES", 3000)
    assert fit_temperature(logits, y) == pytest.approx(whole, rel=0.1)
    assert fit_temperature(logits.astype(np.float32), y) == pytest.approx(whole, 0.1)


@pytest.mark.parametrize(
    ("logits", "y", "weight", "said"),
    [
        ([[[[1.0]]]], [0], None, "logits must have shape"),
        ([[1.0, np.nan]], [0], None, "logits must be finite"),
        ([[1.0, 0.0]], [2], None, "y must hold class indices from 0 to 1"),
        ([[1.0, 0.0]], [0, 1], None, r"y must have shape \(1,\) or \(1, 2\)"),
        ([[1.0, 0.0]], [0], [-1.0], "weight must hold finite numbers"),
        ([[1.0, 0.0]], [0], [1.0, 1.0], r"weight must have shape \(1,\)"),
    ],
)
def test_what_does_not_fit_is_said(logits, y, weight, said):
    with pytest.raises(ValueError, match=said):
        fit_temperature(logits, y, weight)


def test_another_optimizer_agrees():
    logits, y = scaled_logits(500, 6, 0.5, seed=3)

    def penalized(s):
        log_t = float(np.ravel(s)[0])
        return loss_of(softmax(logits / np.exp(log_t), 1), y) + log_t**2 / 1000

    other = float(np.exp(np.ravel(brute(penalized, [(-3, 3)], Ns=50))[0]))
    assert fit_temperature(logits, y) == pytest.approx(other, rel=1e-3)


def test_rounding_of_the_logits_does_not_move_the_temperature():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 45)
    logits = rng.normal(size=(45, 3)) + 1.5 * np.eye(3)[y]
    wanted = fit_temperature(logits, y)
    for seed in range(5):
        noise = np.random.default_rng(seed).normal(size=logits.shape)
        moved = fit_temperature(logits * (1.0 + 3e-16 * noise), y)
        assert moved == pytest.approx(wanted, rel=0, abs=1e-10)
