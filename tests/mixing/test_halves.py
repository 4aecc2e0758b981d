"""Draws in two halves: numbers of several batches first, and then their plans."""

import pytest
import torch
from torch import nn

from sk_mixup.mixing import (
    CutMix,
    ManifoldMixup,
    MemoryPairing,
    MixContext,
    Mixup,
    NoisyFeatureMixup,
    OneOf,
    PerKey,
    RegMixup,
    Remix,
    Repeat,
    list_methods,
    resolve_method,
)
from sk_mixup.mixing._batch import sent_together
from sk_mixup.mixing._drawing import Begun, Later, arrived, made
from tests.mixing.builders import streams

HERE = torch.device("cpu")
N_BATCHES, SIZE = 5, 6


class Net(nn.Module):
    """Images go in, and maps can be mixed."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(2, 4, 3, padding=1)
        self.head = nn.Linear(4, 3)

    @property
    def attention_map(self):
        return torch.ones(SIZE, 4, 4)

    def forward(self, x):
        return self.head(self.maps(x).flatten(2).mean(2))


def rows_for(name):
    x = torch.rand(SIZE, 2, 8, 8)
    if name in ("feature_swap", "feat_mix", "hid_mix", "waveform_mix"):
        x = x.flatten(1)
    if name == "bag_mixup":
        x = x.flatten(2)
    y = torch.arange(SIZE) % 3
    return x, y.float() if name == "c_mixup" else y


def method_for(name, per):
    method = resolve_method(name)
    if per is not None:
        method.set_params(per=per)
    if hasattr(method, "sites"):
        method.set_params(layers=["maps"])
    return method


def cases():
    for name, entry in list_methods().items():
        # The block that learns, and texts, have tests of their own.
        if entry.method.group in ("learned",) or name == "ss_mix":
            continue
        has_rows = "per" in entry.defaults
        for per in ("batch", "row") if has_rows else (None,):
            yield pytest.param(name, per, id=name if per is None else f"{name}-{per}")


def assert_alike(one, other, x):
    assert type(one) is type(other)
    assert one.site == other.site
    assert torch.equal(one.partner, other.partner)
    assert torch.equal(one.lam, other.lam)
    if one.site is None:
        assert torch.equal(one.apply(x), other.apply(x))


@pytest.mark.parametrize(("name", "per"), list(cases()))
def test_numbers_drawn_ahead_make_the_plans_of_single_draws(name, per):
    torch.manual_seed(0)
    made = [rows_for(name) for _ in range(N_BATCHES)]
    method = method_for(name, per)
    context = MixContext(module=Net(), epoch=1, n_epochs=4)
    if name == "feat_mix":
        context = MixContext(information=torch.rand(128))
    assert method.draws_first
    ahead, apart = streams(), streams()
    plans = list(
        method.draw_ahead(made, generator=ahead, contexts=[context] * N_BATCHES)
    )
    for plan, (x, y) in zip(plans, made, strict=True):
        assert_alike(plan, method.draw(x, y, generator=apart, context=context), x)
    for stream, other in zip(ahead, apart, strict=True):
        assert torch.equal(stream.get_state(), other.get_state())


@pytest.mark.parametrize(
    "method",
    [
        OneOf([Mixup(0.4), CutMix()]),
        Repeat(CutMix(p=0.5), k=3),
        PerKey(RegMixup()),
    ],
    ids=repr,
)
def test_methods_around_others_draw_first_too(method):
    assert method.draws_first
    made = [rows_for("mixup") for _ in range(N_BATCHES)]
    ahead, apart = streams(), streams()
    plans = method.draw_ahead(made, generator=ahead, contexts=[None] * N_BATCHES)
    for plan, (x, y) in zip(plans, made, strict=True):
        assert_alike(plan, method.draw(x, y, generator=apart), x)


def in_memory():
    """Pairs of equal methods, of which each remembers batches of its own."""
    for make in (
        lambda: Mixup(0.4, pairing=MemoryPairing(8)),
        lambda: CutMix(per="row", pairing=MemoryPairing(100)),
        lambda: Mixup(p=0.5, pairing=MemoryPairing(8)),
        lambda: Remix(p=0.5, pairing=MemoryPairing(8)),
        lambda: Repeat(CutMix(p=0.5, pairing=MemoryPairing(8)), k=3),
        lambda: OneOf([CutMix(), Mixup(pairing=MemoryPairing(8))]),
    ):
        yield pytest.param(make(), make(), id=repr(make()))


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize(("method", "twin"), list(in_memory()))
def test_a_plan_made_later_has_the_memory_of_its_batch(method, twin, grouped):
    assert method.draws_first
    sizes = [6, 1, 4, 4, 1, 1, 6, 3] * 4
    made = [(torch.rand(n, 2, 8, 8), torch.arange(n) % 3) for n in sizes]
    groups = [torch.arange(n) % 2 if grouped else None for n in sizes]
    contexts = [MixContext(groups=group) for group in groups]
    ahead, apart = streams(), streams()
    plans = method.draw_ahead(made, generator=ahead, contexts=contexts)
    pools = set()
    for (x, y), plan, context in zip(made, plans, contexts, strict=True):
        other = twin.draw(x, y, generator=apart, context=context)
        assert_alike(plan, other, x)
        pools.add(None if plan.pool is None else len(plan.pool[0]))
        assert torch.equal(plan.targets(y, 3), other.targets(y, 3))
    assert len(pools) > 1


class Whole(Mixup):
    """Draws all at once, as a class of somebody else may."""

    def _draw(self, x, y, streams, context):
        return super()._draw(x, y, streams, context)


class Keeps(MemoryPairing):
    """Pairs as a memory of somebody else may: nobody knows how."""


@pytest.mark.parametrize(
    "method",
    [
        Whole(),
        OneOf([Whole(), CutMix()]),
        Mixup(pairing=Keeps()),
        Repeat(ManifoldMixup(layers=["maps"])),
    ],
    ids=repr,
)
def test_who_needs_the_plan_before_does_not_draw_first(method):
    assert not method.draws_first


def test_a_plan_is_made_when_it_is_asked_for():
    looked = []

    def drawing(number):
        (number,) = yield (torch.tensor(number),)
        looked.append(int(number))
        return number

    begun = [Begun(drawing(k)) for k in range(3)]
    assert looked == []
    there = arrived([one.load for one in begun], HERE)
    begun[1].finish(there[1])
    assert looked == [1]


def test_a_drawing_sends_once():
    def drawing():
        yield ()
        yield ()

    with pytest.raises(RuntimeError, match="once"):
        Begun(drawing()).finish(())


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_a_method_that_draws_more_behind_another_may_mix_nothing(p):
    method = NoisyFeatureMixup(p=p)
    made = [rows_for("mixup") for _ in range(N_BATCHES)]
    ahead, apart = streams(), streams()
    plans = method.draw_ahead(made, generator=ahead, contexts=[None] * N_BATCHES)
    for plan, (x, y) in zip(plans, made, strict=True):
        assert_alike(plan, method.draw(x, y, generator=apart), x)


def test_loads_come_as_they_were():
    later = Later(torch.arange(3), lambda t: t * 2)
    load = (torch.ones(2), later, [None, 3.0, (torch.zeros(1),)])
    (found,) = arrived([load], HERE)
    assert isinstance(found[1], Later)  # until the plan is made
    found = made(found)
    assert torch.equal(found[1], torch.tensor([0, 2, 4]))
    assert found[2][:2] == [None, 3.0]
    assert torch.equal(found[2][2][0], torch.zeros(1))


def test_one_message_holds_tensors_of_every_dtype_and_shape():
    given = [
        torch.rand(3),
        torch.arange(5),
        torch.tensor([True, False, True]),
        torch.rand(2, 3, dtype=torch.float64),
        torch.rand(1).expand(3),
        torch.rand(4, 2).t(),
        torch.empty(0, 2),
        torch.tensor(2.5),
        torch.rand(3),
        torch.rand(2).to(torch.bfloat16),
    ]
    found = sent_together(given, HERE)
    for one, other in zip(given, found, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    start = {t.untyped_storage().data_ptr() for t in found}
    assert len(start) == 1
