"""The temperature of an objective's outputs: what is a logit, and of which target."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from sk_mixup.metrics import fit_temperature
from sk_mixup.mixing import BinaryCrossEntropy, SoftCrossEntropy
from sk_mixup.training import (
    MultiLabel,
    MultiOutput,
    Objective,
    SoftLabels,
    no_temperature,
    takes_temperature,
    temperature_of,
    tempered,
)
from tests.builders import scaled_logits

N = 300


def draw(n_classes=3, scale=2.0, seed=0):
    logits, y = scaled_logits(N, n_classes, scale, seed)
    return torch.from_numpy(logits).float(), torch.from_numpy(y)


def log_loss(proba, y):
    return float(-proba.gather(1, y.unsqueeze(1)).log().mean())


def test_probabilities_are_the_softmax_of_divided_logits():
    logits, y = draw()
    objective = Objective(nn.CrossEntropyLoss(), 3)
    found = temperature_of(objective, logits, y)
    assert found == pytest.approx(fit_temperature(logits.numpy(), y.numpy()))
    proba = tempered(objective, logits, found)
    torch.testing.assert_close(proba, (logits.double() / found).softmax(1))
    assert log_loss(proba, y) < log_loss(objective.probabilities(logits), y)
    assert (proba.argmax(1) == logits.argmax(1)).all()


def test_temperature_one_changes_no_bit():
    logits, _ = draw()
    objective = Objective(nn.CrossEntropyLoss(), 3)
    before = objective.probabilities(logits)
    assert torch.equal(tempered(objective, logits, no_temperature(objective)), before)


@pytest.mark.parametrize("as_column", [False, True])
def test_one_logit_is_that_of_the_second_class(as_column):
    logits, y = draw(2)
    logit = logits[:, 1] - logits[:, 0]
    objective = Objective(nn.BCEWithLogitsLoss(), 2)
    outputs = logit.unsqueeze(1) if as_column else logit
    found = temperature_of(objective, outputs, y)
    expected = temperature_of(Objective(nn.CrossEntropyLoss(), 2), logits, y)
    assert found == pytest.approx(expected, rel=1e-4)
    proba = tempered(objective, outputs, found)
    torch.testing.assert_close(proba[:, 1], (logit.double() / found).sigmoid())


def test_sigmoids_per_class_are_divided_before_they_are_scaled():
    logits, y = draw()
    objective = Objective(BinaryCrossEntropy(), 3)
    found = temperature_of(objective, logits, y)
    assert found == fit_temperature(logits.numpy(), y.numpy(), activation="sigmoid")
    proba = tempered(objective, logits, found)
    sigmoids = (logits.double() / found).sigmoid()
    torch.testing.assert_close(proba, sigmoids / sigmoids.sum(1, keepdim=True))


@pytest.mark.parametrize("one", [False, True])
def test_probabilities_of_a_net_become_logits_first(one):
    """A module that ends in a softmax or sigmoid, as skorch's classifier wants it."""
    # Sigmoids of large logits are 1 in float32.
    logits, y = draw(2, 0.5)
    if one:
        outputs = (logits[:, 1] - logits[:, 0]).sigmoid()
        objective = Objective(nn.BCELoss(), 2)
    else:
        outputs = logits.softmax(1)
        objective = Objective(nn.NLLLoss(), 2, takes_log=True)
    found = temperature_of(objective, outputs, y)
    assert found == pytest.approx(fit_temperature(logits.numpy(), y.numpy()), 1e-3)
    proba = tempered(objective, outputs, found)
    expected = (logits.double() / found).softmax(1)
    torch.testing.assert_close(proba, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("probabilities", [False, True])
def test_several_labels_share_one_temperature(probabilities):
    pairs = [draw(2, 0.5, seed) for seed in range(3)]
    logits = torch.stack([z[:, 1] - z[:, 0] for z, _ in pairs], 1)
    y = torch.stack([labels for _, labels in pairs], 1).float()
    criterion = nn.BCELoss() if probabilities else nn.BCEWithLogitsLoss()
    objective = MultiLabel(3).objective(criterion, takes_log=False)
    outputs = logits.sigmoid() if probabilities else logits
    found = temperature_of(objective, outputs, y)
    flat = fit_temperature(logits.reshape(-1).numpy(), y.reshape(-1).numpy())
    assert found == pytest.approx(flat, rel=1e-3)
    proba = tempered(objective, outputs, found)
    expected = (logits.double() / found).sigmoid()
    torch.testing.assert_close(proba, expected, atol=1e-5, rtol=1e-4)


def test_weights_of_rows_with_several_labels_count_for_each_label():
    logits, labels = draw(3)
    y = functional.one_hot(labels, 3).float()
    times = torch.arange(N) % 3 + 1
    objective = MultiLabel(3).objective(nn.BCEWithLogitsLoss(), takes_log=False)
    rows = torch.repeat_interleave(torch.arange(N), times)
    assert temperature_of(objective, logits, y, times.float()) == pytest.approx(
        temperature_of(objective, logits[rows], y[rows]), rel=0.05
    )


def test_several_outputs_have_one_temperature_each():
    (first, y_first), (second, y_second) = draw(3, 0.5), draw(2, 3.0, seed=1)
    objective = MultiOutput([3, 2]).objective(nn.CrossEntropyLoss(), takes_log=False)
    assert no_temperature(objective) == [1.0, 1.0]
    outputs = torch.cat([first, second], 1)
    found = temperature_of(objective, outputs, torch.stack([y_first, y_second], 1))
    plain = Objective(nn.CrossEntropyLoss(), 3)
    assert found == [
        temperature_of(plain, first, y_first),
        temperature_of(plain, second, y_second),
    ]
    probas = tempered(objective, outputs, found)
    for proba, logits, t in zip(probas, (first, second), found, strict=True):
        torch.testing.assert_close(proba, (logits.double() / t).softmax(1))


@pytest.mark.parametrize("one", [False, True])
def test_soft_labels_count_by_their_shares(one):
    logits, y = draw(2)
    soft = 0.8 * functional.one_hot(y, 2).float() + 0.1
    criterion = nn.BCEWithLogitsLoss() if one else nn.CrossEntropyLoss()
    outputs = (logits[:, 1:] - logits[:, :1]) if one else logits
    objective = SoftLabels(2).objective(criterion, takes_log=False)
    found = temperature_of(objective, outputs, soft)
    assert found == pytest.approx(
        fit_temperature(logits.numpy(), soft.numpy()), rel=1e-3
    )


@pytest.mark.parametrize("soft", [False, True])
def test_class_weights_of_the_criterion_count(soft):
    logits, y = draw(3)
    weight = torch.tensor([1.0, 5.0, 0.5])
    kind = SoftLabels(3)
    criterion = nn.CrossEntropyLoss(weight=weight)
    if soft:
        objective = kind.objective(criterion, takes_log=False)
        target = functional.one_hot(y, 3).float()
    else:
        objective, target = Objective(criterion, 3), y
    by_rows = fit_temperature(logits.numpy(), y.numpy(), weight[y].numpy())
    assert temperature_of(objective, logits, target) == pytest.approx(by_rows)


@pytest.mark.parametrize("several", [False, True])
def test_weights_of_positives_count(several):
    logits, y = draw(2)
    logit = logits[:, 1] - logits[:, 0]
    criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([4.0]))
    rows = fit_temperature(logit.numpy(), y.numpy(), (1.0 + 3.0 * y).numpy())
    if several:
        objective = MultiLabel(1).objective(criterion, takes_log=False)
        found = temperature_of(objective, logit.unsqueeze(1), y.unsqueeze(1).float())
    else:
        found = temperature_of(Objective(criterion, 2), logit, y)
    assert found == pytest.approx(rows)


def test_outputs_that_are_not_finite_have_temperature_one():
    logits, y = draw()
    logits[3, 1] = float("nan")
    assert temperature_of(Objective(nn.CrossEntropyLoss(), 3), logits, y) == 1.0


class Declared(nn.Module):
    output_activation = "softmax"


def undeclared(output, y):
    return functional.cross_entropy(output, y, reduction="none")


@pytest.mark.parametrize(
    ("criterion", "takes"),
    [
        (nn.CrossEntropyLoss(label_smoothing=0.1), True),
        (nn.BCEWithLogitsLoss(), True),
        (SoftCrossEntropy(), True),
        (BinaryCrossEntropy(), True),
        (Declared(), True),
        (nn.MultiMarginLoss(), False),
        (undeclared, False),
    ],
)
def test_outputs_are_logits_where_the_criterion_says_so(criterion, takes):
    assert takes_temperature(Objective(criterion, 3)) is takes
