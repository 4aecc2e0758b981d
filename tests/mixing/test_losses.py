"""Losses of mixed targets, against plain loops over rows and classes."""

import copy
import math
import pickle

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
    mixed_loss,
    output_activation,
    target_form,
)

C = 4
WEIGHT = [0.2, 1.0, 5.0, 0.0]
LOSSES = [
    SoftCrossEntropy,
    BinaryCrossEntropy,
    TwoHotBinaryCrossEntropy,
    DecoupledCrossEntropy,
    RankMixupLoss,
]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def batch(n_rows=9, n_classes=C, dtype=torch.float64):
    """Return logits and a pair: different classes, the same, unmixed, half and half."""
    output = torch.randn(n_rows, n_classes, generator=generator(1), dtype=dtype)
    y = torch.randint(0, n_classes, (n_rows,), generator=generator(2))
    partner = torch.randint(0, n_classes, (n_rows,), generator=generator(3))
    lam = torch.rand(n_rows, generator=generator(4), dtype=dtype)
    partner[0] = y[0]
    y[1], partner[1], lam[1] = 0, 1, 1.0
    y[2], partner[2], lam[2] = 0, 1, 0.5
    y[3], partner[3], lam[3] = 2, 1, 0.0
    return output, MixedTargets(y, partner, lam)


def slow_soft(pair, n_classes=C):
    soft = torch.zeros(len(pair.y), n_classes, dtype=pair.lam.dtype)
    for i, (own, other, lam) in enumerate(zip(*pair, strict=True)):
        soft[i, own] += lam
        soft[i, other] += 1 - lam
    return soft


def softmax(logits):
    exponentials = [math.exp(z) for z in logits]
    return [e / sum(exponentials) for e in exponentials]


def bce(z, t, pos_weight=1.0):
    p = 1 / (1 + math.exp(-z))
    return -(pos_weight * t * math.log(p) + (1 - t) * math.log(1 - p))


def rows_of(one_row, *columns):
    values = [one_row(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    return torch.tensor(values, dtype=torch.float64)


# -- soft cross-entropy ---------------------------------------------------------------


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


# -- binary cross-entropy -------------------------------------------------------------


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


# -- two-hot labels -------------------------------------------------------------------


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


# -- decoupled cross-entropy ----------------------------------------------------------


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


# -- RankMixup ------------------------------------------------------------------------


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


def test_mixed_loss_says_that_a_plan_is_needed():
    with pytest.raises(TypeError, match=r"needs the plan .* method\.draw"):
        mixed_loss(RankMixupLoss(), *batch())


# -- the protocol ---------------------------------------------------------------------


def test_a_criterion_of_soft_targets_gets_them():
    output, pair = batch()

    class Squared(nn.Module):
        mixed_targets = "soft"

        def forward(self, output, target):
            return ((output - target) ** 2).mean(1)

    expected = ((output - slow_soft(pair)) ** 2).mean()
    assert_close(mixed_loss(Squared(), output, pair), expected)


def test_a_criterion_of_pairs_gets_the_pair():
    output, pair = batch()

    def criterion(output, targets):
        assert targets is pair
        return targets.lam

    criterion.mixed_targets = "pair"
    assert_close(mixed_loss(criterion, output, pair), pair.lam.mean())


def test_blended_numbers_keep_their_shape():
    lam = torch.tensor([0.25, 1.0])
    pair = MixedTargets(torch.zeros(2, 3), torch.ones(2, 3), lam)
    assert_close(pair.soft(), torch.tensor([[0.75] * 3, [0.0] * 3]))
    with pytest.raises(ValueError, match="say n_classes"):
        MixedTargets(torch.tensor([0]), torch.tensor([1]), lam[:1]).soft()


@pytest.mark.parametrize("name", ["mixed_targets", "output_activation"])
def test_an_unknown_declaration_is_an_error(name):
    criterion = nn.CrossEntropyLoss()
    setattr(criterion, name, "sot")
    read = target_form if name == "mixed_targets" else output_activation
    with pytest.raises(ValueError, match=f"CrossEntropyLoss.{name} must be one of"):
        read(criterion)


# -- all of them ----------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_single(loss, dtype):
    output, pair = batch(dtype=torch.float32)
    output = (20 * output).to(dtype).requires_grad_()
    target = pair.y if loss is RankMixupLoss else pair
    found = loss()(output, target)
    assert found.dtype == torch.float32
    assert_close(found, loss()(output.float(), target))
    found.backward()
    assert output.grad.dtype == dtype
    assert bool(output.grad.isfinite().all())


@pytest.mark.parametrize("loss", LOSSES)
def test_large_logits_give_finite_losses(loss):
    output, pair = batch(dtype=torch.float32)
    output = (1e4 * output).requires_grad_()
    found = loss()(output, pair.y if loss is RankMixupLoss else pair)
    found.backward()
    assert bool(found.isfinite())
    assert bool(output.grad.isfinite().all())


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_the_loss(loss):
    output, pair = batch()
    target = pair.y if loss is RankMixupLoss else pair
    output.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: loss()(z, target), output)


@pytest.mark.parametrize("loss", LOSSES)
def test_reduction_by_rows_has_their_mean(loss):
    output, pair = batch()
    target = pair.y if loss is RankMixupLoss else pair
    rows = loss(reduction="none")(output, target)
    assert rows.shape == (9,)
    assert_close(rows.mean(), loss()(output, target))


@pytest.mark.parametrize("loss", LOSSES)
def test_copies_and_pickles_are_the_same_loss(loss):
    output, pair = batch()
    for again in (copy.deepcopy(loss()), pickle.loads(pickle.dumps(loss()))):
        assert_close(again(output, pair.y), loss()(output, pair.y))


@pytest.mark.parametrize("loss", LOSSES[:4])
def test_losses_compile_without_a_break(loss):
    output, pair = batch()
    compiled = torch.compile(loss(), fullgraph=True, backend="eager")
    assert_close(compiled(output, pair), loss()(output, pair))


# -- misuse ---------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [SoftCrossEntropy, BinaryCrossEntropy])
@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_targets_outside_0_to_1_are_refused(loss, bad):
    target = torch.full((2, C), 0.25)
    target[1, 2] = bad
    with pytest.raises(ValueError, match=f"{loss.__name__} needs targets between 0"):
        loss()(torch.zeros(2, C), target)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bad", [-100, C])
def test_class_indices_out_of_range_are_refused(loss, bad):
    with pytest.raises(ValueError, match=f"class index {bad}"):
        loss()(torch.zeros(2, C), torch.tensor([0, bad]))


@pytest.mark.parametrize("loss", [TwoHotBinaryCrossEntropy, DecoupledCrossEntropy])
def test_lambda_outside_0_to_1_is_refused(loss):
    y = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="shares between 0 and 1"):
        loss()(torch.zeros(2, C), MixedTargets(y, y, torch.tensor([0.5, 1.5])))


