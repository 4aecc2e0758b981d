"""The estimators among scikit-learn's tools, on a raw table."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import ManifoldMixup, Mixup, OneOf
from tests.builders import blobs, classifier, people, regressor

TABLE, LABELS, INCOME = people(90)


# -- search ---------------------------------------------------------------------------


def test_grid_search_over_alpha_in_two_processes():
    search = GridSearchCV(classifier(), {"alpha": [0, 0.2]}, cv=3, n_jobs=2)
    search.fit(TABLE, LABELS)
    alone = GridSearchCV(classifier(), {"alpha": [0, 0.2]}, cv=3).fit(TABLE, LABELS)
    np.testing.assert_allclose(
        search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )
    assert search.predict_proba(TABLE).shape == (90, 2)


def test_grid_search_over_names_objects_and_their_parameters():
    grid = [
        {"mix": [None, "mixup", "manifold"]},
        {"mix": [Mixup(), ManifoldMixup()], "mix__alpha": [0.1, 0.4]},
    ]
    search = GridSearchCV(classifier(), grid, cv=2, error_score="raise")
    search.fit(TABLE, LABELS)
    assert len(search.cv_results_["params"]) == 7
    assert [grid[1]["mix"][i].alpha for i in (0, 1)] == [0.2, 2.0]


def test_halving_grid_search():
    grid = {"alpha": [0, 0.2], "module__d_hidden": [8, 16]}
    search = HalvingGridSearchCV(
        classifier(), grid, cv=2, min_resources=40, random_state=0, error_score="raise"
    )
    assert search.fit(TABLE, LABELS).predict(TABLE).shape == (90,)


def test_cross_validation():
    scores = cross_val_score(classifier(), TABLE, LABELS, cv=3, scoring="neg_log_loss")
    assert np.isfinite(scores).all()
    scores = cross_val_score(regressor(), TABLE, INCOME, cv=3)
    assert np.isfinite(scores).all()


# -- composition ----------------------------------------------------------------------


def test_pipeline():
    numeric = make_column_transformer(
        (StandardScaler(), ["age", "hours"]),
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    model = make_pipeline(numeric, classifier()).fit(TABLE, LABELS)
    assert model[-1].feature_names_in_[0] == "age"
    assert model.predict(TABLE).shape == (90,)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_pipelines_that_set_the_output(kind):
    pytest.importorskip(kind)
    X, y = blobs()
    X = pd.DataFrame(X, columns=list("abcd"))
    model = make_pipeline(StandardScaler(), classifier()).set_output(transform=kind)
    assert model.fit(X, y)[-1].feature_names_in_.tolist() == list("abcd")


def test_pipeline_transforms_validation_data():
    X, y = blobs()
    with sklearn.config_context(enable_metadata_routing=True):
        model = Pipeline(
            [
                ("scale", StandardScaler()),
                ("net", classifier().set_fit_request(X_val=True, y_val=True)),
            ],
            transform_input=["X_val"],
        )
        model.fit(X, y, X_val=X[:30], y_val=y[:30])
    direct = classifier()
    scaler = model["scale"]
    direct.fit(scaler.transform(X), y, X_val=scaler.transform(X[:30]), y_val=y[:30])
    losses = direct.history_[:, "valid_loss"]
    assert model["net"].history_[:, "valid_loss"] == losses


def test_calibration():
    model = CalibratedClassifierCV(classifier(), cv=2).fit(TABLE, LABELS)
    np.testing.assert_allclose(model.predict_proba(TABLE).sum(1), 1)


def test_stacking():
    model = StackingClassifier(
        [("a", classifier()), ("b", classifier(mix=None))], LogisticRegression(), cv=2
    )
    assert model.fit(TABLE, LABELS).predict(TABLE).shape == (90,)


def test_permutation_importance():
    model = classifier(max_epochs=20).fit(TABLE, LABELS)
    found = permutation_importance(model, TABLE, LABELS, n_repeats=2, random_state=0)
    assert found.importances_mean.argmax() == TABLE.columns.get_loc("age")


def test_sample_weights_are_routed():
    weight = np.linspace(0.5, 2, 90)
    with sklearn.config_context(enable_metadata_routing=True):
        model = classifier().set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        result = cross_validate(
            model, TABLE, LABELS, cv=2, params={"sample_weight": weight}
        )
    assert np.isfinite(result["test_score"]).all()


def test_sample_weights_reach_the_last_step_of_a_pipeline():
    X, y = blobs()
    weight = np.linspace(0.5, 2, 60)
    model = make_pipeline(StandardScaler(), classifier())
    model.fit(X, y, mixupclassifier__sample_weight=weight)
    plain = make_pipeline(StandardScaler(), classifier()).fit(X, y)
    assert (model.predict_proba(X) != plain.predict_proba(X)).any()


# -- persistence ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
@pytest.mark.parametrize(
    "model",
    [
        classifier(),
        classifier(early_stopping=True, mix=["mixup", "manifold"]),
        regressor(),
    ],
    ids=repr,
)
def test_copies_predict_alike(model, copied):
    y = LABELS if isinstance(model, MixupClassifier) else INCOME
    model = clone(model).fit(TABLE, y)
    twin = copied(model)
    np.testing.assert_array_equal(twin.predict(TABLE), model.predict(TABLE))
    assert twin.history_[:, "train_loss"] == model.history_[:, "train_loss"]
    assert twin.get_params().keys() == model.get_params().keys()


# -- parameters -----------------------------------------------------------------------


def test_clone_keeps_prefixed_parameters():
    model = MixupClassifier(mix=Mixup(0.3), module__d_hidden=8, mix__p=0.5)
    params = clone(model).get_params()
    assert params["module__d_hidden"] == 8
    assert params["mix__p"] == 0.5
    assert params["mix__alpha"] == 0.3
    assert params["mix"] is not model.mix


def test_the_signature_lists_what_there_is():
    names = set(MixupClassifier().get_params())
    assert "kwargs" not in names
    assert names - set(MixupRegressor().get_params()) == {
        "calibration",
        "class_weight",
        "target_kind",
    }


def test_parameters_within_lists():
    model = classifier(mix=[Mixup(0.3), ManifoldMixup()])
    params = model.get_params()
    assert params["mix__0__alpha"] == 0.3
    assert params["mix__1__alpha"] == 2.0
    model.set_params(mix__0__alpha=0.5, mix__1__layers="hidden.0")
    assert model.get_params()["mix__0__alpha"] == 0.5
    model.fit(TABLE, LABELS)


def test_parameters_of_oneof():
    model = classifier(mix=OneOf([Mixup(0.3), ManifoldMixup()]))
    assert model.get_params()["mix__0__alpha"] == 0.3
    model.set_params(mix__0__alpha=0.5).fit(TABLE, LABELS)


@pytest.mark.parametrize("as_list", [False, True])
def test_a_method_object_never_changes(as_list):
    method = Mixup(0.3)
    key = "mix__0__alpha" if as_list else "mix__alpha"
    model = classifier(mix=[method] if as_list else method, **{key: 0.1})
    model.set_params(**{key: 0.6}).fit(TABLE, LABELS)
    assert method.alpha == 0.3
    assert model.get_params()[key] == 0.6


def test_a_new_mix_drops_the_parameters_of_the_old_one():
    model = classifier(mix=Mixup(), mix__alpha=0.6).set_params(mix=ManifoldMixup(1.0))
    assert model.get_params()["mix__alpha"] == 1.0


def test_prefixed_parameters_of_names():
    by_prefix = classifier(mix="mixup", mix__alpha=0.7).fit(TABLE, LABELS)
    by_name = classifier(alpha=0.7).fit(TABLE, LABELS)
    losses = by_name.history_[:, "train_loss"]
    assert by_prefix.history_[:, "train_loss"] == losses


def test_html():
    model = classifier(mix=Mixup(0.3), module__d_hidden=8)
    assert "MixupClassifier" in model._repr_html_()
    assert "MixupClassifier" in make_pipeline(model.fit(TABLE, LABELS))._repr_html_()


def test_repr_shows_what_was_set():
    text = repr(MixupClassifier(alpha=0.3, module__d_hidden=8))
    assert text == "MixupClassifier(alpha=0.3, module__d_hidden=8)"


def test_tags():
    tags = MixupClassifier().__sklearn_tags__()
    assert tags.estimator_type == "classifier"
    assert tags.input_tags.allow_nan
    assert not MixupClassifier(nn.Linear(2, 2)).__sklearn_tags__().input_tags.allow_nan
    assert MixupRegressor().__sklearn_tags__().target_tags.multi_output
