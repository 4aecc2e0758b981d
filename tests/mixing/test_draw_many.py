"""Plans drawn together are those drawn one by one."""

import pytest
import torch

from sk_mixup.mixing import (
    CutMix,
    LinearSchedule,
    MixContext,
    MixStreams,
    Mixup,
    RegMixup,
    UniformLaw,
)
from tests.mixing.builders import streams

METHODS = [
    Mixup(0.2),
    Mixup(0.4, fold=False),
    Mixup(2.0, p=0.5),
    Mixup(0),
    Mixup(LinearSchedule(0.4, 0.1)),
    Mixup(0.3, off_last=1),
    Mixup(0.3, per="row"),
    Mixup(0.3, single_target=True),
    Mixup(law=UniformLaw(0.2, 0.7)),
    Mixup(0.3, pairing="reverse"),
    RegMixup(),
    CutMix(),
]


def batches(sizes, dtype=torch.float32):
    return [(torch.rand(n, 3, 4, 4, dtype=dtype), torch.arange(n) % 3) for n in sizes]


def assert_same(first, second, made):
    assert len(first) == len(second)
    for one, other, (x, _) in zip(first, second, made, strict=True):
        assert type(one) is type(other)
        assert torch.equal(one.partner, other.partner)
        assert torch.equal(one.lam, other.lam)
        assert one.lam.dtype == other.lam.dtype
        assert one.lam_host == other.lam_host
        assert torch.equal(one.apply(x), other.apply(x))


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize(
    "sizes", [[6] * 40, [6, 6, 5], [6, 4], [7], [1, 1], [6, 6, 1], []], ids=str
)
@pytest.mark.parametrize("one_generator", [False, True])
def test_many_draws_are_as_many_single_draws(method, sizes, one_generator):
    made = batches(sizes)
    context = MixContext(epoch=1, n_epochs=4)
    for seed in range(2):
        together, apart = streams(seed), streams(seed)
        if one_generator:
            together, apart = (MixStreams.of(s.lam) for s in (together, apart))
        plans = method.draw_many(
            made, generator=together, contexts=[context] * len(made)
        )
        singles = [method.draw(x, y, generator=apart, context=context) for x, y in made]
        assert_same(plans, singles, made)
        for stream, other in zip(together, apart, strict=True):
            assert torch.equal(stream.get_state(), other.get_state())


def test_an_epoch_without_mixing_draws_nothing_together_either():
    method, made = Mixup(0.3, off_last=1), batches([4, 4])
    context = MixContext(epoch=3, n_epochs=4)
    plans = method.draw_many(made, generator=streams(), contexts=[context] * 2)
    assert all(plan.is_identity for plan in plans)


def test_groups_are_kept_apart_in_many_draws():
    groups = torch.tensor([0, 1, 0, 1, 0, 1])
    made, context = batches([6] * 5), MixContext(groups=groups)
    plans = Mixup(1.0).draw_many(made, generator=streams(), contexts=[context] * 5)
    for plan in plans:
        assert torch.equal(groups[plan.partner], groups)


def test_float64_stays_float64():
    plans = Mixup(0.3).draw_many(
        batches([4, 4], torch.float64), generator=streams(), contexts=[None, None]
    )
    assert all(plan.lam.dtype == torch.float64 for plan in plans)


def test_bad_parameters_are_found_in_many_draws():
    with pytest.raises(ValueError, match="alpha must be a number of at least 0"):
        Mixup(-1.0).draw_many(
            batches([4, 4]), generator=streams(), contexts=[None, None]
        )


def test_inputs_of_several_tensors_are_drawn_together_too():
    made = [({"a": torch.rand(5, 2), "b": torch.rand(5, 3)}, None) for _ in range(4)]
    together, apart = streams(), streams()
    plans = Mixup(0.3).draw_many(made, generator=together, contexts=[None] * 4)
    for plan, (x, _) in zip(plans, made, strict=True):
        single = Mixup(0.3).draw(x, generator=apart)
        assert torch.equal(plan.partner, single.partner)
        assert plan.lam_host == single.lam_host
