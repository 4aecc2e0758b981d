"""No step waits for its device: what is read back, and sent there, in a training."""

import numpy as np
import pandas as pd
import pytest
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.mixing import Mixup, list_methods
from tests.training.accelerator.meta import traffic_of

N_ROWS, BATCH, EPOCHS = 40, 8, 2
STEPS = N_ROWS // BATCH
#: Reads of an epoch at most: losses and accuracy, at its end.
MOST_READS = 4

OF_COLUMNS = {"feature_swap", "feat_mix", "hid_mix"}
OF_NUMBERS = {"c_mixup"}
OF_SOUNDS = {"waveform_mix"}
OF_TEXTS = {"ss_mix"}
OF_BAGS = {"bag_mixup"}
ANYWHERE = [
    name
    for name, entry in list_methods().items()
    if not entry.method.solves_on_host
    and name not in OF_COLUMNS | OF_SOUNDS | OF_TEXTS | OF_BAGS
]
#: Copies of a step at most where draws are made step by step: partners, lambda, boxes.
MOST_COPIES = 6


class Convolution(nn.Module):
    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(2, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)
        #: Where it looks, for methods that read that.
        self.attention_map = None

    def forward(self, x):
        self.attention_map = x.detach().mean(1)
        return self.head(self.maps(x).relu().flatten(2).mean(2))


def images():
    rng = np.random.default_rng(0)
    return rng.standard_normal((N_ROWS, 2, 8, 8)).astype(np.float32)


def table():
    rng = np.random.default_rng(0)
    words = rng.choice(["Ulm", "Trier", "Jena"], N_ROWS)
    X = pd.DataFrame({"size": rng.normal(size=N_ROWS), "town": words})
    X.loc[::7, "size"] = np.nan
    return X


def texts():
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(["a", "b", "c", "d"], 6)) for _ in range(N_ROWS)]


def vectors():
    rng = np.random.default_rng(0)
    return rng.standard_normal((N_ROWS, 4)).astype(np.float32), classes()


def classes():
    return np.arange(N_ROWS) % 3


def model(kind=MixupClassifier, **params):
    own = {"max_epochs": EPOCHS, "batch_size": BATCH, "random_state": 0}
    own |= {"early_stopping": False, "precision": "float32"}
    own |= {"optimizer__fused": False}  # which is for devices that compute
    return kind(**(own | params))


def assert_never_waits(found, most_copies):
    """Check that epochs read at their end alone, and what is sent per step."""
    epochs = found.epochs()
    assert [epoch.count("step") for epoch in epochs] == [STEPS] * EPOCHS
    for epoch in epochs:
        last = len(epoch) - 1 - epoch[::-1].index("step")
        assert "read" not in epoch[:last]
        assert epoch.count("read") <= MOST_READS
    # The first one has the rows sent too.
    assert epochs[-1].count("copy") <= most_copies


@pytest.mark.parametrize(
    ("module", "X"),
    [
        *((name, table) for name in ("mlp", "tabm", "resnet", "ft_transformer")),
        *(("excelformer", table), (None, table)),
        *((name, images) for name in ("resnet", "convnet")),
        *((name, texts) for name in ("text_bag", "text_cnn")),
    ],
)
@pytest.mark.filterwarnings("ignore:max_epochs")
def test_bundled_nets_wait_for_nothing(module, X):
    found = traffic_of(model(module=module, mix="mixup"), X(), classes())
    # The order of the rows, partners and lambda of a block of steps.
    assert_never_waits(found, most_copies=3)


@pytest.mark.parametrize("name", sorted(OF_COLUMNS))
@pytest.mark.filterwarnings("ignore:max_epochs")
def test_methods_of_columns_wait_for_nothing(name):
    found = traffic_of(model(module="mlp", mix=name), table(), classes())
    assert_never_waits(found, most_copies=1 + MOST_COPIES * STEPS)


@pytest.mark.parametrize("name", sorted(OF_SOUNDS))
@pytest.mark.filterwarnings("ignore:max_epochs")
def test_methods_of_sounds_wait_for_nothing(name):
    sounds = np.random.default_rng(0).standard_normal((N_ROWS, 64)).astype("f4")
    found = traffic_of(model(module=nn.Linear(64, 3), mix=name), sounds, classes())
    assert_never_waits(found, most_copies=1 + MOST_COPIES * STEPS)


@pytest.mark.parametrize("name", sorted(OF_TEXTS))
@pytest.mark.filterwarnings("ignore:max_epochs")
def test_methods_of_texts_wait_for_nothing(name):
    found = traffic_of(model(module="text_bag", mix=name), texts(), classes())
    assert_never_waits(found, most_copies=1 + MOST_COPIES * STEPS)


@pytest.mark.parametrize("name", sorted(OF_BAGS))
@pytest.mark.filterwarnings("ignore:max_epochs")
def test_methods_of_bags_wait_for_nothing(name):
    rng = np.random.default_rng(0)
    bags = [rng.normal(size=(2 + k % 3, 4)).astype("f4") for k in range(N_ROWS)]
    found = traffic_of(model(module="mil", mix=name), bags, classes())
    assert_never_waits(found, most_copies=1 + MOST_COPIES * STEPS)


@pytest.mark.parametrize(
    "knob", [{"ema": 0.9}, {"clip_norm": 1.0}, {"schedule": "cosine", "warmup": 1}]
)
def test_knobs_wait_for_nothing(knob):
    found = traffic_of(model(module=nn.Linear(4, 3), mix=None, **knob), *vectors())
    assert_never_waits(found, most_copies=2)


def test_rows_are_sent_once_and_their_order_once_per_epoch():
    found = traffic_of(model(module=nn.Linear(4, 3), mix=None), *vectors())
    # Rows and labels; then the order alone.
    assert [epoch.count("copy") for epoch in found.epochs()] == [3, 1]


@pytest.mark.filterwarnings("ignore:max_epochs")
def test_plans_of_plain_mixup_are_sent_in_blocks():
    mixed = model(module=nn.Linear(4, 3), mix=Mixup(0.5))
    epochs = traffic_of(mixed, *vectors()).epochs()
    # The order, then partners and lambdas of all steps of a block: an epoch, here.
    assert epochs[-1].count("copy") == 3


@pytest.mark.parametrize(
    ("name", "per"),
    [
        *((name, "batch") for name in ANYWHERE),
        *((name, "row") for name in ("mixup", "cutmix", "resize_mix", "remix")),
    ],
)
@pytest.mark.filterwarnings("ignore:max_epochs")
def test_methods_wait_for_nothing(name, per):
    params = {"mix": name, "module": Convolution()}
    if "per" in list_methods()[name].defaults:
        params["mix__per"] = per
    if name in ("manifold", "align_mix"):
        params["mix__layers"] = "maps"
    kind, y = MixupClassifier, classes()
    if name in OF_NUMBERS:
        kind, y = MixupRegressor, np.linspace(-1, 1, N_ROWS)
        params["module"] = nn.Sequential(nn.Flatten(), nn.Linear(128, 1))
    found = traffic_of(model(kind, **params), images(), y)
    assert_never_waits(found, most_copies=1 + 4 * STEPS)
