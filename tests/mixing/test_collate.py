"""Mixing as the collate step of a DataLoader."""

import pickle

import torch
from torch.utils.data import DataLoader, TensorDataset

from sk_mixup.mixing import CutMix, MixCollate, MixedTargets, Mixup, OneOf
from tests.builders import generator


def samples(n_rows=5):
    x = torch.arange(3.0 * n_rows).view(n_rows, 3)
    return [(x[i], i % 2) for i in range(n_rows)]


def test_a_list_of_samples_becomes_a_mixed_batch():
    x, targets = MixCollate(Mixup(1.0), 2, generator=generator())(samples())
    batch = torch.arange(15.0).view(5, 3)
    expected = Mixup(1.0)(
        batch, torch.arange(5) % 2, n_classes=2, generator=generator()
    )
    assert torch.equal(x, expected[0])
    assert torch.equal(targets, expected[1])


def test_without_a_number_of_classes_targets_stay_a_pair():
    _, targets = MixCollate(Mixup(1.0))(samples())
    assert isinstance(targets, MixedTargets)


def test_a_loader_mixes_every_batch_and_the_odd_last_one():
    data = TensorDataset(torch.rand(11, 1, 6, 6), torch.arange(11) % 3)
    method = OneOf([Mixup(1.0), CutMix(1.0)])
    loader = DataLoader(
        data, batch_size=5, collate_fn=MixCollate(method, 3, generator=generator())
    )
    shapes = [(tuple(x.shape), tuple(y.shape)) for x, y in loader]
    assert shapes == [
        ((5, 1, 6, 6), (5, 3)),
        ((5, 1, 6, 6), (5, 3)),
        ((1, 1, 6, 6), (1, 3)),
    ]


def test_it_can_be_sent_to_workers():
    collate = pickle.loads(pickle.dumps(MixCollate(Mixup(1.0, per="row"), 2)))
    x, targets = collate(samples())
    assert (x.shape, targets.shape) == ((5, 3), (5, 2))
