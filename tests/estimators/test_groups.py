"""Rows of different groups are never mixed, nor split over training and validation."""

from typing import ClassVar

import numpy as np
import pytest
import torch

from sk_mixup import MixupClassifier, MixupRegressor


class Recorder(torch.nn.Module):
    """Keeps what it is trained on."""

    seen: ClassVar[list] = []

    def __init__(self, n_outputs=2):
        super().__init__()
        self.linear = torch.nn.Linear(2, n_outputs)

    def forward(self, x):
        if self.training:
            Recorder.seen.append(x.detach().clone())
        return self.linear(x)


@pytest.fixture(autouse=True)
def nothing_seen():
    Recorder.seen = []


def grouped_data(n_groups=8, rows_each=10):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(n_groups), rows_each)
    X = rng.standard_normal((len(groups), 2)).astype(np.float32)
    X[:, 0] = groups
    order = rng.permutation(len(groups))
    return X[order], (X[order, 1] > 0).astype(int), groups[order]


def fitted(**params):
    X, y, groups = grouped_data()
    params = {"max_epochs": 5, "batch_size": 16, "random_state": 0} | params
    clf = MixupClassifier(Recorder, **{"alpha": 1.0} | params)
    return clf.fit(X, y, groups=[f"g{g}" for g in groups])


def first_column():
    return torch.cat(Recorder.seen)[:, 0]


@pytest.mark.parametrize("per", ["batch", "row"])
def test_rows_are_mixed_within_their_group(per):
    fitted(mix__per=per)
    assert torch.allclose(first_column(), first_column().round(), atol=1e-5)
    second = torch.cat(Recorder.seen)[:, 1]
    assert len(second.unique()) > 80  # and mixed they are


def test_without_groups_rows_are_mixed_across():
    X, y, _ = grouped_data()
    MixupClassifier(Recorder, alpha=1.0, max_epochs=5, random_state=0).fit(X, y)
    assert not torch.allclose(first_column(), first_column().round(), atol=1e-5)


def test_groups_go_whole_to_the_validation_part():
    fitted(early_stopping=True, validation_fraction=0.25, mix=None, alpha=None)
    trained = first_column().unique()
    assert len(trained) == 6
    rows = [int((first_column() == g).sum()) for g in trained]
    assert set(rows) == {max(rows)}


def test_a_regressor_takes_groups_too():
    X, y, groups = grouped_data()
    reg = MixupRegressor(
        Recorder, module__n_outputs=1, alpha=1.0, max_epochs=5, early_stopping=True
    )
    reg.fit(X, y.astype(float), groups=groups)
    assert torch.allclose(first_column(), first_column().round(), atol=1e-5)


def test_groups_go_with_sample_weights():
    X, y, groups = grouped_data()
    weight = np.arange(len(y)) % 3
    clf = MixupClassifier(Recorder, alpha=1.0, max_epochs=5, random_state=0)
    clf.fit(X, y, sample_weight=weight, groups=groups)
    assert torch.allclose(first_column(), first_column().round(), atol=1e-5)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, 2, 3], r"groups must have shape \(80,\).*got shape \(3,\)"),
        ([None] + ["a"] * 79, "groups: row 0 has no group"),
    ],
)
def test_bad_groups_are_refused(groups, message):
    X, y, _ = grouped_data()
    with pytest.raises(ValueError, match=message):
        MixupClassifier(Recorder, max_epochs=5).fit(X, y, groups=groups)


def test_a_single_group_cannot_be_held_out():
    X, y, _ = grouped_data()
    clf = MixupClassifier(Recorder, max_epochs=5, early_stopping=True)
    with pytest.raises(ValueError, match="all rows are of one group"):
        clf.fit(X, y, groups=np.zeros(len(y)))
