"""OneOf: one method per batch."""

import numpy as np
import pytest
import torch

from sk_mixup.mixing import CutMix, ManifoldMixup, Mixup, OneOf
from sk_mixup.mixing.plans._linear import LinearPlan
from sk_mixup.mixing.plans._masks import BoxPlan
from tests.builders import generator


def shares(method, n_draws=900):
    source, x = generator(), torch.rand(4, 1, 16, 16)
    plans = [method.draw(x, generator=source) for _ in range(n_draws)]
    clean = sum(plan.is_identity for plan in plans)
    linear = sum(isinstance(plan, LinearPlan) for plan in plans)
    boxes = sum(isinstance(plan, BoxPlan) for plan in plans)
    return [count / n_draws for count in (linear, boxes, clean)]


def test_methods_are_drawn_alike():
    expected = pytest.approx([0.5, 0.5, 0], abs=0.05)
    assert shares(OneOf([Mixup(1.0), CutMix()])) == expected


def test_probabilities_are_kept_and_the_rest_stays_clean():
    method = OneOf([Mixup(1.0), CutMix()], p=[0.2, 0.5])
    assert shares(method) == pytest.approx([0.2, 0.5, 0.3], abs=0.05)


def test_probabilities_may_be_an_array():
    method = OneOf([Mixup(1.0), CutMix()], p=np.array([0.0, 1.0]))
    assert shares(method, 20) == [0, 1, 0]


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5], "one probability for each of the 2 methods"),
        ([0.7, 0.7], "sum of at most 1"),
        ([1.5, 0.1], r"p must be a number between 0 and 1; got 1\.5"),
        ([-0.5, 0.1], r"p must be a number between 0 and 1; got -0\.5"),
        ([float("nan"), 0.1], "p must be a number between 0 and 1; got nan"),
    ],
)
def test_wrong_probabilities_are_named(p, message):
    with pytest.raises(ValueError, match=message):
        OneOf([Mixup(), CutMix()], p=p).draw(torch.rand(4, 1, 8, 8))


@pytest.mark.parametrize("p", [0.5, "ab"])
def test_probabilities_are_a_list(p):
    with pytest.raises(TypeError, match="a list with one probability per method; got"):
        OneOf([Mixup(), CutMix()], p=p).draw(torch.rand(4, 1, 8, 8))


def test_methods_are_a_list():
    for methods in ([], "mixup", Mixup()):
        with pytest.raises(ValueError, match="non-empty list of methods"):
            OneOf(methods).draw(torch.rand(4, 2))


def test_methods_are_objects():
    with pytest.raises(TypeError, match="got 'mixup' of type str"):
        OneOf(["mixup"]).draw(torch.rand(4, 2))


def test_a_wrong_parameter_of_a_method_is_found_whichever_is_drawn():
    method = OneOf([Mixup(), CutMix(alpha=-1)], p=[1.0, 0.0])
    with pytest.raises(ValueError, match="alpha must be a number of at least 0"):
        method.draw(torch.rand(4, 1, 8, 8))


def test_nested_parameters_are_read_and_set_by_position():
    method = OneOf([Mixup(0.3), CutMix()])
    assert method.get_params()["0__alpha"] == 0.3
    method.set_params(**{"1__alpha": 0.5, "p": [0.1, 0.2]})
    assert method.methods[1].alpha == 0.5
    assert method.p == [0.1, 0.2]


def test_a_position_out_of_range_is_an_error():
    with pytest.raises(ValueError, match="no parameter '2'"):
        OneOf([Mixup(), CutMix()]).set_params(**{"2__alpha": 0.5})


def test_it_blends_if_any_of_its_methods_does():
    assert OneOf([CutMix(), Mixup()]).blends
    assert not OneOf([CutMix(), CutMix()]).blends


def test_a_hidden_layer_may_be_drawn():
    method = OneOf([ManifoldMixup(layers=["0"])])
    assert method.draw(torch.rand(4, 2), generator=generator()).site == "0"
