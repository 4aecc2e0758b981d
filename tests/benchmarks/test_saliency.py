"""The suite on what a look costs."""

import pytest

from benchmarks.suites import load_suite, saliency
from benchmarks.suites.saliency import CUTMIX, PLAIN, Steps, methods, stepper, table_of
from sk_mixup.mixing import SaliencyMix


def test_every_method_that_looks_at_images_is_measured():
    found = methods()
    assert {PLAIN, CUTMIX, "saliency_mix", "snap_mix"} <= found.keys()
    assert "ss_mix" not in found
    assert found["guided_mix ap, every=4"].every == 4


@pytest.mark.parametrize("method", [None, SaliencyMix()], ids=["plain", "looking"])
def test_steps_are_clocked(method):
    steps = stepper(method, 2, 1)(0)
    assert steps.wall > 0
    assert steps.cpu > 0


def test_ratios_are_those_of_neighbours():
    found = {
        PLAIN: [Steps(1.0, 0.5), Steps(2.0, 0.5), Steps(4.0, 0.5)],
        "saliency_mix": [Steps(1.4, 0.5), Steps(2.8, 0.6), Steps(5.6, 0.7)],
    }
    table = table_of(found, 2, [])
    assert table.rows[0][:2] == [PLAIN, "1000.0 [500.0, 2000.0]"]
    name, _, ratio, own, target, met, cost = table.rows[1]
    assert name == "saliency_mix"
    assert ratio == "1.40 [1.40, 1.40]"
    assert (target, met) == ("at most 1.3", "met")
    assert own.startswith("1.20")
    assert cost == SaliencyMix.cost


def test_the_suite_has_its_name():
    assert load_suite("saliency") is saliency.run
