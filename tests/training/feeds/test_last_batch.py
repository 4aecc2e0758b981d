"""No batch of one row, unless the batch size is one."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.data import (
    DataLoader,
    IterableDataset,
    TensorDataset,
    WeightedRandomSampler,
)

from sk_mixup.training import ArrayData, TensorBatches
from sk_mixup.training.feeds import count_batches
from sk_mixup.training.feeds._last_batch import JoinedBatches, join_single_rows
from tests.builders import blobs, classifier, generator


class Normed(nn.Module):
    """Has batch normalisation, which refuses one row; keeps the sizes of batches."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))
        self.sizes = []

    def forward(self, x):
        if self.training:
            self.sizes.append(len(x))
        return self.net(x)


class Squeezes(nn.Module):
    """Returns one logit per row, and for one row no axis at all."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 1)

    def forward(self, x):
        return self.layer(x).squeeze()


class Stream(IterableDataset):
    """Rows one after the other, a part of them for each worker."""

    def __init__(self, X, y):
        self.X, self.y = X, y

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(
            [(self.X[i], int(self.y[i])) for i in range(start, len(self.X), step)]
        )


class Slices:
    """A loader of the user's own, whose batches are views."""

    def __init__(self, dataset, batch_size):
        self.dataset, self.batch_size = dataset, batch_size

    def __iter__(self):
        for start in range(0, len(self.dataset), self.batch_size):
            rows = slice(start, start + self.batch_size)
            yield self.dataset.X[rows], self.dataset.y[rows]

    def __len__(self):
        return -(-len(self.dataset) // self.batch_size)


PARAMS = {"module": Normed, "batch_size": 32, "max_epochs": 1, "early_stopping": False}


def wrapped(module, **params):
    """Return a skorch net to be wrapped."""
    params = {"criterion": nn.CrossEntropyLoss, "verbose": 0} | params
    return NeuralNetClassifier(module, train_split=None, **params)


def sizes(model):
    return model.module_.sizes


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [
        (1, [1]),
        (32, [32]),
        (33, [33]),
        (34, [32, 2]),
        (65, [32, 33]),
        (97, [32, 32, 33]),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_batches_in_memory(n_rows, expected, chunk):
    data = ArrayData(torch.arange(float(n_rows)).unsqueeze(1), torch.zeros(n_rows))
    batches = TensorBatches(data, 32, "cpu", generator())
    batches._batches_per_chunk = chunk
    found = list(batches)
    assert [len(y) for _, y in found] == expected
    assert len(batches) == len(expected) == count_batches(n_rows, 32)
    assert torch.cat([x for x, _ in found]).flatten().sort()[0].tolist() == list(
        range(n_rows)
    )


def test_batches_of_one_row_stay_where_they_are_asked_for():
    data = ArrayData(torch.zeros(3, 1), torch.zeros(3))
    assert len(list(TensorBatches(data, 1, "cpu", generator()))) == 3
    assert [len(rows) for rows in JoinedBatches(range(3), 1)] == [1, 1, 1]


def test_validation_keeps_its_batches():
    data = ArrayData(torch.zeros(33, 1), torch.zeros(33))
    assert [len(y) for _, y in TensorBatches(data, 32, "cpu")] == [32, 1]


@pytest.mark.parametrize("mix", [None, "mixup"])
@pytest.mark.parametrize("n_rows", [33, 65])
def test_fit_joins_the_last_row(n_rows, mix):
    model = classifier(**PARAMS | {"max_epochs": 5}, mix=mix).fit(*blobs(n_rows))
    assert sizes(model)[-1] == 33


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": 0},
        {"shuffle": False},
        {"sampler": WeightedRandomSampler(torch.ones(65), 65)},
        {"batch_size": 16},
    ],
)
def test_a_loader_joins_the_last_row(options):
    given = {f"iterator_train__{key}": value for key, value in options.items()}
    model = classifier(**PARAMS, **given, mix=None).fit(*blobs(65))
    assert sizes(model)[-1] == options.get("batch_size", 32) + 1
    assert sum(sizes(model)) == 65


