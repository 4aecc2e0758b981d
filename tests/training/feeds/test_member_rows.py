"""Rows for members of which each leaves a fold out."""

import numpy as np
import pytest
import torch

from sk_mixup.mixing.plans import LinearPlan
from sk_mixup.training import (
    ArrayData,
    MemberRows,
    MemberRowsObjective,
    Objective,
    member_folds,
)

N_ROWS, N_MEMBERS = 45, 8


def data(weight=False):
    torch.manual_seed(0)
    x = {
        "numeric": torch.arange(N_ROWS * 2).float().view(N_ROWS, 2),
        "categorical": torch.arange(N_ROWS).view(N_ROWS, 1),
    }
    shares = torch.rand(N_ROWS) if weight else None
    return ArrayData(x, torch.arange(N_ROWS) % 3, shares)


def folds(n_folds=N_MEMBERS, n_members=N_MEMBERS, **settings):
    settings = {"seed": 0, "stratified": True} | settings
    return member_folds(data(), n_members, n_folds, **settings)


def test_a_member_trains_on_all_rows_that_do_not_judge_it():
    train, valid = folds()
    for k in range(N_MEMBERS):
        seen = set(train.table[:, k].tolist())
        real = slice(None) if valid.counts is None else valid.counts[:, k] > 0
        held = set(valid.table[real, k].tolist())
        assert seen | held == set(range(N_ROWS))
        assert not seen & held


def test_every_row_judges_one_member():
    _, valid = folds()
    judged = valid.table[valid.counts > 0]
    assert sorted(judged.tolist()) == list(range(N_ROWS))


def test_with_more_members_than_folds_rows_judge_several():
    train, valid = folds(n_folds=4)
    assert torch.equal(valid.table[:, 0], valid.table[:, 4])
    assert not torch.equal(train.table[:, 0], train.table[:, 4])


def test_places_that_are_only_filled_count_nothing():
    _, valid = folds()
    assert float(valid.counts.mean()) == pytest.approx(1.0)
    assert int((valid.counts == 0).sum()) == valid.counts.numel() - N_ROWS


def test_classes_are_shared_out_among_the_folds():
    _, valid = folds(n_folds=3, n_members=3)
    y = data().y[valid.table]
    for k in range(3):
        assert torch.bincount(y[:, k]).tolist() == [5, 5, 5]


def test_a_batch_holds_the_rows_of_each_member():
    train, _ = folds()
    x, y = train[torch.tensor([3, 1])]
    assert x["numeric"].shape == (2, N_MEMBERS, 2)
    assert y.shape == (2, N_MEMBERS)
    row = train.table[1, 5]
    assert torch.equal(x["numeric"][1, 5], data().X["numeric"][row])
    assert y[1, 5] == data().y[row]


def test_weights_follow_their_rows():
    whole = data(weight=True)
    train, _ = member_folds(whole, 3, 3, seed=0, stratified=False)
    _, (y, weight) = train[slice(0, 4)]
    assert torch.equal(weight, whole.weight[train.table[:4]])
    assert y.shape == weight.shape


def test_folds_are_those_of_the_seed():
    one, other, third = folds(), folds(), folds(seed=1)
    assert torch.equal(one[0].table, other[0].table)
    assert not torch.equal(one[1].table, third[1].table)


def test_numbers_need_no_strata():
    whole = ArrayData(torch.randn(20, 2), torch.randn(20))
    train, valid = member_folds(whole, 4, 4, seed=0, stratified=False)
    assert isinstance(train, MemberRows)
    assert (len(train), len(valid)) == (15, 5)


# -- the loss --------------------------------------------------------------------------


@pytest.fixture
def objective():
    inner = Objective(torch.nn.CrossEntropyLoss(reduction="none"), 3)
    return MemberRowsObjective(inner)


def test_the_loss_is_the_mean_of_the_members(objective):
    output, y = torch.randn(6, 4, 3), torch.randint(0, 3, (6, 4))
    one_by_one = [objective.inner(output[:, k], y[:, k]) for k in range(4)]
    expected = torch.stack(one_by_one).mean()
    assert objective(output, y).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("weighted", [False, True])
def test_a_mixed_loss_is_the_mean_of_the_members(objective, weighted):
    output, y = torch.randn(6, 4, 3), torch.randint(0, 3, (6, 4))
    weight = torch.rand(6, 4) if weighted else None
    plan = LinearPlan(torch.randperm(6), torch.rand(6))
    one_by_one = [
        objective.inner(
            output[:, k], y[:, k], None if weight is None else weight[:, k], plan
        )
        for k in range(4)
    ]
    expected = torch.stack(one_by_one).mean().item()
    assert objective(output, y, weight, plan).item() == pytest.approx(expected)


def test_hits_of_members_are_shares_of_a_row(objective):
    output = torch.eye(3)[torch.tensor([[0, 1], [2, 2]])]
    y = torch.tensor([[0, 0], [2, 2]])
    right = objective.agreement(objective.labels(output), y)
    assert right.tolist() == [[0.5, 0.0], [0.5, 0.5]]


def test_numbers_of_members():
    objective = MemberRowsObjective(Objective(torch.nn.MSELoss(reduction="none"), None))
    output, y = torch.randn(5, 4, 1), torch.randn(5, 4)
    expected = float(np.mean((output[..., 0] - y).numpy() ** 2))
    assert objective(output, y).item() == pytest.approx(expected)
