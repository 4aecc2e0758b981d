"""Methods that ask the net while it trains, behind the estimators and skorch nets."""

import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor, MixupSearchCV, MixupWarning
from sk_mixup.mixing import MixPlan
from sk_mixup.mixing.looks import feature_map, input_gradients
from sk_mixup.mixing.methods.saliency import LookingMethod
from sk_mixup.skorch import MixupMixin
from tests.builders import assert_same_weights, no_hooks


class Look(LookingMethod):
    """Asks the net, and adds a number to the loss; mixes nothing."""

    short_name = "look"

    def __init__(
        self, asks=True, extra=None, p=1.0, pairing="shuffle", every=1, look_size=None,
        off_first=0, off_last=0,
    ):  # fmt: skip
        self.asks, self.extra = asks, extra
        self.p, self.pairing, self.every = p, pairing, every
        self.look_size, self.off_first, self.off_last = look_size, off_first, off_last

    def _draw_numbers(self, x, streams, context):
        return None

    def _look(self, x, y, partner, open_rows, numbers, context):
        if self.asks:
            assert input_gradients(context, x, y).shape == x.shape
            feature_map(context, x)
        lam = torch.ones(len(x), device=x.device)
        extra = None
        if self.extra is not None:
            module = context.module

            def extra():
                return self.extra * module.spare.sum()

        return MixPlan(partner, lam, label_lam=lam, extra_loss=extra)


class Net(nn.Module):
    """A net with all that a look might disturb."""

    def __init__(self, n_outputs=3):
        super().__init__()
        self.maps = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(4, n_outputs)
        self.spare = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        x = self.norm(self.maps(x)).relu()
        return self.head(self.drop(x.flatten(2).mean(2)))


RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((40, 2, 6, 6)).astype(np.float32)
Y = np.arange(40) % 3


def fitted(look, **params):
    params = {"max_epochs": 5, "batch_size": 16, "random_state": 0} | params
    return MixupClassifier(Net, mix=look, **params).fit(X, Y)


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"accumulate": 2},
        {"ema": 0.9},
        {"precision": "bfloat16"},
        {"channels_last": True},
        {"clip_norm": 0.1},
        {"criterion": nn.MultiMarginLoss},
        {"class_weight": "balanced"},
        {"iterator_train__num_workers": 0},
    ],
    ids=str,
)
def test_a_look_changes_no_bit_of_the_training(knobs):
    asked, silent = fitted(Look(), **knobs), fitted(Look(asks=False), **knobs)
    assert_same_weights(asked, silent)
    losses = [model.history_[:, "train_loss"] for model in (asked, silent)]
    assert losses[0] == losses[1]


@pytest.mark.usefixtures("empty_dynamo")
def test_a_compiled_training_is_asked_as_plain_code():
    knobs = {"compile": {"backend": "eager"}}
    assert_same_weights(fitted(Look(), **knobs), fitted(Look(asks=False), **knobs))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("mix", ["saliency_mix", "guided_mix", "snap_mix"])
def test_methods_look_in_the_precision_of_the_training(mix, precision):
    model = fitted(mix, precision=precision, channels_last=True, accumulate=2)
    assert np.isfinite(model.history_[:, "train_loss"]).all()
    assert type(model.module_) is Net
    assert no_hooks(model.module_)


def test_pixels_can_be_looked_at():
    pixels = (X * 20 + 100).clip(0, 255).astype(np.uint8)
    params = {"max_epochs": 5, "random_state": 0}
    MixupClassifier(Net, mix=Look(), **params).fit(pixels, Y)


@pytest.mark.parametrize(
    ("y", "estimator"),
    [
        (np.linspace(0, 1, 40), MixupRegressor),
        (np.stack([Y == 0, Y > 1], 1).astype(int), MixupClassifier),
        (np.eye(3)[Y] * 0.8 + 0.2 / 3, MixupClassifier),
        (np.stack([Y, Y % 2], 1), MixupClassifier),
    ],
    ids=["numbers", "several labels", "soft labels", "several outputs"],
)
def test_every_kind_of_target_has_a_loss_to_look_at(y, estimator):
    width = {"MixupRegressor": 1}.get(estimator.__name__)
    if width is None:
        width = 5 if y.shape[1] == 2 and y.max() > 1 else y.shape[1]
    model = estimator(
        Net, module__n_outputs=width, mix=Look(), max_epochs=5, random_state=0
    )
    assert np.isfinite(model.fit(X, y).history_[-1, "train_loss"])


