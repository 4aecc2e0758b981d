"""Bundled nets for tables behind the estimators, by name."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sk_mixup.mixing import list_methods
from sk_mixup.nets import ExcelFormer, FTTransformer, ResNet, TabularResNet
from tests.builders import (
    assert_same_weights,
    blobs,
    classifier,
    people,
    regressor,
)

SMALL = {
    "ft_transformer": {"module__d_token": 8, "module__n_heads": 2},
    "excelformer": {"module__d_token": 8, "module__n_heads": 2},
    "resnet": {"module__width": 16},
}
CLASSES = {
    "ft_transformer": FTTransformer,
    "excelformer": ExcelFormer,
    "resnet": TabularResNet,
}
every_net = pytest.mark.parametrize("name", SMALL)

# Of places, of maps, of sounds: not for tables.
NOT_FOR_TABLES = {
    "cutmix",
    "resize_mix",
    "grid_mix",
    "smooth_mix",
    "f_mix",
    "align_mix",
    "feature_cutmix",
    "patch_up",
    "bag_mixup",
    "waveform_mix",
}
OF_CLASSES = {"remix", "ma_mix", "balanced_mixup"}
OF_NUMBERS = {"c_mixup"}
LOOKING = {n for n, info in list_methods().items() if hasattr(info.method, "looks_at")}
LOOKING |= {
    n for n, info in list_methods().items() if info.group in ("attention", "learned")
}
METHODS = sorted(set(list_methods()) - NOT_FOR_TABLES - LOOKING)

TABLE, LABELS, INCOME = people(60)


@every_net
def test_nets_learn(name):
    model = classifier(module=name, **SMALL[name], max_epochs=30, lr=2e-2)
    model.fit(TABLE, LABELS)
    assert type(model.module_) is CLASSES[name]
    assert model.predict_proba(TABLE).shape == (60, 2)
    assert model.score(TABLE, LABELS) > 0.85


@every_net
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_regression(name, n_outputs):
    y = INCOME if n_outputs == 1 else np.c_[INCOME, -INCOME]
    model = regressor(module=name, **SMALL[name], max_epochs=20, batch_size=16, lr=2e-2)
    assert model.fit(TABLE, y).predict(TABLE).shape == y.shape
    assert model.score(TABLE, y) > 0.5


@every_net
@pytest.mark.usefixtures("unchanged_random_state")
def test_clone_pickle_and_seed(name):
    model = classifier(module=name, **SMALL[name], mix="manifold").fit(TABLE, LABELS)
    expected = model.predict_proba(TABLE)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(TABLE), expected)
    assert clone(model).get_params() == model.get_params()
    assert_same_weights(clone(model).fit(TABLE, LABELS), model)
    assert_same_weights(copy.deepcopy(model), model)


@every_net
@pytest.mark.parametrize("mix", [m for m in METHODS if m not in OF_NUMBERS])
def test_every_method_for_classes(name, mix):
    model = classifier(module=name, **SMALL[name], mix=mix).fit(TABLE, LABELS)
    assert np.isfinite(model.history_[:, "train_loss"]).all()
    assert np.isfinite(model.predict_proba(TABLE)).all()


@pytest.mark.parametrize("mix", [m for m in METHODS if m not in OF_CLASSES])
def test_every_method_for_numbers(mix):
    name = "excelformer"
    model = regressor(module=name, **SMALL[name], mix=mix).fit(TABLE, INCOME)
    assert np.isfinite(model.predict(TABLE)).all()


@every_net
def test_a_search_over_nets_and_methods(name):
    grid = {"mix": [None, "hid_mix", "feat_mix"]}
    search = GridSearchCV(classifier(module=name, **SMALL[name]), grid, cv=2)
    search.fit(TABLE, LABELS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@every_net
def test_levels_that_no_row_has_count_as_an_average_one(name):
    model = classifier(module=name, **SMALL[name]).fit(TABLE, LABELS)
    table = TABLE.copy()
    table["job"] = "astronaut"
    categories = model.module_.categories
    counts = torch.from_numpy(model._source_.encoder.level_counts_[0])
    rows = categories.weight[: len(counts)]
    expected = (counts / counts.sum()).float() @ rows
    torch.testing.assert_close(rows[1], expected)
    assert np.isfinite(model.predict_proba(table)).all()


@every_net
def test_partial_fit_goes_on(name):
    model = classifier(module=name, **SMALL[name])
    for _ in range(2):
        model.partial_fit(TABLE, LABELS, classes=["high", "low"])
    assert model.n_iter_ == 2


# -- one name, two nets ---------------------------------------------------------------


@pytest.mark.parametrize("form", ["frame", "array", "lists", "tensor"])
def test_resnet_on_rows_of_numbers_is_a_net_for_tables(form):
    X, y = blobs()
    given = {
        "frame": pd.DataFrame(X),
        "array": X,
        "lists": X.tolist(),
        "tensor": torch.from_numpy(X),
    }[form]
    model = classifier(module="resnet", **SMALL["resnet"]).fit(given, y)
    assert type(model.module_) is TabularResNet
    assert model.predict(given).shape == (60,)


def test_resnet_on_images_is_a_net_for_images():
    X = np.random.default_rng(0).random((20, 1, 8, 8))
    model = classifier(module="resnet", module__width=4).fit(X, np.arange(20) % 2)
    assert type(model.module_) is ResNet


def test_a_fitted_resnet_keeps_its_kind():
    X, y = blobs()
    model = classifier(module="resnet", **SMALL["resnet"]).fit(X, y)
    with pytest.raises(ValueError, match="array"):
        model.predict(np.zeros((4, 1, 8, 8)))
    images = np.random.default_rng(0).random((20, 1, 8, 8))
    model.set_params(module__width=4).fit(images, np.arange(20) % 2)
    assert type(model.module_) is ResNet


# -- importance -----------------------------------------------------------------------


def test_excelformer_learns_who_may_read_whom_from_the_training_data():
    random = np.random.default_rng(0)
    X = random.standard_normal((300, 3))
    y = (X[:, 1] + 0.3 * X[:, 2] > 0).astype(int)
    model = classifier(module="excelformer", **SMALL["excelformer"]).fit(X, y)
    allowed = model.module_.allowed.int()
    assert allowed[1].tolist() == [0, 1, 0]
    assert allowed[0].tolist() == [1, 1, 1]


def test_importance_may_be_given():
    given = [1.0] * 5
    model = classifier(
        module="excelformer", **SMALL["excelformer"], module__importance=given
    )
    assert bool(model.fit(TABLE, LABELS).module_.allowed[0, 0])
    model.set_params(module__importance=[1.0])
    with pytest.raises(ValueError, match=r"importance .* each of the 5 columns"):
        model.fit(TABLE, LABELS)


def test_preview_of_a_method_that_looks_at_the_net():
    model = classifier(module="excelformer", **SMALL["excelformer"], mix="hid_mix")
    assert len(model.preview(TABLE, LABELS, n=4).table) > 0
