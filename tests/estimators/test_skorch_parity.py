"""What people use with skorch: optimizers, devices, callbacks, outputs."""

import collections
import pickle

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, InputShapeSetter
from skorch.exceptions import DeviceWarning
from torch import nn

from sk_mixup.mixing import ManifoldMixup
from tests.builders import assert_same_weights, blobs, classifier, weights_of

X, Y = blobs(60)


class Net(nn.Module):
    def __init__(self, n_inputs=4, n_outputs=2):
        super().__init__()
        self.body, self.head = nn.Linear(n_inputs, 8), nn.Linear(8, n_outputs)

    def forward(self, x):
        return self.head(self.body(x).relu())


# -- optimizers -----------------------------------------------------------------------


class TwoSteps(torch.optim.SGD):
    """Sharpness-aware: up, once more the gradient, and down. Not one of torch's."""

    n_calls = 0

    def first_step(self, gradients):
        for p, gradient in zip(self.param_groups[0]["params"], gradients, strict=True):
            p.add_(0.05 * gradient)

    second_step = torch.optim.SGD.step

    def step(self, closure=None):
        assert closure is not None, "it needs a closure"
        loss = torch.enable_grad()(closure)()
        with torch.no_grad():
            params = self.param_groups[0]["params"]
            before = [p.clone() for p in params]
            self.first_step([p.grad.clone() for p in params])
            torch.enable_grad()(closure)()
            for p, value in zip(params, before, strict=True):
                p.copy_(value)
        super().step()
        TwoSteps.n_calls += 1
        return loss


class Averaging(torch.optim.SGD):
    """Without a schedule: shows an average while nobody trains."""

    def __init__(self, params, lr):
        super().__init__(params, lr=lr)
        self.param_groups[0]["is_training"] = False

    @torch.no_grad()
    def train(self):
        self._switch(True)

    @torch.no_grad()
    def eval(self):
        self._switch(False)

    def _switch(self, training):
        (group,) = self.param_groups
        if group["is_training"] != training:
            for p in group["params"]:
                state = self.state[p]
                if "other" in state:
                    here = p.clone()
                    p.copy_(state["other"])
                    state["other"].copy_(here)
        group["is_training"] = training

    @torch.no_grad()
    def step(self, closure=None):
        assert self.param_groups[0]["is_training"], "not in train mode"
        loss = None if closure is None else torch.enable_grad()(closure)()
        super().step()
        for p in self.param_groups[0]["params"]:
            state = self.state[p]
            if "other" not in state:
                state["other"] = p.clone()
            state["other"].lerp_(p, 0.1)
        return loss


@pytest.mark.parametrize("mix", [None, "mixup", ManifoldMixup(layers=["body"])])
def test_an_optimizer_that_asks_twice(mix):
    TwoSteps.n_calls = 0
    model = classifier(module=Net, mix=mix, optimizer=TwoSteps, batch_size=30)
    model.set_params(lr=0.1, max_epochs=30).fit(X, Y)
    assert TwoSteps.n_calls == 60
    assert model.score(X, Y) > 0.8


@pytest.mark.parametrize("optimizer", [TwoSteps, torch.optim.LBFGS])
def test_a_batch_that_is_asked_for_twice_is_judged_once(optimizer):
    model = classifier(module=Net, optimizer=optimizer, lr=1e-12).fit(X, Y)
    expected = classifier(module=Net, optimizer=torch.optim.SGD, lr=1e-12).fit(X, Y)
    for key in ("train_loss", "train_acc_mixed"):
        np.testing.assert_allclose(
            model.history_[:, key], expected.history_[:, key], rtol=1e-5
        )


@pytest.mark.parametrize("params", [{"clip_norm": 1.0}, {"accumulate": 2}], ids=str)
def test_what_needs_one_gradient_per_step_is_refused(params):
    with pytest.raises(ValueError, match="asks for several gradients per step"):
        classifier(module=Net, optimizer=TwoSteps, **params).fit(X, Y)


@pytest.mark.parametrize("params", [{"ema": 0.9}, {"schedule": "cosine"}], ids=str)
def test_what_follows_steps_works_with_a_closure(params):
    TwoSteps.n_calls = 0
    classifier(module=Net, optimizer=TwoSteps, batch_size=30, **params).fit(X, Y)
    assert TwoSteps.n_calls == 10


class Modes(Callback):
    """Notes whether the optimizer trains at the end of an epoch, and the weights."""

    def __init__(self):
        self.seen = []

    def on_batch_begin(self, net, batch, training, **kwargs):
        self.seen.append((training, net.optimizer_.param_groups[0]["is_training"]))

    def on_epoch_end(self, net, **kwargs):
        self.seen.append((False, net.optimizer_.param_groups[0]["is_training"]))


@pytest.mark.parametrize("params", [{}, {"clip_norm": 5.0}], ids=["plain", "stepper"])
def test_an_optimizer_is_told_who_trains(params):
    modes = Modes()
    model = classifier(module=Net, optimizer=Averaging, lr=0.1, callbacks=[modes])
    model.set_params(early_stopping=True, batch_size=20, max_epochs=20, **params)
    model.fit(X, Y)
    assert {training for training, _ in modes.seen} == {False, True}
    assert all(training == mode for training, mode in modes.seen)
    assert model.score(X, Y) > 0.8


