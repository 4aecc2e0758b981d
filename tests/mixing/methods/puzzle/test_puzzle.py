"""PuzzleMix against its formulas, taken term by term."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from sk_mixup.mixing import MixContext, MixStreams, PuzzleMix
from sk_mixup.mixing.looks import to_sum_one
from sk_mixup.mixing.methods.puzzle._borders import pixel_borders
from sk_mixup.mixing.methods.puzzle._cells import mean_of_cells
from sk_mixup.mixing.methods.puzzle._objective import prior_cost, puzzle_energy
from sk_mixup.mixing.methods.puzzle._saliency import gradient_saliency
from tests.builders import generator, looking_context
from tests.mixing.methods.puzzle.grids import least_by_cut


def batch(n_rows=6, channels=3, height=8, width=8, seed=0):
    size = (n_rows, channels, height, width)
    x = torch.rand(size, generator=generator(seed))
    return x, torch.arange(n_rows) % 3


class Squares(nn.Module):
    """Its gradient is large where the image is bright."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x):
        bright = self.weight * x.square().flatten(1).sum(1)
        return torch.stack((bright, torch.zeros_like(bright)), 1)


# -- saliency and cells ----------------------------------------------------------------


def test_saliency_is_the_root_of_the_mean_square_over_channels():
    gradient = torch.randn(2, 3, 4, 5, generator=generator())
    found = gradient_saliency(gradient, 1)
    found = to_sum_one(found)
    for b in range(2):
        wanted = torch.zeros(4, 5)
        for i, j in itertools.product(range(4), range(5)):
            squares = [float(g) ** 2 for g in gradient[b, :, i, j]]
            wanted[i, j] = math.sqrt(sum(squares) / 3)
        assert_close(found[b], wanted / wanted.sum())


def test_smoothing_averages_the_places_that_are_there():
    gradient = torch.zeros(1, 1, 4, 4)
    gradient[0, 0, 0, 0] = 2.0
    found = gradient_saliency(gradient, 3)[0]
    assert_close(found[0, 0], torch.tensor(1 / 4))
    assert_close(found[1, 1], torch.tensor(1 / 9))
    assert float(found[2:].sum()) == 0.0


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e18])
def test_gradients_of_any_size_show_the_same(scale):
    gradient = torch.randn(2, 3, 4, 4, generator=generator())
    tiny = to_sum_one(gradient_saliency(scale * gradient, 1))
    assert_close(tiny, to_sum_one(gradient_saliency(gradient, 1)))


def test_a_row_that_shows_nothing_is_equally_salient_everywhere():
    gradient = torch.stack((torch.zeros(1, 2, 2), torch.full((1, 2, 2), torch.nan)))
    shares = to_sum_one(gradient_saliency(gradient, 1))
    assert torch.equal(shares, torch.full((2, 2, 2), 0.25))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 11), (3, 4)])
