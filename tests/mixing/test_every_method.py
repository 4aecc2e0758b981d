"""What holds for every method of the list, on every shape that suits it."""

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.testing import assert_close

from sk_mixup.mixing import MixStreams, list_methods, mix_layer
from tests.builders import generator, looking_context

METHODS = list_methods()
OF_COLUMNS = {"feature_swap", "feat_mix", "bag_mixup"}
OF_DIMENSIONS = {"hid_mix"}
OF_NUMBERS = {"c_mixup"}
# Of waveforms of one level: the mixture is scaled to keep their energy.
OF_SOUNDS = {"waveform_mix"}
NOISY = {"noisy_feature_mixup"}
# The label weight of these is a rule of its own.
OWN_LABELS = {"feat_mix", "hid_mix", "remix", "ma_mix", "snap_mix"}
OWN_LABELS |= {"trans_mix", "token_mix", "auto_mix", "sa_mix", "ad_auto_mix"}
HIDDEN = {"manifold", "align_mix", "feature_cutmix", "patch_up"}
LOOKS_AT = {n: getattr(info.method, "looks_at", None) for n, info in METHODS.items()}
OF_IMAGES = {name for name, what in LOOKS_AT.items() if what == "images"}
OF_IMAGES |= {n for n, i in METHODS.items() if i.group in ("attention", "learned")}
OF_EMBEDDINGS = {name for name, what in LOOKS_AT.items() if what == "embeddings"}


def variants(name):
    """The method as it is, and with lambda or mask per row."""
    method = METHODS[name].method()
    if name in HIDDEN:
        method.set_params(layers="input")
    made = [method]
    if "per" in METHODS[name].defaults:
        made.append(copy.deepcopy(method).set_params(per="row"))
        made.append(copy.deepcopy(method).set_params(per="row", p=0.5))
    if "every" in METHODS[name].defaults:
        made.append(copy.deepcopy(method).set_params(every=2))
    return made


VARIANTS = [(name, method) for name in METHODS for method in variants(name)]
every_method = pytest.mark.parametrize(
    ("name", "method"), VARIANTS, ids=[f"{n}-{m!r}" for n, m in VARIANTS]
)
any_batch = given(
    n_rows=st.integers(1, 7),
    size=st.lists(st.integers(1, 7), min_size=1, max_size=3),
    dtype=st.sampled_from([torch.float16, torch.float32, torch.float64]),
    seed=st.integers(0, 2**20),
)
few = settings(max_examples=20)


def batch(name, n_rows, size, dtype=torch.float32, seed=0):
    """Rows, of which number i is 1 in channel i and 0 elsewhere."""
    eye = torch.eye(n_rows, dtype=dtype)
    if name in OF_IMAGES:
        size = (size * 2)[:2]
    if name in OF_COLUMNS | OF_EMBEDDINGS:  # (rows, columns, embedding)
        return eye.unsqueeze(1).expand(-1, size[0], -1).contiguous()
    if name in OF_DIMENSIONS | OF_SOUNDS:
        return eye.unsqueeze(2).expand(-1, -1, size[0]).contiguous()
    return eye.view(n_rows, n_rows, *[1] * len(size)).repeat(1, 1, *size)


def labels(name, n_rows, seed=0):
    if name in OF_NUMBERS:
        return torch.rand(n_rows, generator=generator(seed))
    return torch.arange(n_rows) % 3


def shares(name, mixed):
    """How much of each row is in each mixed row."""
    mixed = mixed.double()
    of_columns = name in OF_COLUMNS | OF_EMBEDDINGS
    present = mixed.mean(1) if of_columns else mixed.flatten(2).mean(2)
    return present / present.sum(1, True) if name in OF_SOUNDS else present


def every_share(plan):
    """Share of every row in every mixed row, where there may be more than two."""
    found = torch.zeros(len(plan.lam), plan.n_rows, dtype=torch.float64)
    for row, share in plan.label_sources:
        found[torch.arange(len(row)), row] += share.double()
    return found


