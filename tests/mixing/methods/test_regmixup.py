"""RegMixup: clean and mixed rows in one batch."""

import pytest
import torch
from scipy import stats
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from sk_mixup.mixing import (
    MixContext,
    MixedTargets,
    Mixup,
    RegMixup,
    mixed_loss,
    resolve_method,
)
from tests.builders import generator


def slow_regmixup_loss(net, x, y, partner, lam):
    """Add the losses of the clean rows and of the mixed ones, one row at a time."""
    total = 0.0
    for i in range(len(x)):
        total = total + functional.cross_entropy(net(x[i][None]), y[i][None])
    for i in range(len(x)):
        j = int(partner[i])
        output = net((lam[i] * x[i] + (1 - lam[i]) * x[j])[None])
        total = total + lam[i] * functional.cross_entropy(output, y[i][None])
        total = total + (1 - lam[i]) * functional.cross_entropy(output, y[j][None])
    return total / (2 * len(x))


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("as_pairs", [True, False])
def test_the_loss_is_the_mean_over_clean_and_mixed_rows(per, as_pairs):
    net = nn.Linear(4, 3).double()
    x, y = torch.rand(7, 4, dtype=torch.float64), torch.randint(0, 3, (7,))
    method = RegMixup(per=per)
    x_mixed, targets = method(
        x, y, n_classes=None if as_pairs else 3, generator=generator()
    )
    assert isinstance(targets, MixedTargets) == as_pairs
    loss = mixed_loss(nn.CrossEntropyLoss(), net(x_mixed), targets)
    plain = Mixup(10.0, per=per).draw(x, y, generator=generator())
    expected = slow_regmixup_loss(net, x, y, plain.partner, plain.lam)
    assert_close(loss, expected)


@pytest.mark.parametrize("per", ["batch", "row"])
def test_clean_rows_come_first_and_mixed_rows_are_those_of_mixup(per):
    x = torch.rand(5, 2, 3)
    plan = RegMixup(0.7, per=per).draw(x, generator=generator())
    plain = Mixup(0.7, per=per).draw(x, generator=generator())
    assert torch.equal(plan.apply(x), torch.cat((x, plain.apply(x))))
    assert plan.rows.tolist() == [*range(5), *range(5)]
    assert_close(plan.lam, torch.cat((torch.ones(5), plain.lam)))


@pytest.mark.parametrize("shape", [(6,), (6, 2)])
def test_numbers_and_soft_labels_are_stacked_alike(shape):
    x, y = torch.rand(6, 3), torch.rand(shape)
    plan = RegMixup().draw(x, y, generator=generator())
    plain = Mixup(10.0).draw(x, y, generator=generator())
    assert_close(plan.targets(y), torch.cat((y, plain.targets(y))))


def test_every_part_of_a_dict_gets_twice_the_rows():
    x = {"a": torch.rand(4, 2), "b": (torch.rand(4, 3, 5), torch.rand(4))}
    mixed = RegMixup().draw(x, generator=generator()).apply(x)
    assert mixed["a"].shape == (8, 2)
    assert [part.shape for part in mixed["b"]] == [(8, 3, 5), (8,)]


@pytest.mark.parametrize(
    "method",
    [
        RegMixup(0),
        RegMixup(0, per="row"),
        RegMixup(p=0),
        RegMixup(p=0, per="row"),
        RegMixup(off_first=1),
    ],
    ids=repr,
)
def test_a_batch_that_is_not_mixed_keeps_its_rows(method):
    x = torch.rand(6, 3)
    plan = method.draw(x, generator=generator(), context=MixContext())
    assert plan.is_identity
    assert torch.equal(plan.apply(x), x)
    assert torch.equal(plan.targets(torch.arange(6), 6), torch.eye(6))


@pytest.mark.parametrize("n_rows", [0, 1])
def test_a_batch_without_pairs_keeps_its_rows(n_rows):
    x = torch.rand(n_rows, 3)
    assert torch.equal(RegMixup().draw(x).apply(x), x)


def test_lambda_follows_the_folded_beta_law():
    plan = RegMixup(per="row").draw(torch.rand(4000, 1), generator=generator())
    lam = plan.lam[4000:].double().numpy()
    test = stats.kstest(lam, lambda v: 2 * stats.beta.cdf(v, 10, 10) - 1)
    assert test.pvalue > 0.01
    plan = RegMixup(per="row", fold=False).draw(
        torch.rand(4000, 1), generator=generator()
    )
    lam = plan.lam[4000:].double().numpy()
    assert stats.kstest(lam, stats.beta(10, 10).cdf).pvalue > 0.01


def test_the_batch_is_not_changed():
    x, y = torch.rand(6, 3), torch.rand(6)
    before = x.clone(), y.clone()
    plan = RegMixup().draw(x, y)
    plan.apply(x).mul_(0)
    plan.targets(y).mul_(0)
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])


def test_it_goes_by_its_short_name():
    method = resolve_method("reg_mixup", alpha=20.0)
    assert type(method) is RegMixup
    assert method.alpha == 20.0
