"""Log-probabilities, and the log-odds of two classes."""

import functools

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.metrics import get_scorer, roc_auc_score
from torch import nn

from tests.builders import blobs, classifier


class Sure(nn.Module):
    """Answers with what it is given, in two columns."""

    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(float(scale)), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        return x[:, :2] * self.scale + self.bias * 0


def logits(*rows):
    return np.array(rows, dtype=np.float32)


CASES = {
    "table": {},
    "mlp": {"module": "mlp"},
    "two logits": {"module": lambda: nn.Linear(4, 2)},
    "one logit": {"module": lambda: nn.Linear(4, 1)},
    "sigmoids": {
        "module": lambda: nn.Linear(4, 2),
        "criterion": nn.BCEWithLogitsLoss,
    },
    "probabilities": {
        "module": lambda: nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()),
        "criterion": nn.BCELoss,
    },
    "temperature": {"module": lambda: nn.Linear(4, 2), "calibration": "temperature"},
}


@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
def test_log_odds_are_the_logit_of_the_probability(params):
    X, y = blobs(60)
    model = classifier(**params).fit(X, y)
    proba = model.predict_proba(X)
    odds = model.decision_function(X)
    np.testing.assert_allclose(odds, np.log(proba[:, 1] / proba[:, 0]), rtol=1e-6)
    np.testing.assert_array_equal(model.classes_[(odds > 0) * 1], model.predict(X))


@pytest.mark.parametrize("params", CASES.values(), ids=CASES)
def test_log_probabilities_are_those_of_the_probabilities(params):
    X, y = blobs(60)
    model = classifier(**params).fit(X, y)
    np.testing.assert_allclose(
        model.predict_log_proba(X), np.log(model.predict_proba(X)), rtol=1e-9
    )


def test_log_probabilities_stay_finite_where_a_probability_is_zero():
    X, y = blobs(20)
    model = classifier(module=Sure, mix=None, max_epochs=1, lr=1e-9).fit(X, y)
    far = logits([0, 2000, 0, 0], [2000, 0, 0, 0])
    assert model.predict_proba(far).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert model.predict_log_proba(far)[:, 0].tolist() == [-2000.0, 0.0]
    assert model.decision_function(far).tolist() == [2000.0, -2000.0]


def test_a_tie_of_the_probabilities_is_one_of_the_odds():
    X, y = blobs(20)
    model = classifier(module=Sure, mix=None, max_epochs=1, lr=1e-9).fit(X, y)
    close = logits([0, 1e-20, 0, 0], [0, 0, 0, 0], [0, 1e-5, 0, 0])
    odds = model.decision_function(close)
    np.testing.assert_array_equal((odds > 0) * 1, model.predict(close))


def test_scorers_of_scikit_learn_use_the_odds():
    X, y = blobs(60)
    model = classifier().fit(X, y)
    asked = []
    plain = model.decision_function

    @functools.wraps(plain)
    def decision_function(X):
        asked.append(len(X))
        return plain(X)

    model.decision_function = decision_function
    score = get_scorer("roc_auc")(model, X, y)
    assert asked == [60]
    assert score == roc_auc_score(y, model.predict_proba(X)[:, 1])


@pytest.mark.parametrize(
    ("y", "what"),
    [
        (np.arange(60) % 3, "3 classes"),
        (np.stack([np.arange(60) % 2, np.arange(60) % 3 == 0], 1) * 1, "several labe"),
        (np.stack([np.arange(60) % 2, np.arange(60) % 3], 1), "several outputs"),
    ],
)
def test_odds_are_for_two_classes_only(y, what):
    X, _ = blobs(60)
    model = classifier(max_epochs=1, mix=None).fit(X, y)
    assert not hasattr(model, "decision_function")
    with pytest.raises(AttributeError) as caught:
        model.decision_function(X)
    assert what in str(caught.value.__cause__)
    log_proba, proba = model.predict_log_proba(X), model.predict_proba(X)
    for one, other in zip(log_proba, proba, strict=True):
        np.testing.assert_allclose(one, np.log(other), rtol=1e-9)


def test_before_a_fit_nobody_knows_how_many_classes_there_are():
    model = classifier()
    assert hasattr(model, "decision_function")
    for ask in (model.decision_function, model.predict_log_proba):
        with pytest.raises(NotFittedError):
            ask([[0.0]])
