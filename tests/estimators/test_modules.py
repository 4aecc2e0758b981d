"""Modules and nets of the user's own."""

import copy

import numpy as np
import pytest
import torch
from skorch import NeuralNet, NeuralNetClassifier, NeuralNetRegressor
from torch import nn

from sk_mixup.mixing import CutMix, ManifoldMixup, Mixup, OneOf
from tests.builders import (
    Recorder,
    assert_same_weights,
    blobs,
    bright_images,
    classifier,
    no_hooks,
    regressor,
)

pytestmark = pytest.mark.usefixtures("seeded_torch")
X, Y = blobs(64)
X3, Y3 = blobs(64, n_classes=3)
TARGET = 3.0 * X[:, 0] + X[:, 1]


class Perceptron(nn.Module):
    def __init__(self, n_outputs=2, width=8, dropout=0.0):
        super().__init__()
        self.first = nn.Linear(4, width)
        self.second = nn.Sequential(nn.ReLU(), nn.Dropout(dropout))
        self.head = nn.Linear(width, n_outputs)

    def forward(self, x):
        return self.head(self.second(self.first(x)))


class WithSoftmax(Perceptron):
    def forward(self, x):
        return super().forward(x).softmax(1)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(9, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.embed(x).mean(1))


def image_net():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))


def learns(model, X=X, y=Y):
    model.set_params(max_epochs=20, lr=2e-2, batch_size=16).fit(X, y)
    return model.score(X, y) > 0.85


# -- what a module may be -------------------------------------------------------------


def test_a_class_with_arguments():
    model = classifier(module=Perceptron, module__width=5)
    assert learns(model)
    assert model.module_.first.out_features == 5


def test_a_factory():
    assert learns(classifier(module=lambda width=6: Perceptron(2, width)))


def test_a_factory_takes_arguments():
    def make(width=6):
        return Perceptron(2, width)

    model = classifier(module=make, module__width=3).fit(X, Y)
    assert model.module_.first.out_features == 3


def test_an_instance_is_a_template():
    template = Perceptron()
    before = copy.deepcopy(template.state_dict())
    model = classifier(module=template)
    assert learns(model)
    assert model.module_ is not template
    for key, value in template.state_dict().items():
        assert torch.equal(value, before[key])


def test_every_fit_starts_from_the_template():
    model = classifier(module=Perceptron())
    assert_same_weights(copy.deepcopy(model.fit(X, Y)), model.fit(X, Y))
    model.set_params(lr=1e-30, random_state=5).fit(X, Y)
    for a, b in zip(model.module_.parameters(), model.module.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_class_is_initialized_from_random_state():
    model = classifier(module=Perceptron, lr=1e-30)
    one = copy.deepcopy(model.fit(X, Y))
    assert_same_weights(one, model.fit(X, Y))
    other = model.set_params(random_state=1).fit(X, Y)
    assert not torch.equal(one.module_.first.weight, other.module_.first.weight)


def test_lazy_modules():
    net = nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(2))
    assert learns(classifier(module=net))


def test_a_frame_of_numbers_reaches_a_module():
    import pandas as pd

    frame = pd.DataFrame(X, columns=list("abcd"))
    model = classifier(module=Perceptron).fit(frame, Y)
    assert model.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_allclose(
        model.predict_proba(frame),
        classifier(module=Perceptron).fit(X, Y).predict_proba(X),
    )


def test_three_classes():
    assert learns(classifier(module=Perceptron, module__n_outputs=3), X3, Y3)


def test_a_module_that_returns_a_tuple():
    class Two(Perceptron):
        def forward(self, x):
            return super().forward(x), x

    assert learns(classifier(module=Two))


# -- skorch nets ----------------------------------------------------------------------


def test_settings_of_a_wrapped_net_hold():
    recorder = Recorder()
    net = NeuralNetClassifier(
        Perceptron,
        module__width=5,
        lr=0.05,
        max_epochs=6,
        batch_size=16,
        optimizer=torch.optim.Adam,
        criterion=nn.CrossEntropyLoss,
        callbacks=[recorder],
        verbose=0,
    )
    model = classifier(module=net, max_epochs=None).fit(X, Y)
    assert model.n_iter_ == 6
    assert model.net_.lr == 0.05
    assert isinstance(model.net_.optimizer_, torch.optim.Adam)
    assert model.history_[0, "train_batch_count"] == 4
    assert model.module_.first.out_features == 5
    assert len(recorder.states) == 6
    assert not hasattr(net, "module_")


def test_settings_given_here_replace_those_of_the_net():
    net = NeuralNetClassifier(Perceptron, lr=0.05, max_epochs=9, verbose=0)
    net.set_params(criterion=nn.CrossEntropyLoss)
    model = classifier(module=net, max_epochs=5, lr=0.2, module__width=3).fit(X, Y)
    assert model.n_iter_ == 5
    assert model.net_.lr == 0.2
    assert model.module_.first.out_features == 3


def test_a_wrapped_net_with_probabilities():
    """skorch's default criterion, NLLLoss, wants a module that ends in a softmax."""
    net = NeuralNetClassifier(WithSoftmax, verbose=0)
    model = classifier(module=net, optimizer=torch.optim.Adam)
    assert learns(model)
    expected = model.module_(torch.from_numpy(X)).detach().double()
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-6)


def test_a_wrapped_class_with_defaults():
    class Net(NeuralNetClassifier):
        def __init__(self, module=Perceptron, **kwargs):
            kwargs.setdefault("criterion", nn.CrossEntropyLoss)
            super().__init__(module, **kwargs)

    assert learns(classifier(module=Net, optimizer=torch.optim.Adam))


