"""The loss of rows that come from more than two, against plain loops."""

import itertools

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing.plans import AssemblyPlan
from sk_mixup.training.feeds import TrainStreams
from sk_mixup.training.loop._run import MixingRun, count_hits
from sk_mixup.training.objectives import MemberObjective, Objective
from tests.builders import generator

N = 6


def drawn():
    return AssemblyPlan.of(torch.randint(0, N, (N, 2, 3), generator=generator()))


def slow_loss(plan, rows_of, weight=None):
    """Mean over rows and places of the loss against the label of their source."""
    total = 0.0
    places = plan.source.flatten(1)
    for b, k in itertools.product(range(N), range(places.shape[1])):
        row = int(places[b, k])
        share = 1.0 if weight is None else float(weight[row])
        total += share * float(rows_of(b, row)) / places.shape[1]
    return total / N


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "criterion",
    [
        nn.CrossEntropyLoss(reduction="none"),
        nn.CrossEntropyLoss(
            reduction="none", weight=torch.tensor([1.0, 2.0, 0.5]), label_smoothing=0.1
        ),
        nn.MultiMarginLoss(reduction="none"),
    ],
)
def test_classes(criterion, weighted):
    output = torch.randn(N, 3, generator=generator(1))
    y = torch.arange(N) % 3
    weight = torch.rand(N, generator=generator(2)) if weighted else None
    plan = drawn()
    found = Objective(criterion, 3)(output, y, weight, plan)
    wanted = slow_loss(
        plan, lambda b, row: criterion(output[b : b + 1], y[row : row + 1]), weight
    )
    assert_close(found, torch.tensor(wanted))


def test_dense_targets_of_plain_cross_entropy_are_the_same_loss():
    output = torch.randn(N, 3, generator=generator(1))
    y, plan = torch.arange(N) % 3, drawn()
    objective = Objective(nn.CrossEntropyLoss(reduction="none"), 3)
    (dense,) = objective.dense_targets([(y, None)])
    found = objective(output, y, None, plan, plan.targets(dense))
    assert_close(found, objective(output, y, None, plan))


@pytest.mark.parametrize("weighted", [False, True])
def test_numbers(weighted):
    criterion = nn.L1Loss(reduction="none")
    output, y = torch.randn(2, N, generator=generator(1))
    weight = torch.rand(N, generator=generator(2)) if weighted else None
    plan = drawn()
    found = Objective(criterion, None)(output.unsqueeze(1), y, weight, plan)
    wanted = slow_loss(plan, lambda b, row: (output[b] - y[row]).abs(), weight)
    assert_close(found, torch.tensor(wanted))


def test_members_are_averaged():
    criterion = nn.CrossEntropyLoss(reduction="none")
    output = torch.randn(N, 4, 3, generator=generator(1))
    y, plan = torch.arange(N) % 3, drawn()
    weight = torch.rand(N, generator=generator(2))
    objective = Objective(criterion, 3)
    found = MemberObjective(objective)(output, y, weight, plan)
    each = [objective(one, y, weight, plan) for one in output.unbind(1)]
    assert_close(found, torch.stack(each).mean())


@pytest.mark.parametrize("dense", [False, True])
def test_accuracy_counts_every_label_by_its_share(dense):
    criterion = nn.CrossEntropyLoss(reduction="none")
    objective = Objective(criterion, 3)
    output = torch.randn(N, 3, generator=generator(1))
    y, plan = torch.arange(N) % 3, drawn()
    target = None
    if dense:
        (target,) = objective.dense_targets([(y, None)])
        target = plan.targets(target)
    run = MixingRun(None, TrainStreams(0), objective, 1)
    run.pending.append((output, y, plan, target))
    count_hits(run)
    right = slow_loss(plan, lambda b, row: output[b].argmax() == y[row])
    assert_close(torch.stack(run.hits).sum() / N, torch.tensor(right))
