"""What the monitor records, and that a training goes on as if nobody looked."""

import pickle

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn

from sk_mixup.callbacks import MixMonitor
from sk_mixup.mixing import Mixup
from tests.builders import (
    assert_same_weights,
    blobs,
    bright_images,
    classifier,
    mlp,
    people,
    regressor,
)

X, Y = blobs(300, n_classes=2)
MIXED = ["lam_mean", "lam_low", "lam_high"]
CLEAN = ["clean_loss", "clean_acc", "clean_confidence"]


class Shaky(nn.Module):
    """Draws in evaluation mode too, and works in place."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2))
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        x += 0.01 * torch.randn(())
        return self.head(self.body(x))


def cases():
    table, labels, income = people(200)
    return {
        "module": (classifier(module=mlp()), X, Y),
        "shaky": (classifier(module=Shaky()), X, Y),
        "folds": (classifier(), table, labels),
        "tabm": (classifier(module="tabm"), table, labels),
        "numbers": (regressor(), table, income),
        "images": (classifier(module="convnet", alpha=0.2), *bright_images(64)),
        "validated": (classifier(module=mlp(), early_stopping=True), X, Y),
        "averaged": (classifier(module=mlp(), ema=0.9), X, Y),
        "unmixed": (classifier(module=mlp(), mix=None), X, Y),
    }


@pytest.mark.filterwarnings("ignore:alpha is strong")
@pytest.mark.parametrize("name", cases())
def test_weights_are_those_of_a_training_without_it(name):
    model, rows, targets = cases()[name]
    plain = model.fit(rows, targets)
    watched, _, _ = cases()[name]
    watched.set_params(callbacks=[MixMonitor()]).fit(rows, targets)
    assert_same_weights(plain, watched)
    shared = list(plain.history_frame().columns.drop("dur"))
    assert watched.history_frame()[shared].equals(plain.history_frame()[shared])


@pytest.mark.filterwarnings("ignore:alpha is strong")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("module", [*CLEAN, *MIXED, "target_entropy"]),
        ("folds", [*CLEAN, *MIXED, "target_entropy"]),
        ("numbers", ["clean_loss", *MIXED]),
        ("unmixed", CLEAN),
    ],
)
def test_what_is_recorded_of_epochs(name, expected):
    model, rows, targets = cases()[name]
    frame = model.set_params(callbacks=[MixMonitor()]).fit(rows, targets)
    frame = frame.history_frame()
    recorded = [c for c in frame if c.startswith(("clean_", "lam_", "target_"))]
    assert sorted(recorded) == sorted(expected)
    known = frame[recorded].dropna(how="all")
    assert np.isfinite(known.to_numpy()).all()
    assert {1, 3, 5} <= set(frame["epoch"][known.index])


def test_the_clean_rows_are_judged_as_the_model_would_judge_them():
    monitor = MixMonitor(n_rows=300)
    model = classifier(module=mlp(), mix=None, max_epochs=3, callbacks=[monitor])
    last = model.fit(X, Y).history_[-1]
    proba = model.predict_proba(X)
    assert last["clean_acc"] == pytest.approx(model.score(X, Y))
    assert last["clean_confidence"] == pytest.approx(proba.max(1).mean(), abs=1e-6)
    loss = -np.log(proba[np.arange(300), Y]).mean()
    assert last["clean_loss"] == pytest.approx(loss, abs=1e-5)


def test_realized_lambdas_and_the_entropy_of_their_targets():
    method = Mixup(alpha=0.4, per="row")
    model = classifier(module=mlp(), mix=method, callbacks=[MixMonitor()], max_epochs=9)
    rows, labels = blobs(4000, n_classes=2)
    frame = model.fit(rows, labels).history_frame().iloc[:9]
    random = np.random.default_rng(0).beta(0.4, 0.4, 100_000)
    lam = np.maximum(random, 1 - random)
    assert frame["lam_mean"].mean() == pytest.approx(lam.mean(), abs=0.01)
    assert frame["lam_low"].mean() == pytest.approx(np.quantile(lam, 0.1), abs=0.02)
    own, other = lam.clip(1e-9, 1), (1 - lam).clip(1e-9, 1)
    entropy = -(own * np.log(own) + other * np.log(other)).mean()
    # Every second partner is of the other class.
    assert frame["target_entropy"].mean() == pytest.approx(entropy / 2, abs=0.02)


def test_the_rows_are_let_go_and_the_model_can_be_pickled():
    monitor = MixMonitor()
    model = classifier(module=mlp(), mix=None, callbacks=[monitor]).fit(X, Y)
    assert monitor.train_.n_rows == monitor.valid_.n_rows == 0
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_wrong_settings_are_named_before_training():
    for settings, words in [
        ({"n_rows": 0}, "n_rows must be an integer >= 1 or None; got 0"),
        ({"baseline_loss": "low"}, "baseline_loss must be a finite number"),
        ({"baseline_loss": 0.5}, "needs validation rows"),
    ]:
        model = classifier(module=mlp(), mix=None, callbacks=[MixMonitor(**settings)])
        with pytest.raises(ValueError, match=words):
            model.fit(X, Y)
    net = NeuralNetClassifier(mlp(), callbacks=[MixMonitor()], verbose=0)
    with pytest.raises(ValueError, match=r"Wrap it: MixupClassifier\(module=net"):
        net.fit(X, Y)


def test_where_epochs_are_short_some_are_looked_at():
    method = Mixup(alpha=0.1, per="row")
    monitor = MixMonitor()
    model = classifier(module=mlp(), mix=method, max_epochs=25, callbacks=[monitor])
    frame = model.fit(X, Y).history_frame()
    known = frame["epoch"][frame["clean_loss"].notna()]
    # The first, those at quarters counted from the last, and the one at half-time.
    assert known.tolist() == [1, 4, 13, 18, 25]
    columns = [*CLEAN, *MIXED, "target_entropy"]
    assert frame[columns].notna().all(axis=1).sum() == len(known)
    assert frame[columns].isna().all(axis=1).sum() == 25 - len(known)


def test_where_epochs_are_long_all_are_looked_at():
    rows, labels = blobs(1700, n_classes=2)
    model = classifier(module=mlp(), mix=None, max_epochs=3, batch_size=10)
    frame = model.set_params(callbacks=[MixMonitor()]).fit(rows, labels).history_frame()
    assert frame["clean_loss"].notna().all()


@pytest.mark.parametrize("form", ["numbers", "images"])
def test_one_row_in_32_is_looked_at(form, monkeypatch):
    seen = []
    look = MixMonitor._looked

    def looked(monitor, net):
        seen.append(monitor.train_.n_rows)
        return look(monitor, net)

    monkeypatch.setattr(MixMonitor, "_looked", looked)
    rows, labels = blobs(3200, n_classes=2)
    module = mlp()
    if form == "images":
        module, rows = "convnet", rows.reshape(-1, 1, 2, 2)
    model = classifier(module=module, mix=None, max_epochs=1, callbacks=[MixMonitor()])
    model.fit(rows, labels)
    assert seen == [100]
