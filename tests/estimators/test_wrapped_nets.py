"""A wrapped skorch net is what it says, in training, validation and prediction."""

import types

import numpy as np
import pytest
import torch
from skorch import (
    NeuralNet,
    NeuralNetBinaryClassifier,
    NeuralNetClassifier,
    NeuralNetRegressor,
)
from skorch.dataset import Dataset
from skorch.helper import predefined_split
from torch import nn

from sk_mixup.training.loop._overrides import REPLACED
from tests.builders import blobs, classifier, regressor

X, Y = blobs(80)
FAR = 100.0 + 10.0 * X


class Scaled(NeuralNetClassifier):
    """Takes the far values back to where they were."""

    def infer(self, x, **params):
        return super().infer((x - 100.0) / 10.0, **params)


class Shaped(NeuralNetClassifier):
    """Calls a module that wants another shape."""

    def infer(self, x, **params):
        return super().infer(x.unsqueeze(1), **params)


class Named(NeuralNetClassifier):
    """Passes the input by another name."""

    def infer(self, x, **params):
        return self.module_(there=torch.as_tensor(x["here"]), **params)


class ByName(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)

    def forward(self, there):
        return self.linear(there)


def net(kind=NeuralNetClassifier, module=None, **params):
    if module is None:
        module = nn.Linear(4, 2)
        nn.init.zeros_(module.weight)
    defaults = {"criterion": nn.CrossEntropyLoss, "lr": 0.1, "max_epochs": 15}
    defaults["batch_size"] = 16
    return kind(module, **(defaults | {"verbose": 0} | params))


def wrapped(net, **params):
    return classifier(**({"module": net, "mix": None, "max_epochs": None} | params))


# -- infer ----------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_infer_of_its_own_is_what_predicts(early_stopping):
    model = wrapped(net(Scaled), early_stopping=early_stopping).fit(FAR, Y)
    by_hand = model.module_(torch.from_numpy((FAR - 100.0) / 10.0).detach())
    proba = (by_hand.detach().double() / model.temperature_).softmax(1)
    np.testing.assert_allclose(model.predict_proba(FAR), proba, atol=1e-5)
    np.testing.assert_array_equal(model.predict(FAR), model.net_.predict(FAR))


def test_an_infer_of_its_own_is_what_a_temperature_is_fitted_on():
    params = {"early_stopping": True, "random_state": 0}
    far = wrapped(net(Scaled), **params).fit(FAR, Y)
    near = wrapped(net(module=far.net_.module), **params).fit(X, Y)
    assert 0.1 < far.temperature_ < 10.0
    assert far.history_[-1, "valid_acc"] == near.history_[-1, "valid_acc"] > 0.8


def test_an_infer_may_change_the_shape_or_the_names_of_the_input():
    flat = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    assert wrapped(net(Shaped, flat)).fit(X, Y).score(X, Y) > 0.8
    model = wrapped(net(Named, ByName)).fit({"here": X}, Y)
    assert model.score({"here": X}, Y) > 0.8


def test_an_infer_that_fails_is_named_before_training():
    with pytest.raises(ValueError, match=r"module: Named.infer, with Linear, failed"):
        wrapped(net(Named)).fit(X, Y)


def test_an_infer_is_called_on_mixed_rows():
    model = wrapped(net(Scaled), mix="mixup", alpha=1.0).fit(FAR, Y)
    assert model.score(FAR, Y) > 0.8


def test_an_infer_holds_with_an_augmentation_and_a_precision():
    model = wrapped(net(Scaled), augment=lambda x: x + 0.0, precision="bfloat16")
    assert model.fit(FAR, Y).score(FAR, Y) > 0.8


# -- predict_nonlinearity -------------------------------------------------------------


def by_square(output):
    return output.square() / output.square().sum(1, keepdim=True)


def test_a_nonlinearity_makes_the_probabilities():
    given = net(predict_nonlinearity=by_square)
    model = wrapped(given, early_stopping=True).fit(X, Y)
    output = model.module_(torch.from_numpy(X)).detach()
    np.testing.assert_allclose(model.predict_proba(X), by_square(output), rtol=1e-5)
    np.testing.assert_array_equal(model.predict(X), model.net_.predict(X))
    assert model.temperature_ == 1.0


def test_a_nonlinearity_decides_in_validation_too():
    given = net(predict_nonlinearity=lambda output: output.softmax(1).flip(1))
    model = wrapped(given).fit(X, Y, X_val=X, y_val=Y)
    wrong = model.score(X, Y)
    assert wrong < 0.3
    losses = model.history_[:, "valid_loss"]
    best = int(np.argmin(losses))
    assert model.history_[best, "valid_acc"] == pytest.approx(wrong)


def test_none_is_the_outputs_as_they_are():
    model = wrapped(net(predict_nonlinearity=None)).fit(X, Y)
    output = model.module_(torch.from_numpy(X)).detach()
    np.testing.assert_allclose(model.predict_proba(X), output, rtol=1e-5)


