"""Torch data sets: targets, loaders, workers."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset

from sk_mixup import MixupRegressor
from sk_mixup.inputs import DatasetRows, read_targets
from tests.builders import assert_same_weights, classifier
from tests.inputs.kinds import AGES, FLAT, IMAGES, Flat, N, Pairs, Stream, Y

NAMES = np.array(["cat", "dog"], dtype=object)


def net(module=Flat, **params):
    return classifier(module=module, batch_size=16, lr=1e-2, **params)


class Unreadable(Pairs):
    """Keeps its targets, and cannot be read through."""

    def __getitem__(self, i):
        raise AssertionError("an item was read")


def keeping(name, values, cls=Unreadable):
    data = cls()
    setattr(data, name, values)
    return data


# -- targets --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        keeping("targets", Y),
        keeping("targets", Y.tolist()),
        keeping("targets", torch.from_numpy(Y)),
        keeping("labels", Y),
        TensorDataset(torch.from_numpy(FLAT), torch.from_numpy(Y)),
        Subset(keeping("targets", Y), range(N)),
        ConcatDataset([keeping("targets", Y)]),
        Pairs(),
    ],
)
def test_targets_are_found_without_reading_items(data):
    np.testing.assert_array_equal(read_targets(DatasetRows(data)), Y)


def test_targets_of_a_part():
    data = ConcatDataset([keeping("targets", Y), keeping("labels", Y + 2)])
    part = DatasetRows(Subset(data, [0, 1, N, N + 1]))[[3, 0]]
    assert part.targets.tolist() == [3, 0]


def test_names_of_classes_are_the_targets():
    data = keeping("targets", Y, Pairs)
    data.classes = ["cat", "dog"]
    model = net(max_epochs=20).fit(data)
    assert model.classes_.tolist() == ["cat", "dog"]
    assert set(model.predict(data)) == {"cat", "dog"}
    assert model.score(data) > 0.85


def test_given_targets_win():
    model = net().fit(keeping("targets", Y, Pairs), NAMES[Y])
    assert model.classes_.tolist() == ["cat", "dog"]


def test_items_with_text_targets():
    class Named(Pairs):
        def __getitem__(self, i):
            return torch.from_numpy(FLAT[i]), str(NAMES[Y[i]])

    assert net().fit(Named()).classes_.tolist() == ["cat", "dog"]


def test_a_data_set_without_targets():
    data = TensorDataset(torch.from_numpy(FLAT))
    with pytest.raises(ValueError, match="requires y"):
        net().fit(data)
    model = net().fit(data, Y)
    assert model.predict(data).shape == (N,)
    with pytest.raises(ValueError, match="Give y"):
        _ = DatasetRows(data).targets


def test_score_reads_the_targets():
    model = net().fit(Pairs())
    assert model.score(Pairs()) == model.score(Pairs(), Y)
    data = TensorDataset(torch.from_numpy(FLAT), torch.from_numpy(AGES))
    one = MixupRegressor(Flat, module__n_outputs=1, max_epochs=5).fit(data)
    assert one.score(data) == one.score(data, AGES)


def test_regression_on_pairs():
    data = TensorDataset(torch.from_numpy(FLAT), torch.from_numpy(AGES))
    model = MixupRegressor(
        Flat, module__n_outputs=1, max_epochs=60, lr=0.05, random_state=0
    )
    assert model.fit(data).score(data) > 0.7


# -- loading --------------------------------------------------------------------------


class Recording(Pairs):
    """Says which process loaded an item."""

    def __getitem__(self, i):
        info = torch.utils.data.get_worker_info()
        x, y = super().__getitem__(i)
        return np.r_[x.ravel(), 0 if info is None else 255].astype(np.uint8), y


class Worker(nn.Module):
    seen: ClassVar[set] = set()

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(109, 2)

    def forward(self, x):
        Worker.seen |= {(self.training, v) for v in x[:, -1].tolist()}
        return self.head(x / 255)


def test_workers_load_for_training_validation_and_prediction():
    Worker.seen = set()
    workers = {"num_workers": 1, "persistent_workers": True}
    options = {f"iterator_train__{k}": v for k, v in workers.items()}
    options |= {f"iterator_valid__{k}": v for k, v in workers.items()}
    model = net(Worker, mix=None, early_stopping=True, max_epochs=2, **options)
    model.fit(Recording())
    Worker.seen -= {(False, 0.0)}  # the trial rows
    model.predict(Recording())
    # The small input of a prediction runs as one batch and without a loader.
    assert {(True, 255.0), (False, 255.0)} <= Worker.seen
    assert (True, 0.0) not in Worker.seen


def test_workers_change_nothing():
    plain = net().fit(Pairs())
    working = net(iterator_train__num_workers=1, iterator_valid__num_workers=1)
    assert_same_weights(plain, working.fit(Pairs()))
    np.testing.assert_array_equal(
        plain.predict_proba(Pairs()), working.predict_proba(Pairs())
    )


def test_epochs_are_shuffled_and_repeatable():
    orders = []

    class Noting(Pairs):
        def __getitem__(self, i):
            orders.append(i)
            return super().__getitem__(i)

    data = keeping("targets", Y, Noting)
    one = net(max_epochs=2, mix=None).fit(data)
    epochs = orders[-2 * N : -N], orders[-N:]
    assert [sorted(epoch) for epoch in epochs] == [list(range(N))] * 2
    assert epochs[0] != epochs[1]
    assert_same_weights(one, net(max_epochs=2, mix=None).fit(data))


def test_batches_of_a_data_set_that_reads_many_items_at_once():
    calls = []

    class Many(Pairs):
        def __getitems__(self, rows):
            calls.append(len(rows))
            return [self[i] for i in rows]

    net(max_epochs=1, mix=None).fit(keeping("targets", Y, Many))
    assert calls[-3:] == [16, 16, 16]


def test_items_of_several_lengths_need_a_collate_fn():
    class Ragged(Dataset):
        targets = Y

        def __len__(self):
            return N

        def __getitem__(self, i):
            return torch.full((3 + i % 2,), float(Y[i])), int(Y[i])

    def pad(items):
        x = nn.utils.rnn.pad_sequence([x for x, _ in items], batch_first=True)
        return nn.functional.pad(x, (0, 4 - x.shape[1])), [y for _, y in items]

    with pytest.raises(ValueError, match=r"rows 0 and 1 hold shape \(3,\).*collate_fn"):
        net().fit(Ragged())
    options = {f"iterator_{part}__collate_fn": pad for part in ("train", "valid")}
    model = net(max_epochs=20, early_stopping=True, **options).fit(Ragged())
    assert model.score(Ragged()) > 0.85


def test_a_custom_sampler():
    sampler = torch.utils.data.SubsetRandomSampler(range(20))
    model = net(iterator_train__sampler=sampler).fit(Pairs())
    sizes = [b["train_batch_size"] for b in model.history_[0]["batches"]]
    assert sum(sizes) == 20


def test_many_rows_are_predicted_in_order():
    data = Pairs(np.concatenate([IMAGES] * 14), np.concatenate([Y] * 14))
    model = net().fit(Pairs())
    expected = model.predict_proba(data.X)
    np.testing.assert_allclose(model.predict_proba(data), expected, atol=1e-6)


# -- errors ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        (lambda i: (object(), i % 2), TypeError, "hold object"),
        (lambda i: ("text", i % 2), TypeError, "hold str"),
        (lambda i: (1, 2, 3), TypeError, "tuple of 3"),
    ],
)
def test_items_that_no_module_takes(item, error, message):
    class Odd(Pairs):
        def __getitem__(self, i):
            return item(i)

    with pytest.raises(error, match=message):
        net().fit(Odd())


def test_items_of_another_shape_than_in_fit():
    model = net().fit(Pairs())
    with pytest.raises(ValueError, match="rows of shape"):
        model.predict(Pairs(IMAGES[:, :, :3]))


def test_an_empty_data_set():
    with pytest.raises(ValueError, match="Found 0 rows"):
        net().fit(Pairs(IMAGES[:0], Y[:0]), Y[:0])


# -- iterables ------------------------------------------------------------------------


def test_an_iterable_trains_and_predicts():
    model = net(max_epochs=20).fit(Stream(), classes=[0, 1])
    assert model.predict_proba(Stream()).shape == (N, 2)
    assert np.mean(model.predict(Stream(with_target=False)) == Y) > 0.85
    np.testing.assert_allclose(
        model.predict_proba(Stream()), model.predict_proba(FLAT), atol=1e-6
    )
    sizes = [b["train_batch_size"] for b in model.history_[0]["batches"]]
    assert sizes == [16, 16, 16]


def test_an_iterable_is_repeatable():
    model = net()
    one = net().fit(Stream(), classes=[0, 1])
    assert_same_weights(one, model.fit(Stream(), classes=[0, 1]))


def test_an_iterable_with_text_classes_and_workers():
    stream = Stream([str(NAMES[y]) for y in Y])
    model = net(iterator_train__num_workers=1).fit(stream, classes=["dog", "cat"])
    assert model.classes_.tolist() == ["cat", "dog"]
    assert sum(b["train_batch_size"] for b in model.history_[0]["batches"]) == N


def test_a_regressor_needs_no_classes():
    model = MixupRegressor(
        Flat, module__n_outputs=1, max_epochs=60, lr=0.05, random_state=0
    ).fit(Stream(AGES))
    assert model.score(FLAT, AGES) > 0.7
    assert model.predict(Stream(AGES)).shape == (N,)


def test_partial_fit_on_an_iterable():
    model = net()
    for _ in range(2):
        model.partial_fit(Stream(), classes=[0, 1])
    model.partial_fit(Stream())
    assert model.n_iter_ == 3


def test_validation_beside_an_iterable():
    model = net().fit(Stream(), classes=[0, 1], X_val=FLAT, y_val=Y)
    assert "valid_loss" in model.history_[0]
    other = net().fit(Stream(), classes=[0, 1], X_val=Stream())
    np.testing.assert_allclose(
        other.history_[:, "valid_loss"], model.history_[:, "valid_loss"], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("params", "given", "message"),
    [
        ({}, {}, "classes must be given"),
        ({}, {"y": Y, "classes": [0, 1]}, "^y cannot"),
        ({}, {"sample_weight": np.ones(N), "classes": [0, 1]}, "^sample_weight cannot"),
        ({}, {"groups": Y, "classes": [0, 1]}, "^groups cannot"),
        ({"class_weight": "balanced"}, {"classes": [0, 1]}, "^class_weight cannot"),
        ({"early_stopping": True}, {"classes": [0, 1]}, "hold out"),
        ({"batch_size": -1}, {"classes": [0, 1]}, "at least 1|all rows"),
        ({"iterator_train__sampler": [1]}, {"classes": [0, 1]}, "order of its own"),
    ],
)
def test_what_an_iterable_cannot_do(params, given, message):
    with pytest.raises(ValueError, match=message):
        net().set_params(**params).fit(Stream(), **given)


def test_an_iterable_without_targets():
    with pytest.raises(ValueError, match="must yield pairs"):
        net().fit(Stream(with_target=False), classes=[0, 1])


def test_an_unknown_label_in_an_iterable():
    with pytest.raises(ValueError, match="not among the classes"):
        net().fit(Stream(Y + 1), classes=[0, 1])


def test_an_iterable_of_another_shape_than_in_fit():
    model = net().fit(FLAT[:, :5], Y)
    with pytest.raises(ValueError, match="rows of shape"):
        model.predict(Stream())


def test_a_used_up_iterable():
    class Once(Stream):
        def __init__(self):
            super().__init__()
            self.rows = iter([(torch.from_numpy(FLAT[i]), Y[i]) for i in range(N)])

        def __iter__(self):
            return self.rows

    with pytest.raises(ValueError, match="no train batch in epoch 2"):
        net().fit(Once(), classes=[0, 1])


def test_an_iterable_for_tables():
    with pytest.raises(TypeError, match="module of your own"):
        classifier().fit(Stream(), classes=[0, 1])


def test_other_uses_of_an_iterable():
    with pytest.raises(TypeError, match=r"rows\s+cannot be counted"):
        net().preview(Stream(), Y)


def test_classes_that_y_lacks():
    model = net(module__n_outputs=3).fit(FLAT, Y, classes=[0, 1, 2])
    assert model.predict_proba(FLAT).shape == (N, 3)
