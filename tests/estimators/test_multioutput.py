"""Several outputs per row, each with classes of its own."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from skorch import NeuralNet
from torch import nn

from sk_mixup.mixing import FeatMix, SoftCrossEntropy
from tests.builders import assert_same_weights, classifier, people, regressor


def several(n_rows=96, seed=0):
    """Return rows, and the sign of one column and the third of another as words."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((n_rows, 4)).astype(np.float32)
    sign = np.where(X[:, 0] > 0, "plus", "minus")
    third = np.array(["low", "mid", "top"])[np.digitize(X[:, 1], [-0.5, 0.5])]
    return X, np.column_stack([sign, third]).astype(object)


X, Y = several()


class Heads(nn.Module):
    """Two heads on one body, returned as the class says."""

    kind: type = list

    def __init__(self, widths=(2, 3)):
        super().__init__()
        self.body = nn.Linear(4, 8)
        self.heads = nn.ModuleList(nn.Linear(8, width) for width in widths)

    def forward(self, x):
        hidden = self.body(x).relu()
        return self.kind(head(hidden) for head in self.heads)


class TupleHeads(Heads):
    kind = tuple


class Joined(Heads):
    def forward(self, x):
        return torch.cat(super().forward(x), 1)


class JoinedAndHidden(Joined):
    def forward(self, x):
        return super().forward(x), x


def fitted(**params):
    return classifier(**params).fit(X, Y)


MODULES = {
    "bundled": None,
    "list": Heads,
    "tuple": TupleHeads,
    "joined": Joined,
    "joined and more": JoinedAndHidden,
    "instance": Heads(),
    "skorch net": NeuralNet(Heads, criterion=nn.CrossEntropyLoss),
}


@pytest.mark.parametrize("module", MODULES)
def test_predictions_have_the_form_of_a_random_forest(module):
    model = fitted(module=MODULES[module])
    forest = RandomForestClassifier(5, random_state=0).fit(X, Y)
    assert model.n_outputs_ == 2
    for ours, theirs in zip(model.classes_, forest.classes_, strict=True):
        assert ours.tolist() == theirs.tolist()
    proba = model.predict_proba(X)
    for ours, theirs in zip(proba, forest.predict_proba(X), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours.sum(1), 1.0)
    labels = model.predict(X)
    assert labels.shape == forest.predict(X).shape
    for j, one in enumerate(proba):
        np.testing.assert_array_equal(labels[:, j], model.classes_[j][one.argmax(1)])


@pytest.mark.parametrize("module", ["tuple", "joined", "joined and more"])
def test_heads_mean_the_same_in_every_form(module):
    assert_same_weights(fitted(module=MODULES[module]), fitted(module=Heads))


def test_outputs_are_learnt():
    model = fitted(max_epochs=20, lr=0.02)
    assert model.score(*several(seed=1)) > 0.7


def test_score_is_the_share_of_rows_with_all_outputs_right():
    model = fitted(max_epochs=20, early_stopping=False)
    right = (model.predict(X) == Y).all(1)
    assert 0 < right.mean() < 1
    assert model.score(X, Y) == pytest.approx(right.mean())
    weight = np.arange(96.0)
    expected = np.average(right, weights=weight)
    assert model.score(X, Y, sample_weight=weight) == pytest.approx(expected)


def test_numbers_come_back_as_numbers():
    y = np.column_stack([X[:, 0] > 0, np.digitize(X[:, 1], [-0.5, 0.5])]) + 5
    labels = classifier().fit(X, y).predict(X)
    assert labels.dtype == np.int64
    assert set(np.unique(labels)) <= {5, 6, 7}


def test_columns_of_several_dtypes_come_back_as_they_were():
    table, y, income = people()
    Y = pd.DataFrame({"pay": y, "bracket": np.digitize(income, [2000, 5000])})
    model = classifier().fit(table, Y)
    labels = model.predict(table)
    assert {type(v) for v in labels[:, 0]} == {str}
    assert {type(v) for v in labels[:, 1]} == {int}
    assert model.score(table, Y) > 0


def test_accuracy_in_the_history_is_the_share_of_right_outputs():
    params = {"module": nn.Linear(4, 5), "lr": 1e-12, "calibration": None}
    model = classifier(mix=None, **params).fit(X, Y, X_val=X, y_val=Y)
    agreement = (model.predict(X) == Y).mean()
    assert model.history_[-1, "valid_acc"] == pytest.approx(agreement, abs=1e-6)
    assert model.history_[-1, "train_acc_mixed"] == pytest.approx(agreement, abs=1e-6)
    losses = [
        log_loss(Y[:, j].astype(str), one)
        for j, one in enumerate(model.predict_proba(X))
    ]
    assert model.history_[-1, "valid_loss"] == pytest.approx(np.mean(losses), abs=1e-5)