def drawn(name, method, x, seed=0):
    context = looking_context(x, method=method)
    y = labels(name, len(x))
    plan = method.draw(x, y, generator=generator(seed), context=context)
    if not plan.weighs_late or plan.site is not None:
        return plan
    with mix_layer(context.module, plan) as mixed:
        context.module(plan.apply(x))
    return mixed.plan


@every_method
@any_batch
@few
def test_lambda_is_the_share_really_present(name, method, n_rows, size, dtype, seed):
    if name in NOISY:
        method = copy.deepcopy(method).set_params(add_noise=0, mult_noise=0)
    x = batch(name, n_rows, size, dtype)
    plan = drawn(name, method, x, seed)
    present = shares(name, plan.apply(x))
    rows = torch.arange(n_rows) if plan.rows is None else plan.rows
    tolerance = {"atol": 1e-6, "rtol": 0.0}
    if dtype == torch.float16:
        tolerance = {"atol": 2e-3, "rtol": 0.0}
    own = present[torch.arange(len(rows)), rows]
    alone = plan.partner == rows
    assert plan.lam.dtype in (torch.float32, torch.float64)
    assert_close(plan.lam.double()[~alone], own[~alone], **tolerance)
    assert bool((plan.lam[alone] == 1).all())
    if plan.label_sources is not None:
        assert_close(every_share(plan), present, **tolerance)
        return
    other = present[torch.arange(len(rows)), plan.partner]
    assert_close(1 - plan.lam.double()[~alone], other[~alone], **tolerance)


@every_method
@any_batch
@few
def test_targets_carry_the_label_weights(name, method, n_rows, size, dtype, seed):
    x = batch(name, n_rows, size, dtype)
    plan = drawn(name, method, x, seed)
    own, other = plan.label_weights
    targets = plan.targets(torch.arange(n_rows), n_rows)
    rows = torch.arange(n_rows) if plan.rows is None else plan.rows
    wanted = torch.zeros(len(rows), n_rows, dtype=own.dtype)
    if plan.label_sources is not None:
        wanted = every_share(plan).to(own.dtype)
    else:
        for i, (source, partner) in enumerate(zip(rows, plan.partner, strict=True)):
            wanted[i, source] += own[i]
            wanted[i, partner] += other[i]
    assert targets.dtype in (torch.float32, torch.float64)
    assert_close(targets, wanted)
    assert len(targets) == len(plan.apply(x))
    if name not in OWN_LABELS:
        assert torch.equal(own, plan.lam)


@every_method
@any_batch
@few
def test_nothing_is_changed_in_place(name, method, n_rows, size, dtype, seed):
    x, y = batch(name, n_rows, size, dtype), labels(name, n_rows)
    x_before, y_before = x.clone(), y.clone()
    plan = drawn(name, method, x, seed)
    mixed = plan.apply(x)
    if y.is_floating_point():
        plan.targets(y)
    else:
        plan.targets(y, 3)
    assert torch.equal(x, x_before)
    assert torch.equal(y, y_before)
    assert mixed.dtype == dtype


@every_method
@any_batch
@few
def test_one_generator_state_gives_one_result(name, method, n_rows, size, dtype, seed):
    x = batch(name, n_rows, size, dtype)
    first, second = drawn(name, method, x, seed), drawn(name, method, x, seed)
    assert torch.equal(first.partner, second.partner)
    assert torch.equal(first.lam, second.lam)
    assert torch.equal(first.apply(x), second.apply(x))
    assert torch.equal(first.apply(x), first.apply(x))


@every_method
@pytest.mark.usefixtures("unchanged_random_state")
def test_randomness_comes_from_the_generator_alone(name, method):
    x = batch(name, 5, [6, 4])
    streams = MixStreams(*map(generator, range(4)))
    plan = method.draw(
        x, labels(name, 5), generator=streams, context=looking_context(x, method=method)
    )
    plan.apply(x)
    if not plan.weighs_late:
        plan.targets(torch.arange(5), 5)


@every_method
@pytest.mark.parametrize("seed", range(3))
def test_a_batch_of_one_stays_as_it_is(name, method, seed):
    x = batch(name, 1, [5, 4])
    plan = drawn(name, method, x, seed)
    mixed = plan.apply(x)
    assert torch.equal(mixed, x.expand_as(mixed))
    assert plan.lam.tolist() == [1.0] * len(mixed)


