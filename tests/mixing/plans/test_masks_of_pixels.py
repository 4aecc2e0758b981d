"""Masks of classes, mixed as their images are."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.testing import assert_close

from sk_mixup.mixing import (
    AlignMix,
    CutMix,
    FeatureCutMix,
    FeatureSwap,
    FMix,
    GridMix,
    HidMix,
    ManifoldMixup,
    MixCollate,
    MixContext,
    Mixup,
    PatchUp,
    PerKey,
    RegMixup,
    Repeat,
    ResizeMix,
    SmoothMix,
    mix_layer,
)
from tests.builders import generator

SIZE = (6, 8)
PASTING = [
    CutMix(),
    CutMix(per="row", p=0.6, fold=True),
    FMix(),
    GridMix(per="row"),
    PerKey(CutMix()),
]
BLENDING = [Mixup(1.0), Mixup(1.0, per="row"), SmoothMix(), RegMixup(1.0)]
few = settings(max_examples=15)


def masks(seed=0, dtype=torch.int64):
    return torch.randint(0, 4, (5, *SIZE), generator=generator(seed)).to(dtype)


def drawn(method, seed):
    images = torch.rand(5, 3, *SIZE, generator=generator(seed))
    x = {"image": images} if isinstance(method, PerKey) else images
    return method.draw(x, generator=generator(seed))


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
@pytest.mark.parametrize("method", PASTING, ids=repr)
@given(seed=st.integers(0, 999))
@few
def test_a_pasted_pixel_has_the_class_of_where_it_comes_from(method, dtype, seed):
    y, plan = masks(seed, dtype), drawn(method, seed)
    before = y.clone()
    mixed = plan.apply_masks(y)
    image = y.unsqueeze(1).double()
    x = {"image": image} if isinstance(method, PerKey) else image
    pasted = plan.apply(x)
    pasted = pasted["image"] if isinstance(method, PerKey) else pasted
    assert mixed.dtype == dtype
    assert_close(mixed.double(), pasted.squeeze(1))
    assert torch.equal(y, before)


@pytest.mark.parametrize("method", BLENDING, ids=repr)
@given(seed=st.integers(0, 999))
@few
def test_a_blended_pixel_has_shares_of_both_classes(method, seed):
    y, plan = masks(seed), drawn(method, seed)
    mixed = plan.apply_masks(y, 4)
    # One-hot masks are images: blended place by place as any other.
    one_hot = torch.nn.functional.one_hot(y, 4).movedim(-1, 1).float()
    assert_close(mixed, plan.apply(one_hot), atol=1e-5, rtol=0)
    assert_close(plan.apply_masks(one_hot), mixed, atol=1e-5, rtol=0)
    assert_close(mixed.sum(1), torch.ones(len(mixed), *SIZE), atol=1e-5, rtol=0)


@given(seed=st.integers(0, 999))
@few
def test_pixels_that_do_not_count_add_to_no_class(seed):
    y, plan = masks(seed), drawn(Mixup(1.0, per="row"), seed)
    y[y == 3] = 255
    mixed = plan.apply_masks(y, 3, ignore_index=255)
    lam = plan.lam.view(-1, 1, 1)
    counted = lam * (y != 255) + (1 - lam) * (y[plan.partner] != 255)
    assert_close(mixed.sum(1), counted)


def test_a_resized_partner_brings_its_mask_along():
    y = torch.zeros(2, 20, 20, dtype=torch.uint8)
    y[1] = 7
    y[1, :, 10:] = 200
    plan = ResizeMix(scope=(0.5, 0.5)).draw(
        y.unsqueeze(1).float(), generator=generator(2)
    )
    mixed = plan.apply_masks(y)
    # Classes are never averaged, and lie where the picture lies.
    assert set(mixed.unique().tolist()) <= {0, 7, 200}
    assert torch.equal(mixed[0] != 0, plan.apply(y.unsqueeze(1).float())[0, 0] != 0)
    box = plan.box
    (top, bottom), (left, right) = box
    middle = (left + right) // 2
    assert bool((mixed[0, top:bottom, left:middle] == 7).all())
    assert bool((mixed[0, top:bottom, middle + 1 : right] == 200).all())


def test_a_mask_of_another_size_asks_the_nearest_place():
    plan = CutMix().draw(torch.rand(3, 1, 8, 8), generator=generator(4))
    y = torch.arange(3).view(3, 1, 1).expand(3, 16, 16).contiguous()
    fine = plan.apply_masks(y)
    coarse = plan.apply_masks(y[:, :8, :8].contiguous())
    assert torch.equal(fine, coarse.repeat_interleave(2, 1).repeat_interleave(2, 2))


@pytest.mark.parametrize("method", [FeatureCutMix(layers=["0"]), PatchUp(layers=["0"])])
def test_a_map_within_the_net_says_what_is_done_to_the_mask(method):
    net = torch.nn.Conv2d(1, 2, 2, stride=2)
    module = torch.nn.Sequential(net, torch.nn.Upsample(scale_factor=2))
    images, y = torch.rand(4, 1, 8, 8), torch.arange(4).view(4, 1, 1).expand(4, 8, 8)
    plan = method.draw(
        images, generator=generator(3), context=MixContext(module=module)
    )
    with mix_layer(module, plan) as mixed:
        module(images)
    shares = mixed.plan.partner_places(y.shape)
    assert shares.shape[1:] == (8, 8)
    # The share of the map is that of the mask: 2 x 2 pixels for every place of it.
    assert_close(1 - shares.float().mean((1, 2)), mixed.plan.lam[:1].float())
    found = mixed.plan.apply_masks(y.contiguous(), 4)
    if found.ndim == 4:
        assert_close(found.sum(1), torch.ones(4, 8, 8))


def test_copies_of_a_batch_have_masks_each():
    y = masks()
    plan = drawn(Repeat(CutMix(), k=3), 0)
    mixed = plan.apply_masks(y)
    assert mixed.shape == (15, *SIZE)
    assert torch.equal(mixed[:5], plan.parts[0].apply_masks(y))
    blended = drawn(RegMixup(1.0), 0).apply_masks(y, 4)
    assert blended.shape == (10, 4, *SIZE)


def test_what_says_nothing_of_places_is_refused():
    y = masks()
    for method, x in (
        (FeatureSwap(), torch.rand(5, 7)),
        (HidMix(), torch.rand(5, 7)),
    ):
        plan = method.draw(x, generator=generator())
        with pytest.raises(ValueError, match="cannot be applied to masks"):
            plan.apply_masks(y)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Conv2d(2, 2, 3))
    context = MixContext(module=net)
    images = torch.rand(5, 3, *SIZE)
    plan = AlignMix(layers=["0"]).draw(images, generator=generator(), context=context)
    with pytest.raises(ValueError, match="AlignPlan cannot be applied to masks"):
        plan.apply_masks(y)
    plan = ManifoldMixup(layers=["0"]).draw(
        images, generator=generator(), context=context
    )
    assert plan.apply_masks(y, 4).shape == (5, 4, *SIZE)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda plan: plan.apply_masks(masks()), "say n_classes"),
        (lambda plan: plan.apply_masks(masks(), 3), "class 3, outside 0"),
        (lambda plan: plan.apply_masks(masks()[:4], 4), "each of the 5 rows"),
    ],
)
def test_masks_that_fit_no_plan_are_refused(call, match):
    with pytest.raises(ValueError, match=match):
        call(drawn(Mixup(1.0), 0))


def test_a_call_and_a_collate_mix_masks_as_the_plan_does():
    images, y = torch.rand(5, 3, *SIZE), masks()
    mixed, pasted = CutMix()(images, y, generator=generator(5))
    plan = CutMix().draw(images, y, generator=generator(5))
    assert torch.equal(mixed, plan.apply(images))
    assert torch.equal(pasted, plan.apply_masks(y))
    _, shares = Mixup(1.0)(images, y, n_classes=4, generator=generator(5))
    assert shares.shape == (5, 4, *SIZE)
    items = list(zip(images, y, strict=True))
    collated = MixCollate(CutMix(), generator=generator(5))(items)
    assert torch.equal(collated[1], pasted)
