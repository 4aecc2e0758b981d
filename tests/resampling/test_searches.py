"""`MixupWrapper` in searches over alpha, pipelines and other packages."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sk_mixup.resampling import MixupResampler, MixupWrapper

ALPHAS = [0, 0.2, 1.0]


def customers(n_rows=150, seed=0):
    """Return a table of numbers, categories and missing values, and text labels."""
    random = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "age": random.integers(18, 80, n_rows),
            "income": random.normal(3000, 500, n_rows),
            "job": pd.Categorical(random.choice(["nurse", "cook", "clerk"], n_rows)),
            "member": random.random(n_rows) < 0.5,
        }
    )
    y = np.where(X["age"] + 30 * (X["job"] == "cook") > 55, "buys", "leaves")
    return X, y


def encoder():
    return make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore"),
            make_column_selector(dtype_include="category"),
        ),
        (
            StandardScaler(),
            make_column_selector(dtype_exclude="category"),
        ),
    )


MODELS = {
    "trees": ("alpha", MixupWrapper(HistGradientBoostingClassifier(max_iter=10))),
    "around a pipeline": (
        "alpha",
        MixupWrapper(make_pipeline(encoder(), LogisticRegression())),
    ),
    "inside a pipeline": (
        "mixupwrapper__alpha",
        make_pipeline(encoder(), MixupWrapper(LogisticRegression())),
    ),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_search_over_alpha_takes_a_raw_table(kind):
    X, y = customers()
    name, model = MODELS[kind]
    search = GridSearchCV(model, {name: ALPHAS}, cv=3, scoring="neg_log_loss")
    search.fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.score(X, y) > -0.5
    assert search.predict_proba(X).shape == (150, 2)


def test_alpha_0_scores_as_the_estimator_does():
    X, y = customers()
    trees = HistGradientBoostingClassifier(max_iter=10, random_state=0)
    wrapped = MixupWrapper(trees, alpha=0, random_state=0)
    expected, found = (
        cross_val_predict(model, X, y, method="predict_proba", cv=3)
        for model in (trees, wrapped)
    )
    np.testing.assert_array_equal(found, expected)


def test_parameters_of_the_estimator_are_searched_too():
    X, y = customers()
    grid = {"estimator__max_iter": [1, 20], "alpha": [0.2]}
    wrapped = MixupWrapper(HistGradientBoostingClassifier(), random_state=0)
    search = GridSearchCV(wrapped, grid, cv=3, scoring="neg_log_loss").fit(X, y)
    assert search.best_params_["estimator__max_iter"] == 20


def test_light_gbm_trains_on_mixed_rows():
    lightgbm = pytest.importorskip("lightgbm")
    X, y = customers()
    model = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1)
    assert MixupWrapper(model, random_state=0).fit(X, y).score(X, y) > 0.8


def test_the_resampler_is_a_step_of_imbalanced_learn():
    pipeline = pytest.importorskip("imblearn.pipeline")
    X, y = customers()
    steps = encoder(), LogisticRegression()
    model = pipeline.make_pipeline(MixupResampler(focus="minority"), *steps)
    search = GridSearchCV(model, {"mixupresampler__alpha": ALPHAS}, cv=3).fit(X, y)
    assert search.score(X, y) > 0.8
