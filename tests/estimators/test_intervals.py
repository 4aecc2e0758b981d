"""Regressors that know more than the mean."""

import pickle
from statistics import NormalDist

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from skorch import NeuralNetRegressor
from torch import nn

from sk_mixup import MixupRegressor
from tests.builders import assert_same_weights, people, regressor

HEADS = ["quantile", "gaussian"]
every_head = pytest.mark.parametrize("head", HEADS)
TABLE, _, INCOME = people(60)


def noisy(n_rows, seed):
    """Return rows whose noise grows away from zero, and its deviation."""
    random = np.random.default_rng(seed)
    X = random.uniform(-2, 2, (n_rows, 2))
    deviation = 0.2 + 0.4 * np.abs(X[:, 0])
    y = np.sin(2 * X[:, 0]) + 0.5 * X[:, 1] + deviation * random.normal(size=n_rows)
    return X, 1000 + 50 * y, 50 * deviation


def small(**params):
    settings = {"module__d_hidden": 32, "module__dropout": 0.0, "random_state": 0}
    return MixupRegressor(**(settings | params))


@pytest.fixture(scope="module")
def fitted():
    X, y, _ = noisy(1000, 0)
    settings = {"max_epochs": 25, "lr": 3e-3, "early_stopping": False}
    return {head: small(head=head, **settings).fit(X, y) for head in HEADS}


# -- what is predicted ----------------------------------------------------------------


@every_head
def test_intervals_cover_what_they_say_where_noise_varies(fitted, head):
    X, y, deviation = noisy(4000, 1)
    interval = fitted[head].predict_interval(X, coverage=0.9)
    assert interval.shape == (4000, 2)
    inside = (interval[:, 0] <= y) & (y <= interval[:, 1])
    assert inside.mean() == pytest.approx(0.9, abs=0.05)
    calm, wild = deviation < 30, deviation > 35
    for part in (calm, wild):
        assert inside[part].mean() == pytest.approx(0.9, abs=0.1)
    width = interval[:, 1] - interval[:, 0]
    assert width[wild].mean() > 1.2 * width[calm].mean()


@every_head
def test_predict_is_as_good_as_by_squared_error(fitted, head):
    X, y, _ = noisy(2000, 2)
    assert fitted[head].score(X, y) > 0.5


def test_predict_is_the_median(fitted):
    model, X = fitted["quantile"], noisy(50, 3)[0]
    quantiles = model.predict_quantiles(X)
    assert quantiles.shape == (50, 5)
    assert (np.diff(quantiles, axis=1) > 0).all()
    np.testing.assert_array_equal(model.predict(X), quantiles[:, 2])
    interval = model.predict_interval(X, 0.5)
    np.testing.assert_allclose(interval, quantiles[:, [1, 3]])


def test_mean_and_deviation(fitted):
    model, (X, _, deviation) = fitted["gaussian"], noisy(2000, 3)
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, model.predict(X))
    assert mean.shape == std.shape == (2000,)
    assert np.corrcoef(std, deviation)[0, 1] > 0.8
    upper = model.predict_quantiles(X, [0.9])[:, 0]
    np.testing.assert_allclose(upper, mean + NormalDist().inv_cdf(0.9) * std)
    assert model.predict_quantiles(X[:3]).shape == (3, 5)


@every_head
def test_the_scale_of_the_target_does_not_matter(head):
    X, y, _ = noisy(100, 0)
    one = small(head=head, max_epochs=5).fit(X, y)
    other = small(head=head, max_epochs=5).fit(X, 1e6 * y - 1e9)
    np.testing.assert_allclose(
        other.predict_interval(X), 1e6 * one.predict_interval(X) - 1e9, rtol=1e-4
    )
    if head == "gaussian":
        std = other.predict(X, return_std=True)[1]
        np.testing.assert_allclose(
            std, 1e6 * one.predict(X, return_std=True)[1], rtol=1e-2
        )


