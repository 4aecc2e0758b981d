"""Several arrays, cut together."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing, resample, shuffle

from sk_mixup.inputs import ArrayRows, DatasetRows, Rows, _lazy
from tests.inputs.kinds import Pairs, mapped

A = np.arange(10)
B = np.arange(30.0).reshape(10, 3)


@pytest.fixture(params=["arrays", "tensors", "maps"])
def rows(request, tmp_path, monkeypatch):
    if request.param == "tensors":
        return Rows(a=torch.from_numpy(A), b=torch.from_numpy(B))
    if request.param == "maps":
        monkeypatch.setattr(_lazy, "MAPPED_BYTES", 1)
        maps = mapped(tmp_path / "a.npy", A), mapped(tmp_path / "b.npy", B)
        return Rows(a=maps[0], b=maps[1])
    return Rows(a=A, b=B)


def values(entry):
    return entry.read(slice(None)) if isinstance(entry, ArrayRows) else entry


@pytest.mark.parametrize(
    "index",
    [
        np.array([7, 1, 1]),
        [7, -1],
        slice(2, 5),
        slice(None, None, -2),
        np.arange(10) % 3 == 0,
        [True] * 3 + [False] * 7,
        torch.tensor([3, 2]),
        range(4),
        [],
        pd.Series([1, 4]),
    ],
)
def test_rows_are_picked_like_those_of_arrays(rows, index):
    picked = rows[index]
    plain = np.asarray(index) if not isinstance(index, slice) else index
    if not isinstance(index, slice) and not len(index):
        plain = np.zeros(0, int)
    np.testing.assert_array_equal(values(picked["a"]), A[plain])
    np.testing.assert_array_equal(values(picked["b"]), B[plain])
    assert picked.shape == (len(A[plain]),)
    again = picked[[0]] if len(picked) else picked
    np.testing.assert_array_equal(values(again["a"]), A[plain][:1])


def test_one_row(rows):
    row = rows[-2]
    assert int(row["a"]) == 8
    np.testing.assert_array_equal(row["b"], B[8])
    assert len(list(rows)) == 10


def test_scikit_learn_splits_rows(rows):
    train, test, y_train, y_test = train_test_split(rows, A, random_state=0)
    np.testing.assert_array_equal(values(train["a"]), y_train)
    np.testing.assert_array_equal(values(test["a"]), y_test)
    np.testing.assert_array_equal(values(_safe_indexing(rows, [3, 1])["a"]), [3, 1])
    mixed, y = shuffle(rows, A, random_state=0)
    np.testing.assert_array_equal(values(mixed["a"]), y)
    again, y = resample(rows, A, random_state=0)
    np.testing.assert_array_equal(values(again["a"]), y)


def test_rows_pickle(rows):
    copy = pickle.loads(pickle.dumps(rows[2:4]))
    np.testing.assert_array_equal(values(copy["a"]), [2, 3])


def test_repr_names_dtypes_and_shapes():
    rows = Rows(image=np.zeros((4, 3, 8, 8), np.uint8), age=torch.zeros(4))
    assert repr(rows) == "Rows(4 rows, image=uint8[3, 8, 8], age=float32[])"
    assert repr(Rows((A, B))) == "Rows(10 rows, 0=int64[], 1=float64[3])"


@pytest.mark.parametrize("as_keywords", [False, True])
def test_unequal_lengths_are_named(as_keywords):
    entries = {"image": A, "age": A[:9]}
    with pytest.raises(ValueError, match="'image' has 10, 'age' has 9"):
        Rows(**entries) if as_keywords else Rows(entries)


def test_what_an_entry_may_be():
    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    rows = Rows(frame=frame, series=frame["x"], words=["one", "two"], listed=[[1], [2]])
    assert rows["frame"].shape == (2, 2)
    assert rows["series"].shape == (2,)
    assert rows["words"].dtype == object
    assert rows["words"].tolist() == ["one", "two"]
    assert rows["listed"].shape == (2, 1)


@pytest.mark.parametrize(
    ("entries", "error", "message"),
    [
        ({}, ValueError, "no entry"),
        ({1: A}, TypeError, "must be str"),
        ({"a": 3.0}, TypeError, "entry 'a' must be an array"),
        ({"a": np.float64(3)}, TypeError, "entry 'a'"),
        ({"a": np.array(3.0)}, TypeError, "single value"),
        ({"a": [[1], [2, 3]]}, ValueError, "entry 'a'.*differ in length"),
        (A, TypeError, "single array needs no Rows"),
    ],
)
def test_what_an_entry_may_not_be(entries, error, message):
    with pytest.raises(error, match=message):
        Rows(entries)


def test_one_form_or_the_other():
    with pytest.raises(TypeError, match="not both"):
        Rows({"a": A}, b=B)
    with pytest.raises(TypeError, match="dict or tuple"):
        Rows()


@pytest.mark.parametrize("index", [99, [0, 10], [[1]], [0.5], np.ones(3, bool)])
def test_rows_that_do_not_exist(index):
    with pytest.raises(IndexError, match=r"[Rr]ow"):
        Rows(a=A)[index]


def test_an_unknown_name():
    with pytest.raises(KeyError, match="no entry 'c'"):
        Rows(a=A)["c"]


# -- rows of a data set ---------------------------------------------------------------


class Counting(Pairs):
    def __init__(self):
        super().__init__()
        self.n_read = 0

    def __getitem__(self, i):
        self.n_read += 1
        return super().__getitem__(i)


def test_picking_rows_of_a_data_set_loads_nothing():
    data = Counting()
    rows = DatasetRows(data)
    train, test = train_test_split(rows, random_state=0)
    part = train[5:9][[0, 2]]
    assert data.n_read == 0
    assert (len(train), len(test), len(part)) == (36, 12, 2)
    assert rows.shape == (48,)


def test_rows_of_a_data_set_are_its_rows():
    rows = DatasetRows(Pairs())[[4, 9]]
    data = Pairs()
    np.testing.assert_array_equal(rows[1], data[9][0])
    np.testing.assert_array_equal(rows.read(slice(None))[0], data[4][0])
    assert rows.targets.tolist() == [0, 1]


def test_an_iterable_has_no_rows():
    with pytest.raises(TypeError, match="classes="):
        DatasetRows(iter([1]))
