"""What trains beside a net, in a loop of one's own."""

import copy
import itertools
import pickle

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from sk_mixup.mixing import (
    AdAutoMix,
    AutoMix,
    CutMix,
    MixContext,
    OneOf,
    Repeat,
    SAMix,
    companions_of,
)
from sk_mixup.mixing.methods.learned._momentum import MomentumCopy
from tests.builders import generator, no_hooks
from tests.mixing.builders import streams
from tests.mixing.methods.learned.nets import cnn, companion_of, drawn, images, loop

METHODS = [AutoMix(), SAMix(), AdAutoMix()]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.short_name)


def states(companion):
    """All numbers that a companion holds."""
    state = companion.state_dict()
    flat = [*state["block"].values(), *state["copy"]["net"].values(), *state["streams"]]
    for moments in state["optimizer"]["state"].values():
        flat += [torch.as_tensor(value) for value in moments.values()]
    return flat


def assert_alike(first, second):
    for one, other in zip(states(first), states(second), strict=True):
        assert torch.equal(one, other)


@every_method
def test_the_block_learns_and_the_net_does_not_know(method):
    net, batches = cnn(), [images(seed=i) for i in range(3)]
    companion = companion_of(method, net, batches[0][0])
    before = copy.deepcopy(companion.block.state_dict())
    loop(method, net, batches, companion=companion)
    after = companion.block.state_dict()
    assert all(not torch.equal(after[k], before[k]) for k in after if "key" not in k)
    assert no_hooks(net)
    assert not hasattr(net, "block")


@every_method
def test_the_lessons_leave_no_gradient_and_no_statistic_in_the_net(method):
    net, (x, y) = cnn(), images()
    companion = companion_of(method, net, x)
    drawn(method, net, x, y, companion=companion)
    before = copy.deepcopy(net.state_dict())
    companion.learn(y)
    assert all(p.grad is None for p in net.parameters())
    companion.step()
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert net.training


@every_method
def test_equal_seeds_learn_alike_bit_for_bit(method):
    batches = [images(seed=i) for i in range(3)]
    first, plans = loop(method, cnn(dropout=0.5), batches)
    second, again = loop(method, cnn(dropout=0.5), batches)
    assert_alike(first, second)
    for one, other, (x, _) in zip(plans, again, batches, strict=True):
        assert torch.equal(one.apply(x), other.apply(x))


@every_method
@pytest.mark.usefixtures("unchanged_random_state")
def test_no_global_randomness_moves(method):
    torch.random.get_rng_state()
    net, (x, y) = built_quietly(), images()
    companion = companion_of(method, net, x)
    drawn(method, net, x, y, companion=companion)
    companion.learn(y)
    companion.step()


def built_quietly():
    with torch.random.fork_rng():
        return cnn(dropout=0.5)


@every_method
def test_a_stored_companion_goes_on_as_if_nothing_had_been(method):
    batches = [images(seed=i) for i in range(4)]
    net = cnn()
    companion, _ = loop(method, net, batches[:2])
    stored = pickle.loads(pickle.dumps(companion.state_dict()))
    twin = copy.deepcopy(net)
    other = companion_of(method, twin, batches[0][0], seed=5)
    other.load_state_dict(stored)
    loop(method, net, batches[2:], companion=companion, seed=1)
    loop(method, twin, batches[2:], companion=other, seed=1)
    assert_alike(companion, other)


def test_batches_that_wait_for_others_make_one_lesson():
    """Two halves of a batch count as the mean over their rows."""
    net, (x, y) = cnn().eval(), images()
    companion = companion_of(AutoMix(), net, x)
    seen = []
    companion.optimizer.step = lambda: seen.extend(
        p.grad.clone() for p in companion.block.parameters()
    )
    apart = []
    for rows in (slice(0, 4), slice(4, 8)):
        before = [s.get_state() for s in companion.streams]
        drawn(companion.method, net, x[rows], y[rows], companion=companion)
        companion.learn(y[rows])
        apart.append((rows, before))
    companion.step()
    other = companion_of(AutoMix(), net, x)
    single = []
    for rows, before in apart:
        for stream, state in zip(other.streams, before, strict=True):
            stream.set_state(state)
        drawn(other.method, net, x[rows], y[rows], companion=other)
        other.learn(y[rows])
        single.append([p.grad / 4 for p in other.block.parameters()])
        other.optimizer.zero_grad()
        for parameter in other.block.parameters():
            parameter.grad = None
    for joined, one, two in zip(seen, *single, strict=True):
        assert_close(joined, (one + two) / 2)


def test_every_skips_lessons():
    net, batches = cnn(), [images(seed=i) for i in range(4)]
    method = AutoMix(every=2)
    companion = companion_of(method, net, batches[0][0])
    kept = [copy.deepcopy(companion.block.state_dict())]
    for batch in batches:
        loop(method, net, [batch], companion=companion)
        kept.append(copy.deepcopy(companion.block.state_dict()))
    moved = [
        any(not torch.equal(a[k], b[k]) for k in a) for a, b in itertools.pairwise(kept)
    ]
    assert moved == [True, False, True, False]


def test_a_batch_that_was_not_drawn_is_no_lesson():
    net, (x, y) = cnn(), images()
    companion = companion_of(AutoMix(), net, x)
    before = copy.deepcopy(companion.block.state_dict())
    companion.learn(y)
    companion.step()
    after = companion.block.state_dict()
    assert all(torch.equal(after[k], before[k]) for k in after)


