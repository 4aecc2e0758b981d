"""Pickles say by which versions they were written."""

import copy
import io
import pickle
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mixup import MixupWarning
from sk_mixup.estimators import _parameters
from tests.builders import blobs, classifier, regressor

X, Y = blobs(20)


@pytest.fixture
def by_others(monkeypatch):
    """Pickle as earlier versions would have."""

    def dumps(model, **versions):
        with monkeypatch.context() as patch:
            here = _parameters.versions()
            patch.setattr(_parameters, "versions", lambda: here | versions)
            return pickle.dumps(model)

    return dumps


@pytest.mark.parametrize("name", ["sk_mixup", "torch", "scikit-learn"])
def test_other_versions_are_named_once(by_others, name):
    model = classifier(module="mlp", max_epochs=1, mix=None).fit(X, Y)
    data = by_others(model, **{name: "0.0.1"})
    with pytest.warns(MixupWarning, match=rf"\({name} 0\.0\.1, here") as caught:
        read = pickle.loads(data)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(read.predict(X), model.predict(X))


def test_the_same_versions_need_no_word(by_others):
    model = regressor(module="mlp", max_epochs=1, mix=None).fit(X, X[:, 0])
    here = _parameters.versions()["torch"].partition("+")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for one in (model, regressor()):
            pickle.loads(pickle.dumps(one))
            copy.deepcopy(one)
            clone(one)
        pickle.loads(by_others(model, torch=f"{here}+cu130"))


def test_joblib_and_pipelines_warn_at_the_line_that_loads(by_others, monkeypatch):
    pipeline = make_pipeline(StandardScaler(), classifier(module="mlp", max_epochs=1))
    pipeline.set_params(mixupclassifier__mix=None).fit(X, Y)
    with monkeypatch.context() as patch:
        patch.setattr(_parameters, "versions", lambda: {"torch": "1.0"})
        file = io.BytesIO()
        joblib.dump(pipeline, file)
    file.seek(0)
    with pytest.warns(MixupWarning, match=r"torch 1\.0") as caught:
        joblib.load(file)
    assert caught[0].filename == __file__


def test_a_pickle_of_before_says_nothing():
    model = classifier(module="mlp", max_epochs=1, mix=None).fit(X, Y)
    state = model.__getstate__()
    del state["_versions"], state["importance"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read = type(model).__new__(type(model))
        read.__setstate__(state)
    assert read.importance is None
    np.testing.assert_array_equal(read.predict(X), model.predict(X))
