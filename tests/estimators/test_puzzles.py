"""PuzzleMix and Co-Mixup behind the estimators, on tiny images."""

import numpy as np
import pytest
import torch
from skorch import NeuralNetClassifier
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor, MixupSearchCV, MixupWarning
from sk_mixup.mixing import (
    CoMixup,
    DecoupledCrossEntropy,
    OneOf,
    PuzzleMix,
    SoftCrossEntropy,
)
from sk_mixup.skorch import MixupMixin
from tests.builders import assert_same_weights

RANDOM = np.random.default_rng(0)
N = 24
Y = np.arange(N) % 3
# A bright square whose place tells the class.
X = 0.3 * RANDOM.random((N, 2, 8, 8)).astype(np.float32)
for image, label in zip(X, Y, strict=True):
    image[:, 2 * label : 2 * label + 3, 1:4] += 1.0
NAMES = np.array(["owl", "cat", "dog"])[Y]
METHODS = ["puzzle_mix", "co_mixup"]
both = pytest.mark.parametrize("mix", METHODS)


class Net(nn.Module):
    def __init__(self, n_outputs=3):
        super().__init__()
        self.maps = nn.Conv2d(2, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.head = nn.Linear(6 * 16, n_outputs)

    def forward(self, x):
        x = self.norm(self.maps(x)).relu()
        return self.head(nn.functional.adaptive_avg_pool2d(x, 4).flatten(1))


QUICK = {
    "puzzle_mix": {"mix__blocks": (2, 4)},
    "co_mixup": {"mix__blocks": 2, "mix__together": 8, "mix__n_sweeps": 1},
}


def model(mix, **params):
    params = (QUICK[mix] if isinstance(mix, str) else {}) | params
    params = {
        "max_epochs": 5,
        "batch_size": 12,
        "random_state": 0,
        "early_stopping": False,
    } | params
    return MixupClassifier(params.pop("module", Net), mix=mix, **params)


@both
def test_images_are_learned(mix):
    fitted = model(mix, max_epochs=10, lr=0.02).fit(X, NAMES)
    assert fitted.score(X, NAMES) > 0.9
    assert fitted.predict_proba(X).shape == (N, 3)
    accuracy = [row["train_acc_mixed"] for row in fitted.history_]
    assert all(0.0 <= value <= 1.0 for value in accuracy)
    assert type(fitted.module_) is Net


@both
@pytest.mark.parametrize(
    "params", [{}, {"mix__clean_lam": 0.5}, {"mix__every": 2}, {"mix__look_size": 4}]
)
def test_one_seed_gives_one_training(mix, params):
    first, second = (model(mix, **params).fit(X, Y) for _ in range(2))
    assert_same_weights(first, second)
    other = model(mix, **params).set_params(random_state=1).fit(X, Y)
    assert not np.array_equal(first.predict_proba(X), other.predict_proba(X))


@both
def test_a_clean_loss_changes_the_training(mix):
    plain = model(mix).fit(X, Y)
    clean = model(mix, mix__clean_lam=5.0).fit(X, Y)
    assert clean.history_[0]["train_loss"] > plain.history_[0]["train_loss"]


@both
def test_weights_of_rows_and_classes_count(mix):
    weight = np.where(Y == 0, 3.0, 1.0)
    weighted = model(mix).fit(X, Y, sample_weight=weight)
    balanced = model(mix, class_weight={0: 3.0, 1: 1.0, 2: 1.0}).fit(X, Y)
    assert_same_weights(weighted, balanced)
    plain = model(mix).fit(X, Y)
    assert not np.array_equal(weighted.predict_proba(X), plain.predict_proba(X))


@both
@pytest.mark.parametrize(
    "criterion",
    [
        nn.CrossEntropyLoss(label_smoothing=0.1),
        nn.MultiMarginLoss(),
        SoftCrossEntropy(),
        nn.BCEWithLogitsLoss(),
    ],
)
def test_other_losses_are_taken(mix, criterion):
    fitted = model(mix, criterion=criterion).fit(X, Y)
    assert np.isfinite([row["train_loss"] for row in fitted.history_]).all()


@both
def test_soft_labels_are_taken(mix):
    soft = 0.8 * np.eye(3)[Y] + 0.2 / 3
    fitted = model(mix, target_kind="soft").fit(X, soft)
    assert fitted.predict_proba(X).shape == (N, 3)


@both
def test_several_labels_per_row_are_taken(mix):
    labels = np.stack((Y > 0, Y > 1), 1).astype(int)
    fitted = model(mix, module=Net(2)).fit(X, labels)
    assert fitted.predict(X).shape == (N, 2)


@both
def test_numbers_are_predicted(mix):
    fitted = MixupRegressor(
        Net(1), mix=mix, max_epochs=5, batch_size=12, random_state=0, **QUICK[mix]
    ).fit(X, Y.astype(float))
    assert fitted.predict(X).shape == (N,)


@both
def test_bytes_and_single_channels_are_taken(mix):
    pixels = (120 * X[:, :1]).astype(np.uint8)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    fitted = model(mix, module=net).fit(pixels, Y)
    assert fitted.predict(pixels).shape == (N,)


def test_they_stand_beside_others_and_inside_them():
    mix = OneOf([PuzzleMix(), CoMixup()])
    fitted = model(mix).fit(X, Y)
    listed = model(["puzzle_mix", "co_mixup", "cutmix"]).fit(X, Y)
    assert fitted.predict(X).shape == listed.predict(X).shape


@both
def test_a_sweep_trains_them_one_by_one(mix):
    search = MixupSearchCV(model(mix), {"mix__smooth": [1, 3]}, cv=2, refit=False)
    with pytest.warns(MixupWarning, match="looks at the module"):
        search.fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@both
def test_a_skorch_net_takes_them(mix):
    class Classifier(MixupMixin, NeuralNetClassifier):
        pass

    torch.manual_seed(0)
    net = Classifier(
        Net,
        mix=mix,
        criterion=nn.CrossEntropyLoss,
        max_epochs=2,
        batch_size=12,
        random_state=0,
        verbose=0,
        train_split=None,
    ).fit(X, Y)
    assert np.isfinite(net.history[:, "train_loss"]).all()


@both
def test_a_preview_shows_a_batch(mix):
    fitted = model(mix).fit(X, Y)
    preview = fitted.preview(X, Y, n=6)
    assert preview.mixed.shape == (6, 2, 8, 8)
    assert preview.targets.shape == (6, 3)


def test_a_net_of_one_size_is_not_asked_about_another():
    net = nn.Sequential(nn.Flatten(), nn.Linear(128, 3))
    clf = model("puzzle_mix", module=net, mix__look_size=4)
    with pytest.raises(ValueError, match=r"PuzzleMix.*look_size=4.* Leave look_size"):
        clf.fit(X, Y)


# -- misuse ----------------------------------------------------------------------------


def test_a_loss_of_pairs_is_refused_for_rows_of_many():
    with pytest.raises(ValueError, match=r"DecoupledCrossEntropy: Rows.*pairs"):
        model("co_mixup", criterion=DecoupledCrossEntropy()).fit(X, Y)


@both
def test_a_net_that_gives_no_gradient_is_refused_before_training(mix):
    class Cut(Net):
        def forward(self, x):
            return super().forward(x.detach())

    clf = model(mix, module=Cut)
    with pytest.raises(ValueError, match=r"Mix.*Cut gives none"):
        clf.fit(X, Y)
    assert not hasattr(clf, "net_")


@both
def test_tables_are_refused(mix):
    with pytest.raises(ValueError, match=r"Mix.* looks at images"):
        MixupClassifier(mix=mix).fit(X[:, 0, 0], Y)


def test_a_misspelt_parameter_is_named():
    with pytest.raises(ValueError, match="block_num"):
        model("puzzle_mix", mix__block_num=4).fit(X, Y)
