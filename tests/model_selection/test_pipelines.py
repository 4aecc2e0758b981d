"""A pipeline inside a search, and a search inside a pipeline."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mixup import MixupSearchCV, MixupWarning
from tests.builders import blobs
from tests.model_selection.nets import classifier, regressor
from tests.model_selection.test_like_grid_search import assert_same_results, both

pytestmark = pytest.mark.usefixtures("one_by_one")


class Counting(TransformerMixin, BaseEstimator):
    """Counts how often it is fitted, all instances together."""

    fits = 0

    def __init__(self, shift=0.0):
        self.shift = shift

    def fit(self, X, y=None):
        type(self).fits += 1
        self.fitted_ = True
        return self

    def transform(self, X):
        return X + self.shift


@pytest.fixture
def counting():
    Counting.fits = 0
    return Counting()


def test_the_net_at_the_end_is_searched():
    X, y = blobs(60)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", classifier())])
    grid = {"net__alpha": [0, 0.2], "net__lr": [0.01]}
    ours, theirs = both(pipeline, grid, X, y, cv=3, scoring="neg_log_loss")
    assert_same_results(ours.cv_results_, theirs.cv_results_)
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))


def test_steps_before_are_searched_too():
    X, y = blobs(60)
    pipeline = Pipeline([("pca", PCA()), ("net", classifier())])
    grid = {"pca__n_components": [2, 4], "net__alpha": [0, 0.2]}
    ours, theirs = both(pipeline, grid, X, y, cv=2, scoring="neg_log_loss")
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_steps_before_are_fitted_once_per_fold_and_setting(counting):
    X, y = blobs(40)
    pipeline = Pipeline([("count", counting), ("net", classifier())])
    grid = {"net__alpha": [0, 0.1, 0.2]}
    MixupSearchCV(pipeline, grid, cv=2, refit=False).fit(X, y)
    assert Counting.fits == 2
    grid["count__shift"] = [0.0, 1.0]
    MixupSearchCV(pipeline, grid, cv=2, refit=False).fit(X, y)
    assert Counting.fits == 2 + 4


def test_pipelines_in_pipelines():
    X, y = blobs(40)
    pipeline = make_pipeline(StandardScaler(), make_pipeline(PCA(2), classifier()))
    grid = {"pipeline__mixupclassifier__alpha": [0, 0.2]}
    ours, theirs = both(pipeline, grid, X, y, cv=2, scoring="neg_log_loss")
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_weights_reach_the_net_through_the_pipeline():
    X, y = blobs(60)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", classifier())])
    given = {"net__sample_weight": np.linspace(0.1, 2, 60)}
    ours, theirs = both(pipeline, {"net__alpha": [0, 0.2]}, X, y, given, cv=3)
    assert_same_results(ours.cv_results_, theirs.cv_results_)


def test_a_step_that_fails_fails_its_candidates():
    X, y = blobs(40)
    pipeline = Pipeline([("pca", PCA()), ("net", classifier())])
    grid = {"pca__n_components": [2, 40], "net__alpha": [0, 0.2]}
    with pytest.warns(FitFailedWarning, match="n_components=40"):
        search = MixupSearchCV(pipeline, grid, cv=2, error_score=-1).fit(X, y)
    failed = search.cv_results_["mean_test_score"] == -1
    assert failed.tolist() == [
        params["pca__n_components"] == 40 for params in search.cv_results_["params"]
    ]


def test_the_last_step_may_be_a_parameter():
    X, y = blobs(40)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", classifier())])
    grid = {"net": [classifier(), classifier(mix=None), LogisticRegression()]}
    with pytest.warns(MixupWarning, match="2 of 6 fits .* LogisticRegression is not"):
        ours = MixupSearchCV(pipeline, grid, cv=2).fit(X, y)
    theirs = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    np.testing.assert_array_equal(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"]
    )


def test_a_search_stands_in_a_pipeline():
    X, y = blobs(60)
    grid = {"alpha": [0, 0.2]}
    ours, theirs = (
        make_pipeline(StandardScaler(), search(classifier(), grid, cv=2)).fit(X, y)
        for search in (MixupSearchCV, GridSearchCV)
    )
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))


def test_an_estimator_that_is_none_of_ours_is_searched_plainly():
    X, y = blobs(60)
    wrapped = TransformedTargetRegressor(regressor())
    grid = {"regressor__alpha": [0, 0.2]}
    with pytest.warns(MixupWarning, match="None of the fits .* TransformedTarget") as w:
        ours = MixupSearchCV(wrapped, grid, cv=2).fit(X, y)
    assert len(w) == 1
    assert w[0].filename == __file__
    theirs = GridSearchCV(wrapped, grid, cv=2).fit(X, y)
    assert_same_results(ours.cv_results_, theirs.cv_results_)
