"""A search together predicts what its fits alone would predict."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss
from torch import nn

from sk_mixup import MixupClassifier, MixupSearchCV
from tests.builders import blobs

N_ROWS = 140
#: Folds of different length.
FOLDS = [
    (np.arange(40, 140), np.arange(40)),
    (np.r_[0:40, 93:131], np.arange(40, 93)),
    (np.arange(93), np.arange(93, 140)),
]
ALPHAS = {"alpha": [0.1, 0.8]}


class Double(nn.Module):
    """Layers in double precision, where only rounding could differ."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers).double()

    def forward(self, x):
        return self.layers(x.double())


def perceptron():
    return Double(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 3))


def normed():
    return Double(
        nn.Linear(4, 24, bias=False), nn.BatchNorm1d(24), nn.SiLU(), nn.Linear(24, 3)
    )


class Attending(nn.Module):
    """Nothing of it is computed by hand."""

    def __init__(self):
        super().__init__()
        self.query, self.value = nn.Linear(4, 8).double(), nn.Linear(4, 8).double()
        self.last = nn.Linear(8, 3).double()

    def forward(self, x):
        x = x.double()
        return self.last(self.query(x).softmax(1) * self.value(x))


def dropping():
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.4), nn.Linear(16, 3))


def single():
    return nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 3))


@pytest.fixture(scope="module")
def data():
    X, y = blobs(N_ROWS, n_classes=3, seed=2)
    noise = np.random.default_rng(3).normal(scale=1.5, size=X.shape)
    return (X + noise).astype(np.float32), y


def net(module, **settings):
    given = {"batch_size": 16, "lr": 0.005, "random_state": 0, "early_stopping": False}
    return MixupClassifier(module, **(given | settings))


def predictions(estimator, grid, X, y, weight=None):
    """Return out-of-fold probabilities of a search, and those of fits alone."""
    given = {} if weight is None else {"sample_weight": weight}
    search = MixupSearchCV(
        estimator, grid, cv=FOLDS, scoring="neg_log_loss", store_oof=True, refit=False
    )
    search.fit(X, y, **given)
    alone = np.full_like(search.oof_predictions_, np.nan)
    for k, params in enumerate(search.cv_results_["params"]):
        for train, test in FOLDS:
            own = {key: value[train] for key, value in given.items()}
            fitted = clone(estimator).set_params(**params)
            fitted.fit(X[train], y[train], **own)
            alone[k, test] = fitted.predict_proba(X[test])
    return search.oof_predictions_, alone


@pytest.mark.parametrize("module", [perceptron, normed, Attending])
@pytest.mark.parametrize(
    "settings",
    [
        {"max_epochs": 5},
        {"max_epochs": 20, "early_stopping": True, "n_iter_no_change": 2},
    ],
    ids=["full", "stopped early"],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_in_double_precision_to_nine_digits(data, module, settings, weighted):
    X, y = data
    weight = np.linspace(0.3, 2.0, N_ROWS) if weighted else None
    together, alone = predictions(net(module, **settings), ALPHAS, X, y, weight)
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-9)


def test_in_single_precision_to_four_digits_after_a_hundred_steps(data):
    # 100 rows at most, seven batches: 15 epochs are 100 steps.
    together, alone = predictions(net(single, max_epochs=15, lr=1e-3), ALPHAS, *data)
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-4)


def test_scores_of_the_default_net_within_a_deviation_of_seeds(data):
    X, y = data
    estimator = net(None, max_epochs=5, module__dropout=0.0, batch_size=None)
    grid = {"random_state": [0, 1, 2, 3, 4]}
    together, alone = predictions(estimator, grid, X, y)
    losses = [[log_loss(y, p) for p in part] for part in (together, alone)]
    deviation = np.std(losses[1], ddof=1)
    assert np.abs(np.subtract(*losses)).max() < deviation


def test_with_dropout_twenty_seeds_agree_on_average(data):
    X, y = data
    estimator = net(dropping, max_epochs=6)
    together, alone = predictions(
        estimator, {"alpha": [0.2], "random_state": list(range(20))}, X, y
    )
    difference = [
        log_loss(y, a) - log_loss(y, b) for a, b in zip(together, alone, strict=True)
    ]
    error = np.std(difference, ddof=1) / np.sqrt(len(difference))
    # Masks of its own: not the same numbers, and none that are better or worse.
    assert error > 0
    assert abs(np.mean(difference)) < 3 * error


def test_threads_do_not_change_what_is_predicted(data, threads):
    threads(2)
    together, alone = predictions(net(perceptron, max_epochs=5), ALPHAS, *data)
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-9)
