"""CutMix and PatchUp of feature maps: labels by what the running net shows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import FeatureCutMix, FixedLaw, MixContext, PatchUp, mix_layer
from sk_mixup.mixing.methods.maps._patch_up import block_rate, odd_side
from tests.builders import generator, no_hooks

N_ROWS = 5
METHODS = [
    FeatureCutMix(layers=["1"]),
    FeatureCutMix(layers=["1"], per="row", p=0.7, fold=True),
    FeatureCutMix(layers=["1"], fold=True, box="inside"),
    PatchUp(layers=["1"], block_size=3),
    PatchUp(layers=["1"], block_size=3, mode="soft"),
    PatchUp(layers=["1"], block_size=3, mode="soft", per="row", p=0.7),
]


class Numbered(nn.Module):
    """A map of which every place says which row it is of."""

    def __init__(self, n_channels, size):
        super().__init__()
        self.shape = (n_channels, *size)
        self.seen = None

    def forward(self, x):
        rows = torch.arange(len(x), dtype=torch.float64)
        return rows.view(-1, 1, *[1] * (len(self.shape) - 1)).expand(-1, *self.shape)


class Keep(nn.Module):
    def forward(self, x):
        self.seen = x
        return x.flatten(1)


def drawn(method, net, seed, n_rows=N_ROWS):
    x = torch.rand(n_rows, 3, 4, 4, generator=generator(seed))
    plan = method.draw(x, generator=generator(seed), context=MixContext(module=net))
    with mix_layer(net, plan) as mixed:
        net(x)
    return plan, mixed.plan


@pytest.mark.parametrize("method", METHODS, ids=repr)
@given(
    size=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=25)
def test_labels_weigh_what_is_really_there(method, size, seed):
    net = nn.Sequential(nn.Identity(), Numbered(2, size), Keep())
    plan, mixed = drawn(method, net, seed)
    seen = net[2].seen.flatten(1)
    assert not mixed.weighs_late
    for i in range(N_ROWS):
        j = int(mixed.partner[i])
        if j == i:
            continue
        # A place of row i that is a blend lies between i and j.
        own = ((seen[i] - j) / (i - j)).mean()
        assert float(mixed.label_weights[0][i]) == pytest.approx(float(own), abs=1e-6)
    assert plan.site in (None, "1")
    assert no_hooks(net)


def test_the_box_is_that_of_cutmix_on_the_map():
    """Half of the area: sides of 1 / sqrt(2) of 10 and of 7 places, rounded."""
    net = nn.Sequential(nn.Identity(), Numbered(1, (10, 7)), Keep())
    method = FeatureCutMix(layers=["1"], box="inside", alpha=1.0)
    for seed in range(20):
        plan, mixed = drawn(method, net, seed)
        share = np.sqrt(1.0 - float(plan.lam[0]))
        sides = [stop - start for start, stop in mixed.box]
        assert sides == [round(share * 10), round(share * 7)]
        assert float(mixed.lam[0]) == pytest.approx(1 - np.prod(sides) / 70)


def test_one_draw_serves_maps_of_every_size():
    """The plan is pure: the same map gives the same box again."""
    plan = FeatureCutMix(layers=["0"]).draw(
        torch.rand(4, 3, 8, 8), generator=generator(2)
    )
    for size in ((8, 8), (4, 4), (5,)):
        first, second = (plan.settled(torch.zeros(4, 2, *size)) for _ in range(2))
        assert first.box == second.box
        assert first.size == size
    plan = PatchUp(layers=["0"]).draw(torch.rand(4, 3, 8, 8), generator=generator(2))
    first, second = (plan.settled(torch.zeros(4, 2, 9, 9)) for _ in range(2))
    assert torch.equal(first.mask, second.mask)


@pytest.mark.parametrize("mode", ["hard", "soft"])
def test_patch_up_is_the_formula(mode):
    """Blocks of a known mask, against a loop over places."""
    features = torch.randn(3, 2, 6, 7, generator=generator(1))
    plan = PatchUp(layers=["0"], block_size=3, mode=mode).draw(
        torch.rand(3, 1, 6, 7), generator=generator(4)
    )
    settled = plan.settled(features)
    mixed, partner = settled.apply(features), settled.partner
    lam = 0.0 if mode == "hard" else float(plan.own[0])
    changed = 0
    for c in range(2):
        for a in range(6):
            for b in range(7):
                here = bool(settled.mask[0, c, a, b])
                changed += here
                for i in range(3):
                    own, other = features[i, c, a, b], features[partner[i], c, a, b]
                    expected = lam * own + (1 - lam) * other if here else own
                    assert_close(mixed[i, c, a, b], expected)
    unchanged = 1 - changed / (2 * 6 * 7)
    assert_close(settled.lam, torch.full((3,), unchanged + (1 - unchanged) * lam))
    assert 0 < unchanged < 1


def test_blocks_are_whole_and_as_many_as_gamma_says():
    """Each mask is a union of squares, and few blocks change about gamma of a map."""
    size, side = (32, 32), 5
    shares = []
    for seed in range(40):
        plan = PatchUp(layers=["0"], block_size=side, gamma=0.1).draw(
            torch.rand(2, 1, 4, 4), generator=generator(seed)
        )
        mask = plan.settled(torch.zeros(2, 4, *size)).mask[0]
        shares.append(float(mask.float().mean()))
        # A place is in a block if the whole window of some centre is set (or cut off
        # at the border): opening the mask changes nothing within the map.
        inner = nn.functional.pad(mask.float(), [side // 2] * 4, value=1.0)
        full = -nn.functional.max_pool2d(-inner, side, 1)
        again = nn.functional.max_pool2d(full, side, 1, side // 2) > 0
        assert torch.equal(again & mask, mask)
    # A place stays if none of the centres around it is drawn; at borders there are few.
    near = np.minimum(np.minimum(np.arange(32), np.arange(31, -1, -1)), 2) + 3
    centres = near[:, None] * near[None]
    expected = (1 - (1 - block_rate(0.1, size, (side, side))) ** centres).mean()
    assert np.mean(shares) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("block", "n", "side"), [(7, 32, 7), (7, 4, 3), (7, 7, 7), (3, 1, 1), (5, 2, 1)]
)
def test_a_block_is_no_larger_than_the_map(block, n, side):
    """The authors' code squares a negative number of places for small maps."""
    assert odd_side(block, n) == side


