"""Parquet files: read whole where they fit, and in a shuffled window where not."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch

pytest.importorskip("pyarrow")

from torch import nn

from sk_mixup.encoding import TableCounts, TableEncoder
from sk_mixup.inputs import ParquetRows
from sk_mixup.training.feeds import WindowBatches, WindowData
from tests.builders import (
    Batches,
    assert_same_weights,
    classifier,
    generator,
    people,
    regressor,
    same_weights,
)

N = 300


def table(n_rows=N, seed=0):
    """Return rows of all kinds of columns, with classes and numbers to predict."""
    X, y, income = people(n_rows, seed)
    return X.assign(row=np.arange(n_rows), member=X.member.where(X.age > 30)), y, income


X, Y, INCOME = table()


def written(folder, n_files=2, target=Y, rows=X, group=37):
    """Write rows to files, whose row groups have other sizes than any batch."""
    frame = rows.assign(y=target)
    for k, part in enumerate(np.array_split(np.arange(len(frame)), n_files)):
        path = folder / f"part-{k}.parquet"
        frame.iloc[part].to_parquet(path, row_group_size=group)
    return folder


def files(folder, **params):
    return ParquetRows(written(folder), **({"target": "y", "window": 50} | params))


# -- files that fit their window ------------------------------------------------------


@pytest.mark.parametrize("module", [None, "mlp"])
def test_files_that_fit_are_the_frame_that_they_are(tmp_path, module):
    rows = files(tmp_path, window=N)
    model = classifier(module=module).fit(rows)
    assert_same_weights(model, classifier(module=module).fit(X, Y))
    np.testing.assert_array_equal(model.predict(rows), model.predict(X))
    assert model.score(rows) == model.score(X, Y)


# -- files that do not ----------------------------------------------------------------


class Numbers:
    """Reads nothing of a row but its number."""

    def check(self, frame):
        return frame

    def transform(self, frame):
        return torch.from_numpy(frame["row"].to_numpy().copy())

    def encode(self, y):
        return torch.arange(len(y))


def numbered(rows, held=()):
    """Return training rows that are their numbers."""
    first = torch.arange(3), torch.arange(3)
    held = np.array(held, dtype=np.int64)
    return WindowData(rows, Numbers(), Numbers(), held, first)


def batches(data, size, seed=0):
    order = None if seed is None else generator(seed)
    return [x.tolist() for x, _ in WindowBatches(data, size, "cpu", order)]


@pytest.mark.parametrize("size", [1, 7, 23, 64, 299, 400])
def test_an_epoch_is_every_training_row_once_in_batches_as_of_memory(tmp_path, size):
    held = [0, 17, 36, 37, *range(100, 140), 299]
    data = numbered(files(tmp_path), held)
    found = batches(data, size)
    rows = [row for batch in found for row in batch]
    assert sorted(rows) == sorted(set(range(N)) - set(held))
    assert len(found) == len(WindowBatches(data, size, "cpu", None))
    assert {len(batch) for batch in found[:-1]} <= {size}
    assert len(found[-1]) in range(min(2, size), size + 2)


def test_rows_are_shuffled_by_the_seed_alone(tmp_path):
    data = numbered(files(tmp_path, readers=3))
    first, again = batches(data, 32), batches(numbered(files(tmp_path, readers=1)), 32)
    assert first == again
    assert batches(data, 32, seed=1) != first
    assert batches(data, 32, seed=None)[0][:5] != first[0][:5]


def test_a_second_epoch_has_another_order(tmp_path):
    iterator = WindowBatches(numbered(files(tmp_path)), 32, "cpu", generator())
    first, second = ([x.tolist() for x, _ in iterator] for _ in range(2))
    assert first != second


def test_a_window_holds_rows_of_several_row_groups(tmp_path):
    data = numbered(files(tmp_path, window=150))
    first = [row for batch in batches(data, 30)[:4] for row in batch]
    assert len({row // 37 for row in first}) > 3


def test_an_epoch_may_be_left(tmp_path):
    iterator = iter(WindowBatches(numbered(files(tmp_path)), 10, "cpu", generator()))
    next(iterator)
    iterator.close()


def test_an_error_of_a_reader_reaches_the_training(tmp_path):
    rows = files(tmp_path)
    (tmp_path / "part-1.parquet").write_bytes(b"PAR1")
    with pytest.raises((OSError, ValueError)):
        batches(numbered(rows), 10)


@pytest.mark.parametrize("module", ["mlp", None, "tabm"])
def test_a_classifier_learns_from_files(tmp_path, module):
    rows = files(tmp_path)
    model = classifier(module=module, max_epochs=25, early_stopping=False)
    model.fit(rows)
    assert model.classes_.tolist() == ["high", "low"]
    assert model.feature_names_in_.tolist() == list(X)
    assert model.score(rows) > 0.75
    np.testing.assert_array_equal(model.predict_proba(rows), model.predict_proba(X))


def test_a_regressor_learns_from_files(tmp_path):
    rows = ParquetRows(written(tmp_path, target=INCOME), target="y", window=50)
    model = regressor(module="mlp", max_epochs=40).fit(rows)
    assert model.score(rows) > 0.6
    np.testing.assert_array_equal(model.predict(rows), model.predict(X))


def test_a_module_of_ones_own_gets_the_numbers(tmp_path):
    numbers = X[["hours", "row"]] / 100
    folder = written(tmp_path, rows=numbers)
    watch = Batches()
    rows = ParquetRows(folder, target="y", window=50)
    model = classifier(module=nn.LazyLinear(2), callbacks=[watch], batch_size=32)
    model.set_params(early_stopping=False).fit(rows)
    seen = torch.cat(watch.seen[:10])
    expected = numbers.to_numpy(np.float32)
    np.testing.assert_array_equal(np.sort(seen[:, 1]), np.sort(expected[:, 1]))


def test_equal_seeds_learn_the_same_and_others_do_not(tmp_path):
    rows = files(tmp_path)
    one = classifier(module="mlp").fit(rows)
    assert_same_weights(one, classifier(module="mlp").fit(rows))
    assert not same_weights(one, classifier(module="mlp", random_state=1).fit(rows))


def test_what_is_learnt_of_columns_is_that_of_the_whole_table(tmp_path):
    model = classifier(module="mlp", max_epochs=1, mix=None).fit(files(tmp_path))
    whole = classifier(module="mlp", max_epochs=1, mix=None).fit(X, Y)
    found, known = model.encode(X), whole.encode(X)
    np.testing.assert_array_equal(found["numeric"], known["numeric"])
    np.testing.assert_array_equal(found["categorical"], known["categorical"])


def test_categories_and_ranges_that_the_sample_has_missed_are_known():
    frame = pd.DataFrame({"a": [1.0, 2, 3, 9, None], "b": ["x", "x", "y", "z", None]})
    counts = TableCounts(frame[:1])
    for rows in (frame[:3], frame[3:]):
        counts.add(counts.of(rows))
    encoder = TableEncoder().fit_counted(frame[:3], counts)
    assert encoder.n_levels_ == [5]
    assert encoder.level_counts_[0].tolist() == [1, 0, 2, 1, 1]
    encoded = encoder.transform(frame)
    assert encoded.categorical.ravel().tolist() == [2, 2, 3, 4, 0]
    assert encoded.numeric[:, 1].tolist() == [0, 0, 0, 0, 1]
    assert encoder.bin_edges_[0][-1] == encoded.numeric[3, 0]


def test_validation_rows_are_kept_apart(tmp_path):
    folder = written(tmp_path, rows=X[["row", "hours"]].astype(float))
    watch = Batches()
    model = classifier(
        module=nn.LazyLinear(2), early_stopping=True, callbacks=[watch], max_epochs=6
    )
    model.fit(ParquetRows(folder, target="y", window=50))
    seen = torch.cat(watch.seen)[:, 0]
    assert len(set(seen.tolist())) == N - 30
    assert "valid_loss" in model.history_[-1]


def test_validation_rows_may_be_files_too(tmp_path):
    rows = files(tmp_path)
    model = classifier(module="mlp").fit(rows, X_val=rows)
    other = classifier(module="mlp").fit(rows, X_val=X, y_val=Y)
    assert_same_weights(model, other)
    frame = classifier(module="mlp").fit(X, Y, X_val=rows)
    assert_same_weights(frame, classifier(module="mlp").fit(X, Y, X_val=X, y_val=Y))


def test_partial_fit_takes_files_one_after_the_other(tmp_path):
    rows = files(tmp_path)
    model = classifier(module="mlp").partial_fit(rows)
    assert model.classes_.tolist() == ["high", "low"]
    model.partial_fit(ParquetRows(tmp_path / "part-1.parquet", target="y", window=50))
    assert model.n_iter_ == 2
    other = ParquetRows(tmp_path, columns=["age"], target="y", window=50)
    with pytest.raises(ValueError, match="feature names"):
        model.partial_fit(other)


def test_classes_that_come_late_are_found(tmp_path):
    late = np.where(np.arange(N) == N - 1, "rare", np.asarray(Y, dtype=object))
    rows = ParquetRows(written(tmp_path, target=late), target="y", window=50)
    model = classifier(module="mlp", early_stopping=False).fit(rows)
    assert model.classes_.tolist() == ["high", "low", "rare"]


def test_numbers_to_predict_are_no_classes(tmp_path):
    rows = ParquetRows(written(tmp_path, target=INCOME), target="y", window=50)
    with pytest.raises(ValueError, match="Unknown label type"):
        classifier(module="mlp").fit(rows)


def test_a_killed_training_is_taken_up_with_the_same_files_alone(tmp_path):
    rows = files(tmp_path)
    model = classifier(module="mlp", checkpoint=tmp_path / "kept").fit(rows)
    assert_same_weights(model, classifier(module="mlp").fit(rows))
    n_kept = len(list((tmp_path / "kept").iterdir()))
    written(tmp_path, target=Y[::-1])
    classifier(module="mlp", checkpoint=tmp_path / "kept").fit(
        ParquetRows(tmp_path, target="y", window=50)
    )
    assert len(list((tmp_path / "kept").iterdir())) > n_kept


def test_rows_of_files_travel_to_other_processes(tmp_path):
    rows = pickle.loads(pickle.dumps(files(tmp_path)))
    assert rows.shape == (N, len(X.columns))
    assert repr(rows) == "ParquetRows(300 rows of 6 columns in 2 files, target='y')"
