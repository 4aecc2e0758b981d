"""Bundled nets behind the estimators, by name."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from sk_mixup.mixing import ManifoldMixup
from tests.builders import (
    assert_same_weights,
    bright_images,
    classifier,
    no_hooks,
    regressor,
)

SMALL = {"module__width": 4}
WORDS = ("sun", "moon", "rain", "snow", "wind", "fog")


def sequences(n_rows=32):
    random = np.random.default_rng(0)
    y = np.arange(n_rows) % 2
    time = np.arange(40)
    waves = np.sin(time * (0.3 + y[:, None]) + random.random((n_rows, 1)) * 6)
    return 100 * np.stack([waves, waves**2], 1).astype(np.float32), y


def spectrograms(n_rows=32):
    random = np.random.default_rng(0)
    y = np.arange(n_rows) % 2
    X = random.random((n_rows, 1, 10, 12))
    X[y == 1, :, 2] += 1.0
    return X, y


def ids(n_rows=40):
    random = np.random.default_rng(0)
    y = np.arange(n_rows) % 2
    tokens = random.integers(4, 12, (n_rows, 7))
    tokens[:, 0] = 2 + y
    lengths = random.integers(3, 8, (n_rows, 1))
    mask = np.arange(7) < lengths
    return {"ids": tokens * mask, "mask": mask}, y


def texts(n_rows=40):
    random = np.random.default_rng(0)
    y = np.arange(n_rows) % 2
    rows = [
        " ".join(["good" if label else "bad", *random.choice(WORDS, 4)]) for label in y
    ]
    return np.array(rows, dtype=object), y


CASES = {
    "resnet": (bright_images, SMALL),
    "convnet-1d": (sequences, SMALL),
    "convnet-2d": (spectrograms, SMALL),
    "text_cnn": (ids, {"module__n_filters": 4}),
    "text_bag": (ids, {"module__d_hidden": 8}),
}


@pytest.fixture(params=CASES)
def case(request):
    make, settings = CASES[request.param]
    return {"module": request.param.partition("-")[0], **settings}, *make()


@pytest.fixture(params=["resnet", "convnet-1d"])
def array_case(request):
    make, settings = CASES[request.param]
    return {"module": request.param.partition("-")[0], **settings}, *make()


# -- what every net does --------------------------------------------------------------


def test_nets_learn(case):
    settings, X, y = case
    model = classifier(**settings, max_epochs=15, lr=2e-2).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == (len(y), 2)
    np.testing.assert_allclose(proba.sum(1), 1.0)
    assert (model.predict(X) == y).mean() > 0.9


def test_clone_and_pickle(case):
    settings, X, y = case
    model = classifier(**settings).fit(X, y)
    expected = model.predict_proba(X)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert clone(model).get_params() == model.get_params()
    assert_same_weights(clone(model).fit(X, y), model)


@pytest.mark.usefixtures("unchanged_random_state")
def test_nets_are_determined_by_random_state(case):
    settings, X, y = case
    one = copy.deepcopy(classifier(**settings, mix="manifold").fit(X, y))
    assert_same_weights(one, classifier(**settings, mix="manifold").fit(X, y))
    other = classifier(**settings, mix="manifold", random_state=1).fit(X, y)
    assert any(
        not torch.equal(a, b)
        for a, b in zip(
            one.module_.parameters(), other.module_.parameters(), strict=True
        )
    )


@pytest.mark.parametrize("mix", [None, "mixup", "manifold"])
def test_mixing_by_name(case, mix):
    settings, X, y = case
    model = classifier(**settings, mix=mix).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()
    assert no_hooks(model.module_)


def test_regression(case):
    settings, X, y = case
    model = regressor(**settings).fit(X, y * 10.0)
    assert model.predict(X).shape == (len(y),)


def test_recipes_are_open_to_change(case):
    settings, X, y = case
    model = classifier(**settings, batch_size=7, lr=5e-4).fit(X, y)
    assert (model.net_.batch_size, model.net_.lr) == (7, 5e-4)
    assert model.net_.optimizer is torch.optim.AdamW


# -- arrays ---------------------------------------------------------------------------


def test_cutmix_on_images():
    X, y = bright_images()
    assert classifier(module="resnet", **SMALL, mix="cutmix").fit(X, y).score(X, y) >= 0


def test_align_mix_at_the_last_stage():
    X, y = bright_images()
    model = classifier(module="resnet", **SMALL, mix="align_mix", mix__n_iter=2)
    assert np.isfinite(model.fit(X, y).predict_proba(X)).all()


def test_cross_validation_and_search_over_mix(array_case):
    settings, X, y = array_case
    model = classifier(**settings)
    assert cross_val_score(model, X, y, cv=2).shape == (2,)
    search = GridSearchCV(model, {"mix": [None, "manifold"]}, cv=2).fit(X, y)
    assert len(search.cv_results_["mean_test_score"]) == 2


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64])
def test_dtypes_of_pixels_are_alike(dtype):
    X, y = bright_images()
    model = classifier(module="resnet", **SMALL).fit(X, y)
    other = classifier(module="resnet", **SMALL).fit(X.astype(dtype), y)
    np.testing.assert_allclose(
        other.predict_proba(X.astype(dtype)), model.predict_proba(X), atol=1e-4
    )


def test_the_scale_of_channels_does_not_matter():
    X, y = sequences()
    shifted = X * np.array([[[3.0], [0.01]]]) + np.array([[[500.0], [-2.0]]])
    one = classifier(module="convnet", **SMALL).fit(X, y)
    other = classifier(module="convnet", **SMALL).fit(shifted, y)
    np.testing.assert_allclose(
        other.predict_proba(shifted), one.predict_proba(X), atol=1e-2
    )


def test_channel_statistics_are_those_of_the_training_data():
    X, y = bright_images()
    scale = classifier(module="resnet", **SMALL).fit(X, y).module_.scale
    assert float(scale.mean[0]) == pytest.approx(X.mean(), rel=1e-5)
    assert float(scale.std[0]) == pytest.approx(X.std(), rel=1e-5)


def test_tensors_equal_arrays():
    X, y = bright_images(dtype=np.float32)
    model = classifier(module="resnet", **SMALL).fit(X, y)
    other = classifier(module="resnet", **SMALL).fit(torch.from_numpy(X), y)
    assert_same_weights(other, model)


def test_data_sets_tell_shape_and_scale():
    X, y = bright_images(dtype=np.float32)
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    model = classifier(module="resnet", **SMALL).fit(data, y)
    assert float(model.module_.scale.mean[0]) == pytest.approx(X.mean(), rel=1e-5)
    assert model.predict_proba(data).shape == (len(X), 2)


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        ("resnet", (20, 8, 8), r"'resnet' takes images.*X\[:, None\]"),
        ("resnet", (20, 8, 8, 3), r"channels last.*transpose\(0, 3, 1, 2\)"),
        ("convnet", (20, 64), r"'convnet' takes sequences.*X\[:, None\]"),
        ("convnet", (20, 2, 4, 4, 4), r"'convnet' takes sequences"),
        ("resnet", (20, 3, 1, 1), "at least 2 pixels"),
    ],
)
def test_arrays_of_a_wrong_shape(module, shape, message):
    X = np.random.default_rng(0).random(shape)
    with pytest.raises(ValueError, match=message):
        classifier(module=module).fit(X, np.arange(20) % 2)


def test_several_arrays_are_refused():
    X, y = bright_images()
    with pytest.raises(TypeError, match="one array"):
        classifier(module="resnet").fit({"a": X, "b": X}, y)


def test_other_shapes_at_predict_are_refused():
    X, y = bright_images()
    model = classifier(module="resnet", **SMALL).fit(X, y)
    with pytest.raises(ValueError, match="fitted on"):
        model.predict(X[:, :, :6])


def test_an_argument_that_the_net_lacks():
    with pytest.raises(TypeError, match=r"module__widht.*Did you mean module__width"):
        classifier(module="resnet", module__widht=4).fit(*bright_images())


@pytest.mark.parametrize("module", ["restnet", "timm/", "gf/bert"])
def test_names_that_are_unknown(module):
    with pytest.raises(ValueError, match="known are"):
        classifier(module=module).fit(*bright_images())


# -- texts ----------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["text_cnn", "text_bag"])
def test_raw_texts(module):
    pytest.importorskip("tokenizers", reason="tokenizers cannot be imported here")
    X, y = texts()
    model = classifier(module=module, max_epochs=20, lr=1e-2).fit(X, y)
    assert model.score(X, y) > 0.9
    assert model.predict(["a good moon", "bad rain, bad"]).tolist() == [1, 0]
    search = GridSearchCV(
        classifier(module=module), {"mix": ["mixup", "manifold"]}, cv=2
    )
    assert search.fit(X, y).predict(X).shape == y.shape


def test_word_level_mixing_is_mixing_at_the_embedding():
    X, y = ids()
    settings = {"module": "text_bag", "module__d_hidden": 8}
    layer = ManifoldMixup(0.2, layers=["embedding"])
    inside = classifier(**settings, mix="mixup", alpha=0.2).fit(X, y)
    hooked = classifier(**settings, mix=layer).fit(X, y)
    np.testing.assert_allclose(
        inside.predict_proba(X), hooked.predict_proba(X), atol=1e-5
    )