def states_after(method, *, ahead):
    """Train on batches whose numbers are drawn in one go, or batch by batch."""
    net, batches = cnn(), [images(seed=i) for i in range(6)]
    (companion,) = companions_of(method, net, batches[0][0], generator=generator())
    context = MixContext(module=net, companions=(companion,))
    many = {"generator": streams(), "contexts": [context]}
    if ahead:
        many["contexts"] *= len(batches)
        plans = method.draw_ahead(batches, **many)
    else:
        plans = (next(iter(method.draw_ahead([one], **many))) for one in batches)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for (x, y), plan in zip(batches, plans, strict=True):
        optimizer.zero_grad()
        functional.cross_entropy(net(plan.apply(x)), plan.targets(y, 2)).backward()
        companion.learn(y)
        optimizer.step()
        companion.step()
    return companion.state_dict()["counts"], states(companion)


@pytest.mark.parametrize(
    "method",
    [
        *METHODS,
        AutoMix(every=2, p=0.7),
        SAMix(per="row", p=0.5),
        Repeat(AutoMix(p=0.5, clean=False), k=3),
        OneOf([CutMix(), AutoMix(every=2)]),
    ],
    ids=repr,
)
def test_lessons_drawn_with_a_block_of_batches_are_those_of_single_ones(method):
    counts, ahead = states_after(method, ahead=True)
    wanted, apart = states_after(method, ahead=False)
    assert counts == wanted
    assert counts[0] > 1
    for one, other in zip(ahead, apart, strict=True):
        assert torch.equal(one, other)


def test_a_batch_mixed_several_times_has_one_lesson():
    net, (x, y) = cnn(), images()
    companion = companion_of(AutoMix(), net, x)
    first = drawn(companion.method, net, x, y, companion=companion)
    before = [s.get_state() for s in companion.streams]
    again = drawn(companion.method, net, x, y, companion=companion)
    assert torch.equal(first.lam, again.lam)
    for stream, state in zip(companion.streams, before, strict=True):
        assert torch.equal(stream.get_state(), state)
    companion.learn(y)
    assert companion.state_dict()["counts"] == (1, 1)


def test_lessons_mix_no_rows_of_different_groups():
    lessons = []

    class Heard(AutoMix):
        def judged(self, lesson):
            lessons.append(lesson.partner)
            return super().judged(lesson)

    net, (x, y) = cnn(), images()
    companion = companion_of(Heard(), net, x)
    groups = torch.arange(8) // 4
    context = MixContext(module=net, companions=(companion,), groups=groups)
    for seed in range(4):
        companion.method.draw(x, y, generator=generator(seed), context=context)
        companion.learn(y)
    assert len(lessons) == 4
    assert all(torch.equal(groups[partner], groups) for partner in lessons)


# -- the momentum copy ---------------------------------------------------------


def test_the_copy_follows_by_shares_that_shrink():
    net = nn.Linear(1, 1)
    follower = MomentumCopy(net, 0.5, "AutoMix")
    wanted = net.weight.item()
    for t in range(1, 12):
        with torch.no_grad():
            net.weight.fill_(float(t))
        follower.follow()
        decay = min(0.5, (1 + t) / (10 + t))
        wanted = decay * wanted + (1 - decay) * t
        assert_close(follower.net.weight.item(), wanted)


def test_the_copy_drops_nothing_out_and_normalises_by_the_batch():
    net = cnn(dropout=0.9).train()
    x = images()[0] * 5 + 3
    follower = MomentumCopy(net, 0.9, "AutoMix")
    assert torch.equal(follower.net(x), follower.net(x))
    normalised = follower.net[:2](x)
    assert_close(normalised.mean((0, 2, 3)), torch.zeros(6), atol=1e-5, rtol=0.0)
    assert net.training
    assert not any(p.requires_grad for p in follower.net.parameters())


def test_a_net_that_cannot_be_copied_is_named():
    class Stubborn(nn.Conv2d):
        def __deepcopy__(self, memo):
            raise RuntimeError("never")

    with pytest.raises(ValueError, match=r"Stubborn cannot be copied: .*never"):
        AutoMix().companion(Stubborn(1, 2, 3), images()[0])


# -- whom it serves ------------------------------------------------------------


def test_methods_that_learn_nothing_have_no_companion():
    net, (x, _) = cnn(), images()
    assert companions_of(OneOf([CutMix(), Repeat(CutMix())]), net, x) == ()


def test_each_method_inside_another_has_its_own():
    net, (x, y) = cnn(), images()
    method = OneOf([AutoMix(clean=False), AutoMix(0.5, clean=False), CutMix()])
    companions = companions_of(method, net, x, generator=generator())
    assert [c.method for c in companions] == method.methods[:2]
    context = MixContext(module=net, companions=companions)
    for seed in range(6):
        method.draw(x, y, generator=generator(seed), context=context)
    with pytest.raises(ValueError, match="AutoMix learns its masks beside a net"):
        copy.deepcopy(method.methods[0]).draw(x, y, context=context)


def test_a_copy_of_a_method_is_served_by_the_only_one_of_its_kind():
    net, (x, _) = cnn(), images()
    method = AutoMix(clean=False)
    companion = companion_of(method, net, x)
    plan = drawn(copy.deepcopy(method), net, x, companion=companion)
    assert torch.equal(plan.mask, drawn(method, net, x, companion=companion).mask)


def test_without_a_companion_it_says_how_to_get_one():
    x, y = images()
    with pytest.raises(ValueError, match=r"method\.companion\(net, x\) once"):
        AutoMix().draw(x, y, context=MixContext(module=cnn()))


def test_a_method_holds_nothing_of_what_it_learns():
    method = AutoMix()
    before = pickle.dumps(method)
    loop(method, cnn(), [images()])
    assert pickle.dumps(method).replace(b"_checked", b"") is not None
    assert method.get_params() == AutoMix().get_params()
    assert len(pickle.dumps(method)) < len(before) + 500
