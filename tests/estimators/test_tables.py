"""Raw tables, and targets of any kind."""

import numpy as np
import pandas as pd
import pytest

from tests.builders import blobs, classifier, people, regressor

TABLE, LABELS, INCOME = people(80)
NEW, _, _ = people(20, seed=1)


# -- columns --------------------------------------------------------------------------


def test_a_raw_table_is_all_it_takes():
    model = classifier().fit(TABLE, LABELS)
    proba = model.predict_proba(NEW)
    assert proba.shape == (20, 2)
    assert proba.dtype == np.float64
    np.testing.assert_allclose(proba.sum(1), 1)
    assert model.feature_names_in_.tolist() == TABLE.columns.tolist()
    assert model.n_features_in_ == 5


def test_a_table_is_learnt():
    model = classifier(max_epochs=10, lr=0.02).fit(TABLE, LABELS)
    assert model.score(TABLE, LABELS) > 0.9


def test_the_table_stays_as_it_is():
    table = TABLE.copy()
    classifier().fit(table, LABELS).predict(table)
    pd.testing.assert_frame_equal(table, TABLE)


def test_categories_not_seen_before_count_as_average_ones():
    model = classifier().fit(TABLE.astype({"region": object}), LABELS)
    strange = NEW.astype({"region": object}).assign(job="pilot", region="west")
    proba = model.predict_proba(strange)
    assert np.isfinite(proba).all()
    other = model.predict_proba(strange.assign(job="baker", region="east"))
    np.testing.assert_array_equal(proba, other)


def test_missing_values_where_fit_saw_none():
    full = TABLE.assign(age=TABLE["age"].fillna(0), job=TABLE["job"].fillna("cook"))
    model = classifier().fit(full, LABELS)
    missing = full.assign(age=np.nan, job=None, region=None)
    assert np.isfinite(model.predict_proba(missing)).all()


def test_a_missing_value_is_seen_by_the_net():
    y = np.where(TABLE["age"].isna(), "unknown", "known")
    model = classifier(max_epochs=15, lr=0.02).fit(TABLE, y)
    assert model.score(TABLE, y) == 1.0


@pytest.mark.parametrize("dtype", ["convert_dtypes", "arrow"])
def test_nullable_dtypes_are_the_same_table(dtype):
    if dtype == "arrow":
        pytest.importorskip("pyarrow")
        table = TABLE.convert_dtypes(dtype_backend="pyarrow")
    else:
        table = TABLE.convert_dtypes()
    model = classifier().fit(TABLE, LABELS)
    np.testing.assert_allclose(
        model.predict_proba(table), model.predict_proba(TABLE), atol=1e-6
    )
    again = classifier().fit(table, LABELS)
    np.testing.assert_allclose(
        again.predict_proba(table), model.predict_proba(TABLE), atol=1e-6
    )


def test_polars_is_the_same_table():
    polars = pytest.importorskip("polars")
    columns = {name: TABLE[name].tolist() for name in ("hours", "member")}
    columns["age"] = [None if v != v else v for v in TABLE["age"]]
    columns["job"] = [v if isinstance(v, str) else None for v in TABLE["job"]]
    frame = polars.DataFrame(columns)
    model = classifier().fit(frame, polars.Series(LABELS))
    assert model.feature_names_in_.tolist() == ["hours", "member", "age", "job"]
    twin = classifier().fit(pd.DataFrame(columns), LABELS)
    np.testing.assert_allclose(
        model.predict_proba(frame), twin.predict_proba(pd.DataFrame(columns)), atol=1e-6
    )


def test_arrays_and_lists_are_tables_too():
    X, y = blobs(40)
    model = classifier().fit(X, y)
    expected = model.predict_proba(X)
    for same in (X.tolist(), X.astype(np.float64), np.asfortranarray(X)):
        np.testing.assert_allclose(model.predict_proba(same), expected, atol=1e-6)


def test_arrays_of_objects_keep_text_and_numbers():
    model = classifier(categorical_features=[2, 3])
    model.fit(TABLE.to_numpy(dtype=object), LABELS)
    assert model.module_.n_numeric == 3
    assert model.predict(NEW.to_numpy(dtype=object)).shape == (20,)