def test_what_is_kept_is_the_average():
    params = {"module": Net, "optimizer": Averaging, "lr": 0.1, "batch_size": 20}
    params["mix"] = None
    model = classifier(**params, early_stopping=False).fit(X, Y)
    state = model.net_.optimizer_.state
    for p in model.module_.parameters():
        assert float((p.detach() - state[p]["other"]).abs().max()) > 0
    again = pickle.loads(pickle.dumps(model))
    assert_same_weights(again, model)
    steps = classifier(**params, early_stopping=False)
    for _ in range(5):
        steps.partial_fit(X, Y)
    assert_same_weights(steps, model)


# -- devices --------------------------------------------------------------------------


@pytest.mark.parametrize("module", [Net, "template"])
def test_no_device_leaves_the_module_where_it_is(module):
    if module == "template":
        with torch.random.fork_rng():
            torch.manual_seed(0)
            module = Net()
    model = classifier(module=module, device=None).fit(X, Y)
    assert_same_weights(model, classifier(module=module, device="cpu").fit(X, Y))
    assert model.predict(X).shape == (60,)


@pytest.mark.parametrize("device", ["auto", None])
def test_a_wrapped_net_without_a_device(device):
    def wrapped(device):
        return NeuralNetClassifier(
            Net, criterion=nn.CrossEntropyLoss, device=device, max_epochs=3, verbose=0
        )

    model = classifier(module=wrapped(None), device=device, early_stopping=True)
    expected = classifier(module=wrapped("cpu"), early_stopping=True).fit(X, Y)
    assert_same_weights(model.fit(X, Y), expected)
    assert model.net_.device is None
    with pytest.warns(DeviceWarning):  # skorch's own, of any such net
        again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    model.set_params(early_stopping="auto").partial_fit(X, Y)
    assert np.isfinite(model.history_[-1, "train_loss"])


def test_a_net_that_accelerate_places():
    accelerate = pytest.importorskip("accelerate")
    from skorch.hf import AccelerateMixin

    class Accelerated(AccelerateMixin, NeuralNetClassifier):
        """As skorch's documentation has it."""

    net = Accelerated(
        Net,
        accelerator=accelerate.Accelerator(cpu=True),
        criterion=nn.CrossEntropyLoss,
        max_epochs=5,
        verbose=0,
    )
    model = classifier(module=net, mix="mixup").fit(X, Y)
    assert np.isfinite(model.history_[-1, "train_loss"])
    assert model.predict(X).shape == (60,)


# -- callbacks ------------------------------------------------------------------------


def test_a_callback_that_sets_the_width_of_the_input():
    setter = InputShapeSetter(param_name="n_inputs")
    model = classifier(module=Net, module__n_inputs=1, callbacks=[setter]).fit(X, Y)
    assert model.module_.body.in_features == 4
    assert_same_weights(model, classifier(module=Net).fit(X, Y))


class Looks(Callback):
    """Notes what a training begins with."""

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        self.X_, self.y_ = X, y


def test_a_training_begins_with_the_data_as_they_were_given():
    looks = Looks()
    labels = np.array(["no", "yes"])[Y]
    classifier(module=Net, callbacks=[looks]).fit(X, labels)
    assert looks.X_ is X
    assert looks.y_ is labels


class Widens(Callback):
    """Changes the module when a training begins."""

    def on_train_begin(self, net, X, y, **kwargs):
        net.set_params(module__n_inputs=X.shape[1], module__n_outputs=len(set(y)))


@pytest.mark.parametrize("params", [{}, {"ema": 0.9}, {"clip_norm": 1.0}], ids=str)
def test_a_module_that_is_made_anew_is_the_one_that_trains(params):
    model = classifier(module=Net, callbacks=[Widens()], lr=0.01, **params)
    model.set_params(module__n_outputs=2, max_epochs=40).fit(X, Y)
    assert model.module_ is model.net_.module_
    assert model.score(X, Y) > 0.8


# -- outputs --------------------------------------------------------------------------


class ModelOutput(collections.OrderedDict):
    """Behaves like that of Hugging Face: keys and attributes."""

    def __getattr__(self, name):
        return self[name]


def returning(make):
    class Returns(Net):
        def forward(self, x):
            return make(super().forward(x))

    return Returns


@pytest.mark.parametrize(
    "make",
    [
        lambda logits: ModelOutput(hidden=logits * 2, logits=logits),
        lambda logits: {"logits": logits, "attentions": None},
        lambda logits: {"scores": logits},
        lambda logits: (logits, None),
    ],
    ids=["model output", "dict", "one entry", "tuple"],
)
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"mix": None}])
def test_logits_are_found(make, params):
    model = classifier(module=returning(make), **params).fit(X, Y)
    expected = classifier(module=Net, **params).fit(X, Y)
    for one, other in zip(weights_of(model), weights_of(expected), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_outputs_without_logits_are_named():
    module = returning(lambda logits: {"a": logits, "b": logits})
    with pytest.raises(ValueError, match=r"key 'logits'.*with the keys \['a', 'b'\]"):
        classifier(module=module).fit(X, Y)
