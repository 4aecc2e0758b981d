"""The loss of a net that is several nets in one."""

import pytest
import torch
from torch import nn

from sk_mixup.mixing import CutMix, Mixup, RegMixup
from sk_mixup.training.objectives._members import MemberObjective
from sk_mixup.training.objectives._objective import Objective
from tests.builders import generator

METHODS = {"none": None, "mixup": Mixup(1.0), "row": Mixup(1.0, per="row")}


def case(method, *, seed=0):
    source = generator(seed)
    x = torch.rand(8, 3, generator=source)
    y = torch.randint(0, 3, (8,), generator=source)
    plan = None if method is None else method.draw(x, y, generator=source)
    n_rows = 8 if plan is None else len(plan.apply(x))
    output = torch.randn(n_rows, 5, 3, generator=source)
    weight = torch.rand(8, generator=source) + 0.5
    return output, y, weight, plan


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", [*METHODS, "regmixup"])
@pytest.mark.parametrize(
    "criterion",
    [
        nn.CrossEntropyLoss(reduction="none"),
        nn.CrossEntropyLoss(reduction="none", label_smoothing=0.1),
        nn.BCEWithLogitsLoss(reduction="none"),
    ],
    ids=["plain", "smoothed", "binary"],
)
def test_the_loss_is_the_mean_of_the_members_losses(criterion, name, weighted):
    method = RegMixup(1.0) if name == "regmixup" else METHODS[name]
    output, y, weight, plan = case(method)
    weight = weight if weighted else None
    inner = Objective(criterion, 3)
    alone = [inner(one, y, weight, plan) for one in output.unbind(1)]
    loss = MemberObjective(inner)(output, y, weight, plan)
    torch.testing.assert_close(loss, torch.stack(alone).mean())


def test_dense_targets_give_the_same_loss():
    output, y, _, plan = case(Mixup(1.0))
    objective = MemberObjective(Objective(nn.CrossEntropyLoss(reduction="none"), 3))
    dense = plan.targets(objective.dense_targets([(y, None)])[0])
    torch.testing.assert_close(
        objective(output, y, None, plan, dense), objective(output, y, None, plan)
    )


@pytest.mark.parametrize("shape", [(8,), (8, 3)])
def test_numbers(shape):
    output, _, _, plan = case(Mixup(1.0))
    y = torch.randn(shape)
    output = output[:, :, : 1 if len(shape) == 1 else 3]
    inner = Objective(nn.MSELoss(reduction="none"), None)
    alone = [inner(one, y, None, plan) for one in output.unbind(1)]
    loss = MemberObjective(inner)(output, y, None, plan)
    torch.testing.assert_close(loss, torch.stack(alone).mean())


def test_a_joined_output_is_judged_as_that_of_one_net():
    output, y, _, _ = case(None)
    inner = Objective(nn.CrossEntropyLoss(reduction="none"), 3)
    assert MemberObjective(inner)(output[:, 0], y) == inner(output[:, 0], y)


def test_pasting_methods():
    image = torch.rand(4, 1, 8, 8)
    plan = CutMix(1.0).draw(image, generator=generator())
    output, y = torch.randn(4, 2, 3), torch.tensor([0, 1, 2, 0])
    inner = Objective(nn.CrossEntropyLoss(reduction="none"), 3)
    alone = [inner(one, y, None, plan) for one in output.unbind(1)]
    loss = MemberObjective(inner)(output, y, None, plan)
    torch.testing.assert_close(loss, torch.stack(alone).mean())
