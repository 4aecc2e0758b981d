"""`predict_mixed`: the mean of predictions between rows and reference rows."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import nn

from sk_mixup import MixupClassifier
from sk_mixup.inspection import predict_mixed
from sk_mixup.resampling import MixupWrapper
from tests.builders import blobs, bright_images, classifier, mlp, people, regressor


def asked(model, X, reference=None, **params):
    params = {"n": 3, "random_state": 0} | params
    return predict_mixed(model, X, X if reference is None else reference, **params)


def test_a_linear_model_is_averaged_with_the_mean_of_the_reference():
    X, _ = blobs()
    model = LinearRegression().fit(X, X.sum(1))
    found = asked(model, X[:5], X[:1], lam=0.7)
    np.testing.assert_allclose(found, 0.7 * X[:5].sum(1) + 0.3 * X[0].sum(), rtol=1e-4)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        MixupWrapper(LogisticRegression()),
        classifier(module=mlp()),
        classifier(),
    ],
    ids=["linear", "pipeline", "wrapper", "own module", "net of tables"],
)
def test_lam_1_is_the_plain_prediction(model):
    X, y = blobs()
    model.fit(X, y)
    expected = model.predict_proba(X)
    np.testing.assert_allclose(asked(model, X, lam=1.0), expected, atol=1e-5)


def test_a_module_of_ones_own_sees_the_blend():
    X, y = blobs()
    model = classifier(module=mlp()).fit(X, y)
    found = asked(model, X[:6], X[9:10], lam=0.4)
    blend = 0.4 * X[:6] + 0.6 * X[9]
    np.testing.assert_allclose(found, model.predict_proba(blend), atol=1e-5)


def test_categories_of_the_default_net_are_blended_as_vectors():
    X, y, _ = people()
    model = classifier().fit(X, y)
    cook, nurse = (X.assign(job=job).iloc[:1] for job in ("cook", "nurse"))
    found = asked(model, cook, nurse, lam=0.5)
    x, other = model.encode(cook), model.encode(nurse)
    module = model.module_
    with torch.no_grad():
        between = 0.5 * (module.embed(**x) + module.embed(**other))
        both = {name: values.repeat(2, 1) for name, values in x.items()}
        outputs = module(
            **both, mix=lambda _: between.repeat(2, *[1] * (between.ndim - 1))
        )
    np.testing.assert_allclose(found, model.decode(outputs)[:1], atol=1e-5)


def test_raw_tables_of_any_estimator_are_mixed():
    X, y, _ = people()
    X = X.astype({"job": "category"})
    model = HistGradientBoostingClassifier(max_iter=5).fit(X, y)
    proba = asked(model, X[:10], X)
    np.testing.assert_allclose(proba.sum(1), 1.0)


def test_categories_that_the_reference_alone_has_stay_categories():
    X = pd.DataFrame({"job": pd.Categorical(["cook", "nurse"] * 30)})
    model = HistGradientBoostingClassifier(max_iter=5).fit(X, [0, 1] * 30)
    cooks = X[::2].assign(job=pd.Categorical(["cook"] * 30))
    np.testing.assert_allclose(asked(model, cooks, X).sum(1), 1.0)


def test_images_are_mixed():
    X, y = bright_images()
    model = classifier(module="resnet", max_epochs=1, mix=None).fit(X, y)
    proba = asked(model, X[:4], X, n=2)
    assert proba.shape == (4, 2)


def test_texts_of_any_length_are_mixed():
    X = ["good", "bad luck", "a good day", "a bad bad day"] * 10
    model = classifier(module="text_bag").fit(X, [0, 1, 0, 1] * 10)
    np.testing.assert_allclose(asked(model, X[:2], X).sum(1), 1.0, rtol=1e-5)


def test_numbers_are_averaged_on_the_scale_of_the_target():
    X, _ = blobs()
    model = regressor().fit(X, 1000 + 10 * X[:, 0])
    assert abs(asked(model, X).mean() - 1000) < 50


def test_several_outputs_come_as_a_list():
    X, y = blobs()
    model = classifier(target_kind="outputs").fit(X, np.column_stack([y, 1 - y]))
    found = asked(model, X[:7], X)
    assert [one.shape for one in found] == [(7, 2), (7, 2)]


def test_equal_seeds_give_equal_predictions(unchanged_random_state):
    X, y = blobs()
    model = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(asked(model, X), asked(model, X))
    assert not np.array_equal(asked(model, X), asked(model, X, random_state=1))


def test_the_module_keeps_its_mode():
    X, y = blobs()
    model = classifier(module=nn.Sequential(mlp(), nn.Dropout(0.5))).fit(X, y)
    model.module_.train()
    one, other = (asked(model, X) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    assert model.module_.training
    assert model.module_[1].training


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"lam": 0}, ValueError, "lam must be a number above 0 and at most 1; got 0"),
        ({"lam": 1.5}, ValueError, "lam must be"),
        ({"lam": float("nan")}, ValueError, "lam must be"),
        ({"lam": "half"}, TypeError, "lam must be.*'half' of type str"),
        ({"n": 0}, ValueError, "n must be an int of at least 1; got 0"),
        ({"n": 2.0}, TypeError, "n must be an int"),
        ({"reference": np.ones((3, 2))}, ValueError, "X_reference must have the col"),
        ({"reference": np.ones((0, 4))}, ValueError, "X_reference: .*0 sample"),
        ({"reference": [1.0, 2.0]}, ValueError, "X_reference: Expected 2D array"),
    ],
)
def test_what_is_wrong_is_named(params, error, message):
    X, y = blobs()
    with pytest.raises(error, match=message):
        asked(LogisticRegression().fit(X, y), X, **params)


def test_reference_rows_that_a_net_cannot_read_are_named():
    X, y = blobs()
    with pytest.raises(ValueError, match=r"X_reference: .*features"):
        asked(classifier().fit(X, y), X, np.ones((3, 2)))


def test_columns_that_are_missing_are_named():
    X, y, _ = people()
    model = make_pipeline(LogisticRegression()).fit(X[["hours"]], y)
    with pytest.raises(ValueError, match="'hours' are missing"):
        asked(model, X[["hours"]], X[["age"]])


def test_models_without_probabilities_are_refused():
    X, y = blobs()
    with pytest.raises(TypeError, match="LinearSVC has no probabilities"):
        asked(LinearSVC().fit(X, y), X)


def test_models_that_are_not_fitted_are_refused():
    X, _ = blobs()
    with pytest.raises(NotFittedError):
        asked(MixupClassifier(), X)


def test_rows_towards_the_mean_of_the_reference():
    X, y = blobs()
    model = LogisticRegression().fit(X, y)
    moved = X.mean(0) + 0.8 * (X[:5] - X.mean(0))
    found = predict_mixed(model, X[:5], X, lam=0.8, towards="mean")
    np.testing.assert_allclose(found, model.predict_proba(moved), atol=1e-6)
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = LogisticRegression().fit(frame, y)
    found = predict_mixed(model, frame.head(), frame, lam=0.8, towards="mean")
    moved = pd.DataFrame(moved, columns=list("abcd"))
    np.testing.assert_allclose(found, model.predict_proba(moved), atol=1e-6)
    own = classifier(module=mlp()).fit(X, y)
    found = predict_mixed(own, X[:5], X, lam=0.8, towards="mean")
    moved = X.mean(0) + 0.8 * (X[:5] - X.mean(0))
    np.testing.assert_allclose(found, own.predict_proba(moved), atol=1e-5)


def test_vectors_of_the_default_net_are_moved_towards_their_mean():
    X, y, _ = people()
    model = classifier(module="mlp").fit(X, y)
    x, seen = model.encode(X), []

    def blend(embedded):
        seen.append(embedded)
        return 0.7 * embedded + 0.3 * embedded.mean(0, keepdim=True)

    expected = model.decode(model.module_(**x, mix=blend))
    found = predict_mixed(model, X, X, lam=0.7, towards="mean")
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert len(seen) == 1


def test_what_has_no_mean_is_refused():
    X, y, _ = people()
    model = HistGradientBoostingClassifier(categorical_features="from_dtype")
    X = X.astype({"job": "category"})
    model.fit(X, y)
    with pytest.raises(ValueError, match=r"'job', 'region'.* hold no numbers"):
        predict_mixed(model, X, X, towards="mean")
    with pytest.raises(ValueError, match="towards must be"):
        predict_mixed(model, X, X, towards="median")
