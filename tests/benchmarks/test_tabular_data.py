"""The suites on tables: what is read, split and spoilt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.peers.tabular_boosting import Categories
from benchmarks.suites.tabular_names import (
    REGRESSION_SETS,
    SMALL_SETS,
    SYNTHETIC_SETS,
)
from benchmarks.tabular_data import degrade, load


@pytest.mark.parametrize("name", [*SMALL_SETS, *SYNTHETIC_SETS])
def test_sets_without_a_file_are_split_anew_with_every_seed(name):
    data, same, other = load(None, name), load(None, name), load(None, name, seed=1)
    assert data.is_classification == (name not in REGRESSION_SETS)
    n_rows = len(data.y_train) + len(data.y_test)
    assert len(data.y_test) == pytest.approx(n_rows / 5, abs=1)
    assert data.val_rows.mean() == pytest.approx(0.2, abs=0.01)
    np.testing.assert_array_equal(data.x_test, same.x_test)
    assert not np.array_equal(data.y_test, other.y_test)
    inner = data.without_validation()
    assert len(inner.y_train) + len(inner.y_test) == len(data.y_train)


def test_a_hundredth_of_the_imbalanced_table_is_positive():
    data = load(None, "imbalanced")
    assert data.y_train.mean() == pytest.approx(0.01, abs=0.002)
    assert data.y_test.sum() >= 50


def write(folder: Path, name: str, table: pd.DataFrame) -> None:
    (folder / "tabular").mkdir(exist_ok=True)
    table.to_csv(folder / "tabular" / f"{name}.csv.gz", index=False)


def test_adult_keeps_its_official_test_part(tmp_path):
    n = 400
    table = pd.DataFrame(
        {
            "age": np.arange(n),
            "workclass": ["a", "b", None, "c"] * (n // 4),
            "income": ["<=50K", ">50K"] * (n // 2),
            "split": ["train"] * 300 + ["test"] * 100,
        }
    )
    write(tmp_path, "adult", table)
    data = load(tmp_path, "adult")
    assert sorted(data.x_train["age"]) == list(range(300))
    assert sorted(data.x_test["age"]) == list(range(300, 400))
    assert list(data.x_train.columns) == ["age", "workclass"]
    assert data.words == ["workclass"]
    assert set(data.y_train) == {0, 1}
    assert data.val_rows.sum() == 60
    assert len(load(tmp_path, "adult", max_rows=50).y_train) == 50


def test_blanks_of_telco_become_missing_numbers(tmp_path):
    table = pd.DataFrame(
        {
            "customerID": [f"id{i}" for i in range(50)],
            "TotalCharges": [" ", "29.85"] * 25,
            "Churn": ["No", "Yes"] * 25,
        }
    )
    write(tmp_path, "telco_churn", table)
    data = load(tmp_path, "telco")
    assert data.numbers == ["TotalCharges"]
    assert data.x_train["TotalCharges"].isna().any()
    assert len(data.y_test) == 10


def test_california8_has_the_columns_of_scikit_learn(tmp_path):
    names = ["longitude", "latitude", "housing_median_age", "total_rooms"]
    names += ["total_bedrooms", "population", "households", "median_income"]
    # The first row of the real table, whose averages are known.
    row = dict(
        zip(names, [-122.23, 37.88, 41, 880, 129, 322, 126, 8.3252], strict=True)
    )
    table = pd.DataFrame([row | {"median_house_value": 452600.0}] * 20)
    write(tmp_path, "california_housing", table.assign(ocean_proximity="NEAR BAY"))
    data = load(tmp_path, "california8")
    assert data.x_train.iloc[0].round(4).tolist() == [
        *(8.3252, 41.0, 6.9841, 1.0238, 322.0, 2.5556, 37.88, -122.23)
    ]
    assert data.y_train[0] == pytest.approx(4.526)
    assert load(tmp_path, "california").words == ["ocean_proximity"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"tabular/churn_modelling\.csv\.gz"):
        load(tmp_path, "churn")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        load(None, "churn")
    with pytest.raises(ValueError, match="unknown data set 'nope'"):
        load(None, "nope")


def test_wrong_labels_are_as_many_as_asked_for_and_the_test_rows_stay():
    data = load(None, "digits")
    noisy = degrade(data, 1.0, 0.4, seed=3)
    assert (noisy.y_train != data.y_train).mean() == pytest.approx(0.4, abs=1e-3)
    np.testing.assert_array_equal(noisy.y_test, data.y_test)
    np.testing.assert_array_equal(noisy.y_train, degrade(data, 1.0, 0.4, 3).y_train)
    small = degrade(data, 0.1, 0.2, seed=3)
    assert len(small.y_train) == round(0.1 * len(data.y_train))
    assert set(small.y_train) == set(range(10))


def test_wrong_numbers_are_exchanged_among_rows():
    data = load(None, "diabetes")
    noisy = degrade(data, 1.0, 0.2, seed=0)
    np.testing.assert_array_equal(np.sort(noisy.y_train), np.sort(data.y_train))
    assert 0.1 < (noisy.y_train != data.y_train).mean() <= 0.2


def test_unknown_words_become_missing_with_the_same_codes():
    train = pd.DataFrame({"w": ["b", None, "a"], "x": [1.0, 2.0, 3.0]})
    test = pd.DataFrame({"w": ["c", "b"], "x": [0.0, 0.0]})
    encode = Categories(["w"]).fit(train)
    assert encode.transform(test)["w"].cat.codes.tolist() == [-1, 1]
    filled = Categories(["w"], missing="?").fit(train).transform(train)
    assert filled["w"].tolist() == ["b", "?", "a"]
