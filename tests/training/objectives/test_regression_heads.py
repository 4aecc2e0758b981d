"""Losses and predictions of heads, against slow references."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch

from sk_mixup.mixing import Mixup
from sk_mixup.training import GaussianHead, GaussianLoss, PinballLoss, QuantileHead
from tests.builders import generator

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def tensor(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed))


def slow_pinball(quantiles, y, levels=LEVELS):
    losses = []
    for f, q in zip(quantiles, levels, strict=True):
        losses.append(q * (y - f) if y >= f else (1 - q) * (f - y))
    return sum(losses) / len(losses)


def slow_quantiles(raw, levels=LEVELS):
    """Return the quantiles of one target from the middle outwards."""
    scores = [NormalDist().inv_cdf(q) for q in levels]
    middle = min(range(len(levels)), key=lambda i: abs(levels[i] - 0.5))
    found = {middle: raw[middle] + scores[middle]}

    def gap(i, between):
        return math.log1p(math.exp(raw[i] + math.log(math.expm1(between))))

    for i in range(middle + 1, len(levels)):
        found[i] = found[i - 1] + gap(i, scores[i] - scores[i - 1])
    for i in range(middle - 1, -1, -1):
        found[i] = found[i + 1] - gap(i, scores[i + 1] - scores[i])
    return [found[i] for i in range(len(levels))]


def slow_likelihood(mean, log_variance, y, beta=0.0):
    variance = math.exp(log_variance) + 1e-6
    loss = -math.log(NormalDist(mean, math.sqrt(variance)).pdf(y))
    return variance**beta * loss


def test_pinball_loss():
    quantiles, y = tensor(7, 5), tensor(7, seed=1)
    expected = [slow_pinball(*pair) for pair in zip(quantiles, y, strict=True)]
    found = PinballLoss(LEVELS, reduction="none")(quantiles, y)
    torch.testing.assert_close(found, torch.tensor(expected))
    torch.testing.assert_close(PinballLoss(LEVELS)(quantiles, y), found.mean())


@pytest.mark.parametrize("level", [0.1, 0.5, 0.8])
def test_pinball_loss_is_least_at_the_quantile(level):
    y = tensor(4001)
    grid = torch.linspace(-2, 2, 801)
    loss = PinballLoss([level], reduction="none")
    values = loss(grid.view(-1, 1, 1).expand(-1, 4001, 1), y.expand(801, -1)).mean(1)
    best = float(grid[values.argmin()])
    assert best == pytest.approx(float(y.quantile(level)), abs=0.01)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_gaussian_loss(beta):
    output, y = tensor(7, 2), tensor(7, seed=1)
    loss = GaussianLoss(beta, reduction="none")
    for training in (True, False):
        loss.train(training)
        expected = [
            slow_likelihood(*row, target, beta if training else 0.0)
            for row, target in zip(output.tolist(), y.tolist(), strict=True)
        ]
        torch.testing.assert_close(loss(output, y), torch.tensor(expected))


def test_no_gradient_flows_through_the_weight_of_a_row():
    output, y = tensor(1, 2).requires_grad_(), tensor(1, seed=1)
    GaussianLoss(1.0)(output, y).backward()
    # With beta = 1 the mean learns as by half a squared error.
    expected = output.detach()[0, 0] - y[0]
    torch.testing.assert_close(output.grad[0, 0], expected)


def test_gaussian_loss_stays_finite():
    for log_variance in (-1e4, 1e4):
        output = torch.tensor([[0.0, log_variance]], requires_grad=True)
        loss = GaussianLoss()(output, torch.tensor([1.0]))
        loss.backward()
        assert bool(loss.isfinite())
        assert bool(output.grad.isfinite().all())


@pytest.mark.parametrize("levels", [LEVELS, (0.1, 0.6), (0.5,), (0.2, 0.5, 0.9)])
def test_quantiles_of_raw_outputs(levels):
    head = QuantileHead(2, levels)
    raw = tensor(6, 2 * len(levels)).double()
    found = head.values(raw)
    expected = [
        [slow_quantiles(one, levels) for one in row.view(2, -1).tolist()] for row in raw
    ]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))
    assert bool((found.diff(dim=-1) > 0).all())


def test_zeros_are_the_standard_normal_law():
    head = QuantileHead(1, LEVELS)
    expected = [NormalDist().inv_cdf(q) for q in LEVELS]
    found = head.values(torch.zeros(1, 5, dtype=torch.float64))[0, 0]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    wanted = [0.1, 0.4, 0.5, 0.95]
    between = head.quantiles(torch.zeros(1, 5, dtype=torch.float64), wanted)[0, 0]
    np.testing.assert_allclose(between, [NormalDist().inv_cdf(q) for q in wanted])


def test_gaussian_predictions():
    head, raw = GaussianHead(2), tensor(3, 4).double()
    deviation = (raw[:, [1, 3]].exp() + 1e-6).sqrt()
    torch.testing.assert_close(head.point(raw), raw[:, [0, 2]])
    torch.testing.assert_close(head.deviation(raw), deviation)
    upper = head.quantiles(raw, [0.5, 0.975])[..., 1]
    torch.testing.assert_close(upper, raw[:, [0, 2]] + 1.959964 * deviation)


@pytest.mark.parametrize("head", [QuantileHead(2, LEVELS), GaussianHead(2)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("members", [0, 3])
def test_a_mixed_row_has_the_loss_of_both_targets(head, weighted, members):
    shape = (8, members, head.width) if members else (8, head.width)
    output, y = tensor(*shape), tensor(8, 2, seed=1)
    weight = torch.rand(8, generator=generator(2))
    weight = weight if weighted else None
    criterion = head.default_criterion(output)(reduction="none")
    objective = head.objective(criterion, takes_log=False)
    plan = Mixup(1.0, per="row").draw(output, y, generator=generator(3))

    def loss(i, j):
        rows = output[i].reshape(-1, head.width)
        values = [
            float(criterion(head.values(row.unsqueeze(0))[0], y[j])[k])
            for row in rows
            for k in range(2)
        ]
        return sum(values) / len(values)

    expected = 0.0
    for i in range(8):
        j, lam = int(plan.partner[i]), float(plan.lam[i])
        own, other = (1.0, 1.0) if weight is None else (weight[i], weight[j])
        expected += float(lam * own * loss(i, i) + (1 - lam) * other * loss(i, j))
    found = objective(output, y, weight, plan)
    assert float(found) == pytest.approx(expected / 8, rel=1e-4)
