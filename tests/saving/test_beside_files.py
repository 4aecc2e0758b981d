"""Other ways to store a model: pickle, joblib, skops; and how files are written."""

import copy
import pickle

import joblib
import numpy as np
import pytest

import sk_mixup
from sk_mixup import MixupSearchCV
from sk_mixup.saving import from_bytes, to_bytes
from tests.builders import blobs, classifier
from tests.saving.models import Own, fitted_case

KINDS = ("folds", "regressor", "own_module", "images", "mean_ensemble", "text_bag")


@pytest.mark.parametrize("name", KINDS)
def test_pickle(name):
    case = fitted_case(name)
    twin = pickle.loads(pickle.dumps(case.model))
    np.testing.assert_array_equal(twin.predict(case.X), case.model.predict(case.X))


@pytest.mark.parametrize("mmap_mode", [None, "r"])
@pytest.mark.parametrize("name", KINDS)
def test_joblib(name, mmap_mode, tmp_path):
    case = fitted_case(name)
    joblib.dump(case.model, tmp_path / "model.joblib")
    twin = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
    np.testing.assert_array_equal(twin.predict(case.X), case.model.predict(case.X))


def test_a_loaded_model_can_be_pickled_and_copied():
    case = fitted_case("folds")
    loaded = from_bytes(to_bytes(case.model))
    for twin in (pickle.loads(pickle.dumps(loaded)), copy.deepcopy(loaded)):
        np.testing.assert_array_equal(twin.predict(case.X), case.model.predict(case.X))
        twin.partial_fit(case.X, case.y)


# -- skops ----------------------------------------------------------------------------

OURS = {
    "sk_mixup.estimators._classifier.MixupClassifier",
    "sk_mixup.estimators._regressor.MixupRegressor",
    "sk_mixup.model_selection._ensemble.FoldEnsembleClassifier",
    "sk_mixup.model_selection._search.MixupSearchCV",
}


def through_skops(model, more=()):
    io = pytest.importorskip("skops.io")
    data = io.dumps(model)
    untrusted = set(io.get_untrusted_types(data=data))
    assert untrusted <= OURS | set(more)
    return io.loads(data, trusted=sorted(untrusted))


@pytest.mark.parametrize("name", [*KINDS, "best_of_search", "labels", "odd_categories"])
def test_skops(name):
    case = fitted_case(name)
    own = f"{Own.__module__}.Own"
    more = [
        own,
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.StratifiedKFold",
    ]
    twin = through_skops(case.model, more)
    np.testing.assert_array_equal(twin.predict(case.X), case.model.predict(case.X))


def test_skops_in_a_pipeline():
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, y = blobs(48)
    model = make_pipeline(StandardScaler(), classifier(module="mlp")).fit(X, y)
    np.testing.assert_array_equal(through_skops(model).predict(X), model.predict(X))


def test_skops_before_a_fit():
    twin = through_skops(classifier(alpha=0.3))
    assert twin.alpha == 0.3


def test_skops_refuses_a_module_that_is_an_object():
    io = pytest.importorskip("skops.io")
    with pytest.raises(TypeError, match="is an object of your own"):
        io.dumps(fitted_case("template").model)


def test_skops_is_told_to_store_the_estimator_and_not_its_net():
    as_skops = {"__name__": "skops.io", "net": fitted_case("mlp").model.net_}
    with pytest.raises(TypeError, match="Store the estimator"):
        eval("net.__getstate__()", as_skops)


# -- files ----------------------------------------------------------------------------


def test_a_file_is_replaced_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "model.skm"
    model = fitted_case("mlp").model
    model.save(str(path))
    before = path.read_bytes()
    model.save(path)
    assert path.read_bytes() == before

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        fitted_case("regressor").model.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_search_is_stored_as_its_best_estimator(tmp_path):
    case = fitted_case("best_of_search")
    case.model.save(tmp_path / "model.skm")
    loaded = sk_mixup.load(tmp_path / "model.skm")
    assert type(loaded) is sk_mixup.MixupClassifier
    assert loaded.alpha == case.model.best_params_["alpha"]


def test_a_search_without_a_best_estimator_says_so(tmp_path):
    from sklearn.exceptions import NotFittedError

    X, y = blobs(48)
    search = MixupSearchCV(
        classifier(module="mlp"), {"alpha": [0.0, 0.4]}, cv=2, refit=False
    ).fit(X, y)
    with pytest.raises(NotFittedError):
        search.save(tmp_path / "model.skm")


def test_load_takes_a_path():
    with pytest.raises(TypeError, match="path must be"):
        sk_mixup.load(3)
