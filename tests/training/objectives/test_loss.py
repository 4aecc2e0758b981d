"""The loss of a mixed batch, against plain loops over its rows.

Sum over rows of ``lam * w_i * loss(f, y_i) + (1 - lam) * w_j * loss(f, y_j)``, divided
by the number of rows.
"""

import math

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup.mixing import Mixup
from sk_mixup.training import Objective, TrainStreams
from tests.builders import blobs, classifier, generator, regressor

N = 12


def softmax_loss(f, y, smoothing=0.0):
    total = math.log(sum(math.exp(v) for v in f))
    n = len(f)
    shares = [smoothing / n + (1 - smoothing) * (k == y) for k in range(n)]
    return sum(share * (total - v) for share, v in zip(shares, f, strict=True))


def logit_loss(f, y):
    return math.log1p(math.exp(-f)) if y else math.log1p(math.exp(f))


def huber(f, y):
    distance = abs(f - y)
    return 0.5 * distance**2 if distance < 1 else distance - 0.5


CASES = {
    "cross-entropy": (
        nn.CrossEntropyLoss(reduction="none"),
        3,
        (N, 3),
        softmax_loss,
    ),
    "label smoothing": (
        nn.CrossEntropyLoss(reduction="none", label_smoothing=0.2),
        3,
        (N, 3),
        lambda f, y: softmax_loss(f, y, 0.2),
    ),
    "one logit": (
        nn.BCEWithLogitsLoss(reduction="none"),
        2,
        (N, 1),
        lambda f, y: logit_loss(f[0], y),
    ),
    "a logit per class": (
        nn.BCEWithLogitsLoss(reduction="none"),
        3,
        (N, 3),
        lambda f, y: sum(logit_loss(v, k == y) for k, v in enumerate(f)) / 3,
    ),
    "squared": (
        nn.MSELoss(reduction="none"),
        None,
        (N, 1),
        lambda f, y: (f[0] - y) ** 2,
    ),
    "absolute": (
        nn.L1Loss(reduction="none"),
        None,
        (N, 1),
        lambda f, y: abs(f[0] - y),
    ),
    "huber": (
        nn.HuberLoss(reduction="none"),
        None,
        (N, 1),
        lambda f, y: huber(f[0], y),
    ),
    "two outputs": (
        nn.MSELoss(reduction="none"),
        None,
        (N, 2),
        lambda f, y: sum((a - b) ** 2 for a, b in zip(f, y, strict=True)) / 2,
    ),
}


def by_hand(loss, output, y, weight, partner, lam):
    total = 0.0
    for i, j in enumerate(partner):
        own = lam[i] * weight[i] * loss(output[i], y[i])
        other = (1 - lam[i]) * weight[j] * loss(output[i], y[j])
        total += own + other
    return total / len(output)


def batch_of(n_classes, shape):
    output = 2 * torch.randn(shape, dtype=torch.float64, generator=generator(1))
    if n_classes is not None:
        return output, torch.randint(0, n_classes, (N,), generator=generator(2))
    y_shape = (N,) if shape[1] == 1 else shape
    return output, torch.randn(y_shape, dtype=torch.float64, generator=generator(2))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_mixed_batch(case, per, weighted):
    criterion, n_classes, shape, loss = CASES[case]
    output, y = batch_of(n_classes, shape)
    plan = Mixup(1.0, per=per).draw(output, generator=generator(3))
    weight = torch.linspace(0.2, 1.8, N, dtype=torch.float64) if weighted else None
    found = Objective(criterion, n_classes)(output, y, weight, plan)
    expected = by_hand(
        loss,
        output.tolist(),
        y.tolist(),
        [1.0] * N if weight is None else weight.tolist(),
        plan.partner.tolist(),
        plan.lam.tolist(),
    )
    assert found.ndim == 0
    assert found.item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_clean_batch(case, weighted):
    criterion, n_classes, shape, loss = CASES[case]
    output, y = batch_of(n_classes, shape)
    weight = torch.linspace(0.2, 1.8, N, dtype=torch.float64) if weighted else None
    found = Objective(criterion, n_classes)(output, y, weight)
    weights = [1.0] * N if weight is None else weight.tolist()
    expected = by_hand(loss, output.tolist(), y.tolist(), weights, range(N), [1.0] * N)
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_soft_targets_are_the_same_for_plain_cross_entropy():
    output, y = batch_of(3, (N, 3))
    plan = Mixup(1.0).draw(output, generator=generator(3))
    found = Objective(nn.CrossEntropyLoss(reduction="none"), 3)(output, y, plan=plan)
    soft = nn.functional.cross_entropy(output, plan.targets(y, 3).double())
    assert found.item() == pytest.approx(soft.item(), rel=1e-6)


