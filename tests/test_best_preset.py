"""What is asked of every fitted model, of one with members of two kinds."""

import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import sk_mixup
from sk_mixup import MixupClassifier, MixupSearchCV
from tests.builders import blobs

X, Y = blobs(64)


def best(**params):
    settings = {"max_epochs": 5, "module__d_hidden": 16, "random_state": 0}
    return MixupClassifier(preset="best", **(settings | params))


@pytest.fixture(scope="module")
def fitted():
    return best().fit(X, Y)


def test_a_pickle_and_a_file_predict_the_same(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    wanted = fitted.predict_proba(X)
    for other in (
        pickle.loads(pickle.dumps(fitted)),
        sk_mixup.load(tmp_path / "model"),
    ):
        np.testing.assert_array_equal(other.predict_proba(X), wanted)


def test_two_fits_have_the_same_weights(fitted):
    again = best().fit(X, Y)
    for name, weight in fitted.module_.state_dict().items():
        np.testing.assert_array_equal(again.module_.state_dict()[name], weight)


@pytest.mark.parametrize("n_rows", [64, 120], ids=["shared", "folds"])
def test_a_search_finds_what_lone_fits_find(n_rows):
    X, y = blobs(n_rows)
    # A search draws masks of dropout in another order.
    model = best(module__dropout=0.0)
    grid, settings = {"alpha": [0.0, 0.4]}, {"cv": 2, "scoring": "neg_log_loss"}
    ours, theirs = (
        search(model, grid, **settings).fit(X, y)
        for search in (MixupSearchCV, GridSearchCV)
    )
    for key in ("mean_test_score", "std_test_score"):
        np.testing.assert_allclose(
            ours.cv_results_[key], theirs.cv_results_[key], atol=2e-6
        )
