"""Boxes around objects, mixed as their images are: held against counted pixels."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.testing import assert_close

from sk_mixup.mixing import (
    CutMix,
    FeatureSwap,
    FMix,
    GridMix,
    Mixup,
    OneOf,
    RegMixup,
    ResizeMix,
    SmoothMix,
)
from tests.builders import generator

SIZE = (9, 12)
PASTING = [
    CutMix(),
    CutMix(per="row", p=0.7),
    CutMix(fold=True, box="uniform"),
    FMix(),
    GridMix(per="row"),
]
few = settings(max_examples=25)


@st.composite
def objects(draw, n_images=4):
    """Boxes with whole corners, some of them beyond the borders, and labels."""
    boxes, labels, seen = [], [], 0
    for _ in range(n_images):
        corners = []
        for _ in range(draw(st.integers(0, 3))):
            x1, y1 = draw(st.integers(-2, 10)), draw(st.integers(-2, 7))
            w, h = draw(st.integers(1, 8)), draw(st.integers(1, 8))
            corners.append([x1, y1, x1 + w, y1 + h])
        boxes.append(torch.tensor(corners, dtype=torch.float64).reshape(-1, 4))
        labels.append(torch.arange(seen, seen + len(corners)))
        seen += len(corners)
    return boxes, labels


def in_image(box):
    height, width = SIZE
    x1, y1, x2, y2 = box.long().tolist()
    mask = torch.zeros(SIZE, dtype=torch.bool)
    mask[max(y1, 0) : max(min(y2, height), 0), max(x1, 0) : max(min(x2, width), 0)] = 1
    return mask


def counted(plan, boxes, labels, row, min_visible):
    """Return what is seen of each object of one image, pixel by pixel."""
    # Which image every pixel comes from: each is its own number.
    numbers = torch.arange(plan.n_rows).view(-1, 1, 1, 1).expand(-1, 1, *SIZE)
    source = plan.apply(numbers.contiguous().double())[row, 0].round().long()
    found = {}
    for image in dict.fromkeys([row, int(plan.partner[row])]):
        for box, label in zip(boxes[image], labels[image], strict=True):
            there = in_image(box)
            seen = there & (source == image)
            share = seen.sum().item() / max(there.sum().item(), 1)
            if share > 0 and share >= min_visible:
                ys, xs = seen.nonzero(as_tuple=True)
                corners = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
                found[int(label)] = ([int(c) for c in corners], share)
    return found


@pytest.mark.parametrize("method", PASTING, ids=repr)
@given(
    given_objects=objects(), seed=st.integers(0, 999), least=st.sampled_from([0, 0.3])
)
@few
def test_what_is_seen_is_what_pixels_show(method, given_objects, seed, least):
    boxes, labels = given_objects
    plan = method.draw(torch.rand(4, 1, *SIZE), generator=generator(seed))
    found = plan.apply_boxes(boxes, labels, min_visible=least, size=SIZE)
    for row, (corners, names, weights) in enumerate(zip(*found, strict=True)):
        expected = counted(plan, boxes, labels, row, least)
        assert sorted(names.tolist()) == sorted(expected)
        for box, name, weight in zip(corners, names, weights, strict=True):
            wanted, share = expected[int(name)]
            assert box.tolist() == wanted
            assert float(weight) == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize("method", [*PASTING, ResizeMix(), SmoothMix()], ids=repr)
@given(given_objects=objects(), seed=st.integers(0, 999))
@few
def test_no_box_leaves_the_image_and_no_label_changes(method, given_objects, seed):
    boxes, labels = given_objects
    before = [t.clone() for t in (*boxes, *labels)]
    plan = method.draw(torch.rand(4, 1, *SIZE), generator=generator(seed))
    found = plan.apply_boxes(boxes, labels, size=SIZE)
    for row, (corners, names, weights) in enumerate(zip(*found, strict=True)):
        assert corners.shape == (len(names), 4)
        assert bool((corners >= 0).all())
        assert bool((corners[:, 2:] <= torch.tensor([12.0, 9.0])).all())
        assert bool((corners[:, :2] < corners[:, 2:]).all())
        assert bool(((weights > 0) & (weights <= 1)).all())
        partner = int(plan.partner[row])
        known = torch.cat([labels[row], labels[partner]]).tolist()
        assert set(names.tolist()) <= set(known)
    assert_close([*boxes, *labels], before)


def test_corners_between_pixels_are_measured_exactly():
    plan = CutMix().draw(torch.rand(2, 1, 4, 4), generator=generator(3))
    covered = plan.partner_places((2, 4, 4))[0]
    x1, y1, x2, y2 = 0.25, 0.5, 3.5, 3.75
    own = torch.tensor([[x1, y1, x2, y2]], dtype=torch.float64)
    _, _, weights = plan.apply_boxes(
        [own, own[:0]], [torch.tensor([1]), torch.tensor([])], min_visible=0
    )
    fine = 64  # sub-pixels along an axis
    at = (torch.arange(4 * fine) + 0.5) / fine
    inside = ((at > y1) & (at < y2)).unsqueeze(1) & ((at > x1) & (at < x2))
    seen = inside & ~covered.repeat_interleave(fine, 0).repeat_interleave(fine, 1)
    assert float(weights[0][0]) == pytest.approx(float(seen.sum() / inside.sum()))


def test_a_blend_keeps_the_objects_of_both_with_its_shares():
    plan = Mixup(1.0, per="row").draw(torch.rand(3, 1, 4, 4), generator=generator())
    boxes = [torch.tensor([[0.0, 0.0, i + 1.0, 2.0]]) for i in range(3)]
    labels = [torch.tensor([i]) for i in range(3)]
    found, names, weights = plan.apply_boxes(boxes, labels)
    for row in range(3):
        partner = int(plan.partner[row])
        assert names[row].tolist() == [row, partner]
        assert_close(found[row], torch.cat([boxes[row], boxes[partner]]))
        lam = plan.lam[row]
        assert_close(weights[row], torch.stack((lam, 1 - lam)))


def test_a_resized_partner_brings_its_boxes_along():
    images = torch.zeros(2, 1, 20, 20)
    images[1, 0, 5:15, 10:20] = 1.0
    boxes = [torch.zeros(0, 4), torch.tensor([[10.0, 5.0, 20.0, 15.0]])]
    labels = [torch.zeros(0, dtype=torch.long), torch.tensor([4])]
    plan = ResizeMix(scope=(0.5, 0.5)).draw(images, generator=generator(1))
    found, names, _ = plan.apply_boxes(boxes, labels, min_visible=0)
    x1, y1, x2, y2 = found[0][0].round().long().tolist()
    mixed = plan.apply(images)[0, 0]
    assert names[0].tolist() == [4]
    assert float(mixed[y1:y2, x1:x2].mean()) > 0.8
    assert float(mixed.sum()) == pytest.approx(
        float(mixed[y1:y2, x1:x2].sum()), rel=0.3
    )


def test_copies_of_a_batch_have_boxes_each():
    images = torch.rand(2, 1, 4, 4)
    boxes, labels = [torch.tensor([[0.0, 0.0, 2.0, 2.0]])] * 2, [torch.tensor([1])] * 2
    plan = RegMixup(1.0).draw(images, generator=generator())
    found, names, weights = plan.apply_boxes(boxes, labels)
    assert len(found) == len(names) == len(weights) == 4
    assert [len(w) for w in weights] == [1, 1, 2, 2]


def test_a_clean_batch_keeps_its_boxes():
    images, boxes = torch.rand(2, 1, 4, 4), [torch.tensor([[0.0, 0.0, 9.0, 2.0]])] * 2
    plan = OneOf([CutMix()], p=[0.0]).draw(images, generator=generator())
    found, _, weights = plan.apply_boxes(boxes, [torch.tensor([1])] * 2)
    assert_close(found, boxes)
    assert_close(weights[0], torch.ones(1))


@pytest.mark.parametrize(
    ("boxes", "labels", "match"),
    [
        ([torch.zeros(1, 4)], [torch.zeros(1)], "each of the 2 rows"),
        ([torch.zeros(1, 5)] * 2, [torch.zeros(1)] * 2, r"boxes\[0\].*\(k, 4\)"),
        ([torch.zeros(1, 4)] * 2, [torch.zeros(2)] * 2, r"labels\[0\] has 2"),
        ([torch.tensor([[2.0, 0, 1, 1]])] * 2, [torch.zeros(1)] * 2, "in order"),
    ],
)
def test_boxes_that_fit_no_image_are_refused(boxes, labels, match):
    plan = CutMix().draw(torch.rand(2, 1, 4, 4), generator=generator())
    with pytest.raises(ValueError, match=match):
        plan.apply_boxes(boxes, labels)


def test_plans_without_places_and_other_sizes_are_refused():
    boxes, labels = [torch.zeros(0, 4)] * 2, [torch.zeros(0)] * 2
    table = FeatureSwap().draw(torch.rand(2, 4), generator=generator())
    with pytest.raises(ValueError, match="SwapPlan cannot be applied"):
        table.apply_boxes(boxes, labels)
    plan = CutMix().draw(torch.rand(2, 1, 4, 4), generator=generator())
    with pytest.raises(ValueError, match=r"size=\(5, 5\)"):
        plan.apply_boxes(boxes, labels, size=(5, 5))
    with pytest.raises(ValueError, match="min_visible"):
        plan.apply_boxes(boxes, labels, min_visible=2)
