"""A class per pixel: what is trained, predicted and scored."""

import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional
from torch.utils.data import TensorDataset

import sk_mixup
from sk_mixup import MixupClassifier, MixupSearchCV, MixupWarning
from sk_mixup.metrics import mean_iou
from sk_mixup.mixing import (
    BinaryCrossEntropy,
    CutMix,
    FeatureCutMix,
    ManifoldMixup,
    Mixup,
    PatchUp,
    SmoothMix,
)
from sk_mixup.mixing.methods.maps._patch_up import BlockPlan
from tests.builders import assert_same_weights
from tests.estimators.shapes import IGNORED, net, segmenter, shapes

X, Y = shapes()
# Two images of each kind.
KINDS = [np.flatnonzero(Y.max((1, 2), where=Y < 9, initial=0) == k) for k in (1, 2)]
FOUR = np.concatenate([rows[:2] for rows in KINDS])


def test_shapes_of_what_is_predicted():
    model = segmenter().fit(X, Y)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model._target_.kind == "pixels"
    labels, proba = model.predict(X), model.predict_proba(X)
    assert labels.shape == Y.shape
    assert labels.dtype == Y.dtype
    assert proba.shape == (24, 3, 12, 12)
    np.testing.assert_allclose(proba.sum(1), 1, atol=1e-5)
    assert_array_equal(labels, proba.argmax(1))
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(proba), atol=1e-6)
    np.testing.assert_allclose(
        model.decode(model.module_(model.encode(X))), proba, atol=1e-5
    )
    assert not hasattr(model, "decision_function")


def test_it_learns_and_scores_the_mean_iou_without_what_does_not_count():
    X_test, y_test = shapes(seed=1)
    model = segmenter(max_epochs=60, lr=0.01).fit(X, Y)
    found = model.predict(X_test)
    expected = mean_iou(y_test, found, ignore_index=IGNORED)
    assert model.score(X_test, y_test) == expected > 0.6
    noisy = found.copy()
    noisy[y_test == IGNORED] = 1
    assert mean_iou(y_test, noisy, ignore_index=IGNORED) == expected
    weight = np.arange(24) % 2
    assert model.score(X_test, y_test, weight) == pytest.approx(
        model.score(X_test[1::2], y_test[1::2])
    )


class Seen(Callback):
    """Keeps the first training batch and its plan."""

    batch = None

    def on_batch_begin(self, net, batch, training, **kwargs):
        if training and self.batch is None:
            y = batch[1][0] if isinstance(batch[1], tuple) else batch[1]
            weight = batch[1][1] if isinstance(batch[1], tuple) else None
            self.batch = (batch[0].clone(), y.clone(), weight, net.run_.mixed.plan)


