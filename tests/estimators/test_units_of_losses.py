"""In which units a criterion of a regressor sees its targets."""

import functools

import numpy as np
import pytest
import torch
from skorch import NeuralNetRegressor
from torch import nn
from torch.nn import functional

from sk_mixup import MixupRegressor
from sk_mixup.training import Objective, units_of
from tests.builders import assert_same_weights, regressor

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((80, 3)).astype(np.float32)
COUNTS = RANDOM.poisson(np.exp(0.5 * X[:, 0] + 1))
MONEY = 1000.0 * X[:, 0] + 50_000


def longer(**params):
    """Return a regressor with a linear module and enough steps for it."""
    given = {"module": functools.partial(nn.Linear, 3, 1), "random_state": 0} | params
    return MixupRegressor(mix=None, max_epochs=100, lr=0.05, **given)


def gamma_deviance(output, y):
    return output + y * (-output).exp()


gamma_deviance.output_activation = "exp"


@pytest.mark.parametrize(
    ("loss", "units"),
    [
        (nn.MSELoss(reduction="none"), "standard"),
        (nn.L1Loss(), "standard"),
        (lambda o, y: torch.maximum(0.9 * (y - o), 0.1 * (o - y)), "standard"),
        (nn.HuberLoss(), "difference"),
        (nn.SmoothL1Loss(reduction="none"), "difference"),
        (lambda o, y: (o - y).cosh().log(), "difference"),
        (nn.PoissonNLLLoss(), "own"),
        (gamma_deviance, "own"),
        (lambda o, y: (o - y).abs() / y.abs(), "own"),
        (nn.BCELoss(), "own"),
    ],
)
def test_units_are_found_by_calling_a_loss(loss, units):
    assert units_of(loss) == units
    assert units_of(loss, n_outputs=2) == units


@pytest.mark.parametrize(
    "params",
    [
        {"criterion": nn.PoissonNLLLoss},
        {"criterion": nn.PoissonNLLLoss(reduction="sum")},
        {"criterion": functional.poisson_nll_loss, "criterion__log_input": True},
        {"criterion": "poisson_nll"},
    ],
    ids=["class", "instance", "function", "name"],
)
def test_counts_are_learnt_as_counts(params):
    model = longer(**params).fit(X, COUNTS)
    predicted = model.predict(X)
    assert predicted.min() > 0
    assert predicted.mean() == pytest.approx(COUNTS.mean(), rel=0.05)


def test_rates_as_outputs_are_predicted_as_they_are():
    def rates():
        return nn.Sequential(nn.Linear(3, 1), nn.Softplus())

    model = longer(criterion=nn.PoissonNLLLoss, criterion__log_input=False)
    predicted = model.set_params(module=rates).fit(X, COUNTS).predict(X)
    assert predicted.mean() == pytest.approx(COUNTS.mean(), rel=0.2)


def test_a_loss_says_that_outputs_are_logarithms():
    model = longer(criterion=gamma_deviance).fit(X, COUNTS + 1.0)
    assert model.predict(X).mean() == pytest.approx(COUNTS.mean() + 1.0, rel=0.1)


def test_the_criterion_of_a_wrapped_net_counts_too():
    net = NeuralNetRegressor(
        nn.Linear(3, 1),
        criterion=nn.PoissonNLLLoss,
        optimizer=torch.optim.Adam,
        lr=0.05,
        max_epochs=100,
        verbose=0,
        train_split=None,
    )
    model = MixupRegressor(net, mix=None, random_state=0).fit(X, COUNTS)
    assert model.predict(X).mean() == pytest.approx(COUNTS.mean(), rel=0.05)


def test_mixed_counts_are_counts():
    model = regressor(criterion=nn.PoissonNLLLoss, mix="mixup", max_epochs=60, lr=5e-3)
    predicted = model.fit(X, COUNTS).predict(X)
    assert predicted.mean() == pytest.approx(COUNTS.mean(), rel=0.2)


@pytest.mark.parametrize("delta", [1.0, 1e6])
def test_a_threshold_is_in_the_units_of_y(delta):
    model = longer(criterion=nn.HuberLoss, criterion__delta=delta).fit(X, MONEY)
    assert model.score(X, MONEY) > 0.95
    # A threshold that nothing reaches makes squared errors, one nothing falls under
    # absolute ones: to a factor, and so with Adam to the same weights.
    same = nn.MSELoss if delta > 1 else nn.L1Loss
    other = longer(criterion=same).fit(X, MONEY)
    np.testing.assert_allclose(model.predict(X), other.predict(X), rtol=1e-3)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_a_threshold_serves_targets_of_any_size(factor):
    one = longer(criterion=nn.HuberLoss, criterion__delta=500.0).fit(X, MONEY)
    other = longer(criterion=nn.HuberLoss, criterion__delta=500.0 * factor)
    predicted = other.fit(X, MONEY * factor).predict(X) / factor
    np.testing.assert_allclose(predicted, one.predict(X), rtol=1e-4)


def test_losses_are_relative_to_a_row_that_is_one_standard_deviation_off():
    objective = Objective(nn.HuberLoss(reduction="none", delta=3.0), None)
    objective.in_units(torch.tensor([100.0]), torch.zeros(2))
    rows = objective.rows(torch.tensor([1.0, 2.0]), torch.zeros(2))
    assert rows[0] == 1.0
    assert float(rows[1]) == pytest.approx((200 - 1.5) / (100 - 1.5))


def test_several_outputs_have_thresholds_in_their_units():
    both = np.c_[MONEY, X[:, 1]]
    model = longer(criterion=nn.HuberLoss, criterion__delta=1e9)
    model.set_params(module=functools.partial(nn.Linear, 3, 2)).fit(X, both)
    assert model.score(X, both) > 0.5


def test_standardised_losses_stay_as_they_were():
    def squared(output, y):
        return (output - y) ** 2

    assert_same_weights(longer(criterion=squared).fit(X, MONEY), longer().fit(X, MONEY))


def test_partial_fit_goes_on_in_the_same_units():
    model = longer(criterion=nn.PoissonNLLLoss)
    for _ in range(60):
        model.partial_fit(X, COUNTS)
    assert model.predict(X).mean() == pytest.approx(COUNTS.mean(), rel=0.1)


@pytest.mark.parametrize(
    ("params", "y", "words"),
    [
        ({"criterion": nn.PoissonNLLLoss}, MONEY - 60_000, "is for counts, and y hold"),
        ({"criterion": nn.GaussianNLLLoss}, MONEY, "say head='gaussian'"),
        ({"criterion": nn.TripletMarginLoss}, MONEY, "more than outputs and targets"),
        (
            {"criterion": lambda o, y: (o.log() - y.log()) ** 2},
            COUNTS,
            "is not finite on outputs of the untrained",
        ),
        ({"criterion": "possion_nll"}, COUNTS, "Did you mean 'PoissonNLLLoss'"),
    ],
    ids=["negative", "gaussian", "triplet", "logarithms", "name"],
)
def test_what_a_loss_cannot_take_is_said_before_training(params, y, words):
    model = longer(**params)
    with pytest.raises(ValueError, match=words):
        model.fit(X, y)
    assert not hasattr(model, "net_")