def test_a_class_that_needs_a_module():
    with pytest.raises(ValueError, match="NeuralNetClassifier cannot be built without"):
        classifier(module=NeuralNetClassifier).fit(X, Y)


def test_a_wrapped_regressor():
    net = NeuralNetRegressor(Perceptron, module__n_outputs=1, verbose=0)
    assert learns(regressor(module=net, optimizer=torch.optim.Adam), X, TARGET)


def test_a_net_that_replaces_the_training_step():
    class Own(NeuralNet):
        def train_step(self, batch, **fit_params):
            return super().train_step(batch, **fit_params)

    with pytest.raises(TypeError, match="Own replaces train_step"):
        classifier(module=Own(Perceptron, criterion=nn.CrossEntropyLoss)).fit(X, Y)


# -- criteria -------------------------------------------------------------------------


def test_one_logit():
    model = classifier(module=Perceptron, module__n_outputs=1)
    assert learns(model)
    assert isinstance(model.net_.criterion_, nn.BCEWithLogitsLoss)
    logit = model.module_(torch.from_numpy(X)).detach().double().flatten()
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], logit.sigmoid(), atol=1e-6)


def test_binary_cross_entropy_per_class():
    model = classifier(
        module=Perceptron, module__n_outputs=3, criterion=nn.BCEWithLogitsLoss
    )
    assert learns(model, X3, Y3)
    np.testing.assert_allclose(model.predict_proba(X3).sum(1), 1)


def test_label_smoothing():
    smooth = {"criterion": nn.CrossEntropyLoss, "criterion__label_smoothing": 0.2}
    model = classifier(module=Perceptron, mix=None, **smooth)
    assert learns(model)
    floor = -(0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert model.history_[-1, "train_loss"] > floor - 1e-6


def test_nll_of_log_probabilities():
    net = nn.Sequential(nn.Linear(4, 2), nn.LogSoftmax(1))
    model = classifier(module=net, criterion=nn.NLLLoss)
    assert learns(model)
    expected = model.module_(torch.from_numpy(X)).detach().double().exp()
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-6)


@pytest.mark.parametrize("criterion", [nn.L1Loss, nn.HuberLoss, nn.SmoothL1Loss])
@pytest.mark.parametrize("as_instance", [False, True])
def test_regression_losses(criterion, as_instance):
    criterion = criterion() if as_instance else criterion
    net = {"module": Perceptron, "module__n_outputs": 1, "mix": Mixup(0.1)}
    assert learns(regressor(criterion=criterion, **net), X, TARGET)


def test_a_function_with_one_loss_per_row():
    def squared(output, y):
        return (output - y) ** 2

    net = {"module": Perceptron, "module__n_outputs": 1}
    by_function = regressor(criterion=squared, **net).fit(X, TARGET)
    assert_same_weights(by_function, regressor(**net).fit(X, TARGET))


def test_a_criterion_of_one_number_serves_without_mixing():
    def squared(output, y):
        return ((output - y) ** 2).mean()

    params = {"module": Perceptron, "module__n_outputs": 1, "criterion": squared}
    assert regressor(mix=None, **params).fit(X, TARGET).n_iter_ == 5
    with pytest.raises(ValueError, match="squared returns one number per batch"):
        regressor(**params).fit(X, TARGET)


def test_the_users_criterion_object_stays_as_it_is():
    criterion = nn.CrossEntropyLoss()
    classifier(module=Perceptron, criterion=criterion).fit(X, Y)
    assert criterion.reduction == "mean"


# -- input ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize(
    "mix", [CutMix(), Mixup(), OneOf([Mixup(0.8), CutMix()]), ["mixup", "cutmix"]]
)
def test_images(dtype, mix):
    pixels, y = bright_images(dtype=dtype)
    model = classifier(module=image_net, mix=mix).fit(pixels, y)
    assert model.predict(pixels).shape == (32,)
    assert not hasattr(model, "n_features_in_")  # an image has no columns


def test_bytes_count_as_the_same_numbers():
    pixels, y = bright_images()
    by_bytes = classifier(module=image_net, alpha=1.0).fit(pixels, y)
    by_floats = classifier(module=image_net, alpha=1.0)
    assert_same_weights(by_bytes, by_floats.fit(pixels.astype(np.float32), y))


def test_token_ids_are_mixed_after_their_embedding():
    ids = np.arange(64 * 3).reshape(64, 3) * Y[:, None] % 9
    with pytest.raises((TypeError, ValueError), match="embedding"):
        classifier(module=Tokens).fit(ids, Y)
    model = classifier(module=Tokens, mix=ManifoldMixup(0.2, layers="embed"))
    assert learns(model, ids)
    assert learns(classifier(module=Tokens, mix=None), ids)


# -- hidden layers --------------------------------------------------------------------


@pytest.mark.parametrize("layers", ["first", ["input", "first", "second"], "s*"])
def test_named_layers_are_mixed(layers):
    mix = ManifoldMixup(0.2, layers=layers)
    assert learns(classifier(module=Perceptron, mix=mix))


@pytest.mark.parametrize(
    "mix", ["manifold", ManifoldMixup(0.4, layers="hidden.0"), ["mixup", "manifold"]]
)
def test_hidden_layers_of_the_bundled_net(mix):
    assert learns(classifier(mix=mix))


@pytest.mark.parametrize("module", [None, Perceptron])
def test_nothing_of_mixing_is_left_in_the_module(module):
    layer = "first" if module else "hidden.0"
    model = classifier(module=module, mix=ManifoldMixup(layers=layer)).fit(X, Y)
    assert no_hooks(model.module_)
    assert not model.module_.training
    assert type(model.module_).__module__ != "sk_mixup.mixing"