def by_hand(rows, y, weight, plan):
    """Return loss and accuracy of the untrained net, pixel by pixel."""
    module = net()
    with torch.no_grad():
        if plan.weighs_late:
            plan = plan.settled(module.first(rows))
        if plan.site is not None:
            output = module.last(plan.apply(module.first(rows)).relu())
        else:
            output = module(plan.apply(rows))
    log_p, guess = output.log_softmax(1), output.argmax(1)
    # Which share of every pixel comes from which row: each is an image of its own.
    n_rows = len(y)
    eye = torch.eye(n_rows).view(n_rows, n_rows, 1, 1).expand(-1, -1, 12, 12)
    if isinstance(plan, BlockPlan):
        # Channels of a place come from either: its share is that of the channels.
        taken = plan.partner_places((n_rows, 12, 12)).unsqueeze(1)
        shares = (1 - taken) * eye + taken * eye[plan.partner]
    else:
        shares = plan.apply(eye.contiguous())
    total, count, hits = 0.0, 0.0, 0.0
    for i in range(n_rows):
        right, valid = 0.0, 0.0
        for j in range(n_rows):
            for a, b in (shares[i, j] > 0).nonzero().tolist():
                label, share = int(y[j, a, b]), float(shares[i, j, a, b])
                if label == 255:
                    continue
                loss = -float(log_p[i, label, a, b])
                total += share * loss * (1 if weight is None else float(weight[j]))
                count += share
                valid += share
                right += share * (int(guess[i, a, b]) == label)
        hits += right / valid
    return total / count, hits / n_rows


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "method",
    [
        CutMix(),
        CutMix(per="row", p=0.5),
        Mixup(1.0),
        Mixup(1.0, per="row"),
        SmoothMix(),
        ManifoldMixup(1.0, layers=["first"]),
        FeatureCutMix(layers=["first"]),
        PatchUp(layers=["first"], block_size=3, gamma=0.3),
        PatchUp(layers=["first"], block_size=3, gamma=0.3, mode="soft", per="row"),
    ],
    ids=repr,
)
def test_a_step_is_the_loss_pixel_by_pixel(method, weighted):
    seen = Seen()
    model = segmenter(
        mix=method, max_epochs=5, callbacks=[seen], batch_size=4, early_stopping=False
    )
    weight = np.linspace(1, 3, 4) if weighted else None
    model.fit(X[FOUR], Y[FOUR], weight)
    rows, y, weight, plan = seen.batch
    loss, hits = by_hand(rows, y, weight, plan)
    assert model.history_[0]["train_loss"] == pytest.approx(loss, rel=1e-4)
    assert model.history_[0]["train_acc_mixed"] == pytest.approx(hits, rel=1e-4)


def test_clean_loss_is_that_of_torch():
    model = segmenter(mix=None, max_epochs=5, batch_size=24).fit(X, Y)
    output = net()(torch.from_numpy(X)).detach()
    wanted = torch.from_numpy(Y.astype(np.int64))
    expected = functional.cross_entropy(output, wanted, ignore_index=IGNORED)
    assert model.history_[0]["train_loss"] == pytest.approx(float(expected), rel=1e-5)


def test_validation_is_clean_and_stops_early():
    model = segmenter(max_epochs=30, early_stopping=True, lr=0.05, n_iter_no_change=2)
    model.fit(X, Y, X_val=X[:6], y_val=Y[:6])
    output = torch.from_numpy(model.predict_proba(X[:6])).log()
    wanted = torch.from_numpy(Y[:6].astype(np.int64))
    best = min(model.history_[:, "valid_loss"])
    expected = functional.nll_loss(output, wanted, ignore_index=IGNORED)
    assert best == pytest.approx(float(expected), rel=1e-3)
    right = (model.predict(X[:6]) == Y[:6])[Y[:6] != IGNORED]
    assert 0 < right.mean() <= 1
    held_out = segmenter(early_stopping=True, validation_fraction=0.25).fit(X, Y)
    assert "valid_loss" in held_out.history_[-1]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64])
def test_masks_of_any_integers_train_alike(dtype):
    y = Y.astype(dtype)
    model = segmenter().fit(X, y)
    assert model.classes_.dtype == dtype
    assert_same_weights(model, segmenter().fit(X, Y))


def test_labels_are_names_of_classes():
    y = np.where(Y == IGNORED, -1, Y.astype(np.int64) * 10 + 3)
    model = segmenter(criterion__ignore_index=-1).fit(X, y)
    assert model.classes_.tolist() == [3, 13, 23]
    assert_same_weights(model, segmenter().fit(X, Y))
    # Even one that is the number of a class.
    y = np.where(Y == IGNORED, 1, np.where(Y == 0, 0, Y.astype(np.int64) + 1))
    model = segmenter(criterion__ignore_index=1).fit(X, y)
    assert model.classes_.tolist() == [0, 2, 3]
    assert_same_weights(model, segmenter().fit(X, Y))


