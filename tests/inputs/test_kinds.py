"""Every kind of input goes the way of every other."""

import copy
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from torch import nn

from sk_mixup.inputs import _lazy
from sk_mixup.mixing import ManifoldMixup, Mixup, PerKey
from tests.builders import assert_same_weights, classifier, regressor
from tests.inputs.kinds import (
    AGES,
    FLAT,
    IMAGES,
    INDEXABLE,
    KINDS,
    Flat,
    N,
    Pairs,
    TwoInputs,
    Y,
    make,
)


@pytest.fixture(params=["read whole", "left in their files"])
def small_maps(request, monkeypatch):
    """Read small memory maps as large ones are."""
    if request.param != "read whole":
        monkeypatch.setattr(_lazy, "MAPPED_BYTES", 1)


def net(module, **params):
    return classifier(module=module, batch_size=16, lr=1e-2, **params)


@pytest.mark.parametrize("kind", KINDS)
def test_fit_predict_clone_pickle(kind, tmp_path, small_maps, unchanged_random_state):
    X, y, module = make(kind, tmp_path)
    model = net(module, max_epochs=15, early_stopping=True).fit(X, y)
    proba = model.predict_proba(X)
    assert proba.shape == (N, 2)
    assert np.mean(model.predict(X) == Y) > 0.85
    np.testing.assert_array_equal(model.classes_, [0, 1])
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(model)).predict_proba(X), proba
    )
    assert_same_weights(clone(model).fit(X, y), model)


@pytest.mark.parametrize("kind", KINDS)
def test_regression(kind, tmp_path):
    X, _, module = make(kind, tmp_path)
    model = regressor(module=module, module__n_outputs=1).fit(X, AGES)
    assert model.predict(X).shape == (N,)


@pytest.mark.parametrize("kind", INDEXABLE)
def test_cross_validation_and_sweeps(kind, tmp_path, small_maps):
    X, y, module = make(kind, tmp_path)
    model = net(module, max_epochs=15)
    assert cross_val_score(model, X, y, cv=2, error_score="raise").mean() > 0.7
    search = GridSearchCV(
        model, {"mix": [None, Mixup(0.2)]}, cv=2, error_score="raise"
    ).fit(X, y)
    assert search.best_score_ > 0.7
    assert search.predict(X).shape == (N,)


@pytest.mark.parametrize(
    ("kind", "other"),
    [
        ("images", "memory map"),
        ("images", "image tensor"),
        ("array", "tensor"),
        ("dict", "rows by name"),
        ("dict", "rows of maps"),
        ("tuple", "rows by position"),
        ("dataset", "dataset rows"),
        ("dataset", "dataset and y"),
    ],
)
def test_two_forms_of_the_same_data_train_alike(kind, other, tmp_path, monkeypatch):
    monkeypatch.setattr(_lazy, "MAPPED_BYTES", 1)
    X, y, module = make(kind, tmp_path)
    other_X, other_y, _ = make(other, tmp_path)
    weight = np.arange(N) % 3  # some are left out
    one = net(module, early_stopping=True).fit(X, y, sample_weight=weight)
    two = net(module, early_stopping=True).fit(other_X, other_y, sample_weight=weight)
    assert_same_weights(one, two)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(other_X))
    np.testing.assert_array_equal(one.predict_proba(X), one.predict_proba(other_X))


@pytest.mark.parametrize("kind", KINDS)
def test_only_tables_have_features(kind, tmp_path):
    X, y, module = make(kind, tmp_path)
    model = net(module).fit(FLAT[:, :5], Y) if module is Flat else net(module)
    model.fit(X, y)
    is_table = kind in ("array", "tensor")
    assert hasattr(model, "n_features_in_") == is_table
    assert not is_table or model.n_features_in_ == 12


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_goes_on(kind, tmp_path):
    X, y, module = make(kind, tmp_path)
    model = net(module, warm_start=True).fit(X, y)
    before = copy.deepcopy(model.module_.state_dict())
    model.fit(X, y).partial_fit(X, y)
    assert model.n_iter_ == 11
    assert not torch.equal(before["head.weight"], model.module_.head.weight)


@pytest.mark.parametrize("kind", ["dict", "tensor", "dataset", "memory map"])
def test_given_validation_data(kind, tmp_path):
    X, y, module = make(kind, tmp_path)
    model = net(module).fit(X, y, X_val=X, y_val=y)
    assert "valid_loss" in model.history_[0]


