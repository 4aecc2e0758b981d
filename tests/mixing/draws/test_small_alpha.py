"""Hardly any mixing is none, and lambda is a number whatever was asked for."""

from __future__ import annotations

import math

import pytest
import torch

from sk_mixup import MixupClassifier
from sk_mixup.mixing import (
    BalancedMixup,
    BetaLaw,
    CutMix,
    FeatMix,
    FeatureSwap,
    HidMix,
    LamLaw,
    ManifoldMixup,
    MixContext,
    Mixup,
    NearestPairing,
    RegMixup,
    Remix,
    expected_smoothing,
)
from tests.builders import generator

X = torch.rand(8, 6)
Y = torch.arange(8) % 2
TINY = [1e-9, 1e-17, 1e-25, 1e-45, 1e-320, 5e-324]
METHODS = [Mixup, FeatureSwap, RegMixup, Remix, BalancedMixup, FeatMix]


@pytest.mark.parametrize("alpha", TINY)
@pytest.mark.parametrize("per", ["batch", "row"])
def test_an_alpha_of_next_to_nothing_mixes_nothing(alpha, per):
    for seed in range(20):
        plan = Mixup(alpha, per=per).draw(X, generator=generator(seed))
        assert plan.lam.tolist() == [1.0] * 8
        assert torch.equal(plan.apply(X), X)


@pytest.mark.parametrize("alpha", TINY)
@pytest.mark.parametrize("method", METHODS)
def test_other_methods(method, alpha):
    plan = method(alpha).draw(X, Y, generator=generator())
    assert bool(((plan.lam >= 0) & (plan.lam <= 1)).all())
    zero = method(0.0).draw(X, Y, generator=generator())
    assert torch.equal(plan.lam, zero.lam)


@pytest.mark.parametrize("alpha", TINY)
def test_masks_and_hidden_layers(alpha):
    images = torch.rand(8, 3, 4, 4)
    assert torch.equal(CutMix(alpha)(images, Y, n_classes=2)[0], images)
    for method in (ManifoldMixup(alpha, layers=["input"]), HidMix(alpha)):
        assert not method.draw(X, Y, generator=generator()).lam.isnan().any()


@pytest.mark.parametrize("alpha", TINY)
def test_the_law_itself(alpha):
    u = torch.tensor([0.0, 1e-12, 0.3, 0.5, 1 - 1e-16], dtype=torch.float64)
    for law in (BetaLaw(alpha), BetaLaw(1e-8)):
        for values in (law.quantile(u), law.folded(u)):
            assert bool(((values >= 0) & (values <= 1)).all())
    assert BetaLaw(alpha).quantile(u).tolist() == [1.0] * 5
    assert BetaLaw(alpha).quantile_scalar(0.2) == 1.0
    assert expected_smoothing(alpha) == 0.0


def test_members_and_schedules():
    net = torch.nn.Linear(6, 2)
    net.n_members = 2
    context = MixContext(module=net)
    method = Mixup([1e-20, 1e-9], per="member")
    assert method.never_mixes
    assert method.draw(X, generator=generator(), context=context).is_identity
    falling = Mixup(lambda progress: 10.0 ** (-40 * progress))
    late = falling.draw(
        X, generator=generator(), context=MixContext(epoch=9, n_epochs=10)
    )
    assert late.is_identity


@pytest.mark.parametrize("name", ["alpha", "p"])
@pytest.mark.parametrize("value", [math.nan, -0.5, math.inf])
def test_a_schedule_that_goes_astray_is_named(name, value):
    method = Mixup(**{name: lambda progress: 0.5 if progress in (0.0, 1.0) else value})
    context = MixContext(epoch=5, n_epochs=10)
    with pytest.raises(ValueError, match=f"{name} at progress 0.5 must be a number"):
        method.draw(X, generator=generator(), context=context)


class Astray(LamLaw):
    def __init__(self, value=math.nan):
        self.value = value

    def quantile(self, u):
        return torch.full_like(u, self.value)


@pytest.mark.parametrize("value", [math.nan, 1.5, -1.0])
@pytest.mark.parametrize("per", ["batch", "row"])
def test_a_law_that_gives_no_lambda_is_named(value, per):
    with pytest.raises(ValueError, match="law=Astray gave lambda ="):
        Mixup(law=Astray(value), per=per).draw(X, generator=generator())


def test_a_fit_with_next_to_no_mixing_is_one_without():
    X, y = torch.rand(60, 4).numpy(), torch.arange(60).numpy() % 2
    tiny, none = (
        MixupClassifier("mlp", alpha=alpha, max_epochs=3, random_state=0).fit(X, y)
        for alpha in (1e-25, 0)
    )
    assert (tiny.predict_proba(X) == none.predict_proba(X)).all()


@pytest.mark.parametrize("pairing", ["nearest", "between", "shuffle"])
def test_pairings_take_one_number_per_row(pairing):
    x = torch.tensor([0.0, 10.0, 0.1, 10.1, 5.0, 5.1])
    y = torch.arange(6) % 2
    plan = Mixup(1.0, pairing=pairing).draw(x, y, generator=generator())
    assert plan.apply(x).shape == (6,)


def test_nearest_of_one_number_per_row():
    x = torch.tensor([0.0, 10.0, 0.1, 10.1])
    plan = Mixup(pairing=NearestPairing(k=1)).draw(x)
    assert plan.partner.tolist() == [2, 3, 0, 1]
