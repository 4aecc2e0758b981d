"""Cross-entropies of soft targets, against slow references."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    BinaryCrossEntropy,
    MixedTargets,
    SoftCrossEntropy,
    mixed_loss,
)
from tests.mixing.losses.batches import (
    WEIGHT,
    C,
    batch,
    bce,
    generator,
    rows_of,
    slow_soft,
    softmax,
)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_soft_cross_entropy_is_the_formula(smoothing, weight):
    output, pair = batch()
    soft = slow_soft(pair)

    def one_row(z, t):
        p = softmax(z)
        return sum(
            -(1.0 if weight is None else weight[c])
            * (t[c] * (1 - smoothing) + smoothing / C)
            * math.log(p[c])
            for c in range(C)
        )

    expected = rows_of(one_row, output, soft)
    criterion = SoftCrossEntropy(smoothing, weight=weight, reduction="none")
    assert_close(criterion(output, soft), expected)
    criterion = SoftCrossEntropy(smoothing, weight=weight)
    assert_close(criterion(output, soft), expected.mean())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_soft_cross_entropy_is_the_pair_form_of_torchs(smoothing, weight):
    output, pair = batch()
    weight = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    expected = mixed_loss(
        nn.CrossEntropyLoss(weight, label_smoothing=smoothing), output, pair
    )
    criterion = SoftCrossEntropy(smoothing, weight=weight)
    assert_close(mixed_loss(criterion, output, pair), expected)


def test_smoothing_before_and_after_mixing_agree():
    output, pair = batch()
    smooth = torch.full((C, C), 0.1 / C).double() + 0.9 * torch.eye(C)
    before = pair.lam[:, None] * smooth[pair.y]
    before += (1 - pair.lam[:, None]) * smooth[pair.y_partner]
    assert_close(
        SoftCrossEntropy()(output, before), SoftCrossEntropy(0.1)(output, pair)
    )
    assert_close(
        BinaryCrossEntropy()(output, before), BinaryCrossEntropy(0.1)(output, pair)
    )


@pytest.mark.parametrize("loss", [SoftCrossEntropy, BinaryCrossEntropy])
def test_class_indices_are_one_hot_targets(loss):
    output, pair = batch()
    hot = nn.functional.one_hot(pair.y, C)
    assert_close(loss(0.1)(output, pair.y), loss(0.1)(output, hot.double()))
    assert_close(loss(0.1)(output, pair.y.int()), loss(0.1)(output, hot))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("threshold", [None, 0.3])
@pytest.mark.parametrize("sum_classes", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_binary_cross_entropy_is_the_formula(
    smoothing, threshold, sum_classes, weighted
):
    output, pair = batch()
    positive = [1.0, 2.0, 0.5, 3.0] if weighted else [1.0] * C
    weight = WEIGHT if weighted else [1.0] * C
    on, off = 1 - smoothing + smoothing / C, smoothing / C

    def one_row(z, own, other, lam):
        total = 0.0
        for c in range(C):
            t = lam * (on if c == own else off)
            t += (1 - lam) * (on if c == other else off)
            if threshold is not None:
                t = float(t > threshold)
            total += weight[c] * bce(z[c], t, positive[c])
        return total if sum_classes else total / C

    expected = rows_of(one_row, output, *pair)
    settings = {"pos_weight": positive, "weight": weight} if weighted else {}
    criterion = BinaryCrossEntropy(
        smoothing, threshold, sum_classes, **settings, reduction="none"
    )
    assert_close(criterion(output, slow_soft(pair)), expected)
    criterion = BinaryCrossEntropy(smoothing, threshold, sum_classes, **settings)
    assert_close(mixed_loss(criterion, output, pair), expected.mean())


def test_timms_numbers_by_hand():
    """Two classes of four, smoothing 0.1: 0.925 and 0.025; lambda 0.7 and 0.3."""
    output = torch.tensor([[2.0, -1.0, 0.0, 0.0]])
    soft = torch.tensor([[0.7, 0.3, 0.0, 0.0]])
    # Targets 0.655, 0.295, 0.025, 0.025; log(1 + e^-2) = 0.126928 and so on:
    # 0.655 * 0.126928 + 0.345 * 2.126928 = 0.816928
    # 0.295 * 1.313262 + 0.705 * 0.313262 = 0.608262
    # and twice log(2) = 0.693147.
    expected = torch.tensor(0.816928 + 0.608262 + 2 * 0.693147)
    assert_close(BinaryCrossEntropy(0.1, sum_classes=True)(output, soft), expected)
    assert_close(BinaryCrossEntropy(0.1)(output, soft), expected / 4)
    # Threshold 0.29: two positives. 0.126928 + 1.313262 + 2 * 0.693147. At 0.3: one.
    two = torch.tensor(0.126928 + 1.313262 + 2 * 0.693147)
    one = torch.tensor(0.126928 + 0.313262 + 2 * 0.693147)
    assert_close(BinaryCrossEntropy(0.1, 0.29, True)(output, soft), two)
    assert_close(BinaryCrossEntropy(0.1, 0.3, True)(output, soft), one)


def test_the_threshold_is_strict_so_half_and_half_has_no_positive():
    zeros = torch.full((1, 2), -20.0)
    half = torch.tensor([[0.5, 0.5]])
    assert BinaryCrossEntropy(target_threshold=0.5)(zeros, half).item() < 1e-6
    assert BinaryCrossEntropy(target_threshold=0.49)(zeros, half).item() > 1


def test_a_share_equal_to_the_threshold_is_below_it_in_any_precision():
    share = torch.tensor([[0.2, 0.8]])
    criterion = BinaryCrossEntropy(target_threshold=0.2, reduction="none")
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        output = torch.tensor([[-20.0, 20.0]], dtype=dtype)
        assert criterion(output, share).item() < 1e-6


def test_mixing_with_the_own_class_is_positive_at_any_threshold():
    pair = MixedTargets(torch.tensor([0]), torch.tensor([0]), torch.tensor([0.5]))
    criterion = BinaryCrossEntropy(target_threshold=0.9)
    assert mixed_loss(criterion, torch.tensor([[20.0, -20.0]]), pair).item() < 1e-6


@pytest.mark.parametrize(
    ("smoothing", "threshold", "which"),
    [(0.4, 0.05, "every"), (0.4, 0.8, "no"), (0.0, 1.0, "no"), (0.1, 0.0, "every")],
)
def test_a_threshold_that_labels_cannot_reach_is_refused(smoothing, threshold, which):
    criterion = BinaryCrossEntropy(smoothing, threshold)
    with pytest.raises(ValueError, match=f"target_threshold=.* makes {which} class"):
        criterion(torch.zeros(2, C), torch.tensor([0, 1]))


@pytest.mark.parametrize("shape", [(9,), (9, 1)])
def test_one_logit_is_of_the_second_of_two_classes(shape):
    output = torch.randn(shape, generator=generator())
    y = torch.arange(9) % 2
    lam = torch.linspace(0, 1, 9)
    pair = MixedTargets(y, 1 - y, lam)
    soft = lam * y + (1 - lam) * (1 - y)
    smooth = 0.8 * soft + 0.1
    expected = nn.functional.binary_cross_entropy_with_logits(
        output.reshape(-1), smooth
    )
    criterion = BinaryCrossEntropy(0.2)
    assert_close(criterion(output, soft), expected)
    assert_close(criterion(output, pair), expected)
    assert_close(criterion(output, y), criterion(output, y.float()))


def test_several_labels_per_row_are_binary_targets():
    output, _ = batch()
    y = torch.rand(9, C, generator=generator(), dtype=torch.float64).round()
    assert float(y.sum(1).max()) > 1
    expected = nn.BCEWithLogitsLoss()(output, y)
    assert_close(BinaryCrossEntropy()(output, y), expected)
