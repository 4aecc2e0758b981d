"""The suites on tables: scores and single trainings."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from benchmarks.suites import tabular_ours
from benchmarks.suites.tabular_scores import (
    best_inverse_temperature,
    calibration_error,
    class_scores,
    number_scores,
    tempered,
)
from benchmarks.suites.tabular_worker import do
from benchmarks.tabular_data import load
from sk_mixup.inspection import expected_calibration_error
from tests.benchmarks.tabular import QUICK


@pytest.fixture
def predictions():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([1.0, 1.0, 1.0], 4000)
    y = (rng.random((4000, 1)) > proba.cumsum(1)).sum(1)
    return y, proba


def test_scores_are_those_of_scikit_learn(predictions):
    y, proba = predictions
    found = class_scores(y, proba, None)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, proba))
    assert found["accuracy"] == metrics.accuracy_score(y, proba.argmax(1))
    assert found["brier"] == pytest.approx(((proba - np.eye(3)[y]) ** 2).sum(1).mean())
    assert found["ece"] == pytest.approx(
        expected_calibration_error(y, proba, n_bins=15)
    )
    assert found["tempered_log_loss"] is None


def test_a_temperature_is_found_again(predictions):
    y, proba = predictions
    sharp = tempered(proba, 2.5)
    assert best_inverse_temperature(y, sharp) == pytest.approx(0.4, rel=0.06)
    found = class_scores(y, sharp, 0.4)
    assert found["tempered_log_loss"] == pytest.approx(metrics.log_loss(y, proba))
    assert found["refined_log_loss"] <= found["tempered_log_loss"] < found["log_loss"]
    assert found["tempered_ece"] < calibration_error(y, sharp) == found["ece"]


def test_two_classes_and_numbers_have_their_own_scores():
    y = np.array([0, 1, 1, 0])
    found = class_scores(
        y, np.array([[0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [1.0, 0.0]]), 1
    )
    assert (found["roc_auc"], found["average_precision"]) == (1.0, 1.0)
    found = number_scores(
        np.array([1.0, 2.0]), np.array([[1.0], [4.0]]), np.array([0, 4.0])
    )
    assert found["rmse"] == pytest.approx(np.sqrt(2))
    assert found["relative_rmse"] == pytest.approx(np.sqrt(2) / 2)


def test_probabilities_that_are_not_finite_are_no_result():
    with pytest.raises(ValueError, match="not finite"):
        class_scores(np.array([0]), np.array([[np.nan, 1.0]]), None)


@pytest.mark.parametrize(
    ("data", "model"), [("wine", "hgb"), ("diabetes", "mlp-early")]
)
def test_a_training_is_scored_and_timed(data, model):
    result = do(replace(QUICK, data=data, model=model, max_rows=80))
    assert result["n_train"] == 80
    assert result["fit_seconds"] > 0
    assert result["predict_rows_per_second"] > 0
    assert result["warnings"] == []
    assert result["version"] != "not installed"
    assert json.loads(json.dumps(result)) == result
    assert ("rmse" if data == "diabetes" else "accuracy") in result


def test_a_class_without_a_training_row_gets_a_column(monkeypatch):
    class Constant:
        def fit(self, x, y):
            self.classes_ = np.array([0, 2])

        def predict_proba(self, x):
            return np.full((len(x), 2), 0.5)

    monkeypatch.setattr(
        "benchmarks.peers.tabular_boosting.build_histogram", lambda *_: Constant()
    )
    assert do(QUICK)["log_loss"] > 5.0


def test_ours_is_the_call_without_arguments_and_with_mixup(monkeypatch):
    data = load(None, "wine")
    plain = tabular_ours.build(data, 3, 1).get_params()
    unmixed = tabular_ours.build(data, 3, 1, mixing=False).get_params()
    assert plain["random_state"] == 3
    assert plain.pop("mix") == "mixup"
    assert unmixed.pop("mix") == "auto"
    assert repr(plain) == repr(unmixed)

    class Older:
        def __init__(self, random_state=None):
            pass

    monkeypatch.setattr("sk_mixup.MixupClassifier", Older)
    with pytest.raises(ImportError, match="no presets"):
        tabular_ours.build(data, 0, 1, preset="fast")
    job = replace(QUICK, model="mixup-best")
    assert do(job) == {"skipped": "this version of sk-mixup has no presets"}
