"""Repeat: several mixed copies of a batch."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    CutMix,
    ManifoldMixup,
    MixContext,
    Mixup,
    OneOf,
    RegMixup,
    Repeat,
    mix_layer,
    mixed_loss,
    resolve_method,
)
from tests.builders import generator
from tests.mixing.builders import streams


@pytest.mark.parametrize("inner", [Mixup(0.4), Mixup(1.0, per="row"), CutMix()])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_copies_are_successive_draws_of_the_method(inner, k):
    x, y = torch.rand(5, 2, 6, 6), torch.arange(5)
    plan = Repeat(inner, k=k).draw(x, y, generator=streams())
    source = streams()
    parts = [inner.draw(x, y, generator=source) for _ in range(k)]
    assert_close(plan.apply(x), torch.cat([part.apply(x) for part in parts]))
    assert_close(plan.targets(y, 5), torch.cat([part.targets(y, 5) for part in parts]))
    assert_close(plan.lam, torch.cat([part.lam for part in parts]))


def test_copies_have_partners_and_lambdas_of_their_own():
    plan = Repeat(Mixup(1.0), k=2).draw(torch.rand(40, 2), generator=generator())
    first, second = plan.partner.split(40)
    assert not torch.equal(first, second)
    assert len(plan.lam.unique()) == 2


def test_rows_say_where_a_mixed_row_comes_from():
    plan = Repeat(k=3).draw(torch.rand(4, 2), generator=generator())
    assert plan.rows.tolist() == [*range(4)] * 3


def test_the_loss_is_the_mean_over_all_copies():
    net, x, y = nn.Linear(3, 4), torch.rand(6, 3), torch.randint(0, 4, (6,))
    x_mixed, targets = Repeat(Mixup(1.0), k=3)(x, y, generator=streams())
    loss = mixed_loss(nn.CrossEntropyLoss(), net(x_mixed), targets)
    source, losses = streams(), []
    for _ in range(3):
        part, pair = Mixup(1.0)(x, y, generator=source)
        losses.append(mixed_loss(nn.CrossEntropyLoss(), net(part), pair))
    assert_close(loss, sum(losses) / 3)


def test_a_copy_with_a_closed_gate_stays_clean():
    x = torch.rand(4, 2)
    for seed in range(20):
        plan = Repeat(Mixup(1.0, p=0.5), k=2).draw(x, generator=generator(seed))
        if plan.is_identity:
            assert torch.equal(plan.apply(x), x)
        else:
            clean = [bool((lam == 1).all()) for lam in plan.lam.split(4)]
            mixed = plan.apply(x).split(4)
            assert not all(clean)
            for part, is_clean in zip(mixed, clean, strict=True):
                assert torch.equal(part, x) == is_clean


@pytest.mark.parametrize("inner", [Mixup(0), Mixup(p=0), Mixup(off_first=1)], ids=repr)
def test_a_batch_that_no_copy_mixes_keeps_its_rows(inner):
    x = torch.rand(4, 2)
    plan = Repeat(inner, k=3).draw(x, generator=generator(), context=MixContext())
    assert plan.is_identity
    assert torch.equal(plan.apply(x), x)


@pytest.mark.parametrize("n_rows", [0, 1])
def test_a_batch_without_pairs_keeps_its_rows(n_rows):
    x = torch.rand(n_rows, 3)
    assert torch.equal(Repeat().draw(x).apply(x), x)


def test_copies_of_clean_and_mixed_rows_can_be_repeated():
    x, y = torch.rand(3, 2), torch.arange(3)
    plan = Repeat(RegMixup(), k=2).draw(x, generator=generator())
    assert plan.rows.tolist() == [0, 1, 2] * 4
    mixed = plan.apply(x)
    assert torch.equal(mixed[:3], x)
    assert torch.equal(mixed[6:9], x)
    assert_close(plan.targets(y, 3) @ x, mixed)


def test_copies_of_a_hidden_layer_share_the_layer():
    net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    x, context = torch.rand(4, 3), MixContext(module=net)
    method = Repeat(ManifoldMixup(layers=["input", "0", "1"], p=0.7), k=3)
    sites = set()
    for seed in range(40):
        plan = method.draw(x, generator=generator(seed), context=context)
        if plan.is_identity:
            continue
        sites.add(plan.site)
        with mix_layer(net, plan):
            output = net(x if plan.site else plan.apply(x))
        assert output.shape == (12, 2)
    assert sites == {None, "0", "1"}


def test_copies_at_different_places_are_refused():
    inner = OneOf([Mixup(1.0), ManifoldMixup(layers=["body"])])
    method, x = Repeat(inner, k=8), torch.rand(4, 3)
    with pytest.raises(ValueError, match=r"one place.*\['body', 'input'\]"):
        method.draw(x, generator=generator())


def test_parameters_of_the_inner_method_can_be_set():
    method = Repeat(CutMix(), k=2)
    assert method.get_params()["method__alpha"] == 1.0
    method.set_params(method__alpha=0.5, k=3)
    assert (method.method.alpha, method.k) == (0.5, 3)


def test_alpha_is_that_of_the_inner_method():
    assert resolve_method("repeat", alpha=0.3).method.alpha == 0.3
    method = resolve_method("repeat", overrides={"method__alpha": 0.6, "k": 4})
    assert (method.method.alpha, method.k) == (0.6, 4)
    assert Repeat().set_params(alpha=0.5, method=CutMix()).method.alpha == 0.5


def test_alpha_where_the_inner_method_has_none_is_an_error():
    with pytest.raises(ValueError, match="OneOf has no parameter 'alpha'"):
        Repeat(OneOf()).set_params(alpha=0.3)


def test_each_object_has_an_inner_method_of_its_own():
    first, second = Repeat(), Repeat()
    first.set_params(method__alpha=0.9)
    assert second.method.alpha == Mixup().alpha


@pytest.mark.parametrize(
    ("method", "error", "message"),
    [
        (Repeat("mixup"), TypeError, "method of Repeat must be a method object"),
        (Repeat(Mixup(-1)), ValueError, "alpha must be a number of at least 0"),
        (Repeat(k=0), ValueError, "k must be an integer of at least 1; got 0"),
        (Repeat(k=2.5), TypeError, "k must be an integer"),
    ],
)
def test_wrong_parameters_are_named(method, error, message):
    with pytest.raises(error, match=message):
        method.draw(torch.rand(4, 2))


def test_equal_generators_give_equal_copies():
    x = torch.rand(6, 3)
    method = Repeat(Mixup(1.0, per="row"), k=3)
    plans = [method.draw(x, generator=generator(3)) for _ in range(2)]
    assert torch.equal(plans[0].apply(x), plans[1].apply(x))
