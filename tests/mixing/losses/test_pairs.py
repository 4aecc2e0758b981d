"""Losses of two labels and a share, against slow references."""

import math

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
    TwoHotBinaryCrossEntropy,
    mixed_loss,
)
from tests.mixing.losses.batches import (
    WEIGHT,
    C,
    batch,
    bce,
    generator,
    rows_of,
    softmax,
)


@pytest.mark.parametrize(
    ("scale", "power", "threshold"),
    [(1.0, 0.0, 1.0), (0.7, 0.0, 1.0), (1.0, 1.0, 1.0), (0.9, 2.0, 0.6)],
)
@pytest.mark.parametrize("sum_classes", [False, True])
def test_two_hot_is_the_formula(scale, power, threshold, sum_classes):
    output, pair = batch()

    def count(share):
        if share == 0:
            return 0.0
        return 1.0 if share >= threshold else threshold**-power * share**power

    def one_row(z, own, other, lam):
        total = 0.0
        for c in range(C):
            t = count(lam) * (c == own) + count(1 - lam) * (c == other)
            total += bce(z[c], min(1.0, scale * t))
        return total if sum_classes else total / C

    criterion = TwoHotBinaryCrossEntropy(
        scale, power, threshold, sum_classes, reduction="none"
    )
    assert_close(criterion(output, pair), rows_of(one_row, output, *pair))


def test_shares_to_the_power_of_one_are_soft_labels():
    output, pair = batch()
    two_hot = TwoHotBinaryCrossEntropy(power=1.0, pos_weight=2.0, weight=WEIGHT)
    soft = BinaryCrossEntropy(pos_weight=2.0, weight=WEIGHT)
    assert_close(mixed_loss(two_hot, output, pair), mixed_loss(soft, output, pair))


def test_a_row_mixed_with_its_own_class_has_a_target_of_one_and_not_two():
    # OpenMixup's two-hot head gives 2, and the loss falls without end.
    pair = MixedTargets(torch.tensor([0]), torch.tensor([0]), torch.tensor([0.6]))
    loss = TwoHotBinaryCrossEntropy()(torch.tensor([[50.0, -50.0]]), pair)
    assert 0 <= loss.item() < 1e-6


def test_the_partner_of_an_unmixed_row_is_no_label():
    # OpenMixup adds y_a + y_b whatever lambda is.
    output, pair = batch()
    unmixed = MixedTargets(pair.y, pair.y_partner, torch.ones(9))
    hot = nn.functional.one_hot(pair.y, C).double()
    expected = nn.BCEWithLogitsLoss()(output, hot)
    assert_close(TwoHotBinaryCrossEntropy()(output, unmixed), expected)
    assert_close(TwoHotBinaryCrossEntropy()(output, pair.y), expected)


@pytest.mark.parametrize("eta", [0.0, 0.1, 2.0])
def test_decoupled_cross_entropy_is_the_formula(eta):
    output, pair = batch()

    def without(z, i, j):
        return math.exp(z[i]) / sum(math.exp(z[c]) for c in range(C) if c != j)

    def one_row(z, own, other, lam):
        p = softmax(z)
        loss = -lam * math.log(p[own]) - (1 - lam) * math.log(p[other])
        if own == other or lam in (0.0, 1.0):
            return loss
        both = math.log(without(z, own, other)) + math.log(without(z, other, own))
        return loss - eta * both

    criterion = DecoupledCrossEntropy(eta, reduction="none")
    assert_close(criterion(output, pair), rows_of(one_row, output, *pair))
    expected = rows_of(one_row, output, *pair).mean()
    assert_close(mixed_loss(DecoupledCrossEntropy(eta), output, pair), expected)


def test_both_classes_can_be_sure_at_once():
    # Plain cross-entropy wants shares of 0.7 and 0.3; the second part wants both high.
    pair = MixedTargets(torch.tensor([0]), torch.tensor([1]), torch.tensor([0.7]))
    output = torch.tensor([[5.0, 5.0, -5.0, -5.0]], requires_grad=True)
    part = DecoupledCrossEntropy(1.0)(output, pair)
    part = part - DecoupledCrossEntropy(0.0)(output, pair)
    assert part.item() < 1e-3


def test_half_and_half_is_decoupled_too():
    # OpenMixup tells labels apart by their shares, and skips equal ones.
    pair = MixedTargets(torch.tensor([0]), torch.tensor([1]), torch.tensor([0.5]))
    loss = DecoupledCrossEntropy(1.0)(torch.zeros(1, 3), pair)
    assert_close(loss, torch.tensor(math.log(3) + 2 * math.log(2)))


def test_unmixed_rows_have_plain_cross_entropy():
    output, pair = batch()
    expected = nn.functional.cross_entropy(output, pair.y)
    assert_close(DecoupledCrossEntropy(3.0)(output, pair.y), expected)


def test_two_classes_cannot_be_decoupled():
    y = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="at least 3 classes"):
        DecoupledCrossEntropy()(torch.zeros(2, 2), y)
    assert_close(
        DecoupledCrossEntropy(0.0)(torch.zeros(2, 2), y).exp(), torch.tensor(2.0)
    )


@pytest.mark.parametrize(("on", "margin"), [("logits", 2.0), ("probabilities", 0.1)])
@pytest.mark.parametrize("per", ["batch", "row"])
def test_rank_mixup_is_the_formula(on, margin, per):
    n_rows = 8
    x = torch.zeros(n_rows, 1, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 3, 0, 1, 1, 1])
    plan = RegMixup(1.0, per=per).draw(x, generator=generator())
    output = torch.randn(2 * n_rows, C, generator=generator(1), dtype=torch.float64)
    total, compared = 0.0, 0
    for i in range(n_rows):
        clean, mixed = output[i].tolist(), output[n_rows + i].tolist()
        total -= math.log(softmax(clean)[y[i]])
        if y[i] == y[plan.partner[n_rows + i]]:
            continue
        if on == "probabilities":
            clean, mixed = softmax(clean), softmax(mixed)
        total += 0.3 * max(0.0, margin + max(mixed) - max(clean))
        compared += 1
    assert 0 < compared < n_rows
    criterion = RankMixupLoss(margin, 0.3, on)
    found = criterion(output, y, plan)
    assert found.item() == pytest.approx(total / n_rows)
    by_row = RankMixupLoss(margin, 0.3, on, reduction="none")(output, y, plan)
    assert by_row.shape == (2 * n_rows,)
    assert_close(by_row.mean(), found)


def test_rank_mixup_of_a_batch_that_is_not_mixed_is_cross_entropy():
    output, pair = batch()
    expected = nn.functional.cross_entropy(output, pair.y)
    assert_close(RankMixupLoss()(output, pair.y), expected)
    plan = RegMixup(0).draw(torch.zeros(9, 1))
    assert_close(RankMixupLoss()(output, pair.y, plan), expected)


def test_rank_mixup_needs_clean_rows():
    output, pair = batch()
    plan = Mixup(1.0).draw(torch.zeros(9, 1), generator=generator())
    with pytest.raises(ValueError, match="mix='reg_mixup'"):
        RankMixupLoss()(output, pair.y, plan)