def test_a_loader_may_drop_the_last_row():
    params = PARAMS | {"iterator_train__drop_last": True, "mix": None}
    assert sizes(classifier(**params).fit(*blobs(65))) == [32, 32]


def test_a_loader_shuffles_as_before():
    X, y = blobs(65)

    class Keeps(nn.Linear):
        def __init__(self):
            super().__init__(4, 2)
            self.seen = []

        def forward(self, x):
            if self.training:
                self.seen.append(x.clone())
            return super().forward(x)

    class Own(DataLoader):
        """Takes no sampler of batches."""

        def __init__(self, dataset, batch_size, shuffle, generator):
            super().__init__(dataset, batch_size, shuffle, generator=generator)

    seen = []
    for loader in (DataLoader, Own):
        net = wrapped(Keeps, iterator_train=loader, iterator_train__shuffle=True)
        net.set_params(iterator_train__generator=generator(3), batch_size=32)
        seen.append(
            classifier(module=net, mix=None, max_epochs=2).fit(X, y).module_.seen
        )
    assert [len(x) for x in seen[0]] == [32, 33] * 2
    np.testing.assert_array_equal(torch.cat(seen[0]), torch.cat(seen[1]))


def test_a_data_set_joins_the_last_row():
    X, y = blobs(65)
    data = TensorDataset(torch.tensor(X), torch.tensor(y))
    assert sizes(classifier(**PARAMS, mix=None).fit(data)) == [32, 33]


def test_a_stream_joins_the_last_row():
    model = classifier(**PARAMS, mix=None)
    model.fit(Stream(*blobs(65)), classes=[0, 1])
    assert sizes(model) == [32, 33]


def test_workers_of_a_stream_leave_no_row_alone():
    model = classifier(**PARAMS, mix=None, iterator_train__num_workers=2)
    model.fit(Stream(*blobs(66)), classes=[0, 1])
    assert sum(sizes(model)) == 66
    assert min(sizes(model)) > 1


def test_rows_of_other_lengths_are_not_joined():
    batches = [(torch.zeros(2, 3), torch.zeros(2)), (torch.zeros(1, 4), torch.zeros(1))]
    assert [len(y) for _, y in join_single_rows(batches)] == [2, 1]


def test_partial_fit_joins_the_last_row():
    X, y = blobs(33)
    model = classifier(**PARAMS, mix=None).partial_fit(X, y, classes=[0, 1])
    assert sizes(model) == [33]


def test_batch_normalisation_refuses_one_row_before_training():
    X, y = blobs(8)
    with pytest.raises(ValueError, match=r"batch_size=1.*at least 2"):
        classifier(**PARAMS | {"batch_size": 1}).fit(X, y)
    model = classifier(**PARAMS).partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="X with one row"):
        model.partial_fit(X[:1], y[:1])


@pytest.mark.parametrize("batch_size", [1, 7, 20])
def test_a_module_may_squeeze(batch_size):
    X, y = blobs(41)
    model = classifier(module=Squeezes, batch_size=batch_size, mix=None)
    model.fit(X, y, X_val=X[:1], y_val=y[:1])
    assert model.predict_proba(X[:1]).shape == (1, 2)
    assert np.isfinite(model.history_[:, "valid_loss"]).all()


def test_a_module_may_squeeze_in_a_fit_of_one_row_more():
    X, y = blobs(21)
    model = classifier(module=Squeezes, batch_size=20, early_stopping=False).fit(X, y)
    assert np.isfinite(model.history_[:, "train_loss"]).all()


def test_a_loader_that_hands_out_views_cannot_spoil_x():
    class Moves(nn.Linear):
        def forward(self, x):
            x -= 1.0
            return super().forward(x)

    X, y = blobs(40)
    before = X.copy()
    net = wrapped(Moves(4, 2), iterator_train=Slices)
    classifier(module=net, mix=None).fit(X, y)
    np.testing.assert_array_equal(X, before)
