"""Fitted models copied, pickled, moved: one module, on whatever device is there."""

import copy
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from skorch.callbacks import LRScheduler
from torch import nn

from tests.builders import assert_same_weights, blobs, classifier, people, weights_of

X, Y = blobs(64)
COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
}
every_copy = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


def linear(**params):
    return classifier(**({"module": nn.Linear(4, 2), "mix": None} | params))


def size(model):
    """Return the bytes of the weights."""
    state = model.module_.state_dict().values()
    return sum(value.numel() * value.element_size() for value in state)


class Learnt(nn.Module):
    """A criterion with a weight of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, output, y):
        return nn.functional.cross_entropy(self.scale * output, y, reduction="none")


@every_copy
@pytest.mark.parametrize("module", [None, nn.Linear(4, 2)], ids=["table", "own"])
def test_a_copy_has_one_module(copied, module):
    twin = copied(classifier(module=module).fit(X, Y))
    assert twin.module_ is twin.net_.module_
    assert twin.history_ is twin.net_.history_
    assert twin._objective_.criterion is twin.net_.criterion_


@every_copy
def test_weights_loaded_into_the_net_of_a_copy_predict(copied):
    source, model = linear().fit(X, Y), linear(module=nn.Linear(4, 2)).fit(X, Y)
    twin, stored = copied(model), io.BytesIO()
    source.net_.save_params(f_params=stored)
    stored.seek(0)
    twin.net_.load_params(f_params=stored)
    np.testing.assert_array_equal(twin.predict_proba(X), source.predict_proba(X))
    twin.module_.load_state_dict(model.module_.state_dict())
    np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))


def test_a_module_put_in_place_is_that_of_the_net():
    model, other = linear().fit(X, Y), nn.Linear(4, 2)
    model.module_ = other
    assert model.net_.module_ is other


def test_no_module_before_a_fit():
    assert not hasattr(linear(), "module_")


@every_copy
def test_a_copy_shares_nothing(copied):
    model = linear().fit(X, Y)
    before = weights_of(copy.deepcopy(model))
    copied(model).partial_fit(X, Y)
    for now, then in zip(weights_of(model), before, strict=True):
        np.testing.assert_array_equal(now, then)


# -- what a pickle holds --------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "method", "most"),
    [
        ({}, "fit", 1.5),
        ({"warm_start": True}, "fit", 3.5),
        ({}, "partial_fit", 3.5),
    ],
)
def test_a_pickle_is_little_more_than_the_weights(params, method, most):
    X, y, _ = people(64)
    model = getattr(classifier(**params), method)(X, y)
    encoder = len(pickle.dumps(model._source_)) + len(pickle.dumps(model._target_))
    assert len(pickle.dumps(model)) < most * size(model) + encoder


def test_a_pickle_holds_neither_optimizer_nor_schedule_nor_average():
    scheduler = LRScheduler("StepLR", step_size=1)
    model = linear(callbacks=[scheduler], ema=0.9).fit(X, Y)
    twin = COPIES["pickle"](model)
    assert twin.net_.optimizer_ is None
    assert twin.callbacks[0].lr_scheduler_ is None
    assert vars(twin.net_)["module_average_"] is None
    # The model itself still has them.
    assert model.net_.optimizer_.state
    assert scheduler.lr_scheduler_ is not None


def test_a_pickle_goes_on_with_a_new_optimizer():
    model = linear(optimizer=torch.optim.AdamW).fit(X, Y)
    twin = COPIES["pickle"](model)
    twin.partial_fit(X, Y)
    steps = twin.net_.optimizer_.state.values()
    assert [int(state["step"]) for state in steps] == [1, 1]


def test_a_pickle_of_a_table_net_goes_on_at_the_rate_of_the_recipe():
    model = classifier(max_epochs=6).fit(X, Y)
    twin = COPIES["pickle"](model).partial_fit(X, Y)
    rates = [group["lr"] for group in twin.net_.optimizer_.param_groups]
    model.partial_fit(X, Y)
    assert rates == [group["lr"] for group in model.net_.optimizer_.param_groups]


@pytest.mark.parametrize("how", ["warm_start", "partial_fit"])
def test_with_warm_start_or_parts_a_pickle_goes_on_as_the_model(how):
    model = classifier(warm_start=how == "warm_start")
    again = getattr(model, "fit" if how == "warm_start" else how)
    again(X, Y)
    twin = COPIES["pickle"](model)
    assert twin.net_.optimizer_.state
    again(X, Y)
    getattr(twin, again.__name__)(X, Y)
    assert_same_weights(model, twin)


def test_the_net_alone_goes_on_too():
    net = pickle.loads(pickle.dumps(linear().fit(X, Y).net_))
    before = copy.deepcopy(net.module_.state_dict())
    net.partial_fit(X, Y.astype(np.int64))
    assert not torch.equal(net.module_.state_dict()["weight"], before["weight"])


def test_a_criterion_that_learns_is_that_of_the_net_in_every_training():
    model = linear(criterion=Learnt, warm_start=True, lr=0.1).fit(X, Y)
    first, scale = model.net_.criterion_, model.net_.criterion_.scale.item()
    model.fit(X, Y)
    assert model._objective_.criterion is model.net_.criterion_
    assert first.scale.item() == scale
    assert model.net_.criterion_.scale.item() != scale


# -- devices --------------------------------------------------------------------------


@pytest.mark.parametrize("module", [None, nn.Linear(4, 2)], ids=["table", "own"])
def test_what_a_gpu_has_stored_is_read_on_a_cpu(monkeypatch, module):
    weight = torch.tensor([1.0, 2.0])
    model = classifier(
        module=module, criterion=nn.CrossEntropyLoss, criterion__weight=weight
    )
    model.set_params(warm_start=True).fit(X, Y)
    proba = model.predict_proba(X)
    model.net_.device = "cuda:7"
    with monkeypatch.context() as patch:
        patch.setattr("torch.serialization.location_tag", lambda storage: "cuda:7")
        stored = pickle.dumps(model)
    twin = pickle.loads(stored)
    assert twin.net_.device == "cpu"
    np.testing.assert_array_equal(twin.predict_proba(X), proba)
    assert twin.fit(X, Y).n_iter_ == 2 * model.n_iter_


def test_rows_go_to_where_the_module_has_been_moved():
    model = linear().fit(X, Y)
    proba = model.predict_proba(X)
    model.net_.device = "cuda:7"  # the weights are on the CPU
    np.testing.assert_array_equal(model.predict_proba(X), proba)


# -- modules of a notebook ------------------------------------------------------------


SCRIPT = """
import sys
import cloudpickle
from sk_mixup import MixupClassifier
from torch import nn
from tests.builders import blobs

class Net(nn.Linear):
    pass

X, y = blobs(64)
model = MixupClassifier(Net(4, 2), max_epochs=1, mix=None).fit(X, y)
sys.stdout.buffer.write(cloudpickle.dumps(model))
"""


def test_cloudpickle_takes_the_class_of_the_module_with_it():
    pytest.importorskip("cloudpickle")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, check=True
    )
    assert pickle.loads(done.stdout).predict(X).shape == (64,)


def test_a_module_of_a_function_is_stored_by_value():
    class Local(nn.Linear):
        pass

    model = linear(module=Local(4, 2)).fit(X, Y)
    assert type(COPIES["pickle"](model).module_) is Local


@every_copy
@pytest.mark.parametrize(
    "normed",
    [
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
        nn.utils.parametrizations.orthogonal,
    ],
)
def test_weights_that_are_computed_of_others(copied, normed):
    model = linear(module=normed(nn.Linear(4, 2)), warm_start=True).fit(X, Y)
    twin = copied(model)
    np.testing.assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
    assert_same_weights(twin.fit(X, Y), model.fit(X, Y))
