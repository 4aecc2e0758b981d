"""Rows that are bags of instances."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import sk_mixup
from sk_mixup import MixupClassifier, MixupRegressor, MixupSearchCV
from sk_mixup.export import to_torch
from sk_mixup.mixing import BagMixup
from sk_mixup.nets import AttentionMIL
from tests.builders import assert_same_weights, same_weights


def bags(n_bags=40, seed=0):
    """Return bags of which every second holds one instance unlike the others."""
    random = np.random.default_rng(seed)
    X = [random.standard_normal((random.integers(2, 7), 4)) for _ in range(n_bags)]
    for bag in X[1::2]:
        bag[random.integers(len(bag)), 0] += 4.0
    return X, np.arange(n_bags) % 2


X, Y = bags()
WAYS = [None, "mixup", BagMixup(), BagMixup("within"), "manifold"]


def mil(**params):
    defaults = {"mix": "bag_mixup", "max_epochs": 5, "random_state": 0}
    return MixupClassifier("mil", **(defaults | params))


@pytest.mark.parametrize("mix", WAYS, ids=repr)
def test_it_learns_which_bags_hold_one(mix):
    model = mil(mix=mix, max_epochs=40).fit(X, Y)
    X_test, y_test = bags(60, seed=1)
    assert model.score(X_test, y_test) > 0.85
    assert isinstance(model.module_, AttentionMIL)
    assert model.predict_proba(X_test).shape == (60, 2)


def test_attention_finds_the_instance():
    model = mil(mix=None, max_epochs=40).fit(X, Y)
    X_test, _ = bags(60, seed=1)
    encoded = model.encode(X_test)
    weights = model.module_.attention(**encoded).detach().numpy()
    assert (weights[~encoded["mask"].numpy()] == 0).all()
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    found = [row[: len(b)].argmax() for row, b in zip(weights, X_test, strict=True)]
    right = [b[:, 0].argmax() == k for b, k in zip(X_test, found, strict=True)]
    assert np.mean(right[1::2]) > 0.9


def test_padding_and_company_change_no_prediction():
    model = mil().fit(X, Y)
    proba = model.predict_proba(X)
    alone = np.concatenate([model.predict_proba([bag]) for bag in X])
    np.testing.assert_allclose(alone, proba, atol=1e-6)
    long = [*X, np.zeros((50, 4))]
    np.testing.assert_allclose(model.predict_proba(long)[:-1], proba, atol=1e-6)
    turned = [bag[::-1] for bag in X]
    np.testing.assert_allclose(model.predict_proba(turned), proba, atol=1e-6)


def test_bags_come_in_many_containers():
    model = mil().fit(X, Y)
    objects = np.empty(len(X), dtype=object)
    objects[:] = X
    series = pd.Series(list(X), index=range(5, 45))
    for given in (
        tuple(X),
        objects,
        series,
        series.to_frame("bag"),
        [torch.from_numpy(bag) for bag in X],
        [bag.tolist() for bag in X],
    ):
        assert_same_weights(mil().fit(given, Y), model)
    whole = np.random.default_rng(0).standard_normal((40, 5, 4))
    assert mil().fit(whole, Y).predict(whole[:3]).shape == (3,)


def test_the_net_is_the_formula():
    torch.manual_seed(0)
    net = AttentionMIL(4, 3).eval()
    bag = torch.randn(5, 4)
    h = net.encoder(bag)
    score = net.score(net.content(h).tanh() * net.gate(h).sigmoid()).squeeze(1)
    a = score.exp() / score.exp().sum()
    z = sum(a[k] * h[k] for k in range(5))
    padded = torch.cat([bag, torch.full((3, 4), 7.0)]).unsqueeze(0)
    mask = (torch.arange(8) < 5).unsqueeze(0)
    torch.testing.assert_close(net(padded, mask)[0], net.head(z))
    torch.testing.assert_close(net.attention(padded, mask)[0, :5], a)
    assert AttentionMIL(4, 3, gated=False).gate is None


def test_instances_are_standardized_without_their_padding():
    model = mil().fit([10 + 3 * bag for bag in X], Y)
    encoded = model.encode([10 + 3 * bag for bag in X])
    present = encoded["instances"][encoded["mask"]]
    np.testing.assert_allclose(present.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(present.std(0, correction=0), 1, atol=1e-5)
    assert (encoded["instances"][~encoded["mask"]] == 0).all()


def test_copies_pickles_files_and_numbers(tmp_path):
    model = mil().fit(X, Y)
    proba = model.predict_proba(X)
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).predict_proba(X), proba
    )
    model.save(tmp_path / "model")
    loaded = sk_mixup.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.predict_proba(X), proba, atol=1e-7)
    assert same_weights(clone(model).fit(X, Y), model)
    regressor = MixupRegressor("mil", mix="bag_mixup", max_epochs=5, random_state=0)
    assert regressor.fit(X, [bag.sum() for bag in X]).predict(X).shape == (40,)
    with pytest.raises(ValueError, match="fitted on bags"):
        to_torch(model)


def test_searches_and_cross_validation():
    assert cross_val_score(mil(), X, Y, cv=2).shape == (2,)
    search = MixupSearchCV(mil(), {"mix__alpha": [0.5, 1.0]}, cv=2).fit(X, Y)
    alone = mil(**search.best_params_).fit(X, Y)
    np.testing.assert_allclose(
        search.predict_proba(X), alone.predict_proba(X), atol=1e-4
    )


def test_weights_groups_and_early_stopping():
    model = mil(early_stopping=True, max_epochs=8)
    model.fit(X, Y, np.linspace(1, 2, 40), groups=np.arange(40) // 4)
    assert "valid_loss" in model.history_[-1]


@pytest.mark.parametrize(
    ("given", "match"),
    [
        (np.zeros((40, 4)), "takes bags, a list of arrays"),
        ([], "no bags"),
        ([*X[:39], np.zeros((0, 4))], r"bag 39 has shape \(0, 4\)"),
        ([*X[:39], np.zeros(4)], r"bag 39 has shape \(4,\)"),
        ([*X[:39], np.zeros((2, 3))], "bag 39 has 3 features"),
        ([*X[:39], np.full((2, 4), np.nan)], "bag 39 contains NaN"),
        ([*X[:39], "text"], "bag 39 must be an array"),
        (pd.DataFrame({"a": [1.0], "b": [2.0]}), "has 2 columns"),
    ],
)
def test_what_is_no_bag_is_named(given, match):
    with pytest.raises(ValueError, match=match):
        mil().fit(given, Y[: len(given)])


def test_bags_of_other_features_are_named():
    with pytest.raises(ValueError, match=r"bag 1 has 2 features.*fit they were 4"):
        mil().fit(X, Y).predict([X[0], np.zeros((3, 2))])
    with pytest.raises(ValueError, match="instances of bags"):
        MixupClassifier(mix="bag_mixup").fit(np.zeros((8, 3)), Y[:8])