@pytest.mark.parametrize(
    "columns",
    [[True, False], [0], ["code"], np.array([True, False])],
    ids=["mask", "positions", "names", "array"],
)
def test_categorical_features(columns):
    table = pd.DataFrame({"code": np.arange(60) % 4, "size": np.linspace(0, 1, 60)})
    y = table["code"] % 2
    model = classifier(categorical_features=columns, lr=0.05).fit(table, y)
    assert model.module_.n_numeric == 1
    assert model.module_.categories.offset.shape[-1] == 1
    assert model.score(table, y) == 1.0


def test_no_categorical_features():
    X, y = blobs(40)
    assert classifier(categorical_features=None).fit(X, y).module_.categories is None


def test_categories_alone():
    model = classifier().fit(TABLE[["job", "region"]], LABELS)
    assert model.module_.n_numeric == 0
    assert model.predict(NEW[["job", "region"]]).shape == (20,)


def test_constant_columns():
    table = TABLE.assign(zero=0.0, word="same", nothing=np.nan)
    proba = classifier().fit(table, LABELS).predict_proba(table)
    assert np.isfinite(proba).all()


def test_outliers_do_not_reach_the_net():
    table = TABLE.assign(hours=TABLE["hours"].astype(float))
    table.loc[3, "hours"] = 1e30
    model = classifier().fit(table, LABELS)
    assert np.isfinite(model.predict_proba(table)).all()
    assert np.isfinite(model.history_[-1, "train_loss"])


def test_two_rows():
    model = classifier().fit(TABLE[:2], ["a", "b"])
    assert model.predict(TABLE).shape == (80,)


def test_many_levels():
    table = pd.DataFrame({"id": [f"user {i}" for i in range(500)]})
    model = classifier().fit(table, np.arange(500) % 2)
    assert model.module_.categories.weight.shape[1] <= 16


# -- labels ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array(["b", "a"] * 20), ["a", "b"]),
        (np.array([True, False] * 20), [False, True]),
        (np.array([7, -3] * 20), [-3, 7]),
        ([2.0, 1.0] * 20, [1.0, 2.0]),
        (pd.Series(["b", "a"] * 20, dtype="category"), ["a", "b"]),
        (pd.Series([3, 1] * 20, dtype="Int64"), [1, 3]),
        (pd.Series(["b", "a"] * 20, dtype="string"), ["a", "b"]),
        (["c", "a", "b", "a"] * 10, ["a", "b", "c"]),
    ],
    ids=["str", "bool", "int", "float", "category", "Int64", "string", "three"],
)
def test_labels_of_any_kind(y, classes):
    model = classifier().fit(TABLE[:40], y)
    assert model.classes_.tolist() == classes
    predicted = model.predict(TABLE[:40])
    assert predicted.dtype == model.classes_.dtype
    assert set(predicted.tolist()) <= set(classes)
    assert model.predict_proba(TABLE[:40]).shape == (40, len(classes))


def test_predictions_are_the_most_probable_labels():
    model = classifier().fit(TABLE, LABELS)
    best = model.classes_[model.predict_proba(NEW).argmax(1)]
    assert model.predict(NEW).tolist() == best.tolist()


# -- targets --------------------------------------------------------------------------


def test_regression_on_the_scale_of_the_target():
    model = regressor(max_epochs=15, lr=0.01).fit(TABLE, INCOME)
    assert model.predict(TABLE).shape == (80,)
    assert model.score(TABLE, INCOME) > 0.8


def test_a_column_target_gives_columns():
    model = regressor().fit(TABLE, INCOME.reshape(-1, 1))
    assert model.predict(NEW).shape == (20, 1)
    flat = regressor().fit(TABLE, INCOME)
    np.testing.assert_allclose(model.predict(NEW)[:, 0], flat.predict(NEW))


def test_several_targets():
    y = np.column_stack([INCOME, 1e-3 * INCOME, np.ones(80)])
    model = regressor(max_epochs=15, lr=0.02).fit(TABLE, y)
    predicted = model.predict(TABLE)
    assert predicted.shape == (80, 3)
    np.testing.assert_allclose(predicted[:, 2], 1, atol=0.2)
    assert np.corrcoef(predicted[:, 0], INCOME)[0, 1] > 0.9


def test_targets_in_a_frame():
    y = pd.DataFrame({"income": INCOME, "age": TABLE["age"].fillna(0)})
    assert regressor().fit(TABLE, y).predict(NEW).shape == (20, 2)


def test_integer_targets():
    model = regressor().fit(TABLE, INCOME.astype(int))
    assert model.predict(NEW).dtype == np.float64
