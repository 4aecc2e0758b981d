"""Copies, pickles and further training of modules that hold more than weights."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from sk_mixup import MixupClassifier, MixupSearchCV
from tests.builders import assert_same_weights, blobs, classifier

X, Y = blobs(40)


def old(name):
    """Return a function of torch that is deprecated and in use."""

    def apply(layer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return getattr(nn.utils, name)(layer)

    return apply


KINDS = {
    "old weight_norm": old("weight_norm"),
    "old spectral_norm": old("spectral_norm"),
    "weight_norm": parametrizations.weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "pruned": lambda layer: prune.l1_unstructured(layer, "weight", 0.3),
}


class Shaped(nn.Module):
    def __init__(self, kind="weight_norm"):
        super().__init__()
        self.first = KINDS[kind](nn.Linear(4, 6))
        self.last = nn.Linear(6, 2)

    def forward(self, x):
        return self.last(self.first(x).relu())


class Keeps(nn.Module):
    """Keeps what it has computed, also inside of a list."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 2)
        self.maps = []

    def forward(self, x):
        hidden = self.first(x).relu()
        self.maps, self.hidden = [hidden], hidden
        return self.last(hidden)


def shaped(kind, **params):
    return classifier(module=Shaped, module__kind=kind, **params)


def template(made=Keeps):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = made()
        module(torch.from_numpy(X))
    return module


@pytest.mark.parametrize("kind", KINDS)
def test_copies_and_pickles_predict_alike(kind):
    model = shaped(kind).fit(X, Y)
    expected = model.predict_proba(X)
    for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(again.predict_proba(X), expected)
        twice = pickle.loads(pickle.dumps(copy.deepcopy(again)))
        np.testing.assert_array_equal(twice.predict_proba(X), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_trains_by_itself(kind):
    model = shaped(kind).fit(X, Y)
    expected = model.predict_proba(X)
    again = pickle.loads(pickle.dumps(model)).partial_fit(X, Y)
    assert np.abs(again.predict_proba(X) - expected).max() > 0
    np.testing.assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_going_on_equals_one_training(kind):
    params = {"early_stopping": False, "mix": None, "optimizer": torch.optim.SGD}
    steps = shaped(kind, **params)
    for _ in range(3):
        steps.partial_fit(X, Y)
    assert_same_weights(steps, shaped(kind, **params, max_epochs=3).fit(X, Y))
    warm = shaped(kind, **params, warm_start=True, max_epochs=1).fit(X, Y)
    for _ in range(2):
        warm.fit(X, Y)
    assert_same_weights(warm, steps)


@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping_and_averages(kind):
    model = shaped(kind, early_stopping=True, ema=0.9).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("kind", KINDS)
def test_templates_that_have_run(kind):
    module = template(lambda: Shaped(kind))
    before = copy.deepcopy(module.state_dict())
    kinds = [type(part) for part in module.modules()]
    model = classifier(module=module).fit(X, Y)
    again = pickle.loads(pickle.dumps(clone(model)))
    assert_same_weights(again.fit(X, Y), model)
    for key, value in module.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)
    assert [type(part) for part in module.modules()] == kinds


@pytest.mark.parametrize("wrapped", [False, True], ids=["module", "net"])
def test_templates_are_pickled_before_any_training(wrapped):
    module = template(lambda: Shaped("weight_norm"))
    if wrapped:
        module = NeuralNetClassifier(module, verbose=0, max_epochs=5)
        module.set_params(criterion=nn.CrossEntropyLoss, train_split=None)
    model = classifier(module=module)
    again = pickle.loads(pickle.dumps(model))
    assert_same_weights(again.fit(X, Y), model.fit(X, Y))


def test_a_pickled_part_is_parametrized_still():
    model = pickle.loads(pickle.dumps(shaped("weight_norm").fit(X, Y)))
    part = model.module_.first
    assert parametrize.is_parametrized(part, "weight")
    expected = part.weight.detach().clone()
    parametrize.remove_parametrizations(part, "weight")
    assert type(part) is nn.Linear
    torch.testing.assert_close(part.weight, expected)


@pytest.mark.parametrize("mix", [None, "mixup"])
def test_a_module_that_keeps_an_activation(mix):
    model = classifier(module=Keeps, mix=mix).partial_fit(X, Y)
    assert model.module_.hidden.requires_grad
    again = copy.deepcopy(model)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    for trained in (again, model):
        trained.partial_fit(X, Y)
    assert_same_weights(again, model)


def test_a_template_that_keeps_an_activation():
    module = template()
    kept = module.hidden
    model = classifier(module=module).fit(X, Y)
    assert_same_weights(clone(model).fit(X, Y), model)
    assert_same_weights(copy.deepcopy(model).fit(X, Y), model)
    assert_same_weights(pickle.loads(pickle.dumps(model)).fit(X, Y), model)
    assert module.hidden is kept


def test_a_wrapped_net_with_a_template_that_keeps_an_activation():
    net = NeuralNetClassifier(
        template(), criterion=nn.CrossEntropyLoss, max_epochs=2, verbose=0
    )
    model = MixupClassifier(net, mix=None, random_state=0)
    assert_same_weights(model.fit(X, Y), copy.deepcopy(model).fit(X, Y))


@pytest.mark.filterwarnings("ignore:None of the fits of this MixupSearchCV")
@pytest.mark.parametrize("module", [Keeps, "template"])
def test_searches(module):
    module = template() if module == "template" else module
    grid = {"lr": [0.001, 0.1]}
    model = classifier(module=module, mix=None)
    single = GridSearchCV(model, grid, cv=2).fit(X, Y)
    fused = MixupSearchCV(model, grid, cv=2).fit(X, Y)
    np.testing.assert_allclose(
        fused.cv_results_["mean_test_score"], single.cv_results_["mean_test_score"]
    )


def test_a_copy_shares_nothing_and_holds_one_module():
    model = classifier(module=Keeps).partial_fit(X, Y)
    again = copy.deepcopy(model)
    assert again.module_ is again.net_.module_
    own = {id(p) for p in model.module_.parameters()}
    known = {id(p) for p in again.module_.parameters()}
    assert not own & known
    (group,) = again.net_.optimizer_.param_groups
    assert {id(p) for p in group["params"]} == known
