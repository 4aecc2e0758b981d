"""The encoder as a whole: shapes, state, failure, pickles and speed."""

from __future__ import annotations

import pickle
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import sk_mixup.encoding
from sk_mixup.encoding import TableEncoder, as_table


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    n_rows = 300
    amount = rng.normal(size=n_rows)
    amount[::7] = np.nan
    return pd.DataFrame(
        {
            "job": rng.choice(["cook", "smith", "nurse"], n_rows),
            "age": rng.integers(18, 80, n_rows),
            "amount": amount,
            "city": pd.Categorical(rng.choice(["Bonn", "Ulm"], n_rows)),
            "member": rng.random(n_rows) < 0.5,
        }
    )


def assert_same(left, right):
    np.testing.assert_array_equal(left.numeric, right.numeric)
    np.testing.assert_array_equal(left.categorical, right.categorical)


def test_attributes_describe_the_outputs(X):
    encoder = TableEncoder().fit(X)
    encoded = encoder.transform(X)
    assert encoder.n_features_ == 5
    assert encoder.column_names_ == list(X.columns)
    assert encoder.numeric_columns_.tolist() == [1, 2, 4]
    assert encoder.categorical_columns_.tolist() == [0, 3]
    assert encoder.indicator_columns_.tolist() == [2]
    assert encoder.n_numeric_ == len(encoder.bin_edges_) == 3
    assert encoder.n_levels_ == [5, 4]
    assert encoded.numeric.shape == (300, 4)
    assert encoded.categorical.shape == (300, 2)
    for j, counts in enumerate(encoder.level_counts_):
        codes = encoded.categorical[:, j]
        assert np.bincount(codes, minlength=len(counts)).tolist() == counts.tolist()


def test_columns_of_arrays_are_called_by_position():
    assert TableEncoder().fit(np.eye(2)).column_names_ == ["column 0", "column 1"]


@pytest.mark.parametrize("names", [["job", "city"], ["age", "amount"]])
def test_one_kind_of_column_may_be_absent(X, names):
    encoded = TableEncoder().fit_transform(X[names])
    widths = encoded.numeric.shape, encoded.categorical.shape
    assert widths in [((300, 0), (300, 2)), ((300, 3), (300, 0))]
    assert_same(
        TableEncoder().fit(X[names]).transform(X[names].iloc[:5]),
        type(encoded)(encoded.numeric[:5], encoded.categorical[:5]),
    )


def test_fit_transform_is_fit_then_transform(X):
    assert_same(TableEncoder().fit_transform(X), TableEncoder().fit(X).transform(X))


def test_the_result_does_not_depend_on_how_rows_are_grouped(X):
    encoder = TableEncoder().fit(X)
    whole = encoder.transform(X)
    for rows in ([0], [7, 3], list(range(64)), list(range(65))):
        part = encoder.transform(X.iloc[rows])
        np.testing.assert_array_equal(part.numeric, whole.numeric[rows])
        np.testing.assert_array_equal(part.categorical, whole.categorical[rows])


def test_the_index_of_a_frame_does_not_matter(X):
    encoder = TableEncoder().fit(X)
    other = X.set_axis(np.zeros(len(X), dtype=int), axis=0)
    assert_same(encoder.transform(other), encoder.transform(X))


def test_an_object_array_encodes_as_its_frame_does(X):
    declared = [0, 3]
    encoder = TableEncoder(declared).fit(X)
    assert_same(encoder.transform(X.to_numpy(dtype=object)), encoder.transform(X))


def test_the_callers_data_stay_as_they_were(X):
    before = X.copy()
    TableEncoder().fit(X).transform(X)
    pd.testing.assert_frame_equal(X, before)
    array = np.array([[1.0, np.nan], [2.0, 3.0]])
    array.setflags(write=False)
    TableEncoder().fit(array).transform(array)


@pytest.mark.usefixtures("unchanged_random_state")
def test_global_random_states_stay_as_they_were(X):
    TableEncoder().fit(X).transform(X)


def test_transform_before_fit():
    with pytest.raises(NotFittedError, match="not fitted"):
        TableEncoder().transform(np.eye(2))


def test_another_number_of_columns_is_named(X):
    encoder = TableEncoder().fit(X)
    with pytest.raises(ValueError, match=r"\(300, 4\).*expecting 5 features"):
        encoder.transform(X.iloc[:, :4])


def test_a_failed_fit_leaves_what_was_learnt(X):
    encoder = TableEncoder().fit(X)
    expected = encoder.transform(X)
    with pytest.raises(ValueError, match="infinity"):
        encoder.fit(pd.DataFrame({"a": [np.inf, 1.0]}))
    assert_same(encoder.transform(X), expected)


def test_a_second_fit_forgets_the_first(X):
    encoder = TableEncoder().fit(X).fit(X[["age"]])
    assert encoder.n_features_ == 1
    assert encoder.n_levels_ == []


def test_a_pickle_encodes_the_same_and_holds_no_training_data():
    rng = np.random.default_rng(0)
    n_rows = 20_000
    X = pd.DataFrame(
        {
            "x": rng.normal(size=n_rows),
            "id": [f"id-{i}" for i in range(n_rows)],
            "s": rng.choice(["a", "b"], n_rows),
        }
    )
    encoder = TableEncoder().fit(X)
    stored = pickle.dumps(encoder)
    assert len(stored) < 3000
    assert_same(pickle.loads(stored).transform(X), encoder.transform(X))


def test_one_row_is_fast():
    data = {f"n{j}": np.arange(100.0) for j in range(6)}
    data |= {f"s{j}": ["abc", "d"] * 50 for j in range(8)}
    X = pd.DataFrame(data)
    encoder = TableEncoder().fit(X)
    row = X.iloc[[3]]
    seconds = []
    for _ in range(50):
        start = time.perf_counter()
        encoder.transform(as_table(row))
        seconds.append(time.perf_counter() - start)
    assert statistics.median(seconds) < 1.5e-3


def test_importing_loads_nothing_heavy():
    # A stand-in for the package: `sk_mixup` itself may import what it likes.
    package = Path(sk_mixup.encoding.__file__).parents[1]
    script = f"""
import sys, types
import sklearn.utils.multiclass, sklearn.utils.validation
sys.modules["sk_mixup"] = types.ModuleType("sk_mixup")
sys.modules["sk_mixup"].__path__ = [{str(package)!r}]
before = set(sys.modules)
import sk_mixup.encoding
heavy = {{"torch", "pandas", "polars", "pyarrow", "skorch", "matplotlib", "scipy"}}
print(*heavy & {{name.split(".")[0] for name in set(sys.modules) - before}})
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
