"""Hidden layers of users' modules in a fit, and the module that comes out of it."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup.mixing import ManifoldMixup, Repeat
from tests.builders import assert_same_weights, blobs, classifier, no_hooks, regressor

X, Y = blobs(48)
SERIES = np.random.default_rng(0).standard_normal((48, 5, 3)).astype(np.float32)
PIXELS = np.random.default_rng(1).random((48, 3, 8, 8)).astype(np.float32)
IDS = np.random.default_rng(2).integers(0, 30, (48, 6))


class MLP(nn.Module):
    def __init__(self, n_outputs=2):
        super().__init__()
        self.first, self.relu = nn.Linear(4, 8), nn.ReLU()
        self.second = nn.Linear(8, 8)
        self.spare = nn.Linear(8, 8)
        self.head = nn.Linear(8, n_outputs)

    def forward(self, x):
        return self.head(self.relu(self.second(self.relu(self.first(x)))))


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4))
        self.body = nn.Sequential(nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU())
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.body(self.stem(x)).mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self, batch_first=True):
        super().__init__()
        self.rnn = nn.LSTM(3, 6, batch_first=batch_first)
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        x = x if self.rnn.batch_first else x.transpose(0, 1)
        return self.head(self.rnn(x)[1][0][-1])


class DictNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Encoder()
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.body(x)["hidden"])


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 8)

    def forward(self, x):
        return {"hidden": self.linear(x).relu(), "rows": len(x)}


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 8)
        layer = nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 2)

    def forward(self, ids):
        return self.head(self.encoder(self.embed(ids)).mean(1))


NETS = [
    (MLP, X, "auto"),
    (MLP, X, ["input", "first"]),
    (ConvNet, PIXELS, "auto"),
    (ConvNet, PIXELS, ["stem", "body.1"]),
    (Recurrent, SERIES, ["rnn"]),
    (Recurrent, SERIES, "auto"),
    (DictNet, X, ["body"]),
    (Transformer, IDS, "auto"),
    (Transformer, IDS, ["encoder.layers.*"]),
]
# A pattern for the layers of the encoder also fits their inner layers.
NETS[-1] = (Transformer, IDS, ["encoder.layers.[01]"])


def manifold(layers, **params):
    return ManifoldMixup(layers=layers, **params)


@pytest.mark.parametrize(("module", "data", "layers"), NETS)
def test_the_fitted_module_is_the_users_and_nothing_else(module, data, layers):
    model = classifier(module=module, mix=manifold(layers)).fit(data, Y)
    assert type(model.module_) is module
    assert no_hooks(model.module_)
    fresh = module()
    fresh.load_state_dict(model.module_.state_dict())
    x = torch.as_tensor(data[:5])
    with torch.no_grad():
        assert torch.equal(fresh.eval()(x), model.module_(x))
    assert set(vars(fresh)) == set(vars(model.module_))
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copied.predict(data), model.predict(data))


@pytest.mark.parametrize("layers", ["auto", ["first"]])
def test_hooks_of_the_user_stay(layers):
    template, seen = MLP(), []
    template.first.register_forward_hook(lambda *_: seen.append(1))
    model = classifier(module=template, mix=manifold(layers)).fit(X, Y)
    assert len(model.module_.first._forward_hooks) == 1
    assert seen


def test_a_layer_does_mix():
    def fit(mix):
        return classifier(module=MLP, mix=mix).fit(X, Y)

    mixed, clean = fit(manifold(["second"])), fit(None)
    for a, b in zip(
        mixed.module_.parameters(), clean.module_.parameters(), strict=True
    ):
        if a is not mixed.module_.spare.weight and a is not mixed.module_.spare.bias:
            assert not torch.equal(a, b)


def test_every_fit_finds_the_same_layers():
    model = classifier(module=ConvNet, mix="manifold")
    assert_same_weights(copy.deepcopy(model.fit(PIXELS, Y)), model.fit(PIXELS, Y))


def test_a_regressor_finds_layers():
    model = regressor(module=MLP, module__n_outputs=1, mix="manifold").fit(X, X[:, 0])
    assert no_hooks(model.module_)


def test_training_goes_on_with_the_same_layers():
    model = classifier(module=ConvNet, mix="manifold").fit(PIXELS, Y)
    model.partial_fit(PIXELS, Y)
    assert no_hooks(model.module_)


class Watched(MLP):
    """Knows whether it was ever trained."""

    trained = False

    def forward(self, x):
        if self.training:
            type(self).trained = True
        return super().forward(x)


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ("relu", RuntimeError, "'relu' ran 2 times"),
        (["first", "spare"], RuntimeError, "'spare' ran 0 times"),
        ("third", ValueError, "'third' fits no layer"),
    ],
)
@pytest.mark.parametrize("wrap", [lambda m: m, Repeat, lambda m: ["mixup", m]])
def test_a_layer_that_cannot_be_mixed_is_found_before_training(
    layers, error, message, wrap
):
    Watched.trained = False
    # A method that mixes hardly ever would tell late.
    mix = wrap(manifold(layers, p=0.001, off_first=3))
    with pytest.raises(error, match=message):
        classifier(module=Watched, mix=mix).fit(X, Y)
    assert not Watched.trained


def test_ids_are_refused_as_input_before_training():
    mix = manifold(["input", "embed"])
    with pytest.raises(TypeError, match="Mix their embedding"):
        classifier(module=Transformer, mix=mix).fit(IDS, Y)


def test_an_error_while_training_leaves_no_hooks():
    class Fails(MLP):
        steps = 0

        def forward(self, x):
            output = super().forward(x)
            if self.training:
                type(self).steps += 1
                if self.steps == 3:
                    raise KeyError("in the third step")
            return output

    seen = []
    plain = Fails.__init__

    def remembered(self):
        plain(self)
        seen.append(self)

    Fails.__init__ = remembered
    model = classifier(module=Fails, mix=manifold(["first"]), batch_size=16)
    with pytest.raises(KeyError, match="third step"):
        model.fit(X, Y)
    assert seen
    assert all(no_hooks(module) for module in seen)


@pytest.mark.usefixtures("unchanged_random_state")
def test_global_random_states_stay_as_they_are():
    classifier(module=MLP, mix="manifold").fit(X, Y)


def test_running_means_are_those_of_training_alone():
    # lr is tiny: the running means depend on the data, and on the trial if it counted.
    params = {"module": ConvNet, "lr": 1e-30, "max_epochs": 5, "alpha": 0}
    tried = classifier(mix="manifold", **params).fit(PIXELS, Y)
    plain = classifier(mix=None, **params).fit(PIXELS, Y)
    assert_same_weights(tried, plain)
    assert int(tried.module_.stem[1].num_batches_tracked) == 5


def test_a_hugging_face_model():
    transformers = pytest.importorskip("transformers")

    class Bert(nn.Module):
        def __init__(self):
            super().__init__()
            config = transformers.BertConfig(
                vocab_size=30,
                hidden_size=8,
                num_hidden_layers=2,
                num_attention_heads=2,
                intermediate_size=16,
            )
            self.bert = transformers.BertModel(config)
            self.head = nn.Linear(8, 2)

        def forward(self, ids):
            return self.head(self.bert(ids).last_hidden_state[:, 0])

    for layers in ("auto", ["bert"], ["bert.encoder.layer.0"]):
        model = classifier(module=Bert, mix=manifold(layers), max_epochs=5)
        model.fit(IDS, Y)
        assert no_hooks(model.module_)
        Bert().load_state_dict(model.module_.state_dict())
