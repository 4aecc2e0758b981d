"""Label weights that follow from what the net shows while it runs."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    MixCollate,
    MixContext,
    PerKey,
    Repeat,
    mix_layer,
    try_layers,
)
from tests.builders import generator, no_hooks
from tests.mixing.layers.late import BrightnessMix, Watching, WatchingMix, shares

Y = torch.arange(6) % 3


def net():
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))


def rows():
    return torch.randn(6, 4, generator=generator())


def drawn(method, module, x):
    context = MixContext(module=module)
    return method.draw(x, Y, generator=generator(1), context=context)


def test_the_map_that_the_net_shows_weighs_the_labels():
    module, x = net(), rows()
    plan = drawn(BrightnessMix(layers=["0"]), module, x)
    with mix_layer(module, plan) as mixed:
        output = module(x)
    own = shares(module[0](x), plan.partner)
    assert not mixed.plan.weighs_late
    assert_close(mixed.plan.label_weights[0], own)
    assert_close(mixed.plan.targets(Y, 3).sum(1), torch.ones(6))
    hidden = module[0](x)
    expected = module[2](module[1](0.5 * hidden + 0.5 * hidden[plan.partner]))
    assert_close(output, expected)
    assert no_hooks(module)


def test_a_net_is_watched_on_the_mixed_input():
    module, x = net(), rows()
    plan = drawn(WatchingMix(), module, x)
    with mix_layer(module, plan) as mixed:
        output = module(plan.apply(x))
    own = module[0](plan.apply(x)).mean(1).sigmoid()
    assert_close(mixed.plan.label_weights[0], own)
    assert_close(output, module(plan.apply(x)))
    assert no_hooks(module)


def test_every_pass_has_weights_of_its_own():
    module, x = net(), rows()
    plan = drawn(WatchingMix(), module, x)
    found = []
    for _ in range(2):
        with mix_layer(module, plan) as mixed:
            module(plan.apply(x))
        found.append(mixed.plan.label_weights[0])
        with torch.no_grad():
            module[0].bias += 1.0
    assert (found[1] > found[0]).all()


def test_a_plan_without_late_weights_is_handed_over_as_it_is():
    module, x = net(), rows()
    plan = drawn(WatchingMix(), module, x).watched(module)
    with plan as weighed:
        module(x)
    settled = weighed()
    with mix_layer(module, settled) as mixed:
        module(x)
    assert mixed.plan is settled


@pytest.mark.parametrize("method", [BrightnessMix(layers=["0"]), WatchingMix()])
def test_weights_that_are_not_there_yet_are_refused(method):
    module, x = net(), rows()
    plan = drawn(method, module, x)
    with pytest.raises(ValueError, match="as mixed"):
        plan.targets(Y, 3)
    with pytest.raises(ValueError, match="as mixed"):
        _ = plan.label_weights


def test_a_call_a_collate_and_per_key_cannot_know_them():
    x = rows()
    with pytest.raises(ValueError, match="while it runs"):
        WatchingMix()(x, Y, n_classes=3)
    items = list(zip(x, Y, strict=True))
    with pytest.raises(ValueError, match="while it runs"):
        MixCollate(WatchingMix(), 3)(items)
    with pytest.raises(ValueError, match="without PerKey"):
        PerKey(WatchingMix()).draw({"x": x}, Y)


def test_a_preview_shows_the_shares_that_were_drawn():
    preview = WatchingMix().preview(rows(), Y)
    assert_close(preview.label_weights[0], torch.full((6,), 0.5))
    assert_close(preview.targets.sum(1), torch.ones(6))


def test_copies_of_a_batch_at_a_layer_have_weights_of_their_own():
    module, x = net(), rows()
    plan = drawn(Repeat(BrightnessMix(layers=["0"]), k=2), module, x)
    with mix_layer(module, plan) as mixed:
        output = module(x)
    features = module[0](x)
    own = torch.cat([shares(features, part.partner) for part in plan.parts])
    assert output.shape == (12, 3)
    assert_close(mixed.plan.label_weights[0], own)


def test_copies_of_a_batch_are_not_watched():
    module, x = net(), rows()
    plan = drawn(Repeat(WatchingMix(), k=2), module, x)
    with (
        pytest.raises(ValueError, match="without Repeat"),
        mix_layer(module, plan),
    ):
        module(plan.apply(x))


def test_a_layer_that_is_not_there_is_found_before_training():
    method = WatchingMix()
    method.layer = "absent"
    with pytest.raises(ValueError, match="'absent'"):
        try_layers(method, net(), rows(), Y)


def test_a_pass_is_quiet_where_it_is_a_trial():
    module = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 3))
    before = copy.deepcopy(module.state_dict())
    try_layers(WatchingMix(), module, rows(), Y)
    assert_close(module.state_dict(), before)
    assert no_hooks(module)


def test_a_compiled_net_runs_uncompiled_while_it_is_watched():
    module = net()
    compiled = torch.compile(module, backend="eager")
    plan = drawn(WatchingMix(), module, rows())
    with mix_layer(compiled, plan) as mixed:
        compiled(plan.apply(rows()))
    assert isinstance(plan, Watching)
    assert not mixed.plan.weighs_late
