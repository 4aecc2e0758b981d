"""The loss of several labels, several outputs and soft labels, against plain loops.

Sum over rows of ``lam * w_i * loss(f, y_i) + (1 - lam) * w_j * loss(f, y_j)``, divided
by the number of rows, where the loss of a row is the mean over its labels or outputs.
"""

import math

import pytest
import torch
from torch import nn

from sk_mixup.mixing import (
    BalancedMixup,
    BinaryCrossEntropy,
    CMixup,
    CutMix,
    KernelPairing,
    MAMix,
    MemoryPairing,
    Mixup,
    OneOf,
    RegMixup,
    Remix,
    Repeat,
    SoftCrossEntropy,
)
from sk_mixup.training import MultiLabel, MultiOutput, SoftLabels
from tests.builders import generator

N, L, C = 12, 4, 3
SIZES = (3, 2, 4)
assert_close = torch.testing.assert_close


def log_softmax(f):
    total = math.log(sum(math.exp(v) for v in f))
    return [v - total for v in f]


def logit_loss(f, y):
    return y * math.log1p(math.exp(-f)) + (1 - y) * math.log1p(math.exp(f))


def labels_loss(f, y):
    return sum(map(logit_loss, f, y)) / len(y)


def outputs_loss(f, y):
    total, start = 0.0, 0
    for size, code in zip(SIZES, y, strict=True):
        total -= log_softmax(f[start : start + size])[int(code)]
        start += size
    return total / len(SIZES)


def soft_loss(f, y):
    return -sum(p * v for p, v in zip(y, log_softmax(f), strict=True))


def soft_logits_loss(f, y):
    return sum(map(logit_loss, f, y)) / len(y)


def smoothed_loss(f, y):
    return soft_loss(f, [0.8 * p + 0.2 / len(y) for p in y])


def label_targets():
    return torch.randint(0, 2, (N, L), generator=generator(1)).float()


def output_targets():
    columns = [torch.randint(0, s, (N,), generator=generator(s)) for s in SIZES]
    return torch.stack(columns, 1)


def soft_targets(width=C):
    return torch.randn(N, width, generator=generator(2)).softmax(1)


CASES = {
    "labels": (
        MultiLabel(L),
        nn.BCEWithLogitsLoss(reduction="none"),
        label_targets,
        labels_loss,
    ),
    "labels, library's loss": (
        MultiLabel(L),
        BinaryCrossEntropy(reduction="none"),
        label_targets,
        labels_loss,
    ),
    "labels, soft margin": (
        MultiLabel(L),
        nn.MultiLabelSoftMarginLoss(reduction="none"),
        label_targets,
        labels_loss,
    ),
    "one label": (
        MultiLabel(1),
        nn.BCEWithLogitsLoss(reduction="none"),
        lambda: label_targets()[:, :1],
        labels_loss,
    ),
    "outputs": (
        MultiOutput(SIZES),
        nn.CrossEntropyLoss(reduction="none"),
        output_targets,
        outputs_loss,
    ),
    "outputs, library's loss": (
        MultiOutput(SIZES),
        SoftCrossEntropy(reduction="none"),
        output_targets,
        outputs_loss,
    ),
    "outputs of one logit": (
        MultiOutput((2, 2)),
        nn.BCEWithLogitsLoss(reduction="none"),
        lambda: label_targets()[:, :2].long(),
        labels_loss,
    ),
    "soft": (
        SoftLabels(C),
        nn.CrossEntropyLoss(reduction="none"),
        soft_targets,
        soft_loss,
    ),
    "soft, smoothed": (
        SoftLabels(C),
        nn.CrossEntropyLoss(reduction="none", label_smoothing=0.2),
        soft_targets,
        smoothed_loss,
    ),
    "soft, library's loss": (
        SoftLabels(C),
        SoftCrossEntropy(reduction="none"),
        soft_targets,
        soft_loss,
    ),
    "soft, a logit per class": (
        SoftLabels(C),
        nn.BCEWithLogitsLoss(reduction="none"),
        soft_targets,
        soft_logits_loss,
    ),
    "soft, one logit": (
        SoftLabels(2),
        nn.BCEWithLogitsLoss(reduction="none"),
        lambda: soft_targets(2),
        lambda f, y: logit_loss(f[0], y[1]),
    ),
}
WIDTHS = {"one label": 1, "outputs of one logit": 2, "soft, one logit": 1}


def case(name):
    kind, criterion, targets, loss = CASES[name]
    width = WIDTHS.get(name, kind.width)
    output = torch.randn(N, width, generator=generator(3))
    return kind.objective(criterion, takes_log=False), output, targets(), loss


