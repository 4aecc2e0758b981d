"""`MixupWrapper`: what the estimator inside is given, and how it is asked."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from sk_mixup.resampling import MixupWrapper
from tests.builders import blobs
from tests.resampling.recorder import (
    RecordingClassifier,
    RecordingRegressor,
    every_kind,
)


def recorded(estimator, X, y, sample_weight=None, **params):
    """Return what the estimator inside was given."""
    params = {"alpha": 1.0, "random_state": 0} | params
    wrapper = MixupWrapper(estimator, **params).fit(X, y, sample_weight)
    return wrapper.estimator_


def test_a_mixed_row_of_a_classifier_is_two_rows_with_either_label():
    X, y = np.eye(30), np.arange(30) % 3
    given = recorded(RecordingClassifier(), X, y)
    np.testing.assert_array_equal(given.X_[:30], X)
    np.testing.assert_array_equal(given.X_[30:60], given.X_[60:])
    np.testing.assert_array_equal(given.weights_[:30], 1.0)
    np.testing.assert_allclose(given.weights_[30:60] + given.weights_[60:], 1.0)
    # Each column is a row's own: what a mixed row has of it is the weight of its label.
    for rows in (slice(30, 60), slice(60, 90)):
        of_label = given.X_[rows] @ np.eye(3)[y]
        shares = of_label[np.arange(30), given.y_[rows]]
        same = given.y_[30:60] == given.y_[60:]
        np.testing.assert_allclose(shares[~same], given.weights_[rows][~same])


def test_a_mixed_row_of_a_regressor_has_the_blended_target():
    X = np.arange(30.0).reshape(-1, 1)
    given = recorded(RecordingRegressor(), X, 3 * X.ravel() + 1)
    assert len(given.X_) == 60
    np.testing.assert_allclose(given.y_, 3 * given.X_.ravel() + 1)
    np.testing.assert_array_equal(given.weights_, 1.0)


def test_several_targets_are_blended():
    X = np.arange(30.0).reshape(-1, 1)
    given = recorded(RecordingRegressor(), X, np.hstack([X, -X]))
    np.testing.assert_allclose(given.y_, np.hstack([given.X_, -given.X_]))


def test_labels_have_the_weights_of_their_rows():
    X, y = np.eye(20), np.arange(20) % 2
    weights = np.where(y == 1, 3.0, 1.0)
    given = recorded(RecordingClassifier(), X, y, weights)
    plain = recorded(RecordingClassifier(), X, y)
    np.testing.assert_allclose(
        given.weights_, plain.weights_ * np.where(given.y_ == 1, 3.0, 1.0)
    )


def test_rows_without_weight_are_not_mixed():
    X, y = np.eye(20), np.arange(20) % 2
    given = recorded(RecordingClassifier(), X, y, np.arange(20) >= 5)
    assert not given.X_[20:, :5].any()


@pytest.mark.parametrize("off", [{"alpha": 0}, {"ratio": 0}])
def test_without_mixing_the_fit_is_that_of_the_estimator(off):
    X, y = blobs()
    given = recorded(RecordingClassifier(), X, y, **off)
    np.testing.assert_array_equal(given.X_, X)
    assert given.weights_ is None


def test_columns_that_the_estimator_calls_categories_are_drawn():
    X = np.random.default_rng(0).random((30, 2))
    given = recorded(RecordingClassifier([1]), X, np.arange(30) % 2)
    assert np.isin(given.X_[:, 1], X[:, 1]).all()
    assert not np.isin(given.X_[:, 0], X[:, 0]).all()


def test_tables_keep_their_types():
    X, y = every_kind()
    given = recorded(RecordingClassifier(), X, pd.Series(y, name="kind"))
    pd.testing.assert_series_equal(given.X_.dtypes, X.dtypes)
    assert list(given.X_.index) == list(range(len(given.y_)))
    assert given.y_.name == "kind"


def test_the_pipeline_inside_gets_weights_at_its_last_step():
    X, y = blobs()
    inner = make_pipeline(StandardScaler(), make_pipeline(RecordingClassifier()))
    given = recorded(inner, X, y)[-1][-1]
    assert len(given.weights_) == len(given.X_) == 3 * len(X)


def test_weights_are_routed_where_scikit_learn_routes_metadata():
    X, y = blobs()
    inner = make_pipeline(StandardScaler(), RecordingClassifier())
    with sklearn.config_context(enable_metadata_routing=True):
        assert len(recorded(inner, X, y)[-1].weights_) == 3 * len(X)
        wrapper = MixupWrapper(inner, random_state=0)
        outer = make_pipeline(wrapper.set_fit_request(sample_weight=True))
        outer.fit(X, y, sample_weight=np.full(len(X), 2.0))
    np.testing.assert_array_equal(outer[-1].estimator_[-1].weights_[: len(X)], 2.0)


def test_keywords_of_fit_are_passed_on():
    class Told(RecordingClassifier):
        def fit(self, X, y, sample_weight=None, told=None):
            self.told_ = told
            return super().fit(X, y, sample_weight)

    X, y = blobs()
    assert MixupWrapper(Told()).fit(X, y, told="so").estimator_.told_ == "so"


def test_predictions_are_those_of_the_estimator():
    X, y = blobs(n_classes=3)
    wrapper = MixupWrapper(LogisticRegression(), random_state=0).fit(X, y)
    for name in (
        "predict",
        "predict_proba",
        "predict_log_proba",
        "decision_function",
    ):
        expected = getattr(wrapper.estimator_, name)(X)
        np.testing.assert_array_equal(getattr(wrapper, name)(X), expected)
    assert wrapper.score(X, y) == wrapper.estimator_.score(X, y)
    np.testing.assert_array_equal(wrapper.classes_, [0, 1, 2])


def test_it_has_the_methods_that_the_estimator_has():
    assert not hasattr(MixupWrapper(LinearSVC()), "predict_proba")
    assert not hasattr(MixupWrapper(GaussianNB()), "decision_function")
    assert not hasattr(MixupWrapper(Ridge()).fit(*blobs()), "classes_")


def test_it_is_what_the_estimator_is():
    assert is_classifier(MixupWrapper(GaussianNB()))
    assert is_regressor(MixupWrapper(make_pipeline(StandardScaler(), Ridge())))
    tags = MixupWrapper(HistGradientBoostingClassifier()).__sklearn_tags__()
    assert tags.input_tags.allow_nan


def test_equal_seeds_give_equal_fits(unchanged_random_state):
    X, y = blobs()
    wrapper = MixupWrapper(RandomForestClassifier(5), random_state=0)
    one, other = (clone(wrapper).fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_seeds_of_the_estimator_hold():
    inner = RandomForestClassifier(3, random_state=7)
    fitted = MixupWrapper(inner, random_state=0).fit(*blobs()).estimator_
    assert fitted.random_state == 7


def test_frames_of_polars_are_trained_on_and_asked():
    X, y = blobs()
    frame = pl.DataFrame(X, schema=["a", "b", "c", "d"])
    wrapper = MixupWrapper(LogisticRegression(), random_state=0).fit(frame, y)
    expected = wrapper.predict(frame.to_pandas())
    np.testing.assert_array_equal(wrapper.predict(frame), expected)
    assert list(wrapper.feature_names_in_) == ["a", "b", "c", "d"]


def test_several_labels_per_row_are_kept_side_by_side():
    X, y = blobs()
    both = np.column_stack([y, 1 - y])
    wrapper = MixupWrapper(RandomForestClassifier(20), random_state=0).fit(X, both)
    assert (wrapper.predict(X) == both).mean() > 0.9


def test_a_linear_model_of_linear_data_is_not_moved():
    X, _ = blobs()
    y = X @ np.arange(4) + 1
    wrapper = MixupWrapper(LinearRegression(), alpha=1.0, random_state=0).fit(X, y)
    np.testing.assert_allclose(wrapper.estimator_.coef_, np.arange(4), atol=1e-4)


def test_a_transformed_target_is_named_as_what_takes_no_weights():
    with pytest.raises(TypeError, match="TransformedTargetRegressor does not"):
        MixupWrapper(TransformedTargetRegressor(Ridge())).fit(*blobs())