@pytest.mark.parametrize("has_axis", [True, False])
def test_one_logit_and_boolean_masks(has_axis):
    module = net(n_outputs=1)
    if not has_axis:
        module = nn.Sequential(module, nn.Flatten(), nn.Unflatten(1, (12, 12)))
    model = MixupClassifier(module, mix="cutmix", max_epochs=5, random_state=0)
    model.fit(X, Y == 1)
    labels, proba = model.predict(X), model.predict_proba(X)
    assert isinstance(model._objective_.criterion, nn.BCEWithLogitsLoss)
    assert labels.shape == Y.shape
    assert proba.shape == (24, 2, 12, 12)
    assert_array_equal(labels, proba.argmax(1))


@pytest.mark.parametrize("mix", [None, "cutmix", "mixup"])
def test_one_logit_leaves_out_what_does_not_count(mix):
    y = np.where(Y == 2, 0, Y)
    model = segmenter(module=net(n_outputs=1), mix=mix).fit(X, y)
    assert model.classes_.tolist() == [0, 1]
    # What stands below the outlines changes nothing: they are never looked at.
    logits = model.module_(torch.from_numpy(X)).detach()[:, 0]
    wanted = torch.from_numpy((y == 1).astype(np.float32))
    counts = torch.from_numpy(y != IGNORED)
    loss = functional.binary_cross_entropy_with_logits(logits[counts], wanted[counts])
    found = model._objective_(logits, torch.from_numpy(model._target_.transform(y)))
    assert float(found) == pytest.approx(float(loss), rel=1e-5)


@pytest.mark.parametrize("mix", [CutMix(), Mixup(1.0)])
def test_probabilities_of_pixels_are_targets_too(mix):
    hard = np.where(Y == IGNORED, 0, Y)
    soft = np.moveaxis(np.eye(3, dtype=np.float32)[hard], -1, 1)
    params = {"module": net(), "mix": mix, "max_epochs": 5, "random_state": 0}
    model = MixupClassifier(**params).fit(X, soft)
    same = MixupClassifier(**params).fit(X, hard)
    np.testing.assert_allclose(model.predict_proba(X), same.predict_proba(X), atol=1e-5)
    assert model.predict(X).shape == Y.shape
    assert model.score(X, soft) == pytest.approx(same.score(X, hard))


def test_several_labels_per_pixel():
    random = np.random.default_rng(0)
    y = (random.random((24, 2, 12, 12)) < 0.5).astype(np.float32)
    model = MixupClassifier(net(n_outputs=2), mix="cutmix", max_epochs=5).fit(X, y)
    assert isinstance(model._objective_.criterion, nn.BCEWithLogitsLoss)
    labels, proba = model.predict(X), model.predict_proba(X)
    assert labels.shape == proba.shape == y.shape
    assert_array_equal(labels, (proba > 0.5).astype(int))
    assert 0 <= model.score(X, y) <= 1


def test_a_copy_a_pickle_and_a_file_predict_alike(tmp_path):
    model = segmenter().fit(X, Y)
    proba = model.predict_proba(X)
    assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), proba)
    model.save(tmp_path / "model")
    loaded = sk_mixup.load(tmp_path / "model", module=net())
    np.testing.assert_allclose(loaded.predict_proba(X), proba, atol=1e-6)
    assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.score(X, Y) == model.score(X, Y)
    assert_same_weights(clone(model).fit(X, Y), model)


def test_searches_and_cross_validation():
    model = segmenter(max_epochs=5)
    assert cross_val_score(model, X, Y, cv=2).shape == (2,)
    search = MixupSearchCV(model, {"mix": ["cutmix", "mixup"]}, cv=2)
    with pytest.warns(MixupWarning, match="class per pixel"):
        search.fit(X, Y)
    assert search.predict(X).shape == Y.shape
    alone = segmenter(max_epochs=5, **search.best_params_)
    assert_same_weights(search.best_estimator_, alone.fit(X, Y))
    for name, value in (("ensemble", "mean"), ("store_oof", True)):
        with pytest.raises(ValueError, match=f"{name}=.*masks"):
            clone(search).set_params(**{name: value}).fit(X, Y)


