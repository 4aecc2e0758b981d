"""Precision, compilation and memory format."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from sk_mixup.training.loop import Forward
from sk_mixup.training.recipes import Knobs
from tests.builders import (
    assert_same_weights,
    blobs,
    classifier,
    mlp,
    people,
    regressor,
    weights_of,
)

X, Y = blobs(64)
TABLE, LABELS, INCOME = people(60)
IMAGES = np.random.default_rng(0).integers(0, 255, (64, 3, 8, 8)).astype(np.uint8)
EAGER = {"backend": "eager"}


class ConvNet(nn.Module):
    """A net for images that notes what it is given."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 2)
        self.seen = []

    def forward(self, x):
        if not torch.compiler.is_compiling():
            channels_last = x.is_contiguous(memory_format=torch.channels_last)
            self.seen.append((self.training, x.dtype, channels_last))
        hidden = self.conv(x / 255).relu()
        if not torch.compiler.is_compiling():
            self.seen.append((self.training, hidden.dtype))
        return self.head(hidden.mean((2, 3)))


@pytest.fixture
def compiled_graphs(empty_dynamo):
    """Count what dynamo compiles, with its caches empty."""
    from torch._dynamo.utils import counters

    counters.clear()
    return counters["stats"]


# -- precision -------------------------------------------------------------------------


@pytest.mark.parametrize("mix", [None, "mixup", "manifold"])
def test_bfloat16_stays_close_to_float32(mix):
    half, full = (
        classifier(mix=mix, precision=precision).fit(TABLE, LABELS)
        for precision in ("bfloat16", "float32")
    )
    difference = half.predict_proba(TABLE) - full.predict_proba(TABLE)
    assert 0 < np.abs(difference).max() < 0.05


def test_the_forward_pass_of_training_and_validation_is_bfloat16():
    model = classifier(module=ConvNet, precision="bfloat16", max_epochs=5)
    model.fit(IMAGES, Y, X_val=IMAGES, y_val=Y)
    hidden = {seen for seen in model.module_.seen if len(seen) == 2}
    assert (True, torch.bfloat16) in hidden
    assert (True, torch.float32) not in hidden
    assert (False, torch.bfloat16) in hidden


def test_predictions_are_float32():
    model = classifier(module=ConvNet, precision="bfloat16").fit(IMAGES, Y)
    model.module_.seen.clear()
    model.predict_proba(IMAGES)
    assert {seen[1] for seen in model.module_.seen} == {torch.float32}


def test_weights_stay_float32():
    model = regressor(precision="bfloat16").fit(TABLE, INCOME)
    assert {v.dtype for v in weights_of(model) if v.dtype.kind == "f"} == {
        np.dtype("float32")
    }


class HalfLoss(nn.Module):
    """A criterion that refuses half precision."""

    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, output, y):
        assert output.dtype == torch.float32
        return nn.functional.cross_entropy(output, y, reduction=self.reduction)


def test_the_loss_is_float32():
    classifier(module=ConvNet, criterion=HalfLoss, precision="bfloat16").fit(IMAGES, Y)


def test_float16_needs_cuda():
    with pytest.raises(ValueError, match=r"float16.*CUDA.*'cpu'.*bfloat16"):
        classifier(precision="float16", device="cpu").fit(X, Y)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_half_precision_on_cuda(precision):
    knobs = {"clip_norm": 1.0, "accumulate": 2, "ema": 0.9, "device": "cuda"}
    model = classifier(module=mlp(), precision=precision, max_epochs=20, **knobs)
    assert model.fit(X, Y).score(X, Y) > 0.8


class NoHalf(nn.Linear):
    """A module that cannot run in half precision."""

    def forward(self, x):
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("not implemented for 'BFloat16'")
        return super().forward(x)


@pytest.mark.gpu
def test_cuda_graphs_train_what_the_plain_module_does():
    params = {"module": mlp(), "mix": "mixup", "device": "cuda", "batch_size": 16}
    graphs = classifier(**params, compile={"mode": "reduce-overhead"}).fit(X, Y)
    plain = classifier(**params).fit(X, Y)
    np.testing.assert_allclose(
        graphs.predict_proba(X), plain.predict_proba(X), atol=1e-3
    )


def test_a_module_that_cannot_run_in_half_precision_says_so_before_training():
    with pytest.raises(ValueError, match=r"NoHalf failed with precision.*BFloat16"):
        classifier(module=NoHalf(4, 2), precision="bfloat16").fit(X, Y)


# -- compile ---------------------------------------------------------------------------


