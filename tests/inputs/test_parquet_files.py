"""Parquet files that do not fit together, or to what is asked of them."""

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("pyarrow")

from sk_mixup import MixupSearchCV
from sk_mixup.inputs import ParquetRows
from tests.builders import classifier, regressor

FRAME = pd.DataFrame(
    {"age": np.arange(40.0), "job": ["cook", "smith"] * 20, "old": [0, 1] * 20}
)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with two alike files of 40 rows each."""
    for name in ("a", "b"):
        FRAME.to_parquet(tmp_path / f"{name}.parquet", row_group_size=10)
    return tmp_path


def test_files_of_a_folder_are_rows_one_below_the_other(folder):
    (folder / "_SUCCESS").touch()
    rows = ParquetRows(folder, target="old")
    assert rows.shape == (80, 2)
    assert rows.columns == ["age", "job"]
    pd.testing.assert_frame_equal(
        rows.read(),
        pd.concat([FRAME] * 2, ignore_index=True)[["age", "job"]],
        check_dtype=False,
    )
    assert rows.read_target().tolist() == FRAME.old.tolist() * 2
    assert len(ParquetRows([folder / "b.parquet", folder], target="old")) == 120


def test_columns_are_those_asked_for_in_their_order(folder):
    rows = ParquetRows(folder, columns=["job", "age"])
    assert list(rows.read().columns) == ["job", "age"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns="age"), r"b\.parquet lacks the columns \['age'\]"),
        (lambda f: f.assign(age="x"), r"'age' is of type string in .*double in"),
        (lambda f: f.assign(age=1), r"'age' is of type int64 in .*b\.parquet"),
    ],
    ids=["missing", "text", "integers"],
)
def test_a_file_with_other_columns_is_named(folder, change, words):
    change(FRAME).to_parquet(folder / "b.parquet")
    with pytest.raises(ValueError, match=words):
        ParquetRows(folder, target="old")


def test_ways_to_store_a_text_and_nothing_but_nulls_go_together(folder):
    FRAME.astype({"job": "category"}).to_parquet(folder / "b.parquet")
    FRAME.assign(job=None, age=None).to_parquet(folder / "c.parquet")
    rows = ParquetRows(folder, target="old").read()
    assert rows.job.isna().sum() == rows.age.isna().sum() == 40
    assert rows.age.dtype == np.float64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"columns": ["agee"]}, r"'agee' is no column of .*Did you mean 'age'"),
        ({"target": "rich"}, r"target='rich' is no column"),
        ({"columns": ["age", "old"], "target": "old"}, "is the target too"),
        ({"columns": []}, "columns is empty"),
        ({"columns": ["age", "age"]}, "more than once"),
        ({"window": 0}, "window must be an int of at least 1; got 0"),
    ],
)
def test_what_is_asked_for_must_be_there(folder, arguments, words):
    with pytest.raises(ValueError, match=words):
        ParquetRows(folder, **arguments)


@pytest.mark.parametrize(
    "arguments", [{"columns": "age"}, {"target": 3}, {"readers": True}], ids=str
)
def test_arguments_of_other_types_are_refused(folder, arguments):
    with pytest.raises(TypeError, match=next(iter(arguments))):
        ParquetRows(folder, **arguments)


def test_folders_and_files_without_rows_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no file that ends with \.parquet"):
        ParquetRows(tmp_path, target="old")
    with pytest.raises(ValueError, match="no such file or folder"):
        ParquetRows(tmp_path / "gone", target="old")
    with pytest.raises(ValueError, match="list of files is empty"):
        ParquetRows([], target="old")
    FRAME[:0].to_parquet(tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="no rows"):
        ParquetRows(tmp_path, target="old")
    (tmp_path / "a.parquet").write_text("age;job")
    with pytest.raises(ValueError, match="cannot be read as a Parquet file"):
        ParquetRows(tmp_path, target="old")


@pytest.mark.parametrize("window", [500_000, 30])
def test_a_target_with_nulls_is_refused_by_its_place(folder, window):
    target = FRAME.old.astype(float)
    target[17] = np.nan
    FRAME.assign(old=target).to_parquet(folder / "b.parquet")
    FRAME.assign(old=FRAME.old.astype(float)).to_parquet(folder / "a.parquet")
    rows = ParquetRows(folder, target="old", window=window)
    with pytest.raises(ValueError, match=r"NaN.*'old'.*row 17 of .*b\.parquet"):
        regressor(module="mlp").fit(rows)


def test_values_that_are_infinite_are_refused_by_their_column(folder):
    FRAME.assign(age=np.r_[np.inf, np.arange(39)]).to_parquet(folder / "b.parquet")
    rows = ParquetRows(folder, target="old", window=30)
    with pytest.raises(ValueError, match=r"b\.parquet.*infinity.*'age'"):
        classifier(module="mlp").fit(rows)


@pytest.mark.parametrize("window", [500_000, 30])
def test_dates_are_refused_as_those_of_a_data_frame(folder, window):
    born = pd.date_range("2000-01-01", periods=40)
    for name in ("a", "b"):
        FRAME.assign(born=born).to_parquet(folder / f"{name}.parquet")
    rows = ParquetRows(folder, target="old", window=window)
    with pytest.raises(ValueError, match=r"dates.*'born'"):
        classifier(module="mlp").fit(rows)
    declared = classifier(module="mlp", categorical_features=["job", "born"])
    assert declared.fit(rows).predict(rows).shape == (80,)


@pytest.mark.parametrize("window", [500_000, 30])
def test_arguments_beside_the_files_are_refused(folder, window):
    rows = ParquetRows(folder, target="old", window=window)
    for given in ({"y": FRAME.old}, {"sample_weight": np.ones(80)}):
        with pytest.raises(ValueError, match=f"{next(iter(given))} cannot be used"):
            classifier(module="mlp").fit(rows, **({"y": None} | given))
    with pytest.raises(ValueError, match="has no target"):
        classifier(module="mlp").fit(ParquetRows(folder, window=window))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"class_weight": "balanced"}, "class_weight"),
        ({"iterator_train__num_workers": 1}, "iterator_train__num_workers.*readers"),
        ({"importance": "permutation"}, "importance"),
        ({"module": "text_bag"}, "module='text_bag'"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_parameters_that_need_all_rows_are_refused(folder, params, words):
    rows = ParquetRows(folder, target="old", window=30)
    with pytest.raises((TypeError, ValueError), match=words):
        classifier(**({"module": "mlp"} | params)).fit(rows)


def test_rows_cannot_be_picked_and_the_message_says_how_they_can(folder):
    rows = ParquetRows(folder, target="old")
    for misuse in (lambda: rows[:3], lambda: np.asarray(rows)):
        with pytest.raises(TypeError, match=r"X\.read\(\)"):
            misuse()
    search = MixupSearchCV(classifier(module="mlp"), {"alpha": [0.1]}, cv=2)
    with pytest.raises(TypeError, match=r"X\.read\(\)"):
        search.fit(rows, FRAME.old.tolist() * 2)