@pytest.mark.parametrize("mix", [None, "manifold", "feature_swap", "regmixup"])
@pytest.mark.parametrize("weighted", [False, True])
def test_methods_mix_outputs(mix, weighted):
    weight = np.linspace(0.5, 1.5, 96) if weighted else None
    model = classifier(mix=mix).fit(X, Y, sample_weight=weight)
    assert np.isfinite(model.history_[:, "train_loss"]).all()


def test_information_of_columns_is_known_of_outputs():
    assert fitted(mix=FeatMix()).predict(X).shape == Y.shape


def test_losses_of_the_library_take_outputs():
    assert fitted(criterion=SoftCrossEntropy).predict(X).shape == Y.shape


def test_two_classes_each_may_have_one_logit_each():
    y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]) * 2 - 1
    model = classifier(module=Heads, module__widths=(1, 1)).fit(X, y)
    assert isinstance(model.net_.criterion_, nn.BCEWithLogitsLoss)
    assert [one.shape for one in model.predict_proba(X)] == [(96, 2)] * 2
    assert set(np.unique(model.predict(X))) <= {-1, 1}


def test_a_data_loader_trains_heads():
    model = fitted(module=Heads, iterator_train__num_workers=0)
    assert model.predict(X).shape == Y.shape


# -- weights of classes ---------------------------------------------------------------


def test_weights_of_classes_are_multiplied_over_the_outputs():
    weights = [{"plus": 2.0}, {"low": 3.0, "mid": 0.5}]
    rows = np.where(Y[:, 0] == "plus", 2.0, 1.0)
    rows *= np.select([Y[:, 1] == "low", Y[:, 1] == "mid"], [3.0, 0.5], 1.0)
    given = classifier(class_weight=weights).fit(X, Y)
    assert_same_weights(given, classifier().fit(X, Y, sample_weight=rows))


def test_balanced_weights_are_those_of_every_output():
    rows = np.ones(96)
    for j in range(2):
        names, codes, counts = np.unique(
            Y[:, j].astype(str), return_inverse=True, return_counts=True
        )
        rows *= (96 / (len(names) * counts))[codes]
    balanced = classifier(class_weight="balanced").fit(X, Y)
    assert_same_weights(balanced, classifier().fit(X, Y, sample_weight=rows))


# -- among scikit-learn's tools -------------------------------------------------------


def test_models_can_be_cloned_and_pickled():
    model = fitted(module=Heads)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert_same_weights(clone(model).fit(X, Y), model)


def test_cross_validation_and_searches_take_outputs():
    scores = cross_val_score(classifier(max_epochs=8, lr=0.02), X, Y, cv=2)
    assert (scores > 0.1).all()
    search = GridSearchCV(classifier(), {"alpha": [0.0, 0.4]}, cv=2).fit(X, Y)
    assert search.predict(X).shape == Y.shape


def test_outputs_go_on_with_partial_fit():
    classes = [["minus", "plus"], ["low", "mid", "top"]]
    model = classifier().partial_fit(X[:4], Y[:4], classes=classes)
    model.partial_fit(X, Y, classes=classes)
    assert model.score(X, Y) >= 0
    with pytest.raises(ValueError, match="differ from those of the first call"):
        model.partial_fit(X, Y, classes=[["minus"], ["low"]])


def test_previews_show_every_output():
    table = classifier(alpha=1.0).preview(X, Y).table["target"]
    assert set(table["own 0"]) <= {"plus", "minus"}
    assert any("%" in text for text in table["mixed 1"])


# -- what cannot be -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"class_weight": {"plus": 2.0}}, "a list of 2 dicts"),
        ({"class_weight": [{"plus": 2.0}]}, "a list of 2 dicts"),
        ({"class_weight": [{"low": 2.0}, None]}, r"\['low'\], are not in y"),
        ({"module": Heads((3, 2))}, r"2 outputs of \[2, 3\] classes"),
        ({"module": Heads((2, 3, 2))}, "returns 3 parts"),
        ({"module": nn.Linear(4, 4)}, r"one tensor of shape \(rows, 5\)"),
        ({"mix": "remix"}, "mix: Remix counts"),
        ({"mix": "balanced_mixup"}, "mix: BalancedMixup counts"),
        ({"mix__pairing": "between"}, "pairing='between'"),
        ({"criterion": nn.MSELoss}, "criterion: MSELoss failed"),
    ],
)
def test_what_is_not_for_outputs_is_found_before_training(params, words):
    with pytest.raises(ValueError, match=words):
        fitted(**params)


def test_an_output_with_one_class_left_is_named():
    weight = (Y[:, 0] == "plus").astype(float)
    with pytest.raises(ValueError, match="column 0 of y holds one class with positive"):
        classifier().fit(X, Y, sample_weight=weight)


def test_regressors_keep_their_outputs():
    model = regressor().fit(X, X[:, :2])
    assert model.predict(X).shape == (96, 2)
    assert regressor().fit(X, X[:, :1]).predict(X).shape == (96, 1)
    assert regressor().fit(X, X[:, 0]).predict(X).shape == (96,)
