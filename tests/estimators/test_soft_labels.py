"""Soft labels that the user gives: a probability per class."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from skorch import NeuralNetClassifier
from torch import nn

from sk_mixup.mixing import BinaryCrossEntropy, FeatMix, SoftCrossEntropy
from tests.builders import assert_same_weights, blobs, classifier


def softened(n_rows=90, n_classes=3, seed=0):
    """Return rows, their classes, and what unsure annotators say of them."""
    X, y = blobs(n_rows, n_classes=n_classes, seed=seed)
    random = np.random.default_rng(seed)
    soft = np.eye(n_classes)[y] + random.random((n_rows, n_classes)) / 2
    return X, y, soft / soft.sum(1, keepdims=True)


X, Y, SOFT = softened()
NAMES = np.array(["owl", "cat", "dog"])
FRAME = pd.DataFrame(SOFT, columns=NAMES)


def fitted(**params):
    return classifier(**params).fit(X, SOFT)


class WithSoftmax(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 3)

    def forward(self, x):
        return self.linear(x).softmax(1)


@pytest.mark.parametrize(
    "module", [None, nn.Linear(4, 3), NeuralNetClassifier(WithSoftmax)]
)
def test_one_class_per_row_is_predicted(module):
    model = fitted(module=module)
    proba = model.predict_proba(X)
    assert proba.shape == (90, 3)
    np.testing.assert_allclose(proba.sum(1), 1.0)
    np.testing.assert_array_equal(model.predict(X), proba.argmax(1))
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.n_outputs_ == 1


def test_soft_labels_are_learnt():
    model = fitted(max_epochs=15, lr=0.02)
    assert model.score(X, Y) > 0.85


def test_columns_of_a_frame_name_the_classes():
    model = classifier(max_epochs=15, lr=0.02).fit(X, FRAME)
    assert model.classes_.tolist() == ["cat", "dog", "owl"]
    assert (model.predict(X) == NAMES[Y]).mean() > 0.85


def test_nearly_hard_labels_train_as_hard_ones_do():
    hard = np.eye(3)[Y] * (1 - 3e-6) + 1e-6
    soft = classifier(max_epochs=5, early_stopping=False).fit(X, hard)
    plain = classifier(max_epochs=5, early_stopping=False).fit(X, Y)
    np.testing.assert_allclose(soft.predict_proba(X), plain.predict_proba(X), atol=1e-3)


def test_uniform_labels_teach_nothing():
    even = np.full((90, 3), 1 / 3)
    model = classifier(max_epochs=15).fit(X, even)
    np.testing.assert_allclose(model.predict_proba(X), 1 / 3, atol=0.1)


@pytest.mark.parametrize("y", [SOFT, Y, np.eye(3)[Y]], ids=["soft", "hard", "one-hot"])
def test_score_asks_for_the_most_probable_class(y):
    model = fitted()
    hard = Y if y is Y else y.argmax(1)
    right = model.predict(X) == hard
    assert model.score(X, y) == pytest.approx(right.mean())
    weight = np.arange(90.0)
    expected = np.average(right, weights=weight)
    assert model.score(X, y, sample_weight=weight) == pytest.approx(expected)


@pytest.mark.parametrize("y_val", [SOFT, FRAME.to_numpy(), Y], ids=["a", "b", "hard"])
def test_validation_data_may_be_soft_or_hard(y_val):
    model = classifier(mix=None, lr=1e-12, calibration=None)
    model.fit(X, SOFT, X_val=X, y_val=y_val)
    log_proba = np.log(model.predict_proba(X))
    soft = np.eye(3)[y_val] if y_val.ndim == 1 else y_val
    loss = -(soft * log_proba).sum(1).mean()
    assert model.history_[-1, "valid_loss"] == pytest.approx(loss, abs=1e-5)


def test_accuracy_in_the_history_is_what_labels_say_of_the_predicted_class():
    model = classifier(module=nn.Linear(4, 3), mix=None, lr=1e-12)
    model.fit(X, SOFT, X_val=X, y_val=SOFT)
    expected = SOFT[np.arange(90), model.predict(X)].mean()
    assert model.history_[-1, "valid_acc"] == pytest.approx(expected, abs=1e-5)
    assert model.history_[-1, "train_acc_mixed"] == pytest.approx(expected, abs=1e-5)


def test_the_validation_part_keeps_the_shares_of_likely_classes():
    rows, y, soft = softened(600)
    seen = []

    class Seen(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(5, 3)

        def forward(self, x):
            if not self.training and len(x) == 60:
                seen.append(x[:, 4].numpy().astype(int))
            return self.linear(x)

    rows = np.column_stack([rows, y]).astype(np.float32)
    classifier(module=Seen).fit(rows, soft)
    assert np.bincount(seen[0]).tolist() == [20, 20, 20]


@pytest.mark.parametrize("mix", [None, "manifold", "feature_swap", "regmixup"])
@pytest.mark.parametrize("weighted", [False, True])
def test_methods_mix_soft_labels(mix, weighted):
    weight = np.linspace(0.5, 1.5, 90) if weighted else None
    model = classifier(mix=mix).fit(X, SOFT, sample_weight=weight)
    assert np.isfinite(model.history_[:, "train_loss"]).all()


def test_information_of_columns_is_known_of_soft_labels():
    assert fitted(mix=FeatMix()).predict(X).shape == (90,)


@pytest.mark.parametrize(
    "criterion",
    [
        SoftCrossEntropy,
        BinaryCrossEntropy,
        nn.BCEWithLogitsLoss,
        nn.CrossEntropyLoss(label_smoothing=0.1),
    ],
)
def test_losses_take_soft_labels(criterion):
    model = fitted(criterion=criterion, max_epochs=10, lr=0.02)
    assert model.score(X, Y) > 0.7


def test_one_logit_serves_two_classes():
    rows, y, soft = softened(80, n_classes=2)
    model = classifier(module=nn.Linear(4, 1), max_epochs=40, lr=0.05).fit(rows, soft)
    assert model.predict_proba(rows).shape == (80, 2)
    assert model.score(rows, y) > 0.8


def test_models_can_be_cloned_and_pickled():
    model = fitted()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert_same_weights(clone(model).fit(X, SOFT), model)


def test_cross_validation_and_searches_take_soft_labels():
    folds = KFold(2, shuffle=True, random_state=0)
    scores = cross_val_score(classifier(max_epochs=10, lr=0.02), X, SOFT, cv=folds)
    assert (scores > 0.7).all()
    search = GridSearchCV(classifier(), {"alpha": [0.0, 0.4]}, cv=folds).fit(X, SOFT)
    assert search.predict(X).shape == (90,)


def test_soft_labels_go_on_with_partial_fit():
    model = classifier().partial_fit(X, SOFT, classes=NAMES)
    assert model.classes_.tolist() == ["cat", "dog", "owl"]
    model.partial_fit(X, NAMES[Y])
    with pytest.raises(ValueError, match="differ from those of the first call"):
        model.partial_fit(X, SOFT, classes=["cat", "dog"])


def test_previews_show_probabilities():
    preview = classifier(alpha=1.0).preview(X, FRAME)
    assert preview.targets.shape == (8, 3)
    assert "mixed cat" in preview.table["target"]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"class_weight": "balanced"}, "soft labels, which belong to no one class"),
        ({"module": nn.Linear(4, 2)}, "probabilities of 3 classes"),
        ({"mix": "ma_mix"}, "mix: MAMix counts"),
        ({"mix": "c_mixup"}, "mix: CMixup compares"),
        ({"mix__pairing": "minority"}, "pairing='minority'"),
        ({"criterion": nn.MultiMarginLoss}, "criterion: MultiMarginLoss failed"),
    ],
)
def test_what_is_not_for_soft_labels_is_found_before_training(params, words):
    with pytest.raises(ValueError, match=words):
        fitted(**params)


def test_rows_that_do_not_sum_to_one_are_refused():
    with pytest.raises(ValueError, match=r"row 0 sums to 0\.5.*MixupRegressor"):
        classifier().fit(X, SOFT / 2)
