"""``precision="auto"``: half precision where it pays, and nowhere else."""

import numpy as np
import pytest
import torch
from torch import nn

from sk_mixup.nets import TabularNet
from tests.builders import assert_same_weights, blobs, classifier, regressor

LARGE = blobs(2_400, n_classes=3)
SMALL = blobs(300, n_classes=3)
SHORT = {"max_epochs": 1, "module__d_hidden": 32}


@pytest.fixture(params=["avx512_bf16", "amx_bf16"])
def native(request, monkeypatch):
    """Let torch find a CPU with products of bfloat16."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {request.param: True})


@pytest.fixture
def older(monkeypatch):
    """Let torch find a CPU without them."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True})


def trained(data, precision, **settings):
    """Return a trained classifier."""
    return classifier(precision=precision, **(SHORT | settings)).fit(*data)


def differ(one, other):
    """Whether two trainings ended differently."""
    a, b = (next(m.module_.hidden.parameters()) for m in (one, other))
    return not torch.equal(a, b)


@pytest.mark.usefixtures("native")
def test_large_tables_train_in_bfloat16_where_it_is_native():
    auto, half, full = (trained(LARGE, p) for p in ("auto", "bfloat16", "float32"))
    assert_same_weights(auto, half)
    assert differ(auto, full)


@pytest.mark.usefixtures("older")
def test_other_cpus_train_in_float32():
    assert_same_weights(trained(LARGE, "auto"), trained(LARGE, "float32"))


def test_an_older_torch_trains_in_float32(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert_same_weights(trained(LARGE, "auto"), trained(LARGE, "float32"))


@pytest.mark.usefixtures("native")
def test_small_tables_train_in_float32():
    assert_same_weights(trained(SMALL, "auto"), trained(SMALL, "float32"))


@pytest.mark.usefixtures("native")
@pytest.mark.parametrize(
    "settings",
    [
        {"module": "resnet", "module__width": 16},
        {"module": lambda: nn.Linear(4, 3), "mix": None},
        {"optimizer": torch.optim.SGD, "module__d_hidden": 32},
    ],
    ids=["another net", "a module of one's own", "another optimizer"],
)
def test_what_the_recipe_was_not_made_for_trains_in_float32(settings):
    auto, full = (
        classifier(precision=precision, max_epochs=1, **settings).fit(*LARGE)
        for precision in ("auto", "float32")
    )
    assert_same_weights(auto, full)


@pytest.mark.usefixtures("native")
def test_a_seed_gives_the_same_weights_in_bfloat16():
    assert_same_weights(trained(LARGE, "auto"), trained(LARGE, "auto"))


@pytest.mark.usefixtures("native")
def test_a_regression_is_as_good():
    X, _ = LARGE
    y = np.abs(X[:, 0]) + X[:, 1]
    errors = []
    for precision in ("auto", "float32"):
        # Emulated products are slow: a small net.
        model = regressor(precision=precision, max_epochs=8, module__d_hidden=32)
        model.fit(X[:2_100], y[:2_100])
        errors.append(np.sqrt(np.mean((model.predict(X[2_100:]) - y[2_100:]) ** 2)))
    assert errors[0] == pytest.approx(errors[1], rel=0.1)
    assert errors[0] < 0.3 * y.std()


@pytest.mark.parametrize("n_members", [1, 4])
def test_only_the_hidden_layers_of_the_net_for_tables_are_rounded(n_members):
    net = TabularNet(3, 0, [], 2, n_members=n_members).train()
    seen = {}
    for name in ("hidden", "head"):
        net.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: seen.update(
                {name: (args[0].dtype, output.dtype)}
            )
        )
    with torch.autocast("cpu", torch.bfloat16):
        net(torch.randn(8, 3), torch.zeros(8, 0, dtype=torch.int64))
    assert seen["hidden"] == (torch.float32, torch.bfloat16)
    assert seen["head"] == (torch.float32, torch.float32)