@pytest.mark.parametrize(
    ("name", "method"),
    [(n, m) for n, m in VARIANTS if "alpha" in METHODS[n].defaults],
    ids=repr,
)
@pytest.mark.parametrize("seed", range(2))
def test_alpha_zero_is_no_mixing(name, method, seed):
    method = copy.deepcopy(method).set_params(alpha=0)
    x = batch(name, 6, [5, 4])
    plan = drawn(name, method, x, seed)
    assert plan.is_identity
    assert torch.equal(plan.apply(x), x)
    assert method.never_mixes


@pytest.mark.parametrize(
    ("name", "method"),
    [(n, m) for n, m in VARIANTS if "p" in METHODS[n].defaults and n != "one_of"],
    ids=repr,
)
def test_p_zero_is_no_mixing(name, method):
    method = copy.deepcopy(method).set_params(p=0)
    x = batch(name, 6, [5, 4])
    plan = drawn(name, method, x)
    assert torch.equal(plan.apply(x), x)
    assert plan.lam.tolist() == [1.0] * 6


@pytest.mark.parametrize(
    ("name", "method", "parameter"),
    [
        (n, m, parameter)
        for n, m in VARIANTS
        for parameter in ("p", "alpha")
        if parameter in METHODS[n].defaults and n != "one_of"
    ],
    ids=repr,
)
def test_p_and_alpha_move_no_other_draw(name, method, parameter):
    x = batch(name, 6, [5, 4])
    states = []
    for value in (0.0, 0.5, 1.0):
        streams = MixStreams(*map(generator, range(4)))
        method = copy.deepcopy(method).set_params(**{parameter: value})
        context = looking_context(x, method=method)
        method.draw(x, labels(name, 6), generator=streams, context=context)
        states.append([stream.get_state() for stream in streams])
    for other in states[1:]:
        assert all(map(torch.equal, states[0], other))


@every_method
@pytest.mark.parametrize("seed", range(2))
def test_gradients_flow_to_both_partners(name, method, seed):
    x = batch(name, 4, [5, 4]).requires_grad_()
    plan = drawn(name, method, x.detach(), seed)
    plan.apply(x).square().sum().backward()
    assert x.grad is not None
    assert bool(torch.isfinite(x.grad).all())
    assert bool((x.grad != 0).any())


@every_method
def test_channels_last_is_kept(name, method):
    if name in OF_COLUMNS | OF_DIMENSIONS | OF_SOUNDS | OF_EMBEDDINGS:
        pytest.skip("columns have no channels, and waveforms no such layout")
    x = torch.rand(4, 3, 6, 5)
    x_last = x.contiguous(memory_format=torch.channels_last)
    plan = drawn(name, method, x)
    mixed = plan.apply(x_last)
    assert mixed.is_contiguous(memory_format=torch.channels_last)
    assert_close(mixed, plan.apply(x))


@every_method
def test_rows_of_different_groups_are_never_mixed(name, method):
    groups = torch.tensor([0, 1, 0, 1, 0, 2, 1, 0])
    x = batch(name, 8, [5, 4])
    context = looking_context(x, method=method, groups=groups)
    y = labels(name, 8)
    for seed in range(5):
        plan = method.draw(x, y, generator=generator(seed), context=context)
        rows = torch.arange(8) if plan.rows is None else plan.rows
        mixes = plan.lam < 1
        assert torch.equal(groups[rows][mixes], groups[plan.partner][mixes])


@every_method
def test_a_method_survives_copy_and_pickle(name, method):
    x = batch(name, 6, [5, 4])
    for twin in (copy.deepcopy(method), pickle.loads(pickle.dumps(method))):
        assert repr(twin) == repr(method)
        assert torch.equal(
            drawn(name, twin, x).apply(x), drawn(name, method, x).apply(x)
        )


@every_method
def test_parameters_go_out_and_in_again(name, method):
    params = method.get_params(deep=False)
    twin = type(method)(**params)
    assert repr(twin) == repr(method)
    with pytest.raises(ValueError, match="has no parameter 'lamda'"):
        method.set_params(lamda=1)
