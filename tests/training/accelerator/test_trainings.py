"""No step waits for its device, whatever a training does beside its steps."""

import sys
from contextlib import nullcontext
from unittest import mock

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EpochScoring, LRScheduler
from torch import nn

from sk_mixup import MixupRegressor
from sk_mixup.callbacks import MixMonitor
from sk_mixup.mixing import (
    BinaryCrossEntropy,
    DecoupledCrossEntropy,
    RankMixupLoss,
    SoftCrossEntropy,
    TwoHotBinaryCrossEntropy,
)
from tests.training.accelerator.builders import (
    MOST_READS,
    N_ROWS,
    STEPS,
    Convolution,
    Halved,
    assert_never_waits,
    classes,
    images,
    matrix,
    model,
    numbers,
    perceptron,
    table,
    texts,
    vectors,
)
from tests.training.accelerator.meta import traffic_of

pytestmark = pytest.mark.filterwarnings("ignore:max_epochs")

VALIDATED = {"early_stopping": True, "validation_fraction": 0.3}


@pytest.mark.parametrize(
    ("module", "X"),
    [
        *((name, table) for name in ("mlp", "tabm", "resnet", "ft_transformer")),
        *(("excelformer", table), (None, table)),
        *((name, images) for name in ("resnet", "convnet")),
        *((name, texts) for name in ("text_bag", "text_cnn")),
        ("mlp", matrix),
    ],
)
@pytest.mark.parametrize("mix", ["mixup", "manifold"])
def test_bundled_nets(module, X, mix):
    found = traffic_of(model(module=module, mix=mix), X(), classes())
    *_, epoch = assert_never_waits(found)
    # The order of the rows, and what is drawn for a block of steps.
    assert epoch.count("copy") == 2


def test_rows_are_sent_once_and_their_order_once_per_epoch():
    found = traffic_of(model(module=nn.Linear(4, 3), mix=None), vectors(), classes())
    _, epochs, _ = found.parts()
    assert [epoch.count("copy") for epoch in epochs] == [1, 1]


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_validation_and_early_stopping(kind):
    net = {"module": perceptron()}
    given = model(**net, **VALIDATED), vectors(), classes()
    if kind == "regressor":
        net = {"module": nn.Linear(4, 1)}
        given = model(MixupRegressor, **net, **VALIDATED), vectors(), numbers()
    assert_never_waits(traffic_of(*given), n_steps=4)


def test_several_batches_of_validation_rows_are_one_look():
    X, y = images(), classes()
    found = traffic_of(
        model(module=Convolution(), early_stopping=True), X, y, X_val=X, y_val=y
    )
    assert_never_waits(found)


def test_a_temperature_costs_one_look_behind_the_training():
    found = traffic_of(
        model(module=perceptron(), calibration="temperature", early_stopping=True),
        vectors(),
        classes(),
        X_val=vectors(),
        y_val=classes(),
    )
    assert_never_waits(found)
    assert found.parts()[2].count("read") == 1


def test_a_temperature_of_folds_waits_between_trainings_alone():
    found = traffic_of(
        model(module=perceptron(), calibration="temperature"), vectors(), classes()
    )
    _, epochs, _ = found.parts()
    trained = [epoch for epoch in epochs if "step" in epoch]
    assert len(trained) > 2
    for epoch in trained:
        last = len(epoch) - 1 - epoch[::-1].index("step")
        assert "read" not in epoch[:last]
        assert epoch.count("read") <= MOST_READS


@pytest.mark.parametrize("mix", ["auto", "mixup"])
def test_members_that_leave_out_folds(mix):
    members = model(batch_size=60, early_stopping="auto", max_epochs=4, mix=mix)
    found = traffic_of(members, table(300), np.arange(300) % 2)
    *_, epoch = assert_never_waits(found)
    assert epoch.count("copy") == 2


@pytest.mark.parametrize("optimizer", [None, "muonadamw"], ids=["chosen", "given"])
def test_orthogonal_steps(optimizer):
    given = {"batch_size": 175, "max_epochs": 10, "early_stopping": "auto"}
    members = model(**given, optimizer=optimizer)
    assert_never_waits(traffic_of(members, table(1_000), np.arange(1_000) % 2))


@pytest.mark.parametrize(
    "knob",
    [
        {"ema": 0.9},
        {"clip_norm": 1.0},
        {"schedule": "cosine", "warmup": 1},
        {"schedule": "one_cycle", "ema": 0.9, "clip_norm": 1.0},
        {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9},
        {"class_weight": "balanced"},
        {"criterion__label_smoothing": 0.1},
        {"warm_start": True},
    ],
    ids=str,
)
def test_knobs(knob):
    found = traffic_of(model(module=perceptron(), **knob), vectors(), classes())
    *_, epoch = assert_never_waits(found)
    assert epoch.count("copy") == 2


def test_gradients_of_several_batches():
    joined = model(module=perceptron(), accumulate=2, clip_norm=1.0)
    assert_never_waits(traffic_of(joined, vectors(), classes()), n_steps=3)


def test_channels_last():
    found = traffic_of(
        model(module=Convolution(), channels_last=True), images(), classes()
    )
    assert_never_waits(found)