@pytest.mark.parametrize("accumulate", [1, 2])
def test_an_extra_loss_joins_the_loss_of_the_batch(accumulate):
    knobs = {"optimizer": torch.optim.SGD, "lr": 0.1}
    knobs |= {"batch_size": 40, "accumulate": accumulate, "schedule": None}
    plain = fitted(Look(), **knobs)
    extra = fitted(Look(extra=2.0), **knobs)
    # Five steps, of a gradient of 2.
    torch.testing.assert_close(extra.module_.spare.detach(), torch.tensor([-1.0]))
    assert plain.module_.spare.item() == 0
    for name, value in plain.module_.state_dict().items():
        assert name == "spare" or torch.equal(value, extra.module_.state_dict()[name])
    more = np.subtract(extra.history_[:, "train_loss"], plain.history_[:, "train_loss"])
    np.testing.assert_allclose(more, -0.4 * np.arange(5), atol=1e-5)


class SkorchNet(MixupMixin, NeuralNetClassifier):
    """A skorch net of somebody."""


def skorch_net(look, **params):
    torch.manual_seed(0)
    return SkorchNet(
        Net, mix=look, random_state=0, max_epochs=2, criterion=nn.CrossEntropyLoss,
        batch_size=16, lr=0.1, verbose=0, **params,
    ).fit(X, Y)  # fmt: skip


def test_a_skorch_net_is_asked_without_a_trace():
    assert_same_weights(skorch_net(Look()), skorch_net(Look(asks=False)))


def test_a_skorch_net_adds_the_extra_loss():
    plain, extra = skorch_net(Look()), skorch_net(Look(extra=2.0))
    assert plain.module_.spare.item() == 0
    assert extra.module_.spare.item() < -0.1


def test_trainings_that_look_run_one_by_one_and_the_search_says_why():
    model = MixupClassifier(Net, mix=Look(), max_epochs=5, random_state=0)
    grid = {"mix__p": [0.5, 1.0]}
    search = MixupSearchCV(model, grid, cv=2, refit=False)
    with pytest.warns(MixupWarning, match="Look looks at the module"):
        search.fit(X, Y)
    plain = GridSearchCV(model, grid, cv=2, refit=False).fit(X, Y)
    for key in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(search.cv_results_[key], plain.cv_results_[key])


def test_a_look_that_fails_does_so_before_the_training():
    class CutOff(Net):
        def forward(self, x):
            return super().forward(x.detach())

    model = MixupClassifier(CutOff, mix=Look(p=0.01), max_epochs=5)
    with pytest.raises(ValueError, match="CutOff gives none"):
        model.fit(X, Y)
    assert not hasattr(model, "module_")


def test_a_net_of_one_size_says_that_it_takes_no_smaller_images():
    class OneSize(Net):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(4 * 6 * 6, 3)

        def forward(self, x):
            return self.head(self.maps(x).flatten(1))

    params = {"max_epochs": 5, "random_state": 0}
    MixupClassifier(OneSize, mix="snap_mix", **params).fit(X, Y)
    with pytest.raises(ValueError, match=r"SnapMix: the net.*look_size=3.*every=4"):
        MixupClassifier(OneSize, mix="snap_mix", mix__look_size=3, **params).fit(X, Y)


def test_one_batch_in_so_many_is_looked_at():
    seen = []

    class Counted(Look):
        def _look(self, x, *args):
            seen.append(len(x))
            return super()._look(x, *args)

    fitted(Counted(every=4), max_epochs=30, batch_size=4)
    # One of the trial before the training, and a quarter of 300.
    assert 45 < len(seen) < 105


@pytest.mark.parametrize("module", ["text_bag", "text_cnn"])
def test_texts_are_mixed_by_spans_in_the_bundled_nets(module):
    words = RANDOM.choice(["red", "blue", "green", "grey"], (40, 9))
    ends = np.array(["good", "bad"])[np.arange(40) % 2]
    texts = [" ".join([*row, end]) for row, end in zip(words, ends, strict=True)]
    model = MixupClassifier(module, mix="ss_mix", max_epochs=5, random_state=0)
    model.fit(texts, ends)
    mixed = model.preview(texts, ends, n=6)
    assert (mixed.mixed["ids"] != mixed.x["ids"]).any()
    assert torch.equal(mixed.mixed["mask"], mixed.x["mask"])
    np.testing.assert_allclose(mixed.lam.numpy(), 0.9, atol=1e-6)