def test_a_cell_has_the_mean_of_its_pixels(height, width):
    maps = torch.rand(2, height, width, generator=generator())
    found = mean_of_cells(maps, 3, 4)
    for i, j in itertools.product(range(3), range(4)):
        rows = [r for r in range(height) if r * 3 // height == i]
        columns = [c for c in range(width) if c * 4 // width == j]
        assert_close(found[:, i, j], maps[:, rows][:, :, columns].mean((1, 2)))


# -- the objective ---------------------------------------------------------------------


def slow_objective(x, partner, own, other, lam, z, beta, gamma, eta, b):
    """The definition for shares of 0 and 1: looks at the pixels of the mixed image."""
    n_rows, n_columns = own.shape[1:]
    n_cells = n_rows * n_columns
    height, width = x.shape[2] // n_rows, x.shape[3] // n_columns
    step = beta / (16 * math.sqrt(n_cells))
    scale = float(x.max() - x.min())
    images = (x[partner[b]], x[b])
    total = 0.0
    for i, j in itertools.product(range(n_rows), range(n_columns)):
        here = z[i][j]
        total += float(own[b, i, j]) if here == 0 else float(other[b, i, j])
        total -= eta / n_cells * math.log(float(lam if here else 1 - lam))
        cell = slice(i * height, (i + 1) * height), slice(j * width, (j + 1) * width)
        if i + 1 < n_rows:
            there = z[i + 1][j]
            above = images[here][:, (i + 1) * height - 1, cell[1]]
            below = images[there][:, (i + 1) * height, cell[1]]
            total += step * (here != there)
            total += step * gamma * float((above - below).abs().mean()) / scale
        if j + 1 < n_columns:
            there = z[i][j + 1]
            left = images[here][:, cell[0], (j + 1) * width - 1]
            right = images[there][:, cell[0], (j + 1) * width]
            total += step * (here != there)
            total += step * gamma * float((left - right).abs().mean()) / scale
    return total


def test_two_labels_cost_what_the_definition_says():
    x, _ = batch(4, 2, 6, 4)
    partner, lam = torch.tensor([1, 2, 3, 0]), torch.tensor(0.3)
    own = torch.rand(4, 3, 2, generator=generator(1))
    other = own[partner]
    weights = {"beta": 5.0, "gamma": 0.8, "eta": 0.2}
    borders = pixel_borders(x, partner, 3, 2)
    energy = puzzle_energy(own, other, lam.expand(4), borders, n_labels=2, **weights)
    some = torch.randint(0, 2, (5, 4, 3, 2), generator=generator(2))
    for b in range(4):
        found = torch.stack([energy(labels)[b] for labels in some])
        wanted = torch.tensor(
            [
                slow_objective(
                    x, partner, own, other, lam, labels[b].tolist(), **weights, b=b
                )
                for labels in some
            ]
        ).double()
        # Equal up to what no label changes: the price of an uncut partner.
        assert_close(found - found[0], wanted - wanted[0], atol=1e-5, rtol=0)


def test_the_prior_is_binomial():
    cost = prior_cost(torch.tensor([0.25, 0.5]), 3)
    wanted = torch.tensor(
        [[0.75**2, 2 * 0.25 * 0.75, 0.25**2], [0.25, 0.5, 0.25]]
    ).log()
    assert_close(cost, -wanted)
    assert bool(prior_cost(torch.tensor([0.0, 1.0]), 3).isfinite().all())


# -- the method ------------------------------------------------------------------------


@pytest.mark.parametrize("n_labels", [2, 3])
@pytest.mark.parametrize("per", ["batch", "row"])
def test_masks_are_minimum_cuts_of_the_net_s_saliency(n_labels, per):
    x, y = batch()
    context = looking_context(x, 3)
    method = PuzzleMix(
        blocks=[4], n_labels=n_labels, eta=0.0, smooth=1, transport=None, per=per
    )
    plan = method.draw(x, y, generator=generator(), context=context)
    net = context.module.eval()
    saliency = torch.zeros(6, 8, 8)
    for b in range(6):
        leaf = x[b : b + 1].clone().requires_grad_()
        functional.cross_entropy(net(leaf), y[b : b + 1]).backward()
        saliency[b] = leaf.grad[0].square().mean(0).sqrt()
    cells = functional.avg_pool2d(saliency, 2)
    cells = cells / cells.flatten(1).sum(1).view(-1, 1, 1)
    energy = puzzle_energy(
        cells,
        cells[plan.partner],
        torch.full((6,), 0.5),
        pixel_borders(x, plan.partner, 4, 4),
        n_labels=n_labels,
        beta=1.2,
        gamma=0.5,
        eta=0.0,
    )
    share = 1.0 - plan.mask[:, ::2, ::2]
    found = energy((share * (n_labels - 1)).round().long())
    spread = (energy.unary.amax(3) - energy.unary.amin(3)).flatten(1).sum(1)
    for b in range(6):
        least = least_by_cut(energy, b)
        assert float(found[b]) <= least + 0.01 * float(spread[b]) + 1e-5
    assert_close(
        plan.mask, functional.interpolate(plan.mask[:, None, ::2, ::2], size=8)[:, 0]
    )


def test_salient_places_of_both_images_are_kept():
    x = torch.full((2, 1, 8, 8), 0.01)
    x[0, :, :4, :4] = 1.0
    x[1, :, 4:, 4:] = 1.0
    context = MixContext(module=Squares())
    method = PuzzleMix(blocks=[4], smooth=1, transport=None)
    plan = method.draw(x, torch.ones(2).long(), generator=generator(), context=context)
    mixed = plan.apply(x)
    assert float(mixed[0, 0, :4, :4].min()) == 1.0
    assert float(mixed[0, 0, 4:, 4:].min()) == 1.0


def test_a_salient_block_moves_to_where_the_mask_shows_it():
    x = torch.full((2, 1, 8, 8), 0.01)
    # One is bright on the left, the other on the right and a step beyond the middle.
    x[0, :, :, :3] = 1.0
    x[1, :, :, 5:] = x[1, :, 2:4, 3] = 1.0
    context = MixContext(module=Squares())
    y = torch.ones(2).long()
    kept = []
    for price in (None, 0.05):
        method = PuzzleMix(blocks=[2], n_labels=2, smooth=1, transport=price)
        plan = method.draw(x, y, generator=generator(), context=context)
        kept.append(plan.apply(x)[0, 0, 2:4, 3:5])
    assert float(kept[0].max()) == pytest.approx(0.01)
    assert float(kept[1][:, 1].min()) == 1.0


@pytest.mark.parametrize("size", [(32, 32), (28, 28), (11, 7), (17, 6), (2, 2), (1, 5)])
@pytest.mark.parametrize("blocks", [2, 16])
def test_images_of_any_size_lose_no_pixel(size, blocks):
    x = torch.rand(4, 2, *size, generator=generator())
    method = PuzzleMix(blocks=[blocks], transport=0.01)
    context = looking_context(x, 3)
    plan = method.draw(x, torch.arange(4) % 3, generator=generator(), context=context)
    mixed = plan.apply(x)
    assert mixed.shape == x.shape
    assert_close(plan.lam, 1 - plan.mask.mean((1, 2)))
    if plan.own_blocks is not None:
        n_blocks = plan.own_blocks[0].numel()
        for moved in (plan.own_blocks, plan.partner_blocks):
            ordered = moved.flatten(1).sort(1).values
            assert torch.equal(ordered, torch.arange(n_blocks).expand(4, -1))


def test_bytes_are_mixed_as_floats_of_the_same_scale():
    x = (255 * torch.rand(4, 3, 8, 8, generator=generator())).byte()
    method = PuzzleMix(blocks=[4])
    y = torch.arange(4) % 3
    drawn = {"generator": generator(), "context": looking_context(x, 3)}
    plan = method.draw(x, y, **drawn)
    mixed = plan.apply(x)
    assert mixed.dtype == torch.float32
    assert 0.0 <= float(mixed.min()) <= float(mixed.max()) <= 255.0


def test_rows_behind_a_closed_gate_stay_bit_for_bit():
    x, y = batch(12)
    method = PuzzleMix(blocks=[4], p=0.5, per="row", transport=0.01)
    plan = method.draw(x, y, generator=generator(3), context=looking_context(x, 3))
    mixed, closed = plan.apply(x), plan.lam == 1
    assert 0 < int(closed.sum()) < 12
    assert torch.equal(mixed[closed], x[closed])


def test_one_seed_gives_one_result():
    x, y = batch(10)
    plans = [
        PuzzleMix().draw(
            x,
            y,
            generator=MixStreams(*map(generator, range(4))),
            context=looking_context(x, 3),
        )
        for _ in range(2)
    ]
    assert torch.equal(plans[0].mask, plans[1].mask)
    assert torch.equal(plans[0].apply(x), plans[1].apply(x))


# -- the clean loss --------------------------------------------------------------------


def test_the_clean_loss_adds_its_gradient():
    x, y = batch()
    context = looking_context(x, 3)
    net = context.module
    net.drop = nn.Identity()
    plan = PuzzleMix(clean_lam=0.7).draw(x, y, generator=generator(), context=context)
    plan.extra_loss().backward()
    found = [p.grad.clone() for p in net.parameters()]
    net.zero_grad()
    loss = 0.7 * functional.cross_entropy(net(x), y)
    loss.backward()
    for gradient, parameter in zip(found, net.parameters(), strict=True):
        assert_close(gradient, parameter.grad)
    assert_close(plan.extra_loss().detach(), loss.detach())


def test_without_it_nothing_is_added():
    x, y = batch()
    plan = PuzzleMix().draw(x, y, generator=generator(), context=looking_context(x, 3))
    assert plan.extra_loss is None


# -- what the peers' code does wrong ---------------------------------------------------


@pytest.mark.parametrize("clean_lam", [0.0, 1.0])
@pytest.mark.parametrize("training", [True, False])
def test_a_look_leaves_modes_gradients_and_statistics(clean_lam, training):
    x, y = batch()
    context = looking_context(x, 3)
    net = context.module.train(training)
    functional.cross_entropy(net(x), y).backward()
    gradients = [p.grad.clone() for p in net.parameters()]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    method = PuzzleMix(clean_lam=clean_lam)
    method.draw(x, y, generator=generator(), context=context)
    assert net.training is training
    assert all(map(torch.equal, gradients, [p.grad for p in net.parameters()]))
    for name, value in net.state_dict().items():
        assert torch.equal(value, state[name]), name
    assert not x.requires_grad


def test_a_misspelt_option_is_an_error():
    with pytest.raises(TypeError, match="block_num"):
        PuzzleMix(block_num=4)


# -- misuse ----------------------------------------------------------------------------


def test_a_net_must_be_known():
    x, y = batch()
    with pytest.raises(ValueError, match=r"PuzzleMix looks .*MixContext\(module=net"):
        PuzzleMix()(x, y, n_classes=3)


def test_targets_must_be_known():
    x, _ = batch()
    with pytest.raises(ValueError, match=r"PuzzleMix .* y=None"):
        PuzzleMix().draw(x, context=looking_context(x))


def test_sequences_are_refused():
    with pytest.raises(ValueError, match=r"PuzzleMix looks at images .* \(4, 3, 8\)"):
        PuzzleMix().draw(torch.rand(4, 3, 8), torch.arange(4))


def test_a_net_without_gradient_is_refused():
    class Cut(Squares):
        def forward(self, x):
            return super().forward(x.detach())

    x, _ = batch()
    with pytest.raises(ValueError, match="Cut gives none"):
        PuzzleMix().draw(x, torch.zeros(6).long(), context=MixContext(module=Cut()))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"blocks": 4}, TypeError, "blocks must be a sequence"),
        ({"blocks": []}, ValueError, "blocks must hold one number"),
        ({"blocks": [1]}, ValueError, "blocks must be an integer of at least 2"),
        ({"n_labels": 1}, ValueError, "n_labels must be an integer of at least 2"),
        ({"beta": -1.0}, ValueError, "beta must be a number of at least 0"),
        ({"gamma": "a"}, TypeError, "gamma must be a number"),
        ({"eta": -1.0}, ValueError, "eta must be"),
        ({"transport": -1.0}, ValueError, "transport must be"),
        ({"clean_lam": -1.0}, ValueError, "clean_lam must be"),
        ({"smooth": 2}, ValueError, "smooth must be odd; got 2"),
        ({"clean_lam": 1.0, "look_size": 4}, ValueError, "leave one of them out"),
    ],
)
def test_parameters_are_checked(changes, error, message):
    x, y = batch()
    with pytest.raises(error, match=message):
        PuzzleMix(**changes).draw(x, y, context=looking_context(x))