@pytest.mark.parametrize("given", ["sample_weight", "groups"])
def test_weights_and_groups(given):
    values = {"sample_weight": np.linspace(0.5, 2, N_ROWS)}
    values["groups"] = np.arange(N_ROWS) // 4
    found = traffic_of(
        model(module=perceptron()), vectors(), classes(), **{given: values[given]}
    )
    assert_never_waits(found)


def test_fused_steps():
    # torch has no fused step of this device, and here is asked for one all the same.
    adam = sys.modules["torch.optim.adam"]
    with mock.patch.object(adam, "_device_dtype_check_for_fused"):
        found = traffic_of(
            model(module=perceptron(), optimizer__fused=True, clip_norm=1.0),
            vectors(),
            classes(),
        )
    assert_never_waits(found)


def test_half_precision():
    # torch has no autocast of this device: a net returns half precision by itself.
    with mock.patch.object(torch, "autocast", return_value=nullcontext()):
        found = traffic_of(
            model(module=Halved(4, 3), precision="bfloat16", **VALIDATED),
            vectors(),
            classes(),
        )
    assert_never_waits(found, n_steps=4)


@pytest.mark.parametrize(
    "criterion",
    [
        BinaryCrossEntropy,
        DecoupledCrossEntropy,
        SoftCrossEntropy,
        TwoHotBinaryCrossEntropy,
        nn.BCEWithLogitsLoss,
    ],
)
@pytest.mark.parametrize("per", ["batch", "row"])
def test_losses_of_classes(criterion, per):
    found = traffic_of(
        model(module=perceptron(), criterion=criterion, mix="mixup", mix__per=per),
        vectors(),
        classes(),
    )
    assert_never_waits(found)


def test_a_loss_of_clean_rows_beside_mixed_ones():
    ranked = model(module=perceptron(), criterion=RankMixupLoss, mix="reg_mixup")
    assert_never_waits(traffic_of(ranked, vectors(), classes()))


@pytest.mark.parametrize("criterion", ["huber", nn.L1Loss, nn.PoissonNLLLoss])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_losses_of_numbers(criterion, n_outputs):
    y = np.abs(np.stack([numbers()] * n_outputs, 1)).squeeze()
    found = traffic_of(
        model(MixupRegressor, module=nn.Linear(4, n_outputs), criterion=criterion),
        vectors(),
        y,
    )
    *_, epoch = assert_never_waits(found)
    assert epoch.count("copy") == 2


@pytest.mark.parametrize("kind", ["labels", "soft", "outputs", "pixels", "bytes"])
def test_targets_of_every_kind(kind):
    one_hot = np.eye(3)[classes()]
    X, y, params = {
        "labels": (vectors(), one_hot.astype(int), {"module": perceptron()}),
        "soft": (vectors(), (one_hot * 0.7 + 0.1).astype("f4"), {"module": "mlp"}),
        "outputs": (vectors(), np.stack([classes()] * 2, 1), {"module": "mlp"}),
        "pixels": (
            images(),
            (images()[:, 0] > 0).astype(int),
            {"module": nn.Conv2d(2, 2, 3, padding=1), "target_kind": "pixels"},
        ),
        "bytes": (
            (images() * 50 + 100).clip(0, 255).astype("u1"),
            classes(),
            {"module": Convolution(), "mix": "cutmix"},
        ),
    }[kind]
    if kind == "soft":
        params["target_kind"] = "soft"
    assert_never_waits(traffic_of(model(**params), X, y))


# -- what does wait ----------------------------------------------------------------


def test_rows_of_a_loader_are_sent_batch_by_batch():
    loaded = model(module=perceptron(), iterator_train__shuffle=True)
    *_, epoch = assert_never_waits(traffic_of(loaded, vectors(), classes()))
    # Rows, labels, and what is drawn.
    assert epoch.count("copy") == 3 * STEPS


class Watcher(Callback):
    """Looks at the loss of every batch."""

    def on_batch_end(self, net, **kwargs):
        pass


def test_a_callback_that_looks_at_batches_makes_each_wait():
    watched = model(module=perceptron(), callbacks=[Watcher()])
    _, epochs, _ = traffic_of(watched, vectors(), classes()).parts()
    assert epochs[0].count("read") == STEPS + 1


@pytest.mark.filterwarnings("ignore:alpha is strong")
@pytest.mark.parametrize(
    "callback",
    [
        EpochScoring("accuracy", name="own", lower_is_better=False),
        LRScheduler("StepLR", step_size=1),
        MixMonitor(),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_callbacks_of_epochs_look_at_their_end(callback):
    watched = model(module=perceptron(), callbacks=[callback], **VALIDATED)
    assert_never_waits(traffic_of(watched, vectors(), classes()), n_steps=4)


def test_optimizers_that_judge_their_steps_wait_in_each():
    # L-BFGS looks at losses and gradients as numbers.
    judged = model(module=nn.Linear(4, 3), optimizer=torch.optim.LBFGS)
    _, epochs, _ = traffic_of(judged, vectors(), classes()).parts()
    assert epochs[-1].count("read") > STEPS
