"""Criteria that take mixed targets whole, against plain loops over rows."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    BinaryCrossEntropy,
    DecoupledCrossEntropy,
    MixedTargets,
    Mixup,
    RankMixupLoss,
    RegMixup,
    SoftCrossEntropy,
    TwoHotBinaryCrossEntropy,
)
from sk_mixup.training import Objective
from tests.builders import generator

N, C = 10, 3
WEIGHTS = torch.linspace(0.2, 1.8, N, dtype=torch.float64)


def batch(rows=N):
    output = torch.randn(rows, C, generator=generator(1), dtype=torch.float64)
    return output, torch.randint(0, C, (N,), generator=generator(2))


def plan_of(method, y):
    return method.draw(y.double().unsqueeze(1), y, generator=generator(3))


CRITERIA = [
    BinaryCrossEntropy(0.1, 0.2, reduction="none"),
    TwoHotBinaryCrossEntropy(0.9, reduction="none"),
    DecoupledCrossEntropy(0.5, reduction="none"),
]


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("method", [Mixup(1.0), Mixup(1.0, per="row"), RegMixup(1.0)])
def test_a_mixed_row_has_one_loss_and_one_weight(criterion, weighted, method):
    _, y = batch()
    plan = plan_of(method, y)
    output, _ = batch(len(plan.lam))
    weight = WEIGHTS if weighted else None
    total = 0.0
    for r in range(len(output)):
        i, j = r % N, int(plan.partner[r])
        lam = plan.lam[r]
        pair = MixedTargets(y[i : i + 1], y[j : j + 1], plan.lam[r : r + 1])
        w = lam * WEIGHTS[i] + (1 - lam) * WEIGHTS[j] if weighted else 1.0
        total += w * criterion(output[r : r + 1], pair).item()
    found = Objective(criterion, C)(output, y, weight, plan)
    assert_close(found.item(), float(total / len(output)), rtol=1e-9, atol=0.0)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_clean_batch_is_that_of_class_indices(criterion, weighted):
    output, y = batch()
    weight = WEIGHTS if weighted else None
    loss = criterion(output, y)
    expected = (WEIGHTS * loss).mean() if weighted else loss.mean()
    identity = plan_of(Mixup(0), y)
    objective = Objective(criterion, C)
    assert_close(objective(output, y, weight), expected)
    assert_close(objective(output, y, weight, identity), expected)
    assert_close(objective.rows(output, y), loss)


def test_soft_cross_entropy_is_the_pair_form():
    output, y = batch()
    plan = plan_of(Mixup(1.0, per="row"), y)
    soft = Objective(SoftCrossEntropy(0.1, reduction="none"), C)
    plain = nn.CrossEntropyLoss(label_smoothing=0.1, reduction="none")
    assert_close(soft(output, y, plan=plan), Objective(plain, C)(output, y, plan=plan))


def test_one_logit_gets_the_share_of_the_second_class():
    y = torch.arange(N) % 2
    output = torch.randn(N, 1, generator=generator(), dtype=torch.float64)
    plan = plan_of(Mixup(1.0, per="row"), y)
    soft = plan.targets(y, 2)[:, 1]
    objective = Objective(BinaryCrossEntropy(reduction="none"), 2)
    expected = nn.functional.binary_cross_entropy_with_logits(output[:, 0], soft)
    assert_close(objective(output, y, plan=plan), expected)
    hard = (soft > 0.3).double()
    expected = nn.functional.binary_cross_entropy_with_logits(output[:, 0], hard)
    objective = Objective(BinaryCrossEntropy(0.0, 0.3, reduction="none"), 2)
    assert_close(objective(output, y, plan=plan), expected)


def test_rank_mixup_gets_the_plan():
    _, y = batch()
    plan = plan_of(RegMixup(1.0), y)
    output, _ = batch(2 * N)
    criterion = RankMixupLoss(reduction="none")
    objective = Objective(criterion, C)
    assert_close(objective(output, y, plan=plan), RankMixupLoss()(output, y, plan))
    assert_close(objective(output[:N], y), nn.functional.cross_entropy(output[:N], y))


class Recording(nn.Module):
    """Keeps what it was given."""

    def __init__(self, form):
        super().__init__()
        self.mixed_targets = form

    def forward(self, output, *targets):
        self.seen = output, *targets
        return output.reshape(len(output), -1).mean(1)


@pytest.mark.parametrize("width", [None, 2])
def test_numbers_to_predict_come_blended_or_as_a_pair(width):
    y = torch.rand((N,) if width is None else (N, width), generator=generator())
    plan = Mixup(1.0, per="row").draw(torch.zeros(N, 1), generator=generator())
    output = torch.zeros(N, width or 1)
    soft, pair = Recording("soft"), Recording("pair")
    Objective(soft, None)(output, y, plan=plan)
    Objective(pair, None)(output, y, plan=plan)
    assert soft.seen[0].shape == pair.seen[0].shape == y.shape
    assert_close(soft.seen[1], plan.targets(y))
    assert_close(pair.seen[1].soft(), plan.targets(y))
    Objective(soft, None)(output, y)
    Objective(pair, None)(output, y)
    assert_close(soft.seen[1], y)
    assert_close(pair.seen[1].soft(), y)


def test_classes_come_in_one_form_mixed_or_not():
    output, y = batch()
    soft, pair, plan = Recording("soft"), Recording("pair"), Recording("plan")
    for criterion in (soft, pair, plan):
        Objective(criterion, C)(output, y)
    assert_close(soft.seen[1], nn.functional.one_hot(y, C).double())
    assert_close(pair.seen[1].lam, torch.ones(N))
    assert plan.seen[1] is y
    assert plan.seen[2] is None


def test_partners_from_memory_have_no_weights():
    from sk_mixup.mixing.plans._linear import LinearPlan

    output, y = batch()
    partner = torch.arange(N) + N
    pool = torch.zeros(N, 1), y
    plan = LinearPlan(partner, torch.full((N,), 0.7), pool=pool)
    objective = Objective(CRITERIA[0], C)
    assert objective(output, y, plan=plan).isfinite()
    with pytest.raises(ValueError, match="no weights"):
        objective(output, y, WEIGHTS, plan)


# -- what outputs mean ----------------------------------------------------------------


def probabilities(criterion, output, n_classes=C):
    return Objective(criterion, n_classes).probabilities(output)


def test_sigmoids_are_scaled_to_sum_to_one():
    output, _ = batch()
    expected = output.sigmoid() / output.sigmoid().sum(1, keepdim=True)
    for criterion in (BinaryCrossEntropy(), nn.BCEWithLogitsLoss()):
        assert_close(probabilities(criterion, output), expected)


def test_probabilities_of_tiny_sigmoids_sum_to_one():
    found = probabilities(
        BinaryCrossEntropy(), torch.tensor([[-900.0, -901.0, -950.0]])
    )
    assert_close(found.sum(1), torch.ones(1).double())
    assert_close(found[0, 0] / found[0, 1], torch.tensor(1.0).double().exp())


@pytest.mark.parametrize("criterion", [SoftCrossEntropy(), DecoupledCrossEntropy()])
def test_softmax_is_what_the_others_say(criterion):
    output, _ = batch()
    assert_close(probabilities(criterion, output), output.softmax(1))


def test_one_logit_is_the_sigmoid_of_the_second_class():
    output = torch.tensor([[-1.0], [0.3]])
    objective = Objective(BinaryCrossEntropy(), 2)
    assert_close(objective.probabilities(output)[:, 1], output[:, 0].double().sigmoid())
    assert objective.labels(output).tolist() == [0, 1]


def test_labels_of_one_logit_agree_with_its_probabilities():
    def logits_by_function(output, y):
        return nn.functional.binary_cross_entropy_with_logits(output, y.float())

    output = torch.tensor([[-0.2], [0.2], [0.7]])
    objective = Objective(logits_by_function, 2)
    best = objective.probabilities(output).argmax(1)
    assert objective.labels(output).tolist() == best.tolist() == [0, 1, 1]


def test_a_criterion_can_say_that_outputs_are_probabilities():
    criterion = Recording("soft")
    criterion.output_activation = "none"
    output = torch.tensor([[0.2, 0.3, 0.5]])
    assert_close(probabilities(criterion, output), output.double())