def test_the_absolute_loss_is_not_that_of_the_mixed_target():
    output, y = torch.zeros(2, 1), torch.tensor([-1.0, 1.0])
    plan = Mixup(1.0).draw(output, generator=generator())
    found = Objective(nn.L1Loss(reduction="none"), None)(output, y, plan=plan)
    assert found.item() == pytest.approx(1.0)


# -- a whole step of the estimator ----------------------------------------------------


def planned(model, n_rows):
    """Return order and plan of the first batch, from the streams of the estimator."""
    high = np.iinfo(np.int32).max
    seed = np.random.RandomState(model.random_state).randint(high)
    streams = TrainStreams(int(seed))
    order = torch.randperm(n_rows, generator=streams.order)
    return order, lambda x: model.mix.draw(x, generator=streams.mix)


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("weights", ["none", "sample", "class", "both"])
def test_one_step_of_the_classifier(per, weights):
    X, y = blobs(N, n_classes=3)
    sample = np.linspace(1, 2, N) if weights in ("sample", "both") else None
    by_class = {0: 1.0, 1: 3.0, 2: 0.5} if weights in ("class", "both") else None
    net = nn.Linear(4, 3)
    model = classifier(
        module=net,
        mix=Mixup(1.0, per=per),
        class_weight=by_class,
        lr=0.5,
        optimizer=torch.optim.SGD,
    )
    model.partial_fit(X, y, sample_weight=sample)

    weight = np.ones(N) if sample is None else sample
    if by_class is not None:
        weight = weight * [by_class[label] for label in y]
    weight = weight / weight.mean()
    order, draw = planned(model, N)
    x, labels = torch.from_numpy(X)[order], torch.from_numpy(y)[order]
    plan = draw(x)
    lam = plan.lam.tolist()
    mixed = torch.stack(
        [
            lam[i] * x[i] + (1 - lam[i]) * x[j]
            for i, j in enumerate(plan.partner.tolist())
        ]
    )
    shares = torch.zeros(N, 3)
    for i, j in enumerate(plan.partner.tolist()):
        shares[i, labels[i]] += lam[i] * weight[order[i]]
        shares[i, labels[j]] += (1 - lam[i]) * weight[order[j]]
    loss = -(shares * net(mixed).log_softmax(1)).sum() / N
    assert model.history_[0, "train_loss"] == pytest.approx(loss.item(), rel=1e-5)
    gradients = torch.autograd.grad(loss, list(net.parameters()))
    for start, gradient, end in zip(
        net.parameters(), gradients, model.module_.parameters(), strict=True
    ):
        torch.testing.assert_close(end, start - 0.5 * gradient, rtol=1e-4, atol=1e-6)


def test_one_step_of_the_regressor():
    X, _ = blobs(N)
    y = 7 + 3 * X[:, 0]
    net = nn.Linear(4, 1)
    model = regressor(module=net, mix=Mixup(1.0), lr=0.5, optimizer=torch.optim.SGD)
    model.partial_fit(X, y)

    order, draw = planned(model, N)
    scaled = torch.from_numpy((y - y.mean()) / y.std())[order]
    x = torch.from_numpy(X)[order]
    plan = draw(x)
    f = net(plan.apply(x))[:, 0]
    own, other = (f - scaled) ** 2, (f - scaled[plan.partner]) ** 2
    loss = (plan.lam * own + (1 - plan.lam) * other).mean()
    assert model.history_[0, "train_loss"] == pytest.approx(loss.item(), rel=1e-5)


def test_accuracy_on_mixed_batches_is_weighted_by_lambda():
    X, y = blobs(N)
    net = nn.Linear(4, 2)
    model = classifier(module=net, mix=Mixup(1.0, per="row"), optimizer=torch.optim.SGD)
    model.partial_fit(X, y)
    order, draw = planned(model, N)
    x, labels = torch.from_numpy(X)[order], torch.from_numpy(y)[order]
    plan = draw(x)
    best = net(plan.apply(x)).argmax(1)
    share = plan.lam * (best == labels) + (1 - plan.lam) * (
        best == labels[plan.partner]
    )
    expected = share.mean().item()
    assert model.history_[0, "train_acc_mixed"] == pytest.approx(expected, rel=1e-5)
