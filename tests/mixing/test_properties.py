"""What holds for the methods of images in all their settings, at any size and dtype."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.testing import assert_close

from sk_mixup.mixing import CutMix, ManifoldMixup, MixStreams, Mixup, OneOf
from tests.builders import generator

METHODS = [
    Mixup(0.4),
    Mixup(0.4, fold=False),
    Mixup(0.4, per="row"),
    Mixup(0.4, per="row", fold=False, p=0.5),
    CutMix(1.0),
    CutMix(1.0, fold=True),
    CutMix(1.0, per="row"),
    CutMix(1.0, per="row", fold=True, p=0.5),
    ManifoldMixup(2.0, layers=["body"]),
    ManifoldMixup(2.0, layers=["body"], per="row"),
    OneOf([Mixup(0.4), CutMix(1.0, per="row")], p=[0.4, 0.4]),
]
OFF = [
    Mixup(0),
    Mixup(0, per="row"),
    CutMix(0),
    CutMix(0, per="row"),
    ManifoldMixup(0, layers=["body"]),
    OneOf([Mixup(0), CutMix(0)]),
    Mixup(1.0, p=0),
    Mixup(1.0, per="row", p=0),
    CutMix(p=0),
    CutMix(p=0, per="row"),
    CutMix(p=0, per="row", fold=True),
    OneOf([Mixup(1.0)], p=[0.0]),
]

every_method = pytest.mark.parametrize("method", METHODS, ids=repr)
any_batch = given(
    n_rows=st.integers(1, 9),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
    dtype=st.sampled_from([torch.float32, torch.float64]),
    seed=st.integers(0, 2**20),
)
few = settings(max_examples=25)


def indicators(n_rows, height, width, dtype):
    """Images of which number i is 1 in channel i and 0 elsewhere.

    The mean of channel j in a mixed image is the share of image j really present.
    """
    eye = torch.eye(n_rows, dtype=dtype)
    return eye[:, :, None, None].expand(-1, -1, height, width).contiguous()


@every_method
@any_batch
@few
def test_partners_are_a_derangement_from_two_rows_on(
    method, n_rows, height, width, dtype, seed
):
    x = torch.rand(n_rows, 3, height, width, dtype=dtype)
    plan = method.draw(x, generator=generator(seed))
    rows = torch.arange(n_rows)
    assert plan.partner.dtype == torch.int64
    assert torch.equal(plan.partner.sort().values, rows)
    if n_rows > 1 and not plan.is_identity:
        assert not bool((plan.partner == rows).any())


@every_method
@any_batch
@few
def test_lambda_and_targets_are_the_shares_really_present(
    method, n_rows, height, width, dtype, seed
):
    x = indicators(n_rows, height, width, dtype)
    plan = method.draw(x, generator=generator(seed))
    shares = plan.apply(x).mean(dim=(2, 3))
    assert_close(plan.lam, shares.diagonal())
    assert_close(plan.targets(torch.arange(n_rows), n_rows), shares)


@every_method
@any_batch
@few
def test_rows_of_targets_sum_to_one(method, n_rows, height, width, dtype, seed):
    x = torch.rand(n_rows, 3, height, width, dtype=dtype)
    y = torch.randint(0, 3, (n_rows,), generator=generator(seed))
    targets = method.draw(x, y, generator=generator(seed)).targets(y, 3)
    assert targets.shape == (n_rows, 3)
    assert bool((targets >= 0).all())
    assert_close(targets.sum(1), torch.ones(n_rows, dtype=dtype))


@every_method
@any_batch
@few
def test_inputs_stay_as_they_are(method, n_rows, height, width, dtype, seed):
    x = torch.rand(n_rows, 3, height, width, dtype=dtype, generator=generator(seed))
    y = torch.rand(n_rows, 2, generator=generator(seed))
    x_before, y_before = x.clone(), y.clone()
    plan = method.draw(x, y, generator=generator(seed))
    mixed = plan.apply(x)
    plan.targets(y)
    assert torch.equal(x, x_before)
    assert torch.equal(y, y_before)
    assert mixed.dtype == dtype
    assert mixed.shape == x.shape


@every_method
@any_batch
@few
def test_equal_generators_give_equal_plans(method, n_rows, height, width, dtype, seed):
    x = torch.rand(n_rows, 3, height, width, dtype=dtype)
    first = method.draw(x, generator=generator(seed))
    second = method.draw(x, generator=generator(seed))
    assert type(first) is type(second)
    assert first.site == second.site
    assert torch.equal(first.partner, second.partner)
    assert torch.equal(first.lam, second.lam)
    assert torch.equal(first.apply(x), second.apply(x))


@every_method
@pytest.mark.parametrize("n_streams", [1, 4])
@pytest.mark.usefixtures("unchanged_random_state")
def test_global_random_states_are_left_alone(method, n_streams):
    source = generator()
    if n_streams == 4:
        source = MixStreams(*map(generator, range(4)))
    x = torch.zeros(4, 3, 5, 5)
    plan = method.draw(x, generator=source)
    plan.apply(x)
    plan.targets(torch.arange(4), 4)


@every_method
def test_without_a_generator_the_global_one_decides(method):
    x = torch.rand(6, 3, 8, 8)
    mixed = []
    with torch.random.fork_rng(devices=[]):
        for _ in range(2):
            torch.manual_seed(5)
            mixed.append(method.draw(x).apply(x))
    assert torch.equal(*mixed)


@every_method
@pytest.mark.parametrize("seed", range(3))
def test_a_batch_of_one_stays_as_it_is(method, seed):
    x = torch.rand(1, 3, 6, 5)
    plan = method.draw(x, generator=generator(seed))
    assert torch.equal(plan.apply(x), x)
    assert plan.lam.tolist() == [1.0]
    assert plan.targets(torch.tensor([2]), 3).tolist() == [[0.0, 0.0, 1.0]]


@pytest.mark.parametrize("method", OFF, ids=repr)
@pytest.mark.parametrize("seed", range(3))
def test_no_alpha_or_no_probability_is_no_mixing(method, seed):
    x = torch.rand(6, 3, 6, 5)
    plan = method.draw(x, generator=generator(seed))
    assert torch.equal(plan.apply(x), x)
    assert plan.lam.tolist() == [1.0] * 6
    assert torch.equal(plan.targets(torch.arange(6), 6), torch.eye(6))


@every_method
@pytest.mark.parametrize("seed", range(3))
def test_gradients_flow_to_both_partners(method, seed):
    # A plan is a linear map of the batch, so that <map(v), w> = <v, gradient(w)>.
    v, w = torch.rand(2, 4, 2, 3, 3, dtype=torch.float64)
    x = torch.rand_like(v).requires_grad_()
    plan = method.draw(x, generator=generator(seed))
    (gradient,) = torch.autograd.grad(plan.apply(x), x, w)
    assert_close((plan.apply(v) * w).sum(), (v * gradient).sum())


@every_method
@pytest.mark.parametrize("seed", range(3))
def test_channels_last_is_kept(method, seed):
    x = torch.rand(4, 3, 6, 5)
    x_last = x.contiguous(memory_format=torch.channels_last)
    plan = method.draw(x, generator=generator(seed))
    mixed = plan.apply(x_last)
    assert mixed.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(mixed, plan.apply(x))


@every_method
def test_views_mix_as_their_copies(method):
    x = torch.rand(8, 3, 10, 6)[::2].transpose(2, 3)
    plan = method.draw(x, generator=generator())
    assert torch.equal(plan.apply(x), plan.apply(x.contiguous()))


@every_method
def test_an_empty_batch_stays_empty(method):
    x = torch.rand(0, 3, 6, 5)
    plan = method.draw(x, generator=generator())
    assert plan.apply(x).shape == x.shape
    assert plan.targets(torch.zeros(0, dtype=torch.int64), 3).shape == (0, 3)


@every_method
def test_a_plan_can_be_used_again(method):
    x = torch.rand(6, 3, 6, 5)
    plan = method.draw(x, generator=generator())
    assert torch.equal(plan.apply(x), plan.apply(x))
