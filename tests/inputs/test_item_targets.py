"""Targets of a data set are those of its items."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from sk_mixup import MixupClassifier
from sk_mixup.inputs import DatasetRows

N = 200
RAW = np.random.default_rng(0).integers(0, 10, N)


class Digits(Dataset):
    """Keeps raw targets as torchvision's data sets do."""

    def __init__(self, transform=None, order=None, name="targets", kept=RAW):
        setattr(self, name, kept)
        self.target_transform = transform
        self.order = np.arange(N) if order is None else order
        self.n_read = 0

    def __len__(self):
        return len(self.order)

    def __getitem__(self, i):
        self.n_read += 1
        target = int(RAW[self.order[i]])
        x = torch.tensor([float(target), 1.0])
        return x, target if self.target_transform is None else self.target_transform(
            target
        )


def odd(target):
    return target % 2


def rare(target):
    return 0 if target == 9 else target


def targets(data):
    return DatasetRows(data).targets.tolist()


@pytest.mark.parametrize("name", ["targets", "labels"])
@pytest.mark.parametrize("kept", [RAW, RAW.tolist(), torch.from_numpy(RAW)])
def test_what_is_kept_serves_where_items_agree(name, kept):
    data = Digits(name=name, kept=kept)
    assert targets(data) == RAW.tolist()
    assert data.n_read < 60


@pytest.mark.parametrize(
    "transform", [odd, rare, str, float, lambda t: torch.tensor(t)]
)
def test_a_transform_of_targets(transform):
    expected = [transform(int(t)) for t in RAW]
    assert targets(Digits(transform)) == expected
    part = Subset(Digits(transform), range(50, 120))
    assert targets(part) == expected[50:120]
    assert targets(Subset(part, [3, 1])) == [expected[53], expected[51]]
    both = ConcatDataset([Digits(transform), Digits(transform)])
    assert targets(both) == expected * 2


def test_an_order_of_its_own():
    order = np.random.default_rng(1).permutation(N)
    assert targets(Digits(order=order)) == RAW[order].tolist()


def test_a_rare_class_that_stands_elsewhere():
    kept = np.zeros(N, dtype=int)
    kept[17] = 1

    class Moved(Digits):
        def __getitem__(self, i):
            return torch.zeros(2), int(i == 150)

    assert np.flatnonzero(targets(Moved(kept=kept))).tolist() == [150]


def test_a_class_over_tensors_that_says_something_else():
    class Shifted(TensorDataset):
        def __getitem__(self, i):
            x, y = super().__getitem__(i)
            return x, y + 1

    x, y = torch.zeros(N, 2), torch.from_numpy(RAW)
    assert targets(Shifted(x, y)) == (RAW + 1).tolist()
    assert targets(Subset(Shifted(x, y), range(5))) == (RAW[:5] + 1).tolist()
    assert targets(TensorDataset(x, y)) == RAW.tolist()


def test_names_of_classes_are_for_targets_that_are_kept():
    names = [f"digit {k}" for k in range(10)]
    plain, changed = Digits(), Digits(odd)
    plain.classes = changed.classes = names
    assert targets(plain) == [names[t] for t in RAW]
    assert targets(changed) == (RAW % 2).tolist()


def test_a_net_is_trained_on_the_labels_of_items():
    model = MixupClassifier(
        nn.Linear(2, 2), mix=None, max_epochs=1, random_state=0, early_stopping=False
    )
    assert model.fit(Digits(odd)).classes_.tolist() == [0, 1]
    with pytest.raises(ValueError, match="must return 2 values"):
        MixupClassifier(nn.Linear(2, 10), mix=None, max_epochs=1).fit(Digits(odd))


def test_items_drawn_at_random_leave_the_global_states():
    class Noisy(Digits):
        def __getitem__(self, i):
            noise = torch.rand(2) + random.random() + np.random.rand()  # noqa: NPY002
            return noise, int(RAW[i])

    for module in (random, np.random, torch):
        (module.manual_seed if module is torch else module.seed)(0)
    before = random.getstate()[1], np.random.get_state()[1].tolist()  # noqa: NPY002
    state = torch.get_rng_state()
    assert targets(Noisy()) == RAW.tolist()
    assert random.getstate()[1] == before[0]
    assert np.random.get_state()[1].tolist() == before[1]  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), state)


def test_labels_in_arrays_of_one_are_a_vector():
    class Columns(Digits):
        def __getitem__(self, i):
            return torch.zeros(2), torch.tensor([int(RAW[i])])

    assert targets(Columns(kept=None)) == RAW.tolist()


def test_a_target_inside_of_the_input():
    class Fields(Digits):
        def __getitem__(self, i):
            return {"image": torch.zeros(2), "label": int(RAW[i])}

    with pytest.raises(ValueError, match=r"dict with the field 'label'.*are pairs"):
        targets(Fields(kept=None))


def test_an_item_without_a_target_among_others():
    class Gap(Digits):
        def __getitem__(self, i):
            return torch.zeros(2), None if i == 3 else 1

    with pytest.raises(ValueError, match="Gap: item 3 has no target"):
        targets(Gap(kept=None))