def test_the_rate_is_that_of_each_map():
    """The authors' code keeps that of the first map, and takes maps for squares."""
    assert block_rate(0.5, (32, 32), (7, 7)) == pytest.approx(0.5 * 1024 / (49 * 676))
    assert block_rate(0.5, (8, 16), (3, 3)) == pytest.approx(0.5 * 128 / (9 * 6 * 14))
    assert block_rate(1.0, (1, 1), (1, 1)) == 1.0
    assert block_rate(0.0, (9, 9), (3, 3)) == 0.0


def test_the_input_is_cut_as_the_authors_do():
    x = torch.rand(6, 3, 8, 8)
    plan = PatchUp(layers="input").draw(x, generator=generator(3))
    assert not plan.weighs_late
    assert torch.equal(plan.apply(x)[0], torch.where(
        plan.partner_places(x.shape)[0], x[plan.partner[0]], x[0]
    ))  # fmt: skip


def test_auto_takes_maps_alone():
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Flatten(),
        nn.Linear(64, 8),
        nn.Linear(8, 2),
    )
    x, y = torch.rand(4, 3, 4, 4), torch.tensor([0, 1, 0, 1])
    context = MixContext(module=net)
    for method, wanted in (
        (FeatureCutMix(), {"0", "1"}),
        (PatchUp(block_size=3), {None, "0", "1"}),
    ):
        method.draw(x, y, context=context)
        plans = [
            method.draw(x, y, generator=generator(seed), context=context)
            for seed in range(40)
        ]
        assert {plan.site for plan in plans} == wanted


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: PatchUp(mode="firm"), "mode"),
        (lambda: PatchUp(gamma=1.5), "gamma"),
        (lambda: PatchUp(block_size=4), "odd"),
        (lambda: FeatureCutMix(box="round"), "box"),
        (lambda: FeatureCutMix(alpha=-1), "alpha"),
    ],
)
def test_bad_parameters_are_named(make, match):
    with pytest.raises(ValueError, match=match):
        make().draw(torch.rand(2, 1, 4, 4))


@pytest.mark.parametrize("method", [FeatureCutMix(layers=["0"]), PatchUp(layers="0")])
def test_a_layer_without_places_is_named(method):
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    x = torch.rand(4, 4)
    plan = method.draw(x, generator=generator(), context=MixContext(module=net))
    with (
        pytest.raises(ValueError, match=r"'0'.* needs sequences"),
        mix_layer(net, plan),
    ):
        net(x)
    with pytest.raises(ValueError, match="no feature map"):
        type(method)().draw(x, context=MixContext(module=net))


def test_a_law_is_not_theirs_to_choose():
    with pytest.raises(TypeError):
        FeatureCutMix(law=FixedLaw(0.5))