def test_training_goes_on():
    model = segmenter().partial_fit(X, Y, classes=[0, 1, 2])
    weights = model.module_.last.weight.clone()
    model.partial_fit(X, np.where(Y == 2, 0, Y))
    assert not torch.equal(model.module_.last.weight, weights)
    assert model.classes_.tolist() == [0, 1, 2]


def test_masks_of_a_data_set():
    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    model = segmenter().fit(data)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.score(data) == model.score(X, Y)


def test_a_preview_has_mixed_masks():
    preview = segmenter(random_state=1).preview(X, Y, n=4)
    assert preview.mixed.shape == (4, 1, 12, 12)
    assert preview.targets.shape == (4, 12, 12)
    assert segmenter(mix="mixup").preview(X, Y, n=4).targets.shape == (4, 3, 12, 12)


@pytest.mark.parametrize(
    ("params", "y", "match"),
    [
        ({"module": net(scale=2)}, Y, r"nn.Upsample\(size=\(12, 12\)\)"),
        ({"module": net(n_outputs=4)}, Y, "masks of 3 classes"),
        ({"mix": "align_mix"}, Y, "AlignMix cannot be applied to masks"),
        ({"mix": "feature_swap"}, Y, "FeatureSwap cannot be applied"),
        ({"mix": "remix"}, Y, "Remix counts the rows of classes"),
        ({"class_weight": "balanced"}, Y, "criterion__weight"),
        ({"calibration": "temperature"}, Y, "class per pixel"),
        ({"criterion": BinaryCrossEntropy}, Y, "class per pixel"),
        ({"target_kind": "classes"}, Y, "one or two dimensions"),
        ({}, np.full_like(Y, IGNORED), "at least 2 classes"),
        ({}, Y.astype(np.float32), "classes are integers"),
        ({}, [*Y[:23], Y[0][:5]], "sizes"),
        ({}, Y[:20], "inconsistent numbers of samples"),
    ],
)
def test_what_does_not_fit_is_named(params, y, match):
    params = {"criterion__ignore_index": IGNORED} | params
    if "criterion" in params:
        del params["criterion__ignore_index"]
        y = np.where(Y == IGNORED, 0, Y)
    with pytest.raises(ValueError, match=match):
        MixupClassifier(**({"module": net(), "mix": "cutmix"} | params)).fit(X, y)


def test_nets_of_the_library_have_no_masks():
    for module, rows in ((None, X[:, 0, 0]), ("resnet", X)):
        with pytest.raises(ValueError, match="is a net of the library"):
            MixupClassifier(module).fit(rows, Y)


def test_masks_that_were_not_seen_are_named():
    model = segmenter().fit(X, Y)
    with pytest.raises(ValueError, match=r"not seen in fit: \[9\]"):
        segmenter().fit(X, Y, X_val=X, y_val=np.full_like(Y, 9))
    with pytest.raises(ValueError, match="same pixels"):
        model.score(X, Y[:, :5])


class Dice(nn.Module):
    """One loss per image: overlap of the first class."""

    def forward(self, output, y):
        p, there = output.softmax(1)[:, 1], (y == 1).float()
        overlap = (p * there).flatten(1).sum(1)
        return 1 - 2 * overlap / (p + there).flatten(1).sum(1).clamp(min=1e-6)


def test_a_loss_of_whole_masks_takes_pasted_ones():
    y = np.where(Y == IGNORED, 0, Y)
    params = {"module": net(), "criterion": Dice, "max_epochs": 5}
    model = MixupClassifier(mix="cutmix", **params).fit(X, y)
    assert model.predict(X).shape == y.shape
    MixupClassifier(mix="mixup", **params).fit(X, y)
    with pytest.raises(ValueError, match="one loss per row"):
        MixupClassifier(mix="smooth_mix", **params).fit(X, y)
    ignored = np.where(Y == IGNORED, -100, y.astype(int))
    with pytest.raises(ValueError, match="ignore_index"):
        MixupClassifier(mix="cutmix", **params).fit(X, ignored)