@pytest.mark.parametrize("mix", [None, "manifold", "cutmix"])
def test_a_compiled_training_is_the_plain_one(mix, compiled_graphs):
    images = IMAGES.astype(np.float32)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    if mix == "manifold":
        params = {"mix": mix, "mix__layers": ["input", "0"]}
    else:
        params = {"mix": mix}
    plain = classifier(module=net, **params).fit(images, Y)
    quick = classifier(module=net, **params, compile=EAGER).fit(images, Y)
    for a, b in zip(weights_of(plain), weights_of(quick), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert compiled_graphs["unique_graphs"] > 0


class Graphs(Callback):
    """Notes how many graphs there are after each epoch."""

    def __init__(self, stats):
        self.stats = stats
        self.counts = []

    def on_epoch_end(self, net, **kwargs):
        self.counts.append(self.stats["unique_graphs"])


@pytest.mark.parametrize("module", [None, mlp()], ids=["table", "mlp"])
def test_a_new_lambda_compiles_nothing_anew(module, compiled_graphs):
    graphs = Graphs(compiled_graphs)
    params = {"module": module, "batch_size": 16, "alpha": 1.0}
    if module is None:
        # Compiled dropout is torch's own, and draws other masks.
        params["module__dropout"] = 0.0
    plain = classifier(**params).fit(X, Y)
    quick = classifier(**params, compile=EAGER, callbacks=[graphs]).fit(X, Y)
    assert 0 < graphs.counts[0] == graphs.counts[-1]
    for a, b in zip(weights_of(plain), weights_of(quick), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_fitted_module_is_the_plain_one(compiled_graphs):
    model = classifier(module=mlp(), compile=EAGER).fit(X, Y)
    assert type(model.module_) is nn.Sequential
    mlp().load_state_dict(model.module_.state_dict())


def test_predictions_are_compiled(compiled_graphs):
    model = classifier(module=mlp(), compile=EAGER).fit(X, Y)
    torch._dynamo.reset()
    compiled_graphs.clear()
    model.predict(X)
    assert compiled_graphs["unique_graphs"] == 1


def test_predictions_are_those_of_evaluation_mode(compiled_graphs):
    net = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 2))
    model = classifier(module=net, compile=EAGER).fit(X, Y)
    before = model.predict_proba(X)
    model.module_.train()
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_compiled_models_pickle(compiled_graphs):
    model = classifier(module=mlp(), compile=EAGER).fit(X, Y)
    model.predict(X)
    other = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(
        other.predict_proba(X), model.predict_proba(X), atol=1e-6
    )


def test_arguments_of_compile_by_prefix(compiled_graphs):
    model = classifier(module=mlp(), compile=True, compile__backend="eager").fit(X, Y)
    assert model.net_.compile_options_ == EAGER
    assert compiled_graphs["unique_graphs"] > 0


# -- channels_last ---------------------------------------------------------------------


def test_images_and_weights_get_the_format():
    model = classifier(module=ConvNet, channels_last=True).fit(IMAGES, Y)
    inputs = [seen for seen in model.module_.seen if len(seen) == 3 and seen[0]]
    assert inputs
    assert all(seen[2] for seen in inputs)
    weight = model.module_.conv.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_the_format_changes_no_numbers():
    torch.manual_seed(0)
    net = ConvNet()
    one = classifier(module=net, channels_last=True).fit(IMAGES, Y)
    other = classifier(module=net).fit(IMAGES, Y)
    for a, b in zip(weights_of(one), weights_of(other), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_format_needs_images():
    with pytest.raises(ValueError, match="channels_last=True is for images"):
        classifier(module=mlp(), channels_last=True).fit(X, Y)


def test_defaults_add_nothing_to_a_run():
    runs = []

    class Look(Callback):
        def on_batch_end(self, net, **kwargs):
            run = net.run_
            runs.append((run.steps_plainly, run.forward, run.stepper, run.augment))

    one = classifier(callbacks=[Look()]).fit(X, Y)
    assert set(runs) == {(True, None, None, ())}
    assert_same_weights(one, classifier().fit(X, Y))


@pytest.mark.parametrize("module", [None, "mlp", "ft_transformer", mlp()], ids=str)
@pytest.mark.parametrize("mix", ["mixup", None])
def test_one_graph_trains_and_one_predicts(module, mix, compiled_graphs):
    # The last batch is shorter, and so are the rows of validation and prediction.
    params = {"module": module, "mix": mix, "batch_size": 16, "early_stopping": True}
    model = classifier(**params, compile=EAGER).fit(X[:57], Y[:57])
    assert compiled_graphs["unique_graphs"] == 2
    for n_rows in (1, 20, 57):
        model.predict(X[:n_rows])
    assert compiled_graphs["unique_graphs"] == 2
    assert "embed" not in vars(model.module_)


@pytest.mark.parametrize(("verbose", "said"), [(0, False), (1, True)])
def test_verbose_says_that_it_compiles(verbose, said, capsys, compiled_graphs):
    classifier(module=mlp(), compile=EAGER, verbose=verbose).fit(X, Y)
    assert ("torch.compile builds Sequential" in capsys.readouterr().out) is said


# -- CUDA graphs -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("compiles", "device", "writes_over"),
    [
        ({"mode": "reduce-overhead"}, "cuda", True),
        ({"options": {"triton.cudagraphs": True}}, "cuda", True),
        ({"mode": "reduce-overhead"}, "cpu", False),
        ({}, "cuda", False),
    ],
)
def test_who_runs_cuda_graphs(compiles, device, writes_over):
    net = SimpleNamespace(place_=torch.device(device))
    assert Forward(net, Knobs(compile=compiles)).writes_over is writes_over


def test_gradients_of_several_batches_outlive_a_cuda_graph(monkeypatch):
    params = {"module": mlp(), "accumulate": 3, "compile": EAGER, "mix": None}
    plain = classifier(**params).fit(X, Y)
    monkeypatch.setattr(Forward, "writes_over", True)
    assert_same_weights(plain, classifier(**params).fit(X, Y))
