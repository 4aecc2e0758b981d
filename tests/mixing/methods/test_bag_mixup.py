"""Mixing instances of bags, between two or within one."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.testing import assert_close

from sk_mixup.mixing import BagMixup
from tests.builders import generator


def bags(counts, width=3, seed=0):
    """Bags whose instances are known: bag, instance, and noise."""
    length = max(counts)
    x = torch.rand(len(counts), length, width, generator=generator(seed)).double()
    x[..., 0] = torch.arange(len(counts)).view(-1, 1)
    x[..., 1] = torch.arange(length).view(1, -1)
    mask = torch.arange(length) < torch.tensor(counts).view(-1, 1)
    return {"instances": x * mask.unsqueeze(2), "mask": mask}


some = given(
    counts=st.lists(st.integers(1, 6), min_size=2, max_size=5),
    seed=st.integers(0, 2**20),
)
few = settings(max_examples=30)


@some
@few
@pytest.mark.parametrize("multilinear", [False, True])
def test_between_bags_is_a_blend_with_instances_of_the_partner(
    multilinear, counts, seed
):
    x = bags(counts)
    plan = BagMixup(multilinear=multilinear).draw(x, generator=generator(seed))
    mixed = plan.apply(x)
    assert torch.equal(mixed["mask"], x["mask"])
    for i, n in enumerate(counts):
        j, m = int(plan.partner[i]), counts[int(plan.partner[i])]
        own = plan.own[i, 0]
        assert float(plan.lam[i]) == pytest.approx(float(own.mean()))
        assert float(plan.lam[i]) >= 0.5 or multilinear
        used = plan.index[i, :n].tolist()
        # The partner's instances alone, and none again before all are used.
        assert max(used) < m
        assert len(set(used)) == min(n, m)
        for k in range(n):
            expected = (
                own * x["instances"][i, k] + (1 - own) * x["instances"][j, used[k]]
            )
            assert_close(mixed["instances"][i, k], expected)


@some
@few
@pytest.mark.parametrize("multilinear", [False, True])
def test_within_a_bag_every_instance_meets_another_one(multilinear, counts, seed):
    x = bags(counts)
    method = BagMixup("within", multilinear=multilinear)
    plan = method.draw(x, torch.arange(len(counts)), generator=generator(seed))
    mixed = plan.apply(x)["instances"]
    assert_close(plan.label_weights[0], torch.ones_like(plan.lam))
    assert torch.equal(plan.partner, torch.arange(len(counts)))
    for i, n in enumerate(counts):
        used = plan.index[i, :n].tolist()
        assert sorted(used) == list(range(n))
        assert n == 1 or all(k != used[k] for k in range(n))
        for k in range(n):
            own = plan.own[i, k]
            expected = (
                own * x["instances"][i, k] + (1 - own) * x["instances"][i, used[k]]
            )
            assert_close(mixed[i, k], expected)
    targets = plan.targets(torch.arange(len(counts)), len(counts))
    assert_close(targets, torch.eye(len(counts), dtype=targets.dtype))


@given(seed=st.integers(0, 2**20))
@few
def test_padding_is_never_mixed_in(seed):
    x = bags([1, 4, 2])
    x["instances"][~x["mask"]] = 1e9
    for where in ("between", "within"):
        mixed = BagMixup(where).draw(x, generator=generator(seed)).apply(x)
        assert bool((mixed["instances"][x["mask"]] < 1e6).all())


def test_instances_may_lie_anywhere_in_a_padded_bag():
    x = bags([4, 4])
    x["mask"] = torch.tensor([[False, True, True, False], [True, False, False, True]])
    plan = BagMixup().draw(x, generator=generator(1))
    present = [{1, 2}, {0, 3}]
    for i in (0, 1):
        used = plan.index[i][x["mask"][i]].tolist()
        assert set(used) == present[1 - i]


def test_a_tensor_holds_whole_bags_and_p_leaves_some_alone():
    x = torch.rand(200, 5, 2)
    plan = BagMixup(p=0.3).draw(x, generator=generator())
    alone = plan.lam == 1
    assert 0.6 < float(alone.float().mean()) < 0.8
    mixed = plan.apply(x)
    assert torch.equal(mixed[alone], x[alone])
    plan = BagMixup(per="batch", multilinear=True).draw(x, generator=generator())
    assert plan.own.unique(dim=0).shape == (1, 1, 2)


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (torch.rand(3, 4), "instances of bags"),
        ({"x": torch.rand(3, 4, 2)}, "instances of bags"),
        (
            {"instances": torch.rand(3, 4, 2), "mask": torch.ones(3, 5)},
            "mask has shape",
        ),
    ],
)
def test_what_holds_no_bags_is_refused(x, match):
    with pytest.raises(ValueError, match=match):
        BagMixup().draw(x)


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match="where"):
        BagMixup("beside").draw(torch.rand(2, 3, 1))
    with pytest.raises(TypeError, match="multilinear"):
        BagMixup(multilinear=1).draw(torch.rand(2, 3, 1))
    plan = BagMixup().draw(torch.rand(2, 3, 1))
    with pytest.raises(ValueError, match="3 places"):
        plan.apply(torch.rand(2, 4, 1))
