"""Estimators with criteria that take mixed targets whole."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn

from sk_mixup.mixing import (
    BinaryCrossEntropy,
    DecoupledCrossEntropy,
    LinearSchedule,
    ManifoldMixup,
    MemoryPairing,
    Mixup,
    OneOf,
    RankMixupLoss,
    RegMixup,
    Repeat,
    SoftCrossEntropy,
    TwoHotBinaryCrossEntropy,
)
from tests.builders import assert_same_weights, blobs, classifier, regressor

X, Y = blobs(90, n_classes=3)
CRITERIA = [
    SoftCrossEntropy,
    BinaryCrossEntropy,
    TwoHotBinaryCrossEntropy,
    DecoupledCrossEntropy,
]


class Batches(Callback):
    """Counts the training batches that were begun."""

    n_begun = 0

    def on_batch_begin(self, net, training=False, **kwargs):
        self.n_begun += bool(training)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("mix", ["mixup", "reg_mixup", None])
def test_the_bundled_net_learns(criterion, mix):
    model = classifier(mix=mix, criterion=criterion, max_epochs=10, lr=0.02).fit(X, Y)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(1), 1.0)
    assert proba.min() >= 0
    assert model.score(X, Y) > 0.9


def test_rank_mixup_learns_beside_reg_mixup():
    model = classifier(mix="reg_mixup", criterion=RankMixupLoss, max_epochs=10, lr=0.02)
    assert model.fit(X, Y).score(X, Y) > 0.9


@pytest.mark.parametrize(
    "mix",
    [
        "mixup",
        Mixup(p=0.01),
        Mixup(0.2, per="row", p=LinearSchedule(0.0, 1.0)),
        Mixup(off_first=5),
        Repeat(RegMixup()),
        OneOf([RegMixup(), Mixup()], p=[0.9, 0.1]),
        ManifoldMixup(layers=["0"]),
    ],
    ids=repr,
)
def test_rank_mixup_with_another_method_is_refused_before_training(mix):
    seen = Batches()
    model = classifier(
        module=nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3)),
        mix=mix,
        criterion=RankMixupLoss,
        callbacks=[seen],
    )
    with pytest.raises(ValueError, match="mix='reg_mixup'"):
        model.fit(X, Y)
    assert seen.n_begun == 0


@pytest.mark.parametrize(
    "mix", [None, Mixup(0), Mixup(p=0), RegMixup(p=0.5), OneOf([RegMixup()], p=[0.5])]
)
def test_rank_mixup_serves_clean_batches_too(mix):
    model = classifier(mix=mix, criterion=RankMixupLoss, max_epochs=5).fit(X, Y)
    assert np.isfinite(model.history_[:, "train_loss"]).all()


# -- weights and partners from memory -------------------------------------------------

MEMORY = [
    Mixup(1.0, pairing=MemoryPairing(8)),
    Mixup(1.0, p=0.01, pairing=MemoryPairing(8)),
    Repeat(Mixup(1.0, pairing=MemoryPairing(8))),
    OneOf([Mixup(), Mixup(1.0, pairing=MemoryPairing(8))]),
]


def from_memory(mix, **params):
    """Return a classifier of three batches an epoch, and what counts them."""
    seen = Batches()
    net = nn.Linear(4, 3)
    params = {"batch_size": 30, "callbacks": [seen]} | params
    return classifier(module=net, mix=mix, **params), seen


@pytest.mark.parametrize("mix", MEMORY, ids=repr)
@pytest.mark.parametrize("fit", ["fit", "partial_fit"])
@pytest.mark.parametrize("by_class", [False, True])
def test_weights_and_partners_from_memory_are_refused_before_training(
    mix, fit, by_class
):
    model, seen = from_memory(mix, class_weight={0: 3.0} if by_class else None)
    weight = None if by_class else np.where(Y == 0, 3.0, 1.0)
    with pytest.raises(ValueError, match=r"MemoryPairing\(size=8\).* no weights"):
        getattr(model, fit)(X, Y, sample_weight=weight)
    assert seen.n_begun == 0


@pytest.mark.parametrize(("alpha", "p"), [(0, 1.0), (1.0, 0)])
def test_memory_that_is_never_asked_may_have_weights(alpha, p):
    model, seen = from_memory(Mixup(alpha, p=p, pairing=MemoryPairing(8)))
    model.fit(X, Y, sample_weight=np.where(Y == 0, 3.0, 1.0))
    assert seen.n_begun > 0


def test_weights_of_validation_data_or_all_alike_do_not_concern_memory():
    model, seen = from_memory(MEMORY[0])
    weight = np.where(Y == 0, 3.0, 1.0)
    model.fit(X, Y, np.full(90, 2.0), X, Y, sample_weight_val=weight)
    assert seen.n_begun > 0


def test_the_threshold_is_a_parameter():
    model = classifier(criterion=BinaryCrossEntropy, criterion__target_threshold=0.2)
    model = pickle.loads(pickle.dumps(clone(model).fit(X, Y)))
    assert model.net_.criterion_.target_threshold == 0.2
    assert model.net_.criterion_.reduction == "none"
    assert model.predict_proba(X).shape == (90, 3)


def test_a_class_and_its_instance_train_alike():
    by_class = classifier(
        criterion=BinaryCrossEntropy, criterion__target_threshold=0.2
    ).fit(X, Y)
    instance = BinaryCrossEntropy(target_threshold=0.2)
    by_instance = classifier(criterion=instance).fit(X, Y)
    assert instance.reduction == "mean"
    assert_same_weights(by_class, by_instance)


def test_a_search_over_the_threshold():
    search = GridSearchCV(
        classifier(criterion=BinaryCrossEntropy, mix="mixup"),
        {"criterion__target_threshold": [None, 0.1, 0.4]},
        cv=2,
        scoring="neg_log_loss",
    ).fit(X, Y)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert len(set(scores)) > 1


def test_validation_is_on_plain_labels():
    model = classifier(criterion=BinaryCrossEntropy, criterion__target_threshold=0.2)
    model.fit(X, Y, X_val=X[:30], y_val=Y[:30])
    best = min(model.history_[:, "valid_loss"])
    with torch.no_grad():
        output = model.module_(**model._source_.transform(X[:30]))
    hot = nn.functional.one_hot(torch.from_numpy(Y[:30]), 3).float()
    expected = nn.functional.binary_cross_entropy_with_logits(output, hot).item()
    assert best == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_weight_of_three_is_no_weight_of_one(criterion):
    weight = np.where(Y == 0, 3.0, 1.0)
    plain = classifier(criterion=criterion).fit(X, Y)
    weighted = classifier(criterion=criterion).fit(X, Y, sample_weight=weight)
    by_class = classifier(criterion=criterion, class_weight={0: 3.0}).fit(X, Y)
    assert_same_weights(weighted, by_class)
    assert weighted.predict_proba(X)[:, 0].mean() > plain.predict_proba(X)[:, 0].mean()


def test_one_logit_with_a_threshold():
    x, y = blobs(60)
    model = classifier(
        module=nn.Linear(4, 1),
        criterion=BinaryCrossEntropy,
        criterion__target_threshold=0.5,
        lr=0.2,
        max_epochs=30,
    ).fit(x, y)
    logit = model.module_(torch.from_numpy(x)).detach().double()[:, 0]
    np.testing.assert_allclose(model.predict_proba(x)[:, 1], logit.sigmoid().numpy())
    assert model.score(x, y) > 0.8


def test_numbers_with_a_soft_criterion():
    class BlendedL1(nn.Module):
        mixed_targets = "soft"

        def forward(self, output, target):
            return (output - target).abs()

    y = X[:, 0] * 3.0 + 1.0
    model = regressor(criterion=BlendedL1(), max_epochs=10, lr=0.02).fit(X, y)
    assert model.score(X, y) > 0.5


# -- misuse ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"criterion__target_threshold": 1.5}, "target_threshold must be a number"),
        ({"criterion__target_thresold": 0.2}, "Did you mean criterion__target_thresh"),
        ({"criterion__reduction": "sum"}, "criterion__reduction='sum'"),
        ({"criterion__weight": [1.0, 2.0]}, "weight has 2 entries"),
        (
            {"criterion__target_threshold": 0.01, "criterion__label_smoothing": 0.1},
            "makes every class positive",
        ),
    ],
)
def test_bad_parameters_are_found_before_training(params, words):
    with pytest.raises((ValueError, TypeError), match=words):
        classifier(criterion=BinaryCrossEntropy, **params).fit(X, Y)


def test_two_classes_cannot_be_decoupled():
    with pytest.raises(ValueError, match=r"criterion: Decoupled.* at least 3 classes"):
        classifier(criterion=DecoupledCrossEntropy).fit(*blobs(40))


def test_one_logit_cannot_have_soft_cross_entropy():
    with pytest.raises(ValueError, match="criterion: SoftCrossEntropy failed"):
        classifier(module=nn.Linear(4, 1), criterion=SoftCrossEntropy).fit(*blobs(40))


@pytest.mark.parametrize("name", ["mixed_targets", "output_activation"])
def test_an_unknown_declaration_is_found_before_training(name):
    criterion = nn.CrossEntropyLoss()
    setattr(criterion, name, "sot")
    with pytest.raises(ValueError, match=f"CrossEntropyLoss.{name} must be one of"):
        classifier(criterion=criterion).fit(X, Y)


def test_a_soft_criterion_of_one_number_serves_without_weights():
    class OneNumber(nn.Module):
        mixed_targets = "soft"

        def forward(self, output, target):
            return nn.functional.cross_entropy(output, target)

    model = classifier(criterion=OneNumber(), mix="mixup")
    assert np.isfinite(model.fit(X, Y).history_[-1, "train_loss"])
    with pytest.raises(ValueError, match="one number per batch"):
        model.fit(X, Y, sample_weight=np.arange(len(X)))
