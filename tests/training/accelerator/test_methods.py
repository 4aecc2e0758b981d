"""What methods send to a device: all numbers of a block of steps in one message."""

from pathlib import Path

import numpy as np
import pytest
from torch import nn

from sk_mixup import MixupClassifier, MixupRegressor
from sk_mixup.augment import GaussianNoise, RandomCrop, RandomFlip
from sk_mixup.mixing import MemoryPairing, Mixup, list_methods
from tests.training.accelerator.builders import (
    STEPS,
    Attention,
    Convolution,
    assert_never_waits,
    bags,
    classes,
    images,
    model,
    numbers,
    perceptron,
    sounds,
    table,
    texts,
    vectors,
)
from tests.training.accelerator.meta import traffic_of

pytestmark = pytest.mark.filterwarnings("ignore:max_epochs")

#: Methods that find something on the host in every step, and why that is not run here.
ON_HOST = {
    "guided_mix": "",
    "puzzle_mix": "",
    "co_mixup": "has as many sources as the numbers say that it reads, here all zeros",
}
KINDS = {
    "feature_swap": ("mlp", table),
    "feat_mix": ("mlp", table),
    "hid_mix": ("mlp", table),
    "waveform_mix": (nn.Linear(64, 3), sounds),
    "ss_mix": ("text_bag", texts),
    "bag_mixup": ("mil", bags),
}


def case(name):
    """Return a model and its data, for a method."""
    entry = list_methods()[name]
    net = Attention() if entry.method.group == "attention" else Convolution()
    module, X = KINDS.get(name, (net, images))
    params = {"mix": name, "module": module}
    if hasattr(entry.method, "sites"):
        params["mix__layers"] = "maps"
    if name == "align_mix":
        params["mix__n_iter"] = 2
    if name == "noisy_feature_mixup":
        params["mix__layers"] = ["input", "maps"]
    if name == "c_mixup":
        params["module"] = nn.Sequential(nn.Flatten(), nn.Linear(128, 1))
        return MixupRegressor, params, X(), numbers()
    return MixupClassifier, params, X(), classes()


def draws():
    for name, entry in list_methods().items():
        if name in ON_HOST:
            continue
        has_rows = "per" in entry.defaults
        for per in ("batch", "row") if has_rows else (None,):
            yield pytest.param(name, per, id=name if per is None else f"{name}-{per}")


@pytest.mark.parametrize(("name", "per"), list(draws()))
def test_one_message_for_a_block_of_steps(name, per):
    kind, params, X, y = case(name)
    if per is not None:
        params["mix__per"] = per
    *_, epoch = assert_never_waits(traffic_of(model(kind, **params), X, y))
    # The order of the rows, and the block, which is all of an epoch here.
    assert epoch.count("copy") == 1 + 1


def test_the_grid_of_masks_is_known_before_the_first_block():
    kind, params, X, y = case("token_mix")
    first, _ = assert_never_waits(traffic_of(model(kind, **params), X, y))
    _, params, *_ = case("cutmix")
    other, _ = assert_never_waits(traffic_of(model(kind, **params), X, y))
    assert first.count("copy") == other.count("copy") < STEPS


@pytest.mark.parametrize("name", ON_HOST)
def test_methods_with_a_host_solver_say_so_and_mix_no_devices(name):
    assert list_methods()[name].method.solves_on_host
    if ON_HOST[name]:
        pytest.skip(ON_HOST[name])
    kind, params, X, y = case(name)
    _, epochs, _ = traffic_of(model(kind, **params), X, y).parts()
    assert [epoch.count("step") for epoch in epochs] == [STEPS, STEPS]


def test_those_that_wait_are_the_ones_that_are_listed():
    solving = {n for n, e in list_methods().items() if e.method.solves_on_host}
    assert solving == set(ON_HOST)


def test_a_block_has_32_steps():
    X, y = vectors(140), classes(140)
    mixed = model(module=perceptron(), mix=Mixup(0.5, per="row"), batch_size=4)
    *_, epoch = assert_never_waits(traffic_of(mixed, X, y), n_steps=35)
    assert epoch.count("copy") == 1 + 2


def test_a_last_batch_of_another_size_is_in_the_message():
    X, y = vectors(44), classes(44)
    mixed = model(module=perceptron(), mix="mixup")
    *_, epoch = assert_never_waits(traffic_of(mixed, X, y), n_steps=6)
    assert epoch.count("copy") == 2


@pytest.mark.parametrize(
    "pairing", ["shuffle", "reverse", "between", "within", "minority", "balanced"]
)
@pytest.mark.parametrize("grouped", [False, True])
def test_partners_are_found_where_labels_and_groups_are(pairing, grouped):
    mixed = model(module=perceptron(), mix=Mixup(pairing=pairing))
    groups = {"groups": np.arange(40) // 8} if grouped else {}
    *_, epoch = assert_never_waits(traffic_of(mixed, vectors(), classes(), **groups))
    assert epoch.count("copy") <= 2


@pytest.mark.parametrize("pairing", ["similar", "nearest"])
def test_partners_are_found_where_numbers_are(pairing):
    mixed = model(MixupRegressor, module=nn.Linear(4, 1), mix=Mixup(pairing=pairing))
    *_, epoch = assert_never_waits(traffic_of(mixed, vectors(), numbers()))
    assert epoch.count("copy") == 2


@pytest.mark.parametrize("per", ["batch", "row"])
def test_partners_are_found_where_the_rows_of_memory_are(per):
    mix = Mixup(per=per, pairing=MemoryPairing(16))
    mixed = model(module=perceptron(), mix=mix)
    *_, epoch = assert_never_waits(traffic_of(mixed, vectors(), classes()))
    assert epoch.count("copy") == 2


@pytest.mark.parametrize(
    "step", [RandomCrop(2), RandomFlip(), GaussianNoise()], ids=repr
)
def test_augmented_batches_are_mixed_in_blocks(step):
    mixed = model(module=Convolution(), mix="cutmix", augment=[step])
    *_, epoch = assert_never_waits(traffic_of(mixed, images(), classes()))
    assert epoch.count("copy") == 2


def test_the_page_names_those_that_wait_and_none_that_sends_more():
    page = (Path(__file__).parents[3] / "docs" / "guide" / "beyond.md").read_text()
    _, section = page.split("## The accelerator path")
    (waiting,) = (
        part for part in section.split("\n\n") if part.startswith("What does wait")
    )
    assert all(f"`{name}`" in waiting for name in ON_HOST)
    sent = [line for line in section.splitlines() if line.startswith("|")]
    assert not any(f"`{name}`" in line for name in list_methods() for line in sent)
