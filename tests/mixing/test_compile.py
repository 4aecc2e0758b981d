"""Plans inside compiled code: one graph, whatever the draw.

A plan is an argument like any other: ``torch.compile(lambda plan, x: plan.apply(x))``.
Drawing stays outside. The eager backend is enough to see breaks and recompilations.
"""

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import (
    AlignMix,
    CutMix,
    FeatMix,
    FeatureSwap,
    FixedLaw,
    FMix,
    GridMix,
    HidMix,
    MixContext,
    Mixup,
    NoisyFeatureMixup,
    PerKey,
    RegMixup,
    Remix,
    Repeat,
    ResizeMix,
    SmoothMix,
)
from sk_mixup.mixing.plans._linear import LinearPlan
from sk_mixup.mixing.plans._masks import BoxPlan, MaskPlan, SoftMaskPlan, mask_lam
from sk_mixup.mixing.plans._plan import MixPlan
from sk_mixup.mixing.plans._stack import StackPlan
from tests.builders import generator


def apply(plan, x):
    return plan.apply(x)


def apply_both(plan, x, y):
    return plan.apply(x), plan.targets(y, 3)


METHODS = [
    (Mixup(1.0), LinearPlan),
    (Mixup(1.0, per="row", p=0.7), LinearPlan),
    (Mixup(1.0, single_target=True), LinearPlan),
    (Mixup(1.0, law=FixedLaw(0.3)), LinearPlan),
    (NoisyFeatureMixup(), LinearPlan),
    (RegMixup(), StackPlan),
    (RegMixup(per="row"), StackPlan),
    (Repeat(Mixup(1.0), k=3), StackPlan),
    (CutMix(), BoxPlan),
    (CutMix(per="row"), MaskPlan),
    (CutMix(per="row", fold=True), MaskPlan),
    (Repeat(CutMix(), k=2), StackPlan),
    (ResizeMix(), MixPlan),
    (GridMix(), MaskPlan),
    (FMix(per="row"), MaskPlan),
    (SmoothMix(), SoftMaskPlan),
    (Remix(), LinearPlan),
]
TABULAR = [FeatureSwap(), FeatureSwap(per="row"), FeatMix(), HidMix()]


@pytest.mark.parametrize(("method", "kind"), METHODS, ids=repr)
def test_one_graph_serves_every_draw(method, kind, compiled):
    x, y = torch.rand(6, 3, 8, 7), torch.randint(0, 3, (6,), generator=generator())
    function = compiled(apply_both)
    for seed in range(5):
        plan = method.draw(x, y, generator=generator(seed))
        assert isinstance(plan, kind)
        mixed, targets = function(plan, x, y)
        assert_close(mixed, plan.apply(x))
        assert_close(targets, plan.targets(y, 3))


@pytest.mark.parametrize("method", TABULAR, ids=repr)
def test_one_graph_serves_every_draw_for_a_table(method, compiled):
    x, y = torch.rand(6, 5), torch.randint(0, 3, (6,), generator=generator())
    function = compiled(apply_both)
    for seed in range(5):
        plan = method.draw(x, y, generator=generator(seed))
        mixed, targets = function(plan, x, y)
        assert_close(mixed, plan.apply(x))
        assert_close(targets, plan.targets(y, 3))


@pytest.mark.parametrize(
    "method", [Mixup(1.0), Mixup(1.0, per="row"), RegMixup(), CutMix(per="row")]
)
@pytest.mark.parametrize("shape", [(6,), (6, 4)])
def test_numbers_and_soft_labels_are_mixed_in_one_graph(method, shape, compiled):
    x, y = torch.rand(6, 3, 8, 7), torch.rand(shape)
    function = compiled(lambda plan, y: plan.targets(y))
    for seed in range(4):
        plan = method.draw(x, y, generator=generator(seed))
        assert_close(function(plan, y), plan.targets(y))


def test_soft_masks_are_one_graph(compiled):
    x, y = torch.rand(6, 3, 8, 7), torch.randint(0, 3, (6,))
    function = compiled(apply_both)
    for seed in range(4):
        mask = torch.rand(6, 8, 7, generator=generator(seed))
        partner = Mixup(1.0).draw(x, generator=generator(seed)).partner
        plan = SoftMaskPlan(partner, mask_lam(mask, 6, torch.float32), mask=mask)
        mixed, targets = function(plan, x, y)
        assert_close(mixed, plan.apply(x))
        assert_close(targets, plan.targets(y, 3))


def test_a_dict_is_mixed_in_one_graph(compiled):
    x = {
        "a": torch.rand(6, 3),
        "b": torch.rand(6, 2, 4),
        "mask": torch.rand(6, 5) < 0.5,
    }
    method = PerKey(Mixup(1.0), how={"b": "blend", "mask": "union"})
    function = compiled(apply)
    for seed in range(4):
        plan = method.draw(x, generator=generator(seed))
        assert_close(function(plan, x), plan.apply(x))


def test_feature_maps_are_aligned_in_one_graph(compiled):
    x = torch.rand(4, 3, 2, 2)
    method = AlignMix(1.0, layers=["body"], n_iter=3)
    function = compiled(apply)
    for seed in range(3):
        plan = method.draw(x, generator=generator(seed), context=MixContext())
        assert_close(function(plan, x), plan.apply(x))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16, torch.float64])
def test_dtypes_are_those_of_eager_code(dtype, compiled):
    x = torch.randint(0, 255, (4, 3, 8, 8)).to(dtype)
    plan = Mixup(1.0, per="row").draw(x, generator=generator())
    mixed = compiled(apply)(plan, x)
    assert mixed.dtype == plan.apply(x).dtype
    assert_close(mixed, plan.apply(x))


def test_gradients_are_those_of_eager_code(compiled):
    x = torch.rand(4, 3, requires_grad=True)
    plan = Mixup(1.0).draw(x, generator=generator())
    weight = torch.rand(4, 3)
    (gradient,) = torch.autograd.grad(compiled(apply)(plan, x), x, weight)
    (expected,) = torch.autograd.grad(plan.apply(x), x, weight)
    assert_close(gradient, expected)


def test_a_batch_of_one_is_compiled(compiled):
    x = torch.rand(1, 3)
    plan = Mixup(1.0).draw(x)
    assert isinstance(plan, MixPlan)
    assert_close(compiled(apply)(plan, x), x)


def test_the_step_of_a_net_is_one_graph(compiled):
    net = torch.nn.Linear(3, 2)

    @compiled
    def loss(plan, x, y):
        output = net(plan.apply(x))
        return torch.nn.functional.cross_entropy(output, plan.targets(y, 2))

    x, y = torch.rand(6, 3), torch.randint(0, 2, (6,))
    for seed in range(4):
        plan = Mixup(0.4).draw(x, y, generator=generator(seed))
        loss(plan, x, y).backward()
        eager = torch.nn.functional.cross_entropy(
            net(plan.apply(x)), plan.targets(y, 2)
        )
        assert_close(loss(plan, x, y), eager)
