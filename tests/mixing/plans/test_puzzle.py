"""Blocks that change places, and the mask that blends them."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.testing import assert_close

from sk_mixup.mixing.plans import PuzzlePlan
from sk_mixup.mixing.plans._puzzle import move_blocks
from tests.builders import generator


def shuffled(n_images, n_rows, n_columns, seed=0):
    order = torch.rand(n_images, n_rows * n_columns, generator=generator(seed))
    return order.argsort(1).view(n_images, n_rows, n_columns)


def slow_move(x, blocks):
    """Copy block by block."""
    moved = torch.empty_like(x)
    n_rows, n_columns = blocks.shape[1:]
    height, width = x.shape[2] // n_rows, x.shape[3] // n_columns

    def block(number):
        i, j = divmod(number, n_columns)
        return slice(i * height, (i + 1) * height), slice(j * width, (j + 1) * width)

    for b in range(len(x)):
        for place, number in enumerate(blocks[b].flatten().tolist()):
            moved[b, :, *block(place)] = x[b, :, *block(number)]
    return moved


@given(
    n_rows=st.integers(1, 3),
    n_columns=st.integers(1, 3),
    height=st.integers(1, 3),
    width=st.integers(1, 3),
    last=st.booleans(),
    seed=st.integers(0, 2**20),
)
@settings(max_examples=30)
def test_blocks_go_where_the_plan_says(n_rows, n_columns, height, width, last, seed):
    size = (2, 3, n_rows * height, n_columns * width)
    x = torch.rand(size, generator=generator(seed))
    blocks = shuffled(2, n_rows, n_columns, seed)
    wanted = slow_move(x, blocks)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)
    moved = move_blocks(x, blocks)
    assert torch.equal(moved, wanted)
    assert moved.flatten().sort().values.equal(x.flatten().sort().values)
    assert moved.stride() == x.stride()


def test_moved_images_are_blended_place_by_place():
    x = torch.rand(3, 2, 4, 6, generator=generator())
    partner = torch.tensor([1, 2, 0])
    mask = torch.rand(3, 4, 6, generator=generator(1))
    own, other = shuffled(3, 2, 2, 1), shuffled(3, 2, 2, 2)
    before = x.clone()
    plan = PuzzlePlan(
        partner, mask.mean((1, 2)), mask=mask, own_blocks=own, partner_blocks=other
    )
    share = mask.unsqueeze(1)
    wanted = (1 - share) * slow_move(x, own) + share * slow_move(x[partner], other)
    assert_close(plan.apply(x), wanted)
    assert torch.equal(x, before)


def test_without_moves_it_is_a_soft_mask():
    x = torch.rand(2, 1, 3, 3, generator=generator())
    mask = torch.tensor([[1.0, 0.0, 0.5]]).expand(2, 3, 3)
    plan = PuzzlePlan(torch.tensor([1, 0]), torch.full((2,), 0.5), mask=mask)
    mixed = plan.apply(x)
    assert torch.equal(mixed[0, 0, :, 0], x[1, 0, :, 0])
    assert torch.equal(mixed[0, 0, :, 1], x[0, 0, :, 1])
    assert_close(mixed[0, 0, :, 2], x[:, 0, :, 2].mean(0))


def test_bytes_are_blended_as_floats():
    x = torch.tensor([0, 10], dtype=torch.uint8).view(2, 1, 1, 1)
    mask = torch.full((2, 1, 1), 0.5)
    plan = PuzzlePlan(torch.tensor([1, 0]), torch.full((2,), 0.5), mask=mask)
    assert plan.apply(x).flatten().tolist() == [5.0, 5.0]


def test_ids_are_refused():
    mask = torch.full((2, 1, 1), 0.5)
    plan = PuzzlePlan(torch.tensor([1, 0]), torch.full((2,), 0.5), mask=mask)
    with pytest.raises(TypeError, match=r"Cannot blend an input of dtype torch\.int64"):
        plan.apply(torch.zeros(2, 1, 1, 1, dtype=torch.int64))


def test_masks_of_objects_follow_the_mask_unless_blocks_move():
    mask = torch.tensor([[1.0, 0.0]]).expand(2, 2, 2)
    pair = {"partner": torch.tensor([1, 0]), "lam": torch.full((2,), 0.5), "mask": mask}
    classes = torch.tensor([0, 1]).view(2, 1, 1).expand(2, 2, 2)
    targets = PuzzlePlan(**pair).apply_masks(classes, 2)
    assert targets.shape == (2, 2, 2, 2)
    assert targets[0, 1].tolist() == [[1.0, 0.0], [1.0, 0.0]]
    moved = PuzzlePlan(**pair, own_blocks=shuffled(2, 2, 2))
    with pytest.raises(ValueError, match="transport=None"):
        moved.apply_masks(classes, 2)


def test_one_graph_serves_every_mask_and_move(compiled):
    step = compiled(lambda plan, x: plan.apply(x))
    x = torch.rand(3, 2, 4, 6, generator=generator())
    for seed in range(3):
        mask = torch.rand(3, 4, 6, generator=generator(seed))
        plan = PuzzlePlan(
            torch.tensor([1, 2, 0]),
            mask.mean((1, 2)),
            mask=mask,
            own_blocks=shuffled(3, 2, 2, seed),
            partner_blocks=shuffled(3, 2, 2, seed + 9),
        )
        assert_close(step(plan, x), plan.apply(x))
