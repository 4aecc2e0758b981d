"""Which steps a training takes is found out by its first epochs."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_classification

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.training import ArrayData, MuonAdamW, member_folds
from sk_mixup.training.loop._choose_steps import loss_of_shares


def separable(n=1_200, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6)).astype(np.float32)
    return x, (x[:, 0] + x[:, 1] > 0).astype(int)


def chance(n=1_200, seed=0):
    x, _ = separable(n, seed)
    return x, np.random.default_rng(seed + 1).integers(0, 2, n)


def fitted(data, **settings):
    # Small batches: few rows and epochs must tell.
    given = {"random_state": 0, "max_epochs": 12, "batch_size": 32, "lr": 5e-3}
    settings = given | settings
    return MixupClassifier(**settings).fit(*data)


def choices(model):
    rows = [(row["epoch"], row.get("event_orthogonal")) for row in model.history_]
    return [(epoch, found) for epoch, found in rows if found is not None]


def test_labels_that_follow_from_columns_bring_orthogonal_steps():
    model = fitted(separable())
    assert choices(model) == [(2, True)]
    groups = [g for g in model.net_.optimizer_.param_groups if g["orthogonal"]]
    shapes = [tuple(p.shape) for group in groups for p in group["params"]]
    names = dict(model.module_.named_parameters())
    hidden = [n for n in names if n.startswith("hidden") and n.endswith("weight")]
    assert sorted(shapes) == sorted(tuple(names[n].shape) for n in hidden)


def test_labels_of_chance_bring_plain_steps():
    model = fitted(chance())
    assert choices(model) == [(2, False)]
    assert not any(g["orthogonal"] for g in model.net_.optimizer_.param_groups)


def test_plain_steps_are_those_of_adamw_to_the_bit():
    data = chance()
    chosen = fitted(data)
    losses = [row["valid_loss"] for row in chosen.history_[:2]]
    groups = chosen.net_.optimizer_.param_groups
    assert isinstance(chosen.net_.optimizer_, MuonAdamW)
    assert all("average" not in s for s in chosen.net_.optimizer_.state.values())
    again = fitted(data)
    assert [row["valid_loss"] for row in again.history_[:2]] == losses
    assert len(groups) == len(again.net_.optimizer_.param_groups)


def test_the_training_begins_anew_at_its_first_weights():
    model = fitted(separable())
    rates = [row["event_lr"] for row in model.history_]
    # The rate rises over two epochs, twice.
    assert rates[:2] == rates[2:4]
    assert rates[1] < rates[4]
    # As far from its end as in the first epoch, and at another loss.
    first, third = (model.history_[k]["train_loss"] for k in (0, 2))
    assert third > model.history_[1]["train_loss"]
    assert third != first


def test_factors_of_columns_stay_as_the_first_epochs_left_them():
    x, y = separable()
    x = np.hstack([x, np.random.default_rng(5).normal(size=x.shape).astype(np.float32)])
    short, long = (fitted((x, y), max_epochs=n) for n in (11, 14))
    assert choices(short) == choices(long) == [(2, True)]
    factors = short.module_.column_scale.detach()
    assert torch.equal(factors, long.module_.column_scale)
    torch.testing.assert_close(factors.mean(1), torch.ones(8))
    # Two of twelve columns matter.
    assert factors[:, :2].min() > factors[:, 2:].max()


def test_max_epochs_bounds_both_parts():
    model = fitted(separable(), max_epochs=11, n_iter_no_change=50)
    assert len(model.history_) == 11
    assert model.history_[-1]["event_lr"] < model.history_[5]["event_lr"]


def test_the_same_seed_gives_the_same_weights():
    one, two = fitted(separable()), fitted(separable())
    for a, b in zip(one.module_.parameters(), two.module_.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_epochs": 5},
        {"ema": 0.9},
        {"criterion": torch.nn.CrossEntropyLoss},
        {"optimizer": torch.optim.AdamW},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_nothing_is_chosen_where_somebody_else_has(settings):
    assert choices(fitted(separable(), **settings)) == []


def test_nothing_is_chosen_for_numbers():
    x, _ = separable()
    model = MixupRegressor(random_state=0, max_epochs=11).fit(x, x[:, 0])
    assert choices(model) == []
    assert type(model.net_.optimizer_) is torch.optim.AdamW


def test_few_rows_are_left_alone():
    assert choices(fitted(separable(800))) == []


def test_orthogonal_steps_can_be_asked_for_from_the_start():
    model = fitted(separable(), optimizer="muonadamw", optimizer__interval=2)
    assert choices(model) == []
    marked = [g["orthogonal"] for g in model.net_.optimizer_.param_groups]
    assert any(marked)
    assert model.score(*separable(seed=3)) > 0.9


def test_rows_that_count_more_are_more_of_the_shares():
    y = torch.tensor([0, 0, 0, 1])
    data = ArrayData(torch.zeros(4, 2), y, torch.tensor([0.5, 0.5, 0.5, 2.5]))
    rows, _ = member_folds(data, 2, 2, seed=0, stratified=False)
    found = loss_of_shares(rows)
    _, weight = rows.labels(slice(None))
    share = float(weight[rows.labels(slice(None))[0] == 1].sum() / weight.sum())
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert found == pytest.approx(entropy * float(weight.mean()))


def test_the_loss_without_columns_is_the_entropy_of_the_shares():
    _, y = make_classification(400, weights=[0.8], random_state=0)
    data = ArrayData(torch.zeros(400, 2), torch.from_numpy(y))
    _, held = member_folds(data, 4, 4, seed=0, stratified=True)
    share = y.mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    assert loss_of_shares(held) == pytest.approx(entropy, rel=1e-3)