def test_a_nonlinearity_of_several_labels():
    labels = np.stack([Y, 1 - Y, Y], 1)
    given = net(NeuralNet, nn.Linear(4, 3), criterion=nn.BCEWithLogitsLoss)
    given.set_params(predict_nonlinearity=lambda output: 0.4 * output.sigmoid())
    model = wrapped(given).fit(X, labels)
    assert model.predict_proba(X).max() <= 0.4
    assert not model.predict(X).any()


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("softmax", TypeError, "predict_nonlinearity='softmax' must be a callable"),
        (torch.sum, ValueError, "made probabilities of shape"),
        (len, ValueError, "predict_nonlinearity=<built-in function len> failed"),
    ],
)
def test_a_nonlinearity_that_cannot_be_is_named(given, error, words):
    with pytest.raises(error, match=words):
        wrapped(net(predict_nonlinearity=given)).fit(X, Y)


def test_a_nonlinearity_of_numbers_is_refused():
    given = net(NeuralNetRegressor, nn.Linear(4, 1), criterion=nn.MSELoss)
    given.set_params(predict_nonlinearity=torch.exp)
    with pytest.raises(ValueError, match=r"predict_nonlinearity.*standardised"):
        regressor(module=given, mix=None).fit(X, X[:, 0])


def test_a_temperature_and_a_nonlinearity_exclude_each_other():
    given = net(predict_nonlinearity=by_square)
    with pytest.raises(ValueError, match=r"calibration='temperature'.*nonlinearity"):
        wrapped(given, calibration="temperature").fit(X, Y)


# -- threshold ------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.9])
def test_the_threshold_of_a_binary_net_decides(threshold):
    given = net(NeuralNetBinaryClassifier, nn.Linear(4, 1), threshold=threshold)
    given.set_params(criterion=nn.BCEWithLogitsLoss)
    labels = np.array(["no", "yes"])[Y]
    model = wrapped(given).fit(X, labels, X_val=X, y_val=labels)
    proba = model.predict_proba(X)[:, 1]
    assert (model.predict(X) == "yes").tolist() == (proba > threshold).tolist()
    plain = model.module_(torch.from_numpy(X)).sigmoid().flatten() > threshold
    right = (plain.numpy() == Y).mean()
    best = int(np.argmin(model.history_[:, "valid_loss"]))
    assert model.history_[best, "valid_acc"] == pytest.approx(right)


def test_a_threshold_is_for_two_classes():
    given = net(NeuralNetBinaryClassifier, nn.Linear(4, 3), threshold=0.3)
    X3, y3 = blobs(60, n_classes=3)
    with pytest.raises(ValueError, match=r"threshold=0.3 is for two classes"):
        wrapped(given.set_params(criterion=nn.CrossEntropyLoss)).fit(X3, y3)


def test_a_threshold_that_is_none_is_named():
    given = net(NeuralNetBinaryClassifier, nn.Linear(4, 1), threshold=7)
    with pytest.raises(ValueError, match="threshold=7 must be a number"):
        wrapped(given.set_params(criterion=nn.BCEWithLogitsLoss)).fit(X, Y)


# -- what would never be called -------------------------------------------------------


@pytest.mark.parametrize("name", REPLACED)
def test_what_would_not_be_called_is_refused_by_name(name):
    def own(self, *args, **kwargs):
        return getattr(NeuralNetClassifier, name)(self, *args, **kwargs)

    kind = type("Own", (NeuralNetClassifier,), {name: own, "__module__": "their.nets"})
    with pytest.raises(TypeError, match=f"module: Own replaces {name}, .*[.] "):
        wrapped(net(kind)).fit(X, Y)


def test_a_gaussian_process_of_skorch_is_refused():
    names = {"get_loss": NeuralNet.get_loss, "__module__": "skorch.probabilistic"}
    kind = type("ExactGPRegressor", (NeuralNetClassifier,), names)
    with pytest.raises(TypeError, match="ExactGPRegressor replaces get_loss"):
        wrapped(net(kind)).fit(X, Y)


def test_a_method_put_into_an_instance_is_refused():
    given = net()
    given.infer = types.MethodType(Scaled.infer, given)
    with pytest.raises(TypeError, match="infer was set on an instance"):
        wrapped(given).fit(X, Y)


def test_a_data_set_class_is_refused():
    class Own(Dataset):
        pass

    with pytest.raises(ValueError, match=r"dataset=.*Own.* would not be used"):
        wrapped(net(dataset=Own)).fit(X, Y)


def test_what_shapes_a_training_holds():
    seen = []

    class Own(NeuralNetClassifier):
        def on_epoch_end(self, net, **kwargs):
            seen.append(len(net.history))

        def initialize_optimizer(self, *args):
            super().initialize_optimizer(*args)
            self.optimizer_.param_groups[0]["lr"] = 0.0

    model = wrapped(net(Own, train_split=predefined_split(None))).fit(X, Y)
    assert seen == list(range(1, 16))
    losses = model.history_[:, "train_loss"]
    assert losses[0] == pytest.approx(losses[-1], rel=1e-4)
