"""The loss of a mixed batch, against plain loops."""

import functools

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from sk_mixup.mixing import MixedTargets, Mixup, mixed_loss, row_means, unreduced
from tests.builders import generator

WEIGHT = torch.tensor([0.2, 1.0, 5.0])


def classes(per="row"):
    x = torch.randn(7, 3, generator=generator())
    y = torch.tensor([0, 1, 2, 0, 1, 2, 2])
    return Mixup(1.0, per=per)(x, y, generator=generator())


def numbers(width=None):
    shape = (7,) if width is None else (7, width)
    output = torch.randn(shape, generator=generator(1))
    y = torch.rand(shape, generator=generator(2))
    plan = Mixup(1.0, per="row").draw(output, generator=generator())
    return output, MixedTargets(y, y[plan.partner], plan.lam)


def slow(one_row, output, targets):
    """Add lam * loss(own) + (1 - lam) * loss(partner) row by row; divide by rows."""
    total = 0.0
    for row, own, other, lam in zip(output, *targets, strict=True):
        total = total + lam * one_row(row, own) + (1 - lam) * one_row(row, other)
    return total / len(output)


def cross_entropy(row, y, weight=(1.0, 1.0, 1.0)):
    return -weight[y] * torch.log(row.exp()[y] / row.exp().sum())


def test_cross_entropy_is_the_slow_loop():
    output, targets = classes()
    expected = slow(cross_entropy, output, targets)
    assert_close(mixed_loss(nn.CrossEntropyLoss(), output, targets), expected)


def test_cross_entropy_of_the_pair_is_that_of_soft_targets():
    output, targets = classes()
    own, other = (functional.one_hot(y, 3) for y in (targets.y, targets.y_partner))
    lam = targets.lam[:, None]
    soft = lam * own + (1 - lam) * other
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    assert_close(
        mixed_loss(criterion, output, targets), mixed_loss(criterion, output, soft)
    )


def test_class_weights_weigh_each_label_and_the_sum_is_divided_by_rows():
    output, targets = classes()
    expected = slow(functools.partial(cross_entropy, weight=WEIGHT), output, targets)
    criterion = nn.CrossEntropyLoss(weight=WEIGHT)
    assert_close(mixed_loss(criterion, output, targets), expected)


def huber(row, y):
    gap = (row - y).abs()
    return torch.where(gap <= 1, gap**2 / 2, gap - 0.5).mean()


@pytest.mark.parametrize("width", [None, 1, 3])
@pytest.mark.parametrize(
    ("criterion", "one_row"),
    [
        (nn.L1Loss(), lambda row, y: (row - y).abs().mean()),
        (nn.HuberLoss(), huber),
        (nn.MSELoss(), lambda row, y: ((row - y) ** 2).mean()),
        (
            nn.BCEWithLogitsLoss(),
            lambda row, y: functional.binary_cross_entropy_with_logits(row, y),
        ),
    ],
    ids=["L1", "Huber", "MSE", "BCE"],
)
def test_other_losses_are_the_slow_loop(criterion, one_row, width):
    output, targets = numbers(width)
    expected = slow(one_row, output, targets)
    assert_close(mixed_loss(criterion, output, targets), expected)


def test_binary_cross_entropy_is_the_formula():
    output, targets = numbers()
    probability = torch.sigmoid(output)

    def one_row(row, y):
        p = torch.sigmoid(row)
        return -(y * torch.log(p) + (1 - y) * torch.log(1 - p))

    expected = slow(one_row, output, targets)
    assert_close(mixed_loss(nn.BCEWithLogitsLoss(), output, targets), expected)
    assert_close(mixed_loss(nn.BCELoss(), probability, targets), expected)


def test_a_function_that_returns_a_value_per_row_is_taken():
    output, targets = classes()
    criterion = functools.partial(functional.cross_entropy, reduction="none")
    expected = slow(cross_entropy, output, targets)
    assert_close(mixed_loss(criterion, output, targets), expected)


def test_a_scalar_is_taken_where_rows_share_their_lambda():
    output, targets = classes(per="batch")
    expected = slow(cross_entropy, output, targets)
    assert_close(mixed_loss(functional.cross_entropy, output, targets), expected)


def test_a_scalar_is_refused_where_rows_differ():
    output, targets = classes()
    with pytest.raises(ValueError, match="returned a scalar, but rows differ"):
        mixed_loss(functional.cross_entropy, output, targets)


def test_plain_targets_go_to_the_criterion_as_they_are():
    output, _ = classes()
    y = torch.tensor([0, 1, 2, 0, 1, 2, 2])
    criterion = nn.CrossEntropyLoss(reduction="sum")
    assert_close(mixed_loss(criterion, output, y), criterion(output, y))


def test_the_criterion_of_the_caller_is_not_changed():
    criterion = nn.CrossEntropyLoss(weight=WEIGHT)
    assert unreduced(criterion).reduction == "none"
    assert criterion.reduction == "mean"


def test_an_unreduced_criterion_is_taken_as_it_is():
    criterion = nn.L1Loss(reduction="none")
    assert unreduced(criterion) is criterion


def test_losses_of_several_outputs_count_as_their_mean():
    assert_close(row_means(torch.arange(12.0).view(2, 3, 2)), torch.tensor([2.5, 8.5]))


def test_gradients_flow_through_the_loss():
    output, targets = classes()
    output.requires_grad_()
    mixed_loss(nn.CrossEntropyLoss(), output, targets).backward()
    assert float(output.grad.abs().sum()) > 0