@pytest.mark.parametrize("kind", ["tensor", "dict", "tuple", "dataset rows"])
def test_groups_and_class_weights(kind, tmp_path):
    X, y, module = make(kind, tmp_path)
    model = net(module, class_weight="balanced", early_stopping=True)
    model.fit(X, y, groups=np.arange(N) // 4)
    assert model.predict(X).shape == (N,)


@pytest.mark.parametrize("kind", ["images", "dict", "tuple", "dataset", "memory map"])
def test_bytes_reach_the_mixing_and_floats_the_module(kind, tmp_path):
    seen = set()

    class Watching(TwoInputs if kind in ("dict", "tuple") else Flat):
        def forward(self, *args, **kwargs):
            for value in [*args, *kwargs.values()]:
                seen.add(("module", value.dtype))
            return super().forward(*args, **kwargs)

    class Spy(Mixup):
        def _draw(self, x, y, streams, context):
            seen.add(("method", x.dtype))
            return super()._draw(x, y, streams, context)

    X, y, _ = make(kind, tmp_path)
    net(Watching, mix=Spy()).fit(X, y).predict(X)
    assert seen == {("module", torch.float32), ("method", torch.uint8)}


def test_preview_of_several_inputs():
    X = {"image": IMAGES, "age": AGES}
    preview = net(TwoInputs).preview(X, Y, n=4)
    assert preview.mixed["image"].shape == (4, 3, 6, 6)


@pytest.mark.parametrize("kind", ["tensor", "dataset", "memory map"])
def test_preview_of_other_kinds(kind, tmp_path):
    X, y, module = make(kind, tmp_path)
    assert len(net(module).preview(X, y, n=4).mixed) == 4


def test_the_rows_of_a_prediction_do_not_see_each_other():
    X = {"image": IMAGES, "age": AGES}
    model = net(TwoInputs).fit(X, Y)
    some = {key: value[5:9] for key, value in X.items()}
    np.testing.assert_array_equal(
        model.predict_proba(some), model.predict_proba(X)[5:9]
    )


# -- errors ---------------------------------------------------------------------------


def fitted(X):
    return net(TwoInputs).fit(X, Y)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image": IMAGES}, r"X lacks \['age'\]"),
        ({"image": IMAGES, "age": AGES, "x": AGES}, r"X has \['x'\]"),
        ({"age": AGES, "image": IMAGES}, r"in the order \['age', 'image'\]"),
        ({"image": IMAGES[:, :2], "age": AGES}, r"X\['image'\] has rows of shape"),
        ((IMAGES, AGES), "a tuple of 2 arrays, but .* by name"),
        (IMAGES, "one array, but .* by name"),
    ],
)
def test_other_inputs_than_in_fit(given, message):
    model = fitted({"image": IMAGES, "age": AGES})
    with pytest.raises(ValueError, match=message):
        model.predict(given)


def test_another_number_of_arrays_than_in_fit():
    with pytest.raises(ValueError, match=r"X holds 1 arrays, .* on 2"):
        fitted((IMAGES, AGES)).predict((IMAGES,))


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(9, 3)
        self.head = nn.Linear(4, 2)

    def forward(self, ids, age):
        hidden = self.embed(ids).mean(1)
        return self.head(torch.cat([hidden, age.reshape(-1, 1)], 1))


IDS = np.arange(N * 4).reshape(N, 4) % 9


def test_floats_where_ids_were():
    model = net(Words, mix=None).fit({"ids": IDS, "age": AGES}, Y)
    with pytest.raises(ValueError, match=r"X\['ids'\] holds floats.*integers"):
        model.predict({"ids": IDS.astype(float), "age": AGES})


def test_integers_where_floats_were():
    X = {"image": IMAGES, "age": AGES}
    model = fitted(X)
    ages = {"image": IMAGES, "age": AGES.astype(int)}
    floats = {"image": IMAGES, "age": AGES.astype(int).astype(float)}
    np.testing.assert_array_equal(
        model.predict_proba(ages), model.predict_proba(floats)
    )


@pytest.mark.parametrize("as_tuple", [False, True])
def test_ids_are_not_blended(as_tuple):
    X = (IDS, AGES) if as_tuple else {"ids": IDS, "age": AGES}
    key = "0" if as_tuple else "'ids'"
    with pytest.raises(TypeError, match=f"entries {key}.*PerKey.*ManifoldMixup"):
        net(Words).fit(X, Y)


def test_ids_have_remedies():
    X = {"ids": IDS, "age": AGES}
    for mix in (
        PerKey(Mixup(), how={"ids": "keep"}),
        ManifoldMixup(layers=["embed"]),
        None,
    ):
        net(Words, mix=mix).fit(X, Y)