@pytest.mark.parametrize("loss", LOSSES[2:])
def test_losses_of_pairs_refuse_soft_labels(loss):
    with pytest.raises(TypeError, match="without n_classes"):
        loss()(torch.zeros(2, C), torch.full((2, C), 0.25))


@pytest.mark.parametrize("loss", [SoftCrossEntropy, *LOSSES[2:]])
@pytest.mark.parametrize("shape", [(2,), (2, 1), (2, C, 5)])
def test_outputs_need_a_column_per_class(loss, shape):
    with pytest.raises(ValueError, match=r"needs an output of shape \(rows, classes\)"):
        loss()(torch.zeros(shape), torch.tensor([0, 1]))


@pytest.mark.parametrize("loss", [SoftCrossEntropy, BinaryCrossEntropy])
def test_targets_of_another_shape_are_refused(loss):
    with pytest.raises(ValueError, match=r"needs targets of shape \(2, 4\)"):
        loss()(torch.zeros(2, C), torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"needs targets of shape \(2, 4\)"):
        loss()(torch.zeros(2, C), torch.tensor([0, 1, 2]))


@pytest.mark.parametrize("name", ["weight", "pos_weight"])
def test_weights_of_other_classes_are_refused(name):
    criterion = BinaryCrossEntropy(**{name: [1.0, 2.0]})
    with pytest.raises(ValueError, match=f"{name} has 2 entries"):
        criterion(torch.zeros(2, C), torch.tensor([0, 1]))


@pytest.mark.parametrize(
    ("loss", "settings"),
    [
        (SoftCrossEntropy, {"label_smoothing": 1.5}),
        (SoftCrossEntropy, {"reduction": "sum"}),
        (SoftCrossEntropy, {"weight": [1.0, -1.0]}),
        (BinaryCrossEntropy, {"target_threshold": -0.1}),
        (BinaryCrossEntropy, {"target_threshold": "half"}),
        (BinaryCrossEntropy, {"sum_classes": "yes"}),
        (BinaryCrossEntropy, {"pos_weight": [[1.0]]}),
        (TwoHotBinaryCrossEntropy, {"scale": 0.0}),
        (TwoHotBinaryCrossEntropy, {"power": -1.0}),
        (TwoHotBinaryCrossEntropy, {"threshold": 0.0}),
        (DecoupledCrossEntropy, {"eta": -0.1}),
        (RankMixupLoss, {"margin": math.nan}),
        (RankMixupLoss, {"on": "logit"}),
        (RankMixupLoss, {"on": "probabilities"}),
    ],
)
def test_bad_parameters_are_named(loss, settings):
    name = "margin" if settings == {"on": "probabilities"} else next(iter(settings))
    with pytest.raises((ValueError, TypeError), match=name):
        loss(**settings)
