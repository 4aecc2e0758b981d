"""Co-Mixup: parts of a batch, what is drawn of them, and what comes out."""

import itertools

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.testing import assert_close

from sk_mixup.mixing import CoMixup, MixContext, Repeat
from sk_mixup.mixing.methods.puzzle._co_mixup import (
    compatibility,
    dirichlet_cost,
    parts_of,
)
from tests.builders import generator, looking_context
from tests.mixing.methods.puzzle.test_puzzle import Squares


def batch(n_rows=7, channels=2, height=8, width=8, seed=0):
    x = torch.rand(n_rows, channels, height, width, generator=generator(seed))
    return x, torch.arange(n_rows) % 3


def drawn(method, x, y, seed=0, **facts):
    context = looking_context(x, 3, **facts)
    return method.draw(x, y, generator=generator(seed), context=context)


@given(n_rows=st.integers(2, 50), together=st.integers(2, 20))
@settings(max_examples=40)
def test_parts_have_all_rows_and_are_as_equal_as_can_be(n_rows, together):
    order = torch.randperm(n_rows, generator=generator(n_rows))
    rows, real = parts_of(order, together)
    assert sorted(rows[real].tolist()) == list(range(n_rows))
    sizes = real.sum(1)
    assert int(sizes.max()) <= together
    assert int(sizes.max() - sizes.min()) <= 1
    assert len(rows) == -(-n_rows // together)


@pytest.mark.parametrize("alpha", [0.2, 2.0, 50.0])
def test_priors_are_of_a_dirichlet_law(alpha):
    m = 4
    share = torch.exp(-dirichlet_cost(alpha, torch.Size((200, m)), 0)).flatten(0, 1)
    assert_close(share.sum(1), torch.ones(800).double(), atol=1e-6, rtol=0)
    assert_close(share.mean(0), torch.full((m,), 1 / m).double(), atol=0.03, rtol=0)
    variance = (1 / m) * (1 - 1 / m) / (m * alpha + 1)
    found = share.var(0).mean()
    assert_close(found, torch.tensor(variance).double(), atol=0.0, rtol=0.1)


def test_compatible_images_are_salient_far_from_each_other():
    saliency = torch.zeros(3, 8, 8)
    saliency[0, :2, :2] = saliency[1, :2, 2:4] = saliency[2, 6:, 6:] = 1.0
    rows, real = torch.arange(3).view(1, 3), torch.ones(1, 3, dtype=torch.bool)
    found = compatibility(saliency, rows, real, 0.1)[0]
    distance = torch.tensor([[0.0, 2, 12], [2, 0, 10], [12, 10, 0]]).double()
    wanted = 0.9 * torch.eye(3) + 0.1 * distance / distance.sum() * 3
    assert_close(found, wanted)


def test_what_is_missing_is_far_from_nobody():
    saliency = torch.rand(3, 8, 8, generator=generator())
    rows, real = torch.tensor([[0, 1, 2]]), torch.tensor([[True, True, False]])
    found = compatibility(saliency, rows, real, 0.5)[0]
    assert found[2].tolist() == [0.0, 0.0, 0.5]


@pytest.mark.parametrize("size", [(8, 8), (7, 5), (2, 3), (28, 28)])
@pytest.mark.parametrize("n_rows", [2, 5, 9])
def test_cells_come_whole_from_rows_of_one_part(size, n_rows):
    x = torch.rand(n_rows, 1, *size, generator=generator())
    method = CoMixup(blocks=3, together=4, gamma=2.0)
    plan = drawn(method, x, torch.arange(n_rows) % 3)
    cells = [[k * min(3, length) // length for k in range(length)] for length in size]
    for b in range(n_rows):
        for i, j in itertools.product(range(3), range(3)):
            rows = [r for r, cell in enumerate(cells[0]) if cell == i]
            columns = [c for c, cell in enumerate(cells[1]) if cell == j]
            if rows and columns:
                place = plan.source[b, rows][:, columns]
                assert len(place.unique()) == 1
    assert_close(sum(share for _, share in plan.label_sources), torch.ones(n_rows))


def test_salient_places_of_several_images_come_together():
    x = torch.full((4, 1, 8, 8), 0.01)
    for b, (i, j) in enumerate(itertools.product((0, 4), (0, 4))):
        x[b, :, i : i + 4, j : j + 4] = 1.0
    context = MixContext(module=Squares())
    method = CoMixup(blocks=2, gamma=0.0, beta=0.1, eta=0.0, smooth=1)
    y = torch.zeros(4, dtype=torch.int64)
    plan = method.draw(x, y, generator=generator(), context=context)
    assert float(plan.apply(x).min()) == 1.0
    assert plan.targets(torch.arange(4), 4).tolist() == [[0.25] * 4] * 4


def test_the_penalty_makes_mixed_images_differ():
    x, y = batch(12)

    def n_different(gamma):
        method = CoMixup(gamma=gamma, threshold=0.1, beta=0.05)
        return len(drawn(method, x, y).source.flatten(1).unique(dim=0))

    assert n_different(0.0) <= n_different(4.0)
    used = drawn(CoMixup(gamma=4.0, threshold=0.1), x, y).source.unique()
    assert len(used) >= 10


def test_rows_of_a_group_alone_stay_as_they_are():
    x, y = batch(5)
    groups = torch.tensor([0, 1, 0, 2, 0])
    plan = drawn(CoMixup(), x, y, groups=groups)
    mixed = plan.apply(x)
    assert torch.equal(mixed[[1, 3]], x[[1, 3]])
    for row, share in plan.label_sources:
        used = share > 0
        assert torch.equal(groups[row][used], groups[used])


def test_one_seed_gives_one_result_and_another_one_another():
    x, y = batch(12)
    first, second, other = (drawn(CoMixup(), x, y, seed) for seed in (1, 1, 2))
    assert torch.equal(first.source, second.source)
    assert not torch.equal(first.source, other.source)


@pytest.mark.parametrize("alpha", [0, lambda progress: 0.0])
def test_batches_that_are_not_looked_at_obey_alpha_too(alpha):
    x, y = batch()
    for seed in range(4):
        assert drawn(CoMixup(alpha, every=3), x, y, seed).is_identity


def test_a_pair_of_labels_cannot_be_had():
    x, y = batch()
    with pytest.raises(ValueError, match=r"plan\.targets\(y, n_classes\)"):
        CoMixup()(x, y, context=looking_context(x, 3))


def test_repeated_it_keeps_all_labels():
    x, y = batch()
    plan = drawn(Repeat(CoMixup()), x, y)
    targets = plan.targets(y, 3)
    assert len(targets) == 2 * len(x)
    assert_close(targets.sum(1), torch.ones(2 * len(x)))
    wanted = [part.targets(y, 3) for part in plan.parts]
    assert_close(targets, torch.cat(wanted))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"blocks": 1}, ValueError, "blocks must be an integer of at least 2"),
        ({"blocks": (2, 4)}, TypeError, "blocks must be an integer"),
        ({"together": 1}, ValueError, "together must be an integer of at least 2"),
        ({"n_sweeps": 0}, ValueError, "n_sweeps must be an integer of at least 1"),
        ({"beta": -1.0}, ValueError, "beta must be a number of at least 0"),
        ({"threshold": -1.0}, ValueError, "threshold must be"),
        ({"omega": 2.0}, ValueError, "omega must be a number between 0 and 1"),
        ({"alpha": -1.0}, ValueError, "alpha must be"),
        ({"smooth": 4}, ValueError, "smooth must be odd; got 4"),
        ({"clean_lam": 1.0, "look_size": 4}, ValueError, "leave one of them out"),
    ],
)
def test_parameters_are_checked(changes, error, message):
    x, y = batch()
    with pytest.raises(error, match=message):
        drawn(CoMixup(**changes), x, y)
