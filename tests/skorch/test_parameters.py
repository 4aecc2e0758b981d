"""A skorch net of one's own: parameters, copies and random states."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from sk_mixup.mixing import (
    CutMix,
    ManifoldMixup,
    Mixup,
    mixed_loss,
)
from tests.builders import same_weights
from tests.skorch.nets import Net, Seen, X, Y, fitted, net


@pytest.mark.parametrize(
    "grid",
    [
        {"alpha": [0.0, 0.4]},
        {"mix__alpha": [0.1, 0.4]},
        {"mix": [None, "mixup", CutMix()]},
        {"mix": [ManifoldMixup()], "mix__layers": ["input", ["first"]]},
    ],
)
def test_grid_search(grid):
    data = X.reshape(-1, 1, 2, 2) if CutMix in map(type, grid.get("mix", [])) else X
    module = nn.Sequential(nn.Flatten(), Net())
    if "mix__layers" in grid:
        module = Net()
    search = GridSearchCV(
        net(module=module, train_split=None), grid, cv=2, error_score="raise"
    )
    search.fit(data, Y)
    assert set(search.best_params_) == set(grid)


def test_parameters_are_listed_set_and_cloned():
    model = net(mix=Mixup(0.3), mix__per="row")
    params = model.get_params()
    assert (params["mix__per"], params["mix__alpha"]) == ("row", 0.3)
    copied = clone(model.set_params(mix__alpha=0.7))
    assert copied.get_params()["mix__alpha"] == 0.7
    assert copied.mix.alpha == 0.3
    assert copied.random_state == 0
    copied.set_params(mix="cutmix")
    assert not any(key.startswith("mix__") for key in vars(copied))


def test_parameters_can_change_between_trainings():
    model = fitted()
    before = model.module_
    model.set_params(mix="manifold", mix__layers=["first"], alpha=0.5)
    model.partial_fit(X, Y)
    assert model.module_ is before
    model.set_params(module__n_outputs=2)
    assert model.module_ is not before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"mix": "mixpu"}, "Did you mean"),
        ({"mix__wrong": 1}, "mix__wrong"),
        ({"mix": Mixup(), "alpha": 0.3}, "Say mix__alpha"),
        ({"mix": None, "mix__alpha": 0.3}, "mix=None"),
        ({"alpha": -1.0}, "alpha"),
        ({"mix_alpha": 1.0}, "mix__alpha"),
    ],
)
def test_wrong_parameters_are_named(params, message):
    with pytest.raises(ValueError, match=message):
        fitted(**params)


def test_a_layer_that_cannot_be_mixed_is_found_before_the_first_step():
    seen = Seen()
    with pytest.raises(ValueError, match="'third' fits no layer"):
        fitted(mix=ManifoldMixup(layers="third"), callbacks=[("seen", seen)])
    assert not seen.train


def test_a_fitted_net_can_be_pickled_and_copied():
    model = fitted(mix=ManifoldMixup(layers=["first"]))
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(copied.predict(X), model.predict(X))
        assert_goes_on_alike(copied, model)


def assert_goes_on_alike(one, other):
    other = copy.deepcopy(other)
    for model in (one, other):
        torch.manual_seed(3)
        model.partial_fit(X, Y)
    assert same_weights(one, other)


def test_parameters_are_saved_and_loaded(tmp_path):
    model = fitted()
    model.save_params(f_params=tmp_path / "p.pt")
    other = net().initialize()
    other.load_params(f_params=tmp_path / "p.pt")
    assert same_weights(model, other)


def test_the_seed_of_mixing_is_random_state():
    assert same_weights(fitted(), fitted())
    assert not same_weights(fitted(), fitted(random_state=1))
    assert not same_weights(fitted(), fitted(seed=1))
    assert not same_weights(fitted(random_state=None), fitted(random_state=None))


def test_a_random_state_object_moves_on():
    random = np.random.RandomState(0)
    assert not same_weights(fitted(random_state=random), fitted(random_state=random))


def test_mixing_moves_no_global_random_state():
    def state_after(mix):
        torch.manual_seed(0)
        net(mix=mix).fit(X, Y)
        return torch.get_rng_state()

    for mix in ("mixup", "manifold", ManifoldMixup(layers=["first"])):
        assert torch.equal(state_after(mix), state_after(None))


def test_partners_do_not_depend_on_alpha():
    partners = {}

    class Recorded(Mixup):
        def draw(self, x, y=None, **kwargs):
            plan = super().draw(x, y, **kwargs)
            partners.setdefault(self.alpha, []).append(plan.partner.tolist())
            return plan

    for alpha in (0.1, 2.0):
        fitted(mix=Recorded(alpha))
    assert partners[0.1] == partners[2.0]


def test_the_loss_is_that_of_mixed_loss():
    model = net(mix=Mixup(1.0, per="row"), train_split=None, batch_size=-1)
    model.set_params(max_epochs=1, iterator_train__shuffle=False).initialize()
    module, streams = copy.deepcopy(model.module_), copy.deepcopy(model.mix_streams_)
    model.partial_fit(X, Y)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    mixed, targets = Mixup(1.0, per="row")(x, y, generator=streams.mix)
    loss = mixed_loss(nn.CrossEntropyLoss(), module(mixed), targets)
    assert model.history[-1, "train_loss"] == pytest.approx(loss.item(), rel=1e-5)
