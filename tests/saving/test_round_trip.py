"""A loaded model is the one that was saved."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import sk_mixup
from sk_mixup import MixupWarning
from sk_mixup.saving import from_bytes, to_bytes
from tests.builders import blobs, regressor
from tests.saving.models import MODELS, fitted_case

every_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture
def reloaded(tmp_path):
    def reload(case):
        path = tmp_path / "model.skm"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", MixupWarning)
            case.model.save(path)
        return sk_mixup.load(path, module=case.module)

    return reload


def predicted(model, X):
    """Return all that a model says of rows."""
    found = {"predict": model.predict(X)}
    if hasattr(model, "predict_proba"):
        proba = model.predict_proba(X)
        found["proba"] = np.concatenate(proba, 1) if isinstance(proba, list) else proba
    if getattr(model, "head", "mean") != "mean":
        found["interval"] = model.predict_interval(X, coverage=0.8)
    return found


@every_model
def test_predictions_are_the_same_bit_for_bit(name, reloaded):
    case = fitted_case(name)
    loaded = reloaded(case)
    before, after = predicted(case.model, case.X), predicted(loaded, case.X)
    for key, values in before.items():
        np.testing.assert_array_equal(after[key], values)
        assert after[key].dtype == values.dtype


@pytest.mark.parametrize("name", ["folds", "soft", "pixels", "text_cnn", "own_loss"])
def test_a_loaded_model_can_be_saved_again(name, reloaded):
    case = fitted_case(name)
    once = reloaded(case)
    twice = reloaded(case._replace(model=once))
    for key, values in predicted(once, case.X).items():
        np.testing.assert_array_equal(predicted(twice, case.X)[key], values)


@pytest.mark.parametrize("criterion", [nn.HuberLoss, nn.PoissonNLLLoss, "mae"])
def test_a_loaded_loss_counts_in_the_units_that_it_did(criterion):
    X, _ = blobs(48)
    y = np.random.default_rng(0).poisson(30 * np.exp(X[:, 0] / 4))
    params = {"module": "mlp", "module__dropout": 0.0, "mix": None, "batch_size": 48}
    model = regressor(**params, criterion=criterion, optimizer=torch.optim.SGD, lr=0.01)
    loaded = from_bytes(to_bytes(model.fit(X, y)))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    one, other = (m.partial_fit(X, y).predict(X) for m in (model, loaded))
    np.testing.assert_allclose(one, other, rtol=1e-4)
