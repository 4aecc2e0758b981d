"""Which columns a net needs, on request."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.pipeline import make_pipeline
from torch import nn

from tests.builders import assert_same_weights, blobs, classifier, people, regressor


def one_column_matters(n_rows=200, seed=0):
    """Return a table of which "b" decides, and its labels."""
    random = np.random.default_rng(seed)
    X = pd.DataFrame(random.normal(size=(n_rows, 3)), columns=list("abc"))
    return X, (X["b"] > 0).to_numpy() * 1


def asks(**params):
    small = {"max_epochs": 10, "module__d_hidden": 16, "lr": 0.01}
    if "module" in params:
        small.pop("module__d_hidden")
    return classifier(**({"importance": "permutation"} | small | params))


@pytest.mark.parametrize("rows", ["left out", "validation", "given", "training"])
def test_the_column_that_decides_stands_out(rows):
    X, y = one_column_matters(600 if rows == "validation" else 200)
    params = {"left out": {}, "given": {"module": "mlp"}}.get(rows, {"module": "mlp"})
    if rows == "training":
        params["early_stopping"] = False
    given = {}
    if rows == "given":
        given = dict(zip(("X_val", "y_val"), one_column_matters(seed=1), strict=True))
    model = asks(**params).fit(X, y, **given)
    found = model.feature_importances_
    assert found.shape == (3,)
    assert found.argmax() == 1
    assert found[1] > 0.8
    assert found.min() >= 0.0
    assert found.sum() == pytest.approx(1.0)


def test_categories_and_missing_values_are_of_their_column():
    random = np.random.default_rng(0)
    job = random.choice(["cook", "smith", "clerk"], 200)
    tall = random.random(200) < 0.5
    X = pd.DataFrame(
        {
            "noise": random.normal(size=200),
            "job": job,
            "height": np.where(tall, np.nan, 1.7),
            "always": 1.0,
        }
    )
    found = asks().fit(X, job == "cook").feature_importances_
    assert found.argmax() == 1
    assert found[3] == 0.0
    assert asks().fit(X, tall).feature_importances_.argmax() == 2


def test_numbers_and_several_targets():
    X, _ = one_column_matters()
    for y in (3 * X["b"], X[["b", "b"]]):
        for head in ("mean", "gaussian"):
            model = regressor(importance="permutation", head=head, lr=0.01)
            assert model.fit(X, y).feature_importances_.argmax() == 1
    labels = np.stack([X["b"] > 0, X["b"] > 1], 1) * 1
    assert asks(module="mlp").fit(X, labels).feature_importances_.argmax() == 1
    columns = np.stack([X["b"] > 0, (X["b"] > 1) * 2], 1)
    assert asks(module="mlp").fit(X, columns).feature_importances_.argmax() == 1


def test_modules_of_ones_own():
    X, y = one_column_matters()
    X = X.to_numpy(np.float32)
    for n_outputs in (1, 2):
        model = asks(module=lambda n=n_outputs: nn.Linear(3, n), lr=0.05)
        model.fit(X, y, sample_weight=np.arange(200) % 3)
        assert model.feature_importances_.argmax() == 1


def test_columns_are_selected():
    X, y = one_column_matters()
    chosen = RFE(asks(module="mlp"), n_features_to_select=1).fit(X, y)
    assert chosen.support_.tolist() == [False, True, False]
    steps = make_pipeline(SelectFromModel(asks(module="mlp")), classifier()).fit(X, y)
    assert steps[0].get_support().tolist() == [False, True, False]
    assert steps.predict(X).shape == (200,)


def test_asking_changes_nothing_else():
    X, y, _ = people(80)
    plain, asked = asks(importance=None).fit(X, y), asks().fit(X, y)
    assert_same_weights(plain, asked)
    assert not hasattr(plain, "feature_importances_")
    again = asks().fit(X, y)
    np.testing.assert_array_equal(
        asked.feature_importances_, again.feature_importances_
    )
    plain = asked.set_params(importance=None).fit(X, y)
    assert not hasattr(plain, "feature_importances_")


@pytest.mark.usefixtures("unchanged_random_state")
def test_a_step_of_partial_fit_does_not_look():
    X, y = blobs(40)
    model = asks().partial_fit(X, y)
    assert not hasattr(model, "feature_importances_")


def test_what_has_no_columns_is_refused_before_training():
    random = np.random.default_rng(0)
    images = random.normal(size=(20, 1, 4, 4)).astype(np.float32)
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with pytest.raises(ValueError, match=r"importance='permutation'.*no table"):
        asks(module=net).fit(images, np.arange(20) % 2)

    class Flow(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter([(torch.zeros(3), 0)] * 4)

    with pytest.raises(ValueError, match=r"importance='permutation'.*iterable"):
        asks(module=nn.Linear(3, 2)).fit(Flow(), classes=[0, 1])
    with pytest.raises(ValueError, match="importance must be None or 'permutation'"):
        asks(importance="gain").fit(*blobs(20))
