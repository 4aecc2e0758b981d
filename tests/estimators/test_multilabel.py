"""Several labels per row: a matrix of 0 and 1."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from skorch import NeuralNet
from torch import nn

from sk_mixup.mixing import BinaryCrossEntropy, CutMix, FeatMix
from tests.builders import (
    assert_same_weights,
    blobs,
    classifier,
    people,
)


def tagged(n_rows=96, n_labels=3, seed=0):
    """Return rows whose labels are the signs of the first columns."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((n_rows, 4)).astype(np.float32)
    return X, (X[:, :n_labels] > 0).astype(int)


X, Y = tagged()
MODULES = {
    "bundled": None,
    "class": nn.Linear,
    "instance": nn.Linear(4, 3),
    "skorch net": NeuralNet(nn.Linear(4, 3), criterion=nn.BCEWithLogitsLoss),
}


def fitted(**params):
    return classifier(**params).fit(X, Y)


@pytest.mark.parametrize("module", MODULES)
def test_predictions_have_a_column_per_label(module):
    params = {"module__in_features": 4, "module__out_features": 3}
    model = fitted(module=MODULES[module], **(params if module == "class" else {}))
    proba, labels = model.predict_proba(X), model.predict(X)
    assert proba.shape == labels.shape == (96, 3)
    assert proba.dtype == np.float64
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, proba > 0.5)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.n_outputs_ == 3


def test_labels_are_learnt():
    model = fitted(max_epochs=20, lr=0.02)
    assert model.score(*tagged(seed=1)) > 0.8


def test_score_is_the_share_of_rows_with_all_labels_right():
    model = fitted()
    right = (model.predict(X) == Y).all(1)
    assert model.score(X, Y) == pytest.approx(right.mean())
    weight = np.arange(96.0)
    expected = accuracy_score(Y, model.predict(X), sample_weight=weight)
    assert model.score(X, Y, sample_weight=weight) == pytest.approx(expected)


@pytest.mark.parametrize(
    "y",
    [
        Y.astype(bool),
        Y.astype(np.float32),
        Y.tolist(),
        pd.DataFrame(Y, columns=list("abc")),
        sparse.csr_matrix(Y),
        torch.from_numpy(Y),
    ],
    ids=["bool", "float", "list", "frame", "sparse", "tensor"],
)
def test_every_container_of_indicators_trains_alike(y):
    assert_same_weights(classifier().fit(X, y), fitted())


def test_raw_tables_have_labels_too():
    table, y, income = people()
    Y = np.column_stack([y == "high", income > np.quantile(income, 0.8)])
    assert classifier().fit(table, Y).predict(table).shape == (60, 2)


@pytest.mark.parametrize(
    "mix",
    [
        "mixup",
        None,
        "cutmix",
        ["mixup", "manifold"],
        "feature_swap",
        "regmixup",
    ],
)
def test_methods_mix_labels(mix):
    if mix == "cutmix":
        images = X.reshape(96, 1, 2, 2)
        module = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
        model = classifier(module=module, mix=CutMix()).fit(images, Y)
    else:
        model = fitted(mix=mix)
    losses = model.history_[:, "train_loss"]
    assert np.isfinite(losses).all()


def test_information_of_columns_is_the_mean_over_the_labels():
    model = fitted(mix=FeatMix(), max_epochs=5)
    assert model.predict(X).shape == Y.shape


def test_accuracy_in_the_history_is_the_share_of_right_labels():
    # No dropout, and a module that stays as it is.
    params = {"module": nn.Linear(4, 3), "lr": 1e-12, "calibration": None}
    model = classifier(mix=None, **params).fit(X, Y, X_val=X, y_val=Y)
    agreement = (model.predict(X) == Y).mean()
    assert model.history_[-1, "valid_acc"] == pytest.approx(agreement, abs=1e-6)
    assert model.history_[-1, "train_acc_mixed"] == pytest.approx(agreement, abs=1e-6)
    loss = np.mean([log_loss(Y[:, j], model.predict_proba(X)[:, j]) for j in range(3)])
    assert model.history_[-1, "valid_loss"] == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize("mix", ["mixup", "regmixup", ["mixup", "regmixup"]])
def test_accuracy_on_mixed_batches_counts_both_rows_by_their_share(mix):
    # The answer is the same for every row, so the mean over all pairs is known.
    module = nn.Linear(4, 3)
    nn.init.zeros_(module.weight)
    module.bias.data = torch.tensor([1.0, -1.0, 1.0])
    model = classifier(module=module, mix=mix, lr=1e-12).fit(X, Y)
    right = (Y == [1, 0, 1]).mean()
    assert model.history_[-1, "train_acc_mixed"] == pytest.approx(right, abs=1e-5)


