"""Modules with float64 weights train and predict in float64."""

import copy
import functools
import pickle

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from torch import nn

from sk_mixup import MixupSearchCV
from sk_mixup.mixing import ManifoldMixup
from tests.builders import blobs, classifier, regressor

X, Y = blobs(64)


def double_net(n_outputs=2):
    first, last = nn.Linear(4, 8), nn.Linear(8, n_outputs)
    return nn.Sequential(first, nn.ReLU(), last).double()


def template():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return double_net()


def dtypes(model):
    return {value.dtype for value in model.module_.state_dict().values()}


@pytest.mark.parametrize(
    "mix", [None, "mixup", "cutmix", ManifoldMixup(layers=["0"])], ids=str
)
@pytest.mark.parametrize("copied", [False, True], ids=["made", "copied"])
def test_weights_stay_float64(copied, mix):
    module = template() if copied else double_net
    x = X.reshape(-1, 1, 2, 2) if mix == "cutmix" else X
    if mix == "cutmix":
        module = functools.partial(_flattened, module)
    model = classifier(module=module, mix=mix, max_epochs=40, lr=0.01).fit(x, Y)
    assert dtypes(model) == {torch.float64}
    assert model.score(x, Y) > 0.8


def _flattened(module):
    inner = copy.deepcopy(module) if isinstance(module, nn.Module) else module()
    return nn.Sequential(nn.Flatten(), inner)


def test_a_training_is_that_of_a_loop_by_hand():
    given = {"module": functools.partial(double_net, 1), "mix": None, "max_epochs": 3}
    given |= {"optimizer": torch.optim.SGD, "lr": 0.1, "batch_size": 64}
    target = X[:, 0].astype(float)
    begun = regressor(**given | {"lr": 1e-300}).fit(X, target)
    module = copy.deepcopy(begun.module_).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    y = torch.tensor((target - target.mean()) / target.std()).float().double()
    for _ in range(3):
        optimizer.zero_grad()
        nn.MSELoss()(module(torch.tensor(X).double())[:, 0], y).backward()
        optimizer.step()
    trained = regressor(**given).fit(X, target)
    for a, b in zip(trained.module_.parameters(), module.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "params",
    [
        {"class_weight": {0: 1.0, 1: 2.0}},
        {"criterion__weight": torch.tensor([1.0, 2.0])},
        {"criterion": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))},
        {"early_stopping": True},
        {"ema": 0.9},
        {"clip_norm": 1.0},
        {"optimizer": torch.optim.LBFGS},
    ],
    ids=lambda params: next(iter(params)),
)
def test_with_other_settings(params):
    model = classifier(module=double_net, **params).fit(X, Y)
    assert dtypes(model) == {torch.float64}
    assert np.isfinite(model.predict_proba(X)).all()


def test_going_on_and_copies():
    model = classifier(module=double_net).partial_fit(X, Y).partial_fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert dtypes(again.partial_fit(X, Y)) == {torch.float64}


def test_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(4, 2), nn.Embedding(3, 2)
            self.double()

        def forward(self, x, kind):
            return self.left(x) + self.right(kind)

    inputs = {"x": X, "kind": np.arange(64) % 3}
    model = classifier(module=Two, mix=None).fit(inputs, Y)
    assert dtypes(model) == {torch.float64}
    assert model.predict(inputs).shape == (64,)


def test_a_search_equals_single_fits():
    grid = {"lr": [0.01, 0.1]}
    model = classifier(module=double_net)
    with pytest.warns(UserWarning, match="float64"):
        fused = MixupSearchCV(model, grid, cv=2).fit(X, Y)
    single = GridSearchCV(model, grid, cv=2).fit(X, Y)
    np.testing.assert_array_equal(
        fused.cv_results_["mean_test_score"], single.cv_results_["mean_test_score"]
    )


def test_weights_of_half_precision_are_told_of_the_parameter():
    with pytest.raises(ValueError, match="precision='bfloat16'"):
        classifier(module=nn.Linear(4, 2).bfloat16()).fit(X, Y)
