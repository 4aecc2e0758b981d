"""A skorch net of one's own with mixing added."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback, EarlyStopping, EpochScoring, GradientNormClipping
from skorch.dataset import Dataset
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    BinaryCrossEntropy,
    CutMix,
    ManifoldMixup,
    Mixup,
    RegMixup,
    mixed_loss,
)
from sk_mixup.skorch import MixupMixin
from tests.estimators.helpers import blobs

X, Y = blobs(60)
TARGET = (3.0 * X[:, :1] + X[:, 1:2]).astype(np.float32)


class Classifier(MixupMixin, NeuralNetClassifier):
    pass


class Regressor(MixupMixin, NeuralNetRegressor):
    pass


class Net(nn.Module):
    def __init__(self, n_outputs=2, softmax=False):
        super().__init__()
        self.first, self.head = nn.Linear(4, 8), nn.Linear(8, n_outputs)
        self.softmax = softmax

    def forward(self, x):
        output = self.head(self.first(x).relu())
        return output.softmax(1) if self.softmax else output


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def net(cls=Classifier, **params):
    defaults = {
        "module": Net,
        "max_epochs": 2,
        "verbose": 0,
        "batch_size": 16,
        "random_state": 0,
        "iterator_train__shuffle": True,
    }
    if issubclass(cls, NeuralNetClassifier):
        defaults["criterion"] = nn.CrossEntropyLoss
    return cls(**(defaults | params))


def weights(model):
    return [p.detach().clone() for p in model.module_.parameters()]


def same(one, other):
    return all(
        torch.equal(a, b) for a, b in zip(weights(one), weights(other), strict=True)
    )


def fitted(*args, seed=0, data=(X, Y), **params):
    torch.manual_seed(seed)
    return net(*args, **params).fit(*data)


class Seen(Callback):
    """Keeps the batches and outputs of training and validation."""

    def __init__(self):
        self.train, self.valid = [], []

    def on_batch_end(self, net, batch, training, y_pred, **kwargs):
        (self.train if training else self.valid).append((batch, y_pred.detach()))


# -- what is mixed --------------------------------------------------------------------


def test_no_mixing_is_plain_skorch():
    def plain():
        torch.manual_seed(0)
        return NeuralNetClassifier(
            Net,
            criterion=nn.CrossEntropyLoss,
            max_epochs=2,
            verbose=0,
            batch_size=16,
            iterator_train__shuffle=True,
        ).fit(X, Y)

    assert same(fitted(mix=None), plain())
    assert same(fitted(alpha=0), plain())
    assert not same(fitted(), plain())


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize(
    "criterion",
    [
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0])),
        nn.CrossEntropyLoss(reduction="sum"),
        nn.CrossEntropyLoss(label_smoothing=0.1),
    ],
)
def test_a_step_is_the_mixed_loss_by_hand(per, criterion):
    model = net(mix=Mixup(1.0, per=per), criterion=criterion, lr=0.1, train_split=None)
    model.set_params(max_epochs=1, batch_size=-1, iterator_train__shuffle=False)
    model.initialize()
    by_hand = copy.deepcopy(model.module_)
    streams = copy.deepcopy(model.mix_streams_).mix
    model.partial_fit(X, Y)
    x, y = torch.from_numpy(X), torch.from_numpy(Y)
    plan = Mixup(1.0, per=per).draw(x, y, generator=streams)
    output = by_hand(plan.apply(x))
    rows = copy.copy(criterion)
    rows.reduction = "none"
    lam = plan.lam
    terms = lam * rows(output, y) + (1 - lam) * rows(output, y[plan.partner])
    weight = torch.ones(2) if criterion.weight is None else criterion.weight
    total = (lam * weight[y] + (1 - lam) * weight[y[plan.partner]]).sum()
    if criterion.label_smoothing == 0 and criterion.reduction == "mean":
        loss = terms.sum() / total
    else:
        loss = terms.sum() if criterion.reduction == "sum" else terms.mean()
    loss.backward()
    assert model.history[-1, "train_loss"] == pytest.approx(loss.item(), rel=1e-5)
    for now, before in zip(
        model.module_.parameters(), by_hand.parameters(), strict=True
    ):
        assert_close(now.detach(), (before - 0.1 * before.grad).detach())


def test_validation_and_prediction_are_clean():
    seen = Seen()
    model = fitted(callbacks=[("seen", seen)], alpha=1.0)
    batch, output = seen.valid[-1]
    with torch.no_grad():
        expected = model.module_.eval()(torch.as_tensor(batch[0]))
    assert_close(output, expected)
    with torch.no_grad():
        expected = model.module_(torch.from_numpy(X)).argmax(1)
    np.testing.assert_array_equal(model.predict(X), expected)
    loss = nn.functional.cross_entropy(output, torch.as_tensor(batch[1]))
    assert len(seen.valid) == 2
    assert model.history[-1, "valid_loss"] == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize(
    "mix",
    ["mixup", "manifold", ["mixup", "manifold"], ManifoldMixup(layers=["first"]), None],
)
def test_every_kind_of_mix_learns_and_leaves_nothing_behind(mix):
    model = fitted(mix=mix, max_epochs=15, lr=0.3)
    assert model.score(X, Y) > 0.8
    assert not any(m._forward_hooks for m in model.module_.modules())
    Net().load_state_dict(model.module_.state_dict())


def test_more_rows_than_the_batch():
    assert fitted(mix=RegMixup(), max_epochs=15, lr=0.3).score(X, Y) > 0.8


def test_images():
    pixels = np.random.default_rng(0).random((20, 1, 6, 6)).astype(np.float32)
    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(48, 2))
    fitted(module=module, mix=CutMix(), data=(pixels, np.arange(20) % 2))


def test_schedules_see_the_epoch():
    epochs = []

    class Recorded(Mixup):
        def draw(self, x, y=None, *, generator=None, context=None):
            epochs.append((context.epoch, context.n_epochs))
            return super().draw(x, y, generator=generator, context=context)

    model = fitted(mix=Recorded(off_last=1), max_epochs=3, batch_size=-1)
    model.partial_fit(X, Y)
    drawn = [(0, 3), (1, 3), (2, 3)]
    assert [e for e in epochs if e[1] == 3] == drawn * 2


@pytest.mark.parametrize("mix", ["remix", "balanced_mixup"])
def test_methods_that_count_classes(mix):
    fitted(mix=mix)


# -- criteria, targets and inputs -----------------------------------------------------


@pytest.mark.parametrize("per", ["batch", "row"])
def test_softmax_and_nll(per):
    model = fitted(
        criterion=nn.NLLLoss,
        module__softmax=True,
        mix__per=per,
        max_epochs=15,
        lr=0.3,
    )
    assert model.score(X, Y) > 0.8
    # The logarithm that skorch takes, and no other.
    logits = fitted(mix__per=per, max_epochs=15, lr=0.3)
    np.testing.assert_allclose(
        model.history[-1, "train_loss"], logits.history[-1, "train_loss"], rtol=1e-3
    )


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("criterion", [nn.MSELoss, nn.L1Loss])
def test_a_regressor(per, criterion):
    model = fitted(
        Regressor,
        criterion=criterion,
        module__n_outputs=1,
        mix__per=per,
        max_epochs=25,
        lr=0.05,
        data=(X, TARGET),
    )
    assert model.score(X, TARGET) > 0.8


def test_a_criterion_that_takes_soft_targets():
    model = fitted(criterion=BinaryCrossEntropy, max_epochs=15, lr=1.0)
    assert model.score(X, Y) > 0.8
    assert np.isfinite(model.history[-1, "valid_loss"])


def test_a_criterion_of_one_number_serves_one_lambda_per_batch():
    class Squared(nn.Module):
        def forward(self, output, y):
            return (output - y).square().mean()

    params = {"criterion": Squared, "module__n_outputs": 1, "data": (X, TARGET)}
    assert np.isfinite(fitted(Regressor, **params).history[-1, "train_loss"])
    with pytest.raises(ValueError, match=r"Squared returned a scalar.*mix__per"):
        fitted(Regressor, mix__per="row", **params)


def test_dict_inputs():
    class Two(Net):
        def forward(self, a, b):
            return super().forward(torch.cat((a, b), 1))

    data = {"a": X[:, :2], "b": X[:, 2:]}
    for mix in ("mixup", "manifold"):
        model = fitted(module=Two, mix=mix, data=(data, Y), max_epochs=15, lr=0.3)
        assert model.score(data, Y) > 0.8


def test_a_dataset_without_y():
    model = net(Regressor, module__n_outputs=1)
    model.fit(Dataset(X, TARGET), None)
    assert np.isfinite(model.history[-1, "valid_loss"])


def test_targets_that_are_no_tensor_are_refused():
    class Pairs(torch.utils.data.Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, i):
            return X[i], (TARGET[i], TARGET[i])

    class Own(MixupMixin, NeuralNet):
        pass

    model = net(Own, module=nn.Linear(4, 1), criterion=nn.MSELoss, train_split=None)
    with pytest.raises(TypeError, match="targets that are one tensor"):
        model.fit(Pairs(), None)


# -- methods of the user's own --------------------------------------------------------


def test_a_get_loss_of_ones_own():
    class Penalised(Classifier):
        def get_loss(self, y_pred, y_true, X=None, training=False):
            loss = super().get_loss(y_pred, y_true, X=X, training=training)
            return loss + 5.0

    plain, penalised = fitted(), fitted(Penalised)
    assert same(plain, penalised)
    both = [m.history[-1, "train_loss"] for m in (plain, penalised)]
    assert both[1] == pytest.approx(both[0] + 5.0, rel=1e-4)


def test_a_training_step_of_ones_own():
    class Scaled(Classifier):
        def train_step_single(self, batch, **fit_params):
            self._set_training(True)
            y_pred = self.infer(batch[0], **fit_params)
            loss = self.get_loss(y_pred, batch[1], X=batch[0], training=True)
            loss.backward()
            return {"loss": loss, "y_pred": y_pred}

    assert same(fitted(Scaled), fitted())


def test_an_optimizer_that_asks_several_times_gets_one_mixed_batch():
    calls = []

    class Counted(Mixup):
        def draw(self, x, y=None, **kwargs):
            calls.append(len(x))
            return super().draw(x, y, **kwargs)

    fitted(mix=Counted(), optimizer=torch.optim.LBFGS, batch_size=-1, train_split=None)
    assert calls.count(60) == 2


# -- skorch's ways --------------------------------------------------------------------


def test_callbacks():
    model = fitted(
        callbacks=[
            GradientNormClipping(1.0),
            ("acc", EpochScoring("accuracy", on_train=True, name="train_acc")),
            EarlyStopping(patience=2, threshold=10.0),
        ],
        max_epochs=10,
    )
    assert len(model.history) < 10
    # Scores on training data are of clean rows, not of mixed ones.
    train, _ = model.get_split_datasets(X, Y)
    index = train.indices
    score = np.mean(model.predict(X[index]) == Y[index])
    assert model.history[-1, "train_acc"] == pytest.approx(score)


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
    assert same(one, other)


def test_parameters_are_saved_and_loaded(tmp_path):
    model = fitted()
    model.save_params(f_params=tmp_path / "p.pt")
    other = net().initialize()
    other.load_params(f_params=tmp_path / "p.pt")
    assert same(model, other)


# -- randomness -----------------------------------------------------------------------


def test_the_seed_of_mixing_is_random_state():
    assert same(fitted(), fitted())
    assert not same(fitted(), fitted(random_state=1))
    assert not same(fitted(), fitted(seed=1))
    assert not same(fitted(random_state=None), fitted(random_state=None))


def test_a_random_state_object_moves_on():
    random = np.random.RandomState(0)
    assert not same(fitted(random_state=random), fitted(random_state=random))


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