def drawn(y, *, per="row", seed=0):
    method = Mixup(alpha=1.0, per=per)
    return method.draw(torch.randn(N, 2), y, generator=generator(seed))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_mixed_row_has_the_losses_of_both_its_targets(name, per, weighted):
    objective, output, y, loss = case(name)
    weight = torch.rand(N, generator=generator(4)) if weighted else None
    plan = drawn(y, per=per)
    own, other = plan.label_weights
    total = 0.0
    for i, j in enumerate(plan.partner.tolist()):
        row = output[i].tolist()
        w_i, w_j = (1.0, 1.0) if weight is None else (weight[i], weight[j])
        if weighted and objective._form is not None:
            # One loss of one blended target, which has one weight.
            w_i = w_j = float(own[i] * w_i + other[i] * w_j)
        total += float(own[i] * w_i * loss(row, y[i].tolist()))
        total += float(other[i] * w_j * loss(row, y[j].tolist()))
    found = objective(output, y, weight, plan)
    assert_close(found, torch.tensor(total / N), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_clean_row_has_the_loss_of_its_target(name, weighted):
    objective, output, y, loss = case(name)
    weight = torch.rand(N, generator=generator(4)) if weighted else None
    rows = [loss(output[i].tolist(), y[i].tolist()) for i in range(N)]
    wanted = torch.tensor(rows) * (1.0 if weight is None else weight)
    assert_close(objective(output, y, weight), wanted.mean(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", [RegMixup(), Repeat(k=2)])
@pytest.mark.parametrize("name", ["labels", "outputs", "soft"])
def test_plans_with_more_rows_than_the_batch(name, method):
    objective, _, y, loss = case(name)
    plan = method.draw(torch.randn(N, 2), y, generator=generator())
    output = torch.randn(len(plan.own_rows(y)), objective_width(name))
    pairs = plan.own_rows(y), plan.partner_rows(y), *plan.label_weights
    rows = [
        float(a) * loss(f.tolist(), own.tolist())
        + float(b) * loss(f.tolist(), other.tolist())
        for f, own, other, a, b in zip(output, *pairs, strict=True)
    ]
    found = objective(output, y, None, plan)
    assert_close(found, torch.tensor(rows).mean(), rtol=1e-5, atol=1e-6)


def objective_width(name):
    return CASES[name][0].width


@pytest.mark.parametrize("name", ["labels", "outputs", "soft"])
def test_partners_from_memory_bring_their_targets(name):
    objective, output, y, loss = case(name)
    method = Mixup(alpha=1.0, per="row", pairing=MemoryPairing(30))
    for seed in range(4):
        x = torch.randn(N, 2, generator=generator(seed))
        plan = method.draw(x, y.roll(seed, 0), generator=generator(seed))
    assert plan.pool is not None
    y = y.roll(3, 0)
    everything = torch.cat((y, plan.pool[1]))
    total = 0.0
    for i, j in enumerate(plan.partner.tolist()):
        lam, row = float(plan.lam[i]), output[i].tolist()
        total += lam * loss(row, y[i].tolist())
        total += (1 - lam) * loss(row, everything[j].tolist())
    found = objective(output, y, None, plan)
    assert_close(found, torch.tensor(total / N), rtol=1e-5, atol=1e-6)


def test_soft_targets_made_ahead_have_the_same_loss():
    objective, output, y, _ = case("soft")
    plan = drawn(y)
    (dense,) = objective.dense_targets([(y, None)])
    ahead = objective(output, y, None, plan, plan.targets(dense))
    assert_close(ahead, objective(output, y, None, plan))


def test_nll_of_log_probabilities_takes_soft_labels():
    _, output, y, loss = case("soft")
    objective = SoftLabels(C).objective(nn.NLLLoss(reduction="none"), takes_log=False)
    rows = [loss(output[i].tolist(), y[i].tolist()) for i in range(N)]
    found = objective.rows(output.log_softmax(1), y)
    assert_close(found, torch.tensor(rows), rtol=1e-5, atol=1e-6)


# -- what outputs mean ----------------------------------------------------------------


def test_a_label_is_predicted_above_one_half():
    objective, *_ = case("labels")
    output = torch.tensor([[-1.0, 1.0, 0.0, 9.0]])
    assert objective.labels(output).tolist() == [[0, 1, 0, 1]]
    wanted = torch.tensor([[1 / (1 + math.e), 1 / (1 + 1 / math.e), 0.5, 0.999877]])
    assert_close(objective.probabilities(output), wanted.double(), atol=1e-6, rtol=0)


def test_probabilities_that_a_module_returns_stay():
    objective = MultiLabel(2).objective(nn.BCELoss(reduction="none"), takes_log=False)
    output = torch.tensor([[0.2, 0.7]])
    assert objective.labels(output).tolist() == [[0, 1]]
    assert_close(objective.probabilities(output), output.double())


def test_every_output_has_probabilities_of_its_own():
    objective, output, *_ = case("outputs")
    parts = output.double().split(SIZES, 1)
    for found, part in zip(objective.probabilities(output), parts, strict=True):
        assert_close(found, part.softmax(1))
    wanted = torch.stack([part.argmax(1) for part in parts], 1)
    assert_close(objective.labels(output), wanted)
    assert_close(objective.labels(list(parts)), wanted)


@pytest.mark.parametrize(
    ("name", "predicted", "y", "wanted"),
    [
        ("labels", [[1, 0, 1, 1]], [[1.0, 1.0, 1.0, 1.0]], [0.75]),
        ("outputs", [[2, 1, 0]], [[2, 0, 0]], [2 / 3]),
        ("soft", [2, 0], [[0.2, 0.5, 0.3], [0.9, 0.1, 0.0]], [0.3, 0.9]),
    ],
)
def test_a_row_agrees_by_the_share_that_is_right(name, predicted, y, wanted):
    objective, *_ = case(name)
    found = objective.agreement(torch.tensor(predicted), torch.tensor(y))
    assert_close(found, torch.tensor(wanted))


# -- what modules may return ----------------------------------------------------------


def heads(*widths, rows=2):
    return [torch.zeros(rows, width) for width in widths]


@pytest.mark.parametrize(
    ("kind", "output"),
    [
        (MultiOutput(SIZES), heads(*SIZES)),
        (MultiOutput(SIZES), tuple(heads(*SIZES))),
        (MultiOutput(SIZES), heads(sum(SIZES))[0]),
        (MultiOutput(SIZES), (heads(sum(SIZES))[0], "hidden")),
        (MultiOutput((2, 2)), heads(1, 1)),
        (MultiOutput((2, 2)), [torch.zeros(2), torch.zeros(2)]),
        (MultiOutput((2, 2)), heads(2)[0]),
        (MultiOutput((2, 2)), heads(2, 2)),
        (MultiLabel(3), heads(3)[0]),
        (MultiLabel(3), (heads(3)[0], "hidden")),
        (MultiLabel(1), torch.zeros(2)),
        (SoftLabels(3), heads(3)[0]),
        (SoftLabels(2), heads(1)[0]),
        (SoftLabels(2), torch.zeros(2)),
    ],
)
def test_outputs_that_fit(kind, output):
    kind.check_output("Net", output, 2)


@pytest.mark.parametrize(
    ("kind", "output", "words"),
    [
        (MultiOutput(SIZES), heads(3, 2), r"2 parts of shapes \[\(2, 3\), \(2, 2\)\]"),
        (MultiOutput(SIZES), heads(3, 4, 2), r"3 outputs of \[3, 2, 4\] classes"),
        (MultiOutput(SIZES), heads(8)[0], r"one tensor of shape \(rows, 9\)"),
        (MultiOutput(SIZES), heads(3)[0], r"one tensor of shape \(rows, 9\)"),
        (MultiOutput((2, 2)), heads(3)[0], "or one logit each"),
        (MultiOutput(SIZES), [], "0 parts"),
        (MultiOutput(SIZES), heads(*SIZES, rows=3), "3 rows for 2 rows"),
        (MultiOutput(SIZES), {"a": 1}, "must return a tensor"),
        (MultiLabel(3), heads(4)[0], "y has 3 labels: it must return 3 logits"),
        (MultiLabel(3), heads(3, rows=1)[0], "1 rows for 2 rows"),
        (SoftLabels(3), heads(1)[0], "probabilities of 3 classes"),
        (SoftLabels(2), heads(3)[0], "or one logit"),
    ],
)
def test_outputs_that_do_not_fit_are_refused(kind, output, words):
    with pytest.raises(ValueError, match=words):
        kind.check_output("Net", output, 2)


@pytest.mark.parametrize(
    "criterion",
    [nn.CrossEntropyLoss(), nn.NLLLoss(), SoftCrossEntropy(), nn.MultiMarginLoss()],
)
def test_losses_of_one_class_are_not_for_labels(criterion):
    with pytest.raises(ValueError, match="is for one class per row"):
        MultiLabel(3).objective(criterion, takes_log=False)


# -- methods that compare targets -----------------------------------------------------

KINDS = [MultiLabel(3), MultiOutput(SIZES), SoftLabels(3)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("method", "words"),
    [
        (Remix(), "Remix counts"),
        (MAMix(), "MAMix counts"),
        (BalancedMixup(), "BalancedMixup counts"),
        (CMixup(), "CMixup compares"),
        (Mixup(pairing="within"), "Mixup with pairing='within'"),
        (CutMix(pairing="balanced"), "CutMix with pairing='balanced'"),
        (Mixup(pairing="similar"), "pairing='similar'"),
        (Mixup(pairing=KernelPairing(0.5)), "KernelPairing"),
        (OneOf([Mixup(), Remix()]), "Remix counts"),
        (Repeat(CMixup()), "CMixup compares"),
    ],
)
def test_methods_that_compare_targets_are_refused_by_name(kind, method, words):
    with pytest.raises(ValueError, match=words):
        kind.check_method(method)


@pytest.mark.parametrize("kind", KINDS)
def test_methods_that_do_not_compare_targets_pass(kind):
    for method in (
        None,
        Mixup(),
        OneOf([CutMix(), RegMixup()]),
        Mixup(pairing="reverse"),
    ):
        kind.check_method(method)
