"""SaliencyMix: boxes around what stands out, of each partner its own."""

import math

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import BetaLaw, CutMix, SaliencyMix
from sk_mixup.mixing.looks import fine_grained
from tests.builders import generator
from tests.mixing.builders import streams

SPOTS = [(4, 20), (16, 16), (27, 3), (10, 28), (20, 8)]


def spotted(dtype=torch.float32):
    """Return dark images with one bright spot each."""
    x = 0.02 * torch.rand(len(SPOTS), 3, 32, 32, generator=generator(1))
    for row, (i, j) in zip(x, SPOTS, strict=True):
        row[:, i - 1 : i + 2, j - 1 : j + 2] = 1.0
    return (x * 255).to(dtype) if dtype == torch.uint8 else x.to(dtype)


def slow_mask(spot, share, size=(32, 32)):
    """Mark the pixels of a clipped box around a spot, one by one."""
    mask = torch.zeros(size, dtype=torch.bool)
    sides = [round(math.sqrt(share) * n) for n in size]
    starts = [c - side // 2 for c, side in zip(spot, sides, strict=True)]
    for i in range(size[0]):
        for j in range(size[1]):
            mask[i, j] = (
                starts[0] <= i < starts[0] + sides[0]
                and starts[1] <= j < starts[1] + sides[1]
            )
    return mask


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8])
@pytest.mark.parametrize("seed", range(3))
def test_the_box_lies_around_the_peak_of_the_partner(dtype, seed):
    x = spotted(dtype)
    plan = SaliencyMix().draw(x, generator=streams(seed))
    u = torch.rand(1, dtype=torch.float64, generator=streams(seed).lam)
    share = 1.0 - float(BetaLaw(1.0).quantile(u))
    # With a slow reference of its own.
    highest = fine_grained(x.float()).flatten(1).argmax(1).tolist()
    for i, partner in enumerate(plan.partner.tolist()):
        peak = highest[partner] // 32, highest[partner] % 32
        assert max(abs(a - b) for a, b in zip(peak, SPOTS[partner], strict=True)) <= 1
        expected = slow_mask(peak, share)
        assert torch.equal(plan.mask[i], expected)
        assert_close(float(plan.lam[i]), 1 - float(expected.float().mean()))


def test_every_row_has_the_box_of_its_own_partner():
    # In public code, the peak of one image places the box of the whole batch.
    plan = SaliencyMix().draw(spotted(), generator=streams(1))
    assert len({tuple(mask.flatten().tolist()) for mask in plan.mask}) == len(SPOTS)


def test_the_spot_of_the_partner_is_what_is_pasted():
    x = spotted()
    plan = SaliencyMix().draw(x, generator=streams(1))
    mixed = plan.apply(x)
    for i, partner in enumerate(plan.partner.tolist()):
        a, b = SPOTS[partner]
        assert float(mixed[i, :, a, b].min()) == 1.0


@pytest.mark.parametrize("saliency", ["fine_grained", "spectral_residual"])
def test_both_kinds_of_saliency_find_the_spot(saliency):
    x = spotted()
    plan = SaliencyMix(saliency=saliency).draw(x, generator=streams(1))
    for i, partner in enumerate(plan.partner.tolist()):
        a, b = SPOTS[partner]
        assert bool(plan.mask[i, a, b])


def test_a_look_at_smaller_images_finds_the_same_places():
    x = spotted()
    whole = SaliencyMix().draw(x, generator=streams(1))
    half = SaliencyMix(look_size=16).draw(x, generator=streams(1))
    assert torch.equal(whole.partner, half.partner)
    moved = (whole.mask ^ half.mask).float().mean()
    assert 0 < float(moved) < 0.15


def test_rows_may_have_boxes_of_their_own_size():
    plan = SaliencyMix(per="row").draw(spotted(), generator=streams(0))
    sizes = plan.mask.flatten(1).sum(1)
    assert len(sizes.unique()) > 2


def test_an_image_of_one_colour_is_cut_in_its_middle():
    x = torch.ones(2, 3, 9, 9) * torch.tensor([0.2, 0.8]).view(2, 1, 1, 1)
    plan = SaliencyMix().draw(x, generator=streams(3))
    rows = plan.mask[0].any(1).nonzero().flatten()
    assert abs(float(rows.float().mean()) - 4) <= 0.5


def test_batches_that_are_not_looked_at_are_those_of_cutmix():
    x, seen = spotted(), 0
    for seed in range(20):
        plan = SaliencyMix(every=2).draw(x, generator=streams(seed))
        if type(plan).__name__ == "BoxPlan":
            cut = streams(seed)
            torch.rand((), dtype=torch.float64, generator=cut.site)
            expected = CutMix().draw(x, generator=cut)
            assert expected.box == plan.box
            assert torch.equal(expected.apply(x), plan.apply(x))
        else:
            seen += 1
    assert 4 <= seen <= 16


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"saliency": "gradient"}, ValueError, "saliency must be one of"),
        ({"every": 0}, ValueError, "every must be an integer of at least 1; got 0"),
        ({"every": 1.5}, TypeError, "every must be an integer"),
        ({"look_size": 1}, ValueError, "look_size must be an integer of at least 2"),
        ({"per": "pixel"}, ValueError, "per must be one of"),
    ],
)
def test_parameters_are_checked(params, error, message):
    with pytest.raises(error, match=message):
        SaliencyMix(**params).draw(spotted())


@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 9), (4, 3, 5, 5, 5)])
def test_what_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match=r"SaliencyMix looks at images.*CutMix"):
        SaliencyMix().draw(torch.rand(shape))


def test_no_net_is_asked():
    assert not SaliencyMix().reads_module