@every_head
def test_several_outputs(head):
    y = np.c_[INCOME, 100 - 2 * INCOME]
    model = regressor(head=head).fit(TABLE, y)
    assert model.predict(TABLE).shape == (60, 2)
    interval = model.predict_interval(TABLE)
    assert interval.shape == (60, 2, 2)
    assert (interval[..., 0] < interval[..., 1]).all()
    middle = interval[:, 1].mean()
    assert abs(middle - y[:, 1].mean()) < 2 * y[:, 1].std()
    assert model.predict_quantiles(TABLE, [0.5]).shape == (60, 2, 1)
    if head == "gaussian":
        assert model.predict(TABLE, return_std=True)[1].shape == (60, 2)


@every_head
def test_one_column_stays_a_column(head):
    model = regressor(head=head).fit(TABLE, INCOME.reshape(-1, 1))
    assert model.predict(TABLE).shape == (60, 1)
    assert model.predict_interval(TABLE).shape == (60, 1, 2)


# -- training -------------------------------------------------------------------------


@every_head
@pytest.mark.parametrize("mix", [None, "mixup", "regmixup", "c_mixup", "hid_mix"])
def test_methods(head, mix):
    model = regressor(head=head, mix=mix).fit(TABLE, INCOME)
    assert np.isfinite(model.history_[:, "train_loss"]).all()
    assert np.isfinite(model.predict_interval(TABLE)).all()


@every_head
def test_weights_of_rows(head):
    weight = (np.arange(60) % 3 > 0).astype(float)
    model = regressor(head=head).fit(TABLE, INCOME, sample_weight=weight)
    plain = regressor(head=head).fit(TABLE[weight > 0], INCOME[weight > 0])
    np.testing.assert_allclose(plain.predict(TABLE), model.predict(TABLE))


@every_head
@pytest.mark.usefixtures("unchanged_random_state")
def test_clone_pickle_and_seed(head):
    model = regressor(head=head).fit(TABLE, INCOME)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(
        again.predict_interval(TABLE), model.predict_interval(TABLE)
    )
    assert_same_weights(clone(model).fit(TABLE, INCOME), model)


def test_searches():
    grid = {"head": ["mean", *HEADS], "mix": [None, "mixup"]}
    search = GridSearchCV(regressor(), grid, cv=2, error_score="raise")
    search.fit(TABLE, INCOME)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    grid = {"quantiles": [(0.1, 0.5, 0.9), (0.5,)]}
    search = GridSearchCV(regressor(head="quantile"), grid, cv=2).fit(TABLE, INCOME)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    scores = cross_val_score(
        regressor(head="gaussian"), TABLE, INCOME, scoring="r2", cv=2
    )
    assert np.isfinite(scores).all()


@every_head
def test_validation_and_partial_fit(head):
    X, y, _ = noisy(120, 0)
    model = small(head=head, max_epochs=6).fit(X, y, X_val=X[:20], y_val=y[:20])
    assert np.isfinite(model.history_[:, "valid_loss"]).all()
    again = small(head=head)
    for _ in range(2):
        again.partial_fit(X, y)
    assert again.n_iter_ == 2


def test_beta_is_a_parameter_of_the_criterion():
    model = regressor(head="gaussian", criterion__beta=0.0).fit(TABLE, INCOME)
    assert model.net_.criterion_.beta == 0.0


def test_validation_is_by_the_likelihood_itself():
    X, y, _ = noisy(120, 0)
    model = small(head="gaussian", max_epochs=6, n_iter_no_change=6)
    model.fit(X, y, X_val=X[:40], y_val=y[:40])
    mean, std = model.predict(X[:40], return_std=True)
    scale = model._target_.scale_[0]
    surprise = [
        -np.log(NormalDist(m, s).pdf(v) * scale)
        for m, s, v in zip(mean, std, y[:40], strict=True)
    ]
    best = min(model.history_[:, "valid_loss"])
    assert best == pytest.approx(np.mean(surprise), rel=1e-3)


