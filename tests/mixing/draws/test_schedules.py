"""Parameters that change with the progress of a training."""

import math

import pytest
import torch
from scipy import stats

from sk_mixup.mixing import (
    CosineSchedule,
    CutMix,
    LinearSchedule,
    MixContext,
    Mixup,
    OneOf,
    WithoutHesitation,
    resolve_method,
)
from tests.builders import generator


def at(epoch, n_epochs=10):
    return MixContext(epoch=epoch, n_epochs=n_epochs)


@pytest.mark.parametrize(
    ("progress", "linear", "cosine"),
    [
        (0.0, 0.4, 0.4),
        (0.25, 0.3, 0.2 + 0.2 * math.sqrt(0.5)),
        (0.5, 0.2, 0.2),
        (1.0, 0.0, 0.0),
    ],
)
def test_schedules_go_from_start_to_stop(progress, linear, cosine):
    assert LinearSchedule(0.4, 0.0)(progress) == pytest.approx(linear)
    assert CosineSchedule(0.4, 0.0)(progress) == pytest.approx(cosine)


@pytest.mark.parametrize(
    ("progress", "p"),
    [
        (0.0, 1.0),
        (0.59, 1.0),
        (0.6, 0.5),
        (0.89, 0.5),
        (0.9, 0.5),
        (0.95, 0.25),
        (1.0, 0.0),
    ],
)
def test_without_hesitation_has_three_stages(progress, p):
    assert WithoutHesitation()(progress) == pytest.approx(p)


@pytest.mark.parametrize(
    ("always", "half", "progress", "p"),
    [
        (1.0, 1.0, 0.99, 1.0),
        (0.0, 1.0, 0.5, 0.5),
        (0.0, 0.0, 0.5, 0.25),
        (1.0, 1.0, 1.0, 0.0),
    ],
)
def test_stages_of_no_length_are_left_out(always, half, progress, p):
    assert WithoutHesitation(always, half)(progress) == pytest.approx(p)


@pytest.mark.parametrize(
    ("schedule", "error"),
    [
        (WithoutHesitation(0.9, 0.6), ValueError),
        (WithoutHesitation(0.6, 1.2), ValueError),
        (WithoutHesitation("a", 0.9), TypeError),
    ],
)
def test_wrong_stages_are_named(schedule, error):
    with pytest.raises(error, match=r"always, half"):
        Mixup(p=schedule).draw(torch.rand(4, 2))


def test_lambda_follows_the_alpha_of_the_epoch():
    method = Mixup(LinearSchedule(2.0, 0.2), per="row", fold=False)
    x = torch.rand(3000, 1)
    for epoch, alpha in ((0, 2.0), (5, 1.1), (9, 0.38)):
        plan = method.draw(x, generator=generator(epoch), context=at(epoch))
        lam = plan.lam.double().numpy()
        assert stats.kstest(lam, stats.beta(alpha, alpha).cdf).pvalue > 0.01


@pytest.mark.parametrize("per", ["batch", "row"])
def test_a_schedule_draws_as_its_value_does(per):
    x = torch.rand(6, 3)
    moving = Mixup(LinearSchedule(2.0, 0.0), per=per)
    plan = moving.draw(x, generator=generator(), context=at(3))
    fixed = Mixup(1.4, per=per).draw(x, generator=generator())
    assert torch.equal(plan.partner, fixed.partner)
    assert torch.allclose(plan.lam, fixed.lam)


def test_an_alpha_that_reaches_zero_stops_mixing():
    method = Mixup(lambda progress: 0.0 if progress >= 0.5 else 1.0)
    x = torch.rand(4, 2)
    assert not method.never_mixes
    assert not method.draw(x, context=at(4)).is_identity
    assert method.draw(x, context=at(5)).is_identity


@pytest.mark.parametrize("method", [Mixup, CutMix])
@pytest.mark.parametrize("epoch", [0, 5, 9])
def test_the_share_of_mixed_batches_follows_the_probability(method, epoch):
    method, source = method(1.0, p=LinearSchedule(1.0, 0.0)), generator()
    x = torch.rand(3, 1, 4, 4)
    mixed = sum(
        not method.draw(x, generator=source, context=at(epoch)).is_identity
        for _ in range(300)
    )
    expected = 1 - epoch / 10
    # CutMix can draw a box of no pixels, which leaves the lambda of a row at 1.
    assert mixed / 300 == pytest.approx(expected, abs=0.1)


def test_the_share_of_mixed_rows_follows_the_probability():
    method = Mixup(1.0, per="row", p=WithoutHesitation())
    x = torch.rand(2000, 1)
    shares = [
        float(
            (method.draw(x, generator=generator(), context=at(e)).lam < 1).mean(
                dtype=float
            )
        )
        for e in (0, 7, 9)
    ]
    assert shares == pytest.approx([1.0, 0.5, 0.5], abs=0.04)


def test_a_probability_of_zero_and_one_leave_no_chance():
    x = torch.rand(4, 2)
    method = Mixup(1.0, p=lambda progress: float(progress >= 0.5))
    for seed in range(30):
        assert method.draw(x, generator=generator(seed), context=at(4)).is_identity
        assert not method.draw(x, generator=generator(seed), context=at(5)).is_identity


@pytest.mark.parametrize("context", [None, MixContext(), MixContext(epoch=7)])
def test_unknown_progress_is_the_start(context):
    x = torch.rand(6, 3)
    plan = Mixup(LinearSchedule(2.0, 0.0)).draw(
        x, generator=generator(), context=context
    )
    assert torch.equal(plan.lam, Mixup(2.0).draw(x, generator=generator()).lam)


def test_progress_ends_at_one():
    assert at(0).progress == 0.0
    assert at(9).progress == pytest.approx(0.9)
    assert at(25).progress == 1.0


def test_methods_inside_one_of_see_the_progress():
    method = OneOf([Mixup(LinearSchedule(1.0, 0.0))])
    x = torch.rand(4, 2)
    assert method.draw(x, context=MixContext(epoch=10, n_epochs=10)).is_identity


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": LinearSchedule(0.4, -0.1)}, "alpha at progress 1 must be"),
        ({"alpha": LinearSchedule(math.nan, 0.1)}, "alpha at progress 0 must be"),
        ({"p": LinearSchedule(1.2, 0.0)}, "p at progress 0 must be"),
        ({"p": lambda progress: 2 * progress}, "p at progress 1 must be"),
    ],
)
def test_a_schedule_out_of_range_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        Mixup(**options).validate()


def test_a_schedule_that_gives_no_number_is_named():
    with pytest.raises(TypeError, match="alpha at progress 0 must be a number"):
        Mixup(alpha=lambda progress: "0.3").validate()


def test_parameters_of_a_schedule_can_be_set():
    method = Mixup(LinearSchedule(0.4, 0.0), p=WithoutHesitation())
    method = resolve_method(method, overrides={"alpha__start": 0.9, "p__half": 0.8})
    assert (method.alpha.start, method.p.half) == (0.9, 0.8)


def test_a_schedule_stands_beside_a_name():
    schedule = CosineSchedule(1.0, 0.2)
    assert resolve_method("cutmix", alpha=schedule).alpha is schedule