def test_a_validation_part_is_held_out_without_strata():
    rare = np.zeros((600, 2), int)
    rare[0, 0] = 1
    rows = np.random.default_rng(0).standard_normal((600, 4))
    model = classifier(max_epochs=5).fit(rows, rare)
    assert "valid_loss" in model.history_[-1]


def test_weights_count():
    weight = np.r_[np.ones(48), np.zeros(48)]
    half = classifier().fit(X[:48], Y[:48])
    assert_same_weights(classifier().fit(X, Y, sample_weight=weight), half)


def test_positives_can_be_weighted_by_the_criterion():
    heavy = fitted(criterion__pos_weight=torch.full((3,), 20.0), lr=0.02)
    plain = fitted(lr=0.02)
    assert heavy.predict_proba(X).mean() > plain.predict_proba(X).mean() + 0.1


def test_labels_go_on_with_partial_fit():
    model = classifier().partial_fit(X[:48], Y[:48], classes=[0, 1, 2])
    model.partial_fit(X[48:], Y[48:], classes=[0, 1, 2])
    assert model.predict(X).shape == Y.shape
    with pytest.raises(ValueError, match="differ from those of the first call"):
        model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="2 labels, but in fit it had 3"):
        model.partial_fit(X, Y[:, :2])


def test_a_module_with_probabilities_and_its_loss():
    module = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())
    model = fitted(module=module, criterion=nn.BCELoss)
    proba = model.module_(torch.from_numpy(X)).detach().numpy()
    np.testing.assert_allclose(model.predict_proba(X), proba, rtol=1e-5)


def test_losses_of_the_library_take_labels():
    model = fitted(criterion=BinaryCrossEntropy(label_smoothing=0.1))
    assert model.predict_proba(X).shape == Y.shape


def test_models_can_be_cloned_and_pickled():
    model = fitted()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert_same_weights(clone(model).fit(X, Y), model)


@pytest.mark.parametrize(
    "scoring", ["accuracy", "roc_auc_ovr", "average_precision", "f1_macro"]
)
def test_scorers_of_scikit_learn_take_labels(scoring):
    scores = cross_val_score(classifier(lr=0.02), X, Y, cv=2, scoring=scoring)
    assert (scores > 0.3).all()


def test_a_grid_search_takes_labels():
    search = GridSearchCV(
        classifier(), {"alpha": [0.0, 0.4]}, cv=2, scoring="roc_auc_ovr"
    ).fit(X, Y)
    assert search.predict(X).shape == Y.shape


@pytest.mark.parametrize("meta", [MultiOutputClassifier, ClassifierChain])
def test_one_model_per_label_works_as_ever(meta):
    model = meta(classifier()).fit(X, Y)
    assert model.predict(X).shape == Y.shape


def test_previews_show_labels_as_numbers():
    preview = classifier(alpha=1.0).preview(X, pd.DataFrame(Y, columns=list("abc")))
    assert preview.targets.shape == (8, 3)
    table = preview.table["target"]
    shares = preview.lam.numpy()
    blend = shares * table["own a"] + (1 - shares) * table["partner a"]
    np.testing.assert_allclose(table["mixed a"].astype(float), blend, atol=1e-6)


def test_one_column_is_one_class_per_row():
    with pytest.warns(match="column-vector"):
        model = classifier().fit(X, Y[:, :1])
    assert model.predict(X).shape == (96,)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"class_weight": "balanced"}, "class_weight='balanced': y holds several lab"),
        ({"class_weight": {0: 1.0}}, "criterion__pos_weight"),
        ({"criterion": nn.CrossEntropyLoss}, "criterion: CrossEntropyLoss is for one"),
        ({"module": nn.Linear(4, 2)}, "y has 3 labels: it must return 3 logits"),
        (
            {"mix": "remix"},
            "mix: Remix counts the rows of classes, and y",
        ),
        ({"mix": "c_mixup"}, "mix: CMixup compares"),
        ({"mix__pairing": "within"}, "Mixup with pairing='within'"),
    ],
)
def test_what_is_not_for_labels_is_found_before_training(params, words):
    with pytest.raises(ValueError, match=words):
        fitted(**params)


def test_a_failed_fit_on_labels_leaves_the_model_as_it_was():
    rows, y = blobs(40)
    model = classifier().fit(rows, y)
    with pytest.raises(ValueError, match="several labels"):
        model.set_params(class_weight="balanced").fit(X, Y)
    assert model.predict(rows).shape == (40,)
    assert model.n_outputs_ == 1
