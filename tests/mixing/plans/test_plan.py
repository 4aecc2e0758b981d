"""A drawn plan: what it mixes and what it says about wrong input."""

import collections

import pytest
import torch
from torch.testing import assert_close

from sk_mixup.mixing import CutMix, MixPlan, Mixup
from tests.builders import generator


def draw(n_rows=4, *, per="row", seed=0):
    return Mixup(1.0, per=per).draw(torch.rand(n_rows, 2), generator=generator(seed))


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 3, 2), (4, 3, 2, 2)])
def test_a_tensor_of_any_rank_is_blended_by_the_formula(per, shape):
    plan = draw(per=per)
    x = torch.rand(shape)
    for i, mixed in enumerate(plan.apply(x)):
        lam = plan.lam[i]
        assert_close(mixed, lam * x[i] + (1 - lam) * x[plan.partner[i]])


def test_a_row_with_lambda_one_is_left_alone_bit_for_bit():
    plan = Mixup(1.0, per="row", p=0.5).draw(torch.rand(9, 2), generator=generator())
    clean = plan.lam == 1
    assert 0 < int(clean.sum()) < 9
    x = torch.rand(9, 5) * torch.tensor([1e-30, 1e-5, 1.0, 1e5, 1e30])
    x[~clean] *= -1e7
    assert torch.equal(plan.apply(x)[clean], x[clean])


def test_dicts_tuples_and_lists_are_mixed_part_by_part():
    plan = draw()
    a, b = torch.rand(4, 2), torch.rand(4, 3, 2)
    mixed = plan.apply({"a": a, "rest": (b, [a])})
    assert torch.equal(mixed["a"], plan.apply(a))
    assert torch.equal(mixed["rest"][0], plan.apply(b))
    assert torch.equal(mixed["rest"][1][0], plan.apply(a))


def test_a_named_tuple_stays_one():
    Pair = collections.namedtuple("Pair", ["left", "right"])
    plan, x = draw(), torch.rand(4, 2)
    mixed = plan.apply(Pair(x, x + 1))
    assert isinstance(mixed, Pair)
    assert torch.equal(mixed.right, plan.apply(x + 1))


def test_images_of_bytes_become_floats():
    x = torch.randint(0, 256, (4, 1, 3, 3), dtype=torch.uint8)
    mixed = draw().apply(x)
    assert torch.equal(mixed, draw().apply(x.float()))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_half(dtype):
    x = torch.rand(4, 3).to(dtype)
    for per in ("batch", "row"):
        mixed = draw(per=per).apply(x)
        assert mixed.dtype == dtype
        expected = draw(per=per).apply(x.float())
        assert_close(mixed.float(), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.bool])
@pytest.mark.parametrize("method", [Mixup(), Mixup(per="row")], ids=repr)
def test_integers_are_refused_with_the_way_out(dtype, method):
    x = torch.ones(4, 3, dtype=dtype)
    with pytest.raises(TypeError, match=f"{dtype}.*Mix their embedding"):
        method(x, torch.arange(4), n_classes=4)


def test_floats_as_targets_are_blended_in_their_own_shape():
    plan = draw()
    for y in (torch.rand(4), torch.rand(4, 1), torch.rand(4, 3)):
        mixed = plan.targets(y)
        assert mixed.shape == y.shape
        for i in range(4):
            lam = plan.lam[i]
            assert_close(mixed[i], lam * y[i] + (1 - lam) * y[plan.partner[i]])


def test_double_targets_stay_double():
    assert draw().targets(torch.rand(4, dtype=torch.float64)).dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.uint8, torch.bool])
def test_classes_may_have_any_integer_dtype(dtype):
    y = torch.tensor([0, 1, 1, 0])
    assert_close(draw().targets(y.to(dtype), 2), draw().targets(y, 2))


def test_partners_of_the_same_class_keep_a_hard_target():
    assert_close(draw().targets(torch.ones(4).long(), 2)[:, 1], torch.ones(4))


@pytest.mark.parametrize("bad", [-1, 3])
def test_a_class_out_of_range_is_named(bad):
    with pytest.raises(ValueError, match=rf"class index {bad}, outside 0 to.* = 2"):
        draw().targets(torch.tensor([0, 1, 2, bad]), 3)


def test_classes_need_their_number():
    with pytest.raises(ValueError, match=r"class indices .* say n_classes"):
        draw().targets(torch.arange(4))


def test_class_indices_have_one_axis():
    with pytest.raises(ValueError, match=r"shape \(B,\); got y of shape \(4, 1\)"):
        draw().targets(torch.zeros(4, 1, dtype=torch.int64), 2)


def test_a_plan_refuses_another_number_of_rows():
    with pytest.raises(ValueError, match=r"drawn for 4 rows.*\(5, 2\)"):
        draw().apply(torch.rand(5, 2))
    with pytest.raises(ValueError, match=r"drawn for 4 rows.*\(5,\)"):
        draw().targets(torch.arange(5), 5)


def test_a_plan_mixes_tensors_alone():
    with pytest.raises(TypeError, match="got str"):
        draw().apply("abcd")


def test_a_plan_cannot_be_changed():
    with pytest.raises(AttributeError):
        draw().lam = torch.ones(4)


def test_label_weights_are_the_shares():
    own, other = draw().label_weights
    assert torch.equal(own, draw().lam)
    assert_close(own + other, torch.ones(4))


def test_a_plain_plan_leaves_everything_as_it_is():
    plan = MixPlan(torch.arange(3), torch.ones(3))
    x = torch.arange(6).view(3, 2)
    assert plan.apply(x) is x


def test_a_plan_shows_size_and_mean_share():
    plan = MixPlan(torch.tensor([1, 0]), torch.tensor([0.5, 1.0]), site="body")
    assert repr(plan) == "MixPlan(rows=2, mean_lam=0.750, site='body')"


@pytest.mark.parametrize("method", [Mixup(1.0), Mixup(1.0, per="row")], ids=repr)
def test_compiled_code_serves_every_lambda(method, compiled):
    def mix(plan, x, y):
        return plan.apply(x), plan.targets(y, 3)

    step = compiled(mix)
    x, y = torch.rand(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    plans = [method.draw(x, generator=generator(seed)) for seed in range(4)]
    # Mixing and not mixing share one piece of code too.
    plans.append(type(method)(0).draw(x))
    for plan in plans:
        for got, expected in zip(step(plan, x, y), mix(plan, x, y), strict=True):
            assert_close(got, expected)


@pytest.mark.usefixtures("empty_dynamo")
def test_compiled_masks_are_those_of_eager_code():
    # One for the batch and one per row are a graph each.
    step = torch.compile(lambda plan, x: plan.apply(x), backend="eager", fullgraph=True)
    x = torch.rand(5, 3, 8, 8)
    for per in ("batch", "row"):
        plan = CutMix(per=per).draw(x, generator=generator())
        assert torch.equal(step(plan, x), plan.apply(x))