def test_masks_stay_bools():
    seen = []

    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(12, 2)

        def forward(self, x, mask):
            seen.append(mask.dtype)
            return self.head(x.masked_fill(~mask, 0.0))

    X = {"x": FLAT, "mask": FLAT > 0}
    with pytest.raises(TypeError, match="'mask'"):
        net(Masked).fit(X, Y)
    net(Masked, mix=PerKey(how={"mask": "union"})).fit(X, Y).predict(X)
    assert set(seen) == {torch.bool}


def test_entries_that_forward_does_not_take():
    with pytest.raises(ValueError, match=r"\['height'\].*does not take.*'age'"):
        net(TwoInputs).fit({"image": IMAGES, "height": AGES}, Y)
    with pytest.raises(ValueError, match=r"needs \['age'\]"):
        net(TwoInputs).fit({"image": IMAGES}, Y)
    with pytest.raises(ValueError, match=r"3 arrays by position.*takes 2"):
        net(TwoInputs).fit((IMAGES, AGES, AGES), Y)


@pytest.mark.parametrize(
    "X", [IMAGES.transpose(0, 2, 3, 1), Pairs(IMAGES.transpose(0, 2, 3, 1))]
)
def test_channels_last_are_pointed_out(X):
    def cnn():
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(2))

    with pytest.raises(ValueError, match=r"X\.transpose\(0, 3, 1, 2\)"):
        net(cnn).fit(X, Y)


def test_channels_last_of_an_entry():
    class Conv(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 6)

        def forward(self, image, age):
            return self.conv(image).flatten(1)

    X = {"image": IMAGES.transpose(0, 2, 3, 1), "age": AGES}
    with pytest.raises(ValueError, match=r"X\['image'\]\.transpose"):
        net(Conv).fit(X, Y)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("form", ["tensor", "dict", "memory map", "map in rows"])
def test_missing_values(bad, form, tmp_path, monkeypatch):
    monkeypatch.setattr(_lazy, "MAPPED_BYTES", 1)
    X = FLAT.copy()
    X[7, 3] = bad
    np.save(tmp_path / "x.npy", X)
    on_disk = np.load(tmp_path / "x.npy", mmap_mode="r")
    given = {
        "tensor": torch.from_numpy(X),
        "dict": {"x": X},
        "memory map": on_disk,
        "map in rows": {"x": on_disk},
    }[form]
    what = "NaN" if np.isnan(bad) else "infinity"
    with pytest.raises(ValueError, match=f"contains {what}, first in row 7"):
        net(Flat).fit(given, Y)


@pytest.mark.parametrize("X", [{"a": FLAT}, Pairs(FLAT)])
def test_the_net_for_tables_wants_a_table(X):
    with pytest.raises((TypeError, ValueError), match=r"2-?D array"):
        classifier().fit(X, Y)


def test_a_tensor_as_a_table():
    one = classifier().fit(torch.from_numpy(FLAT).requires_grad_(), torch.from_numpy(Y))
    assert_same_weights(one, classifier().fit(FLAT, Y))


def test_a_tensor_with_gradients_is_not_changed():
    X = torch.from_numpy(FLAT.copy()).requires_grad_()
    net(Flat).fit(X, Y)
    assert X.requires_grad
    assert X.grad is None


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (torch.zeros(0, 3), ValueError, "0 sample"),
        (torch.zeros(5), ValueError, "Expected 2D array"),
        (torch.zeros(4, 2, dtype=torch.complex64), ValueError, "complex64"),
        (torch.eye(4).to_sparse(), TypeError, "dense"),
        ({"a": np.array(["x"] * N, dtype=object)}, ValueError, r"X\['a'\] holds str"),
        ({}, ValueError, "no entry"),
    ],
)
def test_inputs_that_no_module_takes(X, error, message):
    with pytest.raises(error, match=message):
        net(Flat).fit(X, Y)


@pytest.mark.gpu
@pytest.mark.parametrize("device", ["cuda", "cpu"])
@pytest.mark.parametrize("form", ["tensor", "dict", "tuple"])
def test_tensors_on_the_device(device, form):
    image, age = torch.from_numpy(IMAGES).cuda(), torch.from_numpy(AGES).cuda()
    X = {"tensor": image, "dict": {"image": image, "age": age}, "tuple": (image, age)}
    module = Flat if form == "tensor" else TwoInputs
    y = torch.from_numpy(Y).cuda()
    model = net(module, device=device, early_stopping=True).fit(X[form], y)
    assert model.score(X[form], y) > 0.5
