"""Items with named fields and items with more than a pair."""

from __future__ import annotations

from collections import namedtuple

import pytest
import torch
from torch.utils.data import DataLoader

from sk_mixup.mixing import MixCollate, MixedTargets, Mixup, Repeat
from tests.builders import generator

X = torch.rand(6, 3, 4, 4)
Sample = namedtuple("Sample", "x y index")


def collate(samples, method=None, n_classes=6, **options):
    method = method or Mixup(1.0)
    return MixCollate(method, n_classes, generator=generator(), **options)(samples)


def pairs():
    return collate([(X[k], k) for k in range(6)])


def test_fields_of_a_dict_are_mixed_as_a_pair_is():
    x, targets = pairs()
    batch = collate([{"label": k, "image": X[k]} for k in range(6)])
    assert list(batch) == ["label", "image"]
    assert torch.equal(batch["image"], x)
    assert torch.equal(batch["label"], targets)


def test_what_is_not_mixed_travels_along():
    x, targets = pairs()
    items = [{"image": X[k], "label": k, "id": k, "file": f"{k}.png"} for k in range(6)]
    batch = collate(items)
    assert torch.equal(batch["image"], x)
    assert batch["id"].tolist() == list(range(6))
    assert list(batch["file"]) == [f"{k}.png" for k in range(6)]
    mixed, labels, index = collate([(X[k], k, 10 * k) for k in range(6)])
    assert torch.equal(mixed, x)
    assert torch.equal(labels, targets)
    assert index.tolist() == [0, 10, 20, 30, 40, 50]


def test_named_tuples_stay_named():
    batch = collate([Sample(X[k], k, k) for k in range(6)])
    assert isinstance(batch, Sample)
    assert batch.y.shape == (6, 6)


def test_fields_follow_repeated_rows():
    batch = collate(
        [(X[k], k, f"{k}", k) for k in range(6)], method=Repeat(Mixup(1.0), 2)
    )
    assert len(batch[0]) == len(batch[1]) == 12
    assert list(batch[2]) == [f"{k}" for k in range(6)] * 2
    assert batch[3].tolist() == list(range(6)) * 2


def test_several_fields_are_mixed_alike():
    items = [{"a": X[k], "b": X[k] * 2, "label": k} for k in range(6)]
    batch = collate(items, inputs=["a", "b"])
    torch.testing.assert_close(batch["b"], batch["a"] * 2)
    assert torch.equal(batch["a"], pairs()[0])


def test_a_target_by_name_or_position():
    items = [{"image": X[k], "klass": k} for k in range(6)]
    assert collate(items, target="klass")["klass"].shape == (6, 6)
    labels, x = collate([(k, X[k]) for k in range(6)], target=0)
    assert torch.equal(labels, pairs()[1])
    assert torch.equal(x, pairs()[0])


def test_pairs_of_labels_without_a_number_of_classes():
    batch = collate([{"image": X[k], "label": k} for k in range(6)], n_classes=None)
    assert isinstance(batch["label"], MixedTargets)


def test_in_a_loader():
    items = [{"image": X[k], "label": k, "id": k} for k in range(6)]
    loader = DataLoader(items, batch_size=3, collate_fn=MixCollate(Mixup(), 6))
    assert [batch["label"].shape for batch in loader] == [(3, 6)] * 2


@pytest.mark.parametrize(
    ("item", "options", "message"),
    [
        ({"image": X[0], "mask": X[0], "label": 1}, {}, r"Say inputs=.*'image'"),
        ({"image": X[0], "age": 1.0, "label": 1}, {}, "not clear which are mixed"),
        ({"image": X[0], "klass": 1}, {}, "none is called so. Say target="),
        ({"image": X[0], "label": 1, "y": 1}, {}, "may all be it"),
        ({"image": X[0], "label": 1}, {"target": "y"}, "target='y' is no field"),
        ({"image": X[0], "label": 1}, {"inputs": "x"}, "inputs='x' is no field"),
        ({"image": X[0], "label": 1}, {"inputs": "label"}, "beside the target"),
        (X[0], {}, "an item must be a pair"),
    ],
)
def test_items_that_are_not_clear(item, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        collate([item] * 4, **options)


def test_soft_labels_may_be_lists_of_numbers():
    items = [(torch.rand(3), [0.2, 0.3, 0.5]) for _ in range(4)]
    _, targets = MixCollate(Mixup(1.0), 3)(items)
    torch.testing.assert_close(targets, torch.tensor([[0.2, 0.3, 0.5]] * 4))