# -- modules of one's own -------------------------------------------------------------


@every_head
def test_a_module_of_ones_own(head):
    X, y, _ = noisy(80, 0)
    width = 5 if head == "quantile" else 2
    module = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, width))
    model = regressor(module=module, head=head).fit(X.astype(np.float32), y)
    assert model.predict_interval(X.astype(np.float32)).shape == (80, 2)
    with pytest.raises(ValueError, match=rf"head='{head}' needs {width} values.*outp"):
        regressor(module=nn.Linear(2, 1), head=head).fit(X.astype(np.float32), y)


def test_a_wrapped_net_learns_by_the_loss_of_the_head():
    X, y, _ = noisy(80, 0)
    net = NeuralNetRegressor(nn.Linear(2, 2), max_epochs=5, verbose=0)
    model = MixupRegressor(net, head="gaussian", random_state=0)
    assert model.fit(X.astype(np.float32), y).predict_interval(X).shape == (80, 2)
    assert type(model.net_.criterion_).__name__ == "GaussianLoss"


def test_images():
    X = np.random.default_rng(0).random((24, 1, 8, 8))
    model = regressor(module="resnet", module__width=4, head="quantile")
    model.fit(X, X.mean((1, 2, 3)))
    assert model.predict_interval(X).shape == (24, 2)


# -- what is refused ------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model.predict_interval(TABLE),
        lambda model: model.predict_quantiles(TABLE),
        lambda model: model.predict(TABLE, return_std=True),
    ],
)
def test_the_mean_alone_has_no_intervals(call):
    model = regressor().fit(TABLE, INCOME)
    with pytest.raises(ValueError, match=r"head='mean'.*head='quantile' or"):
        call(model)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"head": "median"}, r"head must be one of .*'median'"),
        ({"head": None}, r"head must be one of"),
        ({"head": "quantile", "quantiles": (0.9, 0.1)}, "must increase"),
        ({"head": "quantile", "quantiles": (0.6, 0.9)}, r"0\.5.*the median"),
        ({"head": "quantile", "quantiles": (0.0, 0.5)}, "between 0 and 1"),
        ({"head": "quantile", "quantiles": ()}, "at least one"),
        ({"head": "gaussian", "criterion": nn.L1Loss}, "Leave criterion out"),
    ],
)
def test_wrong_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        regressor(**params).fit(TABLE, INCOME)


def test_quantiles_that_are_no_sequence():
    with pytest.raises(TypeError, match="quantiles must be a sequence"):
        regressor(head="quantile", quantiles=0.5).fit(TABLE, INCOME)


def test_predictions_beyond_what_was_trained(fitted):
    X = noisy(5, 0)[0]
    with pytest.raises(ValueError, match=r"coverage=0\.95 needs the quantile 0\.025"):
        fitted["quantile"].predict_interval(X, 0.95)
    with pytest.raises(ValueError, match=r"return_std=True needs head='gaussian'"):
        fitted["quantile"].predict(X, return_std=True)
    with pytest.raises(ValueError, match="coverage must be a number between 0 and 1"):
        fitted["gaussian"].predict_interval(X, 90)
    assert fitted["gaussian"].predict_interval(X, 0.999).shape == (5, 2)


def test_a_training_that_goes_on_keeps_its_head():
    model = regressor(head="gaussian", warm_start=True).fit(TABLE, INCOME)
    with pytest.raises(ValueError, match="warm_start=False"):
        model.set_params(head="quantile").fit(TABLE, INCOME)
    model.set_params(head="gaussian").fit(TABLE, INCOME)


def test_intervals_of_an_ensemble_inside_the_net():
    X, y, _ = noisy(100, 0)
    model = small(head="gaussian", module__n_members=3, max_epochs=5).fit(X, y)
    assert isinstance(model.module_, torch.nn.Module)
    assert model.predict_interval(X).shape == (100, 2)
