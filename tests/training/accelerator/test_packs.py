"""Members of a search that train as one program on a device."""

from unittest import mock

import numpy as np
import pytest
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor, MixupSearchCV
from sk_mixup.mixing import CutMix, MAMix, Mixup, RegMixup, Remix
from sk_mixup.training.packing._pack import Pack, PackOptimizer
from tests.training.accelerator.builders import (
    Convolution,
    classes,
    images,
    model,
    numbers,
    perceptron,
    table,
    vectors,
)
from tests.training.accelerator.meta import Traffic

pytestmark = pytest.mark.filterwarnings("ignore:max_epochs")

ALPHAS = [0.1, 0.5, 1.0]
#: Of 20 rows in batches of 8: two batches, and a last one of four rows.
STEPS = 3


def epochs_of(estimator, grid, X, y, **fit):
    """Return the events of every epoch of a search that is one pack."""
    found, epochs = Traffic(), []
    run, step = Pack.run_epoch, PackOptimizer.step

    def run_epoch(pack, *args):
        start = len(found.events)
        run(pack, *args)
        epochs.append(found.events[start:])

    def stepped(optimizer, *args):
        found.events.append("step")
        step(optimizer, *args)

    with (
        mock.patch.object(Pack, "run_epoch", run_epoch),
        mock.patch.object(PackOptimizer, "step", stepped),
        found.watched(),
    ):
        search = MixupSearchCV(estimator, grid, cv=2, refit=False, error_score="raise")
        search.fit(X, y, **fit)
    return epochs


CASES = {
    "mixup": ({}, {"alpha": ALPHAS}),
    "by rows": ({"mix": Mixup(per="row")}, {"mix__alpha": ALPHAS}),
    "remix": ({"mix": Remix()}, {"mix__alpha": ALPHAS}),
    "ma_mix": ({"mix": MAMix()}, {"mix__alpha": ALPHAS}),
    "reg_mixup": ({"mix": RegMixup()}, {"mix__alpha": ALPHAS}),
    "between": ({"mix": Mixup(pairing="between")}, {"mix__alpha": ALPHAS}),
    "clipped": ({"clip_norm": 1.0, "schedule": "cosine"}, {"alpha": ALPHAS}),
    "smoothed": ({"criterion__label_smoothing": 0.1}, {"alpha": ALPHAS}),
    "weighted": ({"class_weight": "balanced"}, {"alpha": ALPHAS}),
    "probabilities": ({"mix": Mixup()}, {"mix__p": [0.5, 1.0]}),
    "rates": ({}, {"lr": [0.01, 0.001], "alpha": [0.1, 0.2]}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_pack_waits_at_the_end_of_an_epoch_alone(name):
    params, grid = CASES[name]
    epochs = epochs_of(
        model(MixupClassifier, module=perceptron(), device="meta", **params),
        grid,
        vectors(),
        classes(),
    )
    assert_read_once(epochs)
    # Orders of two folds, and a message for each of two blocks: the last batch is one.
    assert epochs[-1].count("copy") <= 2 + 2


def test_images_and_boxes():
    boxes = model(module=Convolution(), device="meta", mix=CutMix())
    epochs = epochs_of(boxes, {"mix__alpha": ALPHAS}, images(), classes())
    assert_read_once(epochs)
    assert epochs[-1].count("copy") <= 2 + 2


def test_tables_and_numbers():
    for estimator, X, y in (
        (model(module="mlp", device="meta"), table(), classes()),
        (
            model(MixupRegressor, module=nn.Linear(4, 1), device="meta"),
            vectors(),
            numbers(),
        ),
    ):
        assert_read_once(epochs_of(estimator, {"alpha": ALPHAS}, X, y))


def test_validation_is_one_look_more():
    stopped = model(
        module=perceptron(),
        device="meta",
        early_stopping=True,
        validation_fraction=0.3,
    )
    epochs = epochs_of(stopped, {"alpha": ALPHAS}, vectors(), classes())
    assert_read_once(epochs, most=2)


def assert_read_once(epochs, most=1):
    assert epochs
    for epoch in epochs:
        last = len(epoch) - 1 - epoch[::-1].index("step")
        assert "read" not in epoch[:last]
        assert epoch.count("read") <= most
    assert np.all([epoch.count("step") <= STEPS for epoch in epochs])
