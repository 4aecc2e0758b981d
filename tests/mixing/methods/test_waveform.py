"""Mixing of waveforms at one level."""

import math

import pytest
import torch
from scipy import stats
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import (
    BinaryCrossEntropy,
    FixedLaw,
    MemoryPairing,
    MixContext,
    WaveformMix,
    resolve_method,
)
from tests.builders import generator
from tests.mixing.builders import streams


def sounds(*shape, seed=0, dtype=torch.float64):
    """Noise of very different loudness."""
    x = torch.randn(*shape, generator=generator(seed), dtype=torch.float64)
    loudness = 10.0 ** torch.linspace(-2, 2, shape[0], dtype=torch.float64)
    return (x * loudness.view(-1, *[1] * (len(shape) - 1))).to(dtype)


def root_mean_square(row):
    values = row.flatten().tolist()
    return math.sqrt(sum(v * v for v in values) / len(values))


def loudest_window(row, window):
    """The level of a waveform of one channel, window by window."""
    starts = [*range(0, len(row) - window + 1, max(1, window // 2)), len(row) - window]
    return max(root_mean_square(row[s : s + window]) for s in starts)


def slow_mix(x, plan, level=root_mean_square):
    """The formula of the paper: p of the levels in decibels, one row at a time."""
    mixed = torch.empty_like(x)
    for i in range(len(x)):
        j, r = int(plan.partner[i]), float(plan.lam[i])
        if r == 1:
            mixed[i] = x[i]
            continue
        g1, g2 = 20 * math.log10(level(x[i])), 20 * math.log10(level(x[j]))
        p = 1 / (1 + 10 ** ((g1 - g2) / 20) * (1 - r) / r)
        mixed[i] = (p * x[i] + (1 - p) * x[j]) / math.sqrt(p**2 + (1 - p) ** 2)
    return mixed


@pytest.mark.parametrize("options", [{}, {"per": "batch"}, {"p": 0.5}, {"alpha": 10}])
@pytest.mark.parametrize("shape", [(6, 40), (6, 2, 40)])
def test_the_mixture_is_the_formula_of_the_paper(options, shape):
    x = sounds(*shape)
    plan = WaveformMix(**options).draw(x, generator=streams(1))
    assert not plan.is_identity
    assert_close(plan.apply(x), slow_mix(x, plan))


def test_the_level_may_be_that_of_the_loudest_window():
    x = sounds(6, 43)
    x[::2, 10:] = 0  # short sounds, padded
    plan = WaveformMix(window=8).draw(x, generator=streams(1))
    wanted = slow_mix(x, plan, lambda row: loudest_window(row, 8))
    assert_close(plan.apply(x), wanted)


def test_a_window_longer_than_the_waveform_is_the_whole():
    x = sounds(6, 40)
    plan = WaveformMix(window=99).draw(x, generator=streams())
    assert_close(plan.apply(x), slow_mix(x, plan))


# torch-audiomentations keeps the own label whatever was mixed in, and AST blends raw
# amplitudes: a loud partner would drown the sound that lambda calls the majority.
def test_lambda_is_the_ratio_of_amplitudes_whatever_the_levels():
    x = torch.zeros(2, 2, 400)
    x[0, 0], x[1, 1] = torch.randn(2, 400, generator=generator())
    for gain in (1e-3, 1.0, 1e3):
        scaled = x * torch.tensor([1.0, gain]).view(2, 1, 1)
        plan = WaveformMix(law=FixedLaw(0.75)).draw(scaled, generator=streams())
        levels = plan.apply(scaled).square().mean(2).sqrt()
        shares = levels / levels.sum(1, keepdim=True)
        assert_close(shares, torch.tensor([[0.75, 0.25], [0.25, 0.75]]))
        assert plan.label_weights[0].tolist() == [0.75, 0.75]


def test_the_energy_of_two_sounds_of_one_level_is_kept():
    time = torch.arange(1000) * (2 * math.pi / 1000)
    x = torch.stack([torch.sin(5 * time), torch.sin(9 * time)])
    plan = WaveformMix(law=FixedLaw(0.6)).draw(x, generator=streams())
    assert_close(plan.apply(x).square().mean(1), x.square().mean(1))


def test_a_silent_waveform_counts_as_loud_as_its_partner():
    x = torch.zeros(2, 50)
    x[1] = torch.randn(50, generator=generator())
    plan = WaveformMix(law=FixedLaw(0.75)).draw(x, generator=streams())
    size = math.hypot(0.75, 0.25)
    wanted = torch.stack([0.25 / size * x[1], 0.75 / size * x[1]])
    assert_close(plan.apply(x), wanted)


def test_two_silent_waveforms_stay_silent():
    x = torch.zeros(2, 50, requires_grad=True)
    mixed = WaveformMix().draw(x.detach(), generator=streams()).apply(x)
    mixed.sum().backward()
    assert not mixed.any()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("alpha", [1.0, 10.0])
def test_lambda_follows_the_folded_beta_law(alpha):
    plan = WaveformMix(alpha).draw(torch.randn(4000, 2), generator=streams())
    folded = stats.beta(alpha, alpha)
    law = stats.kstest(plan.lam.double(), lambda lam: 2 * folded.cdf(lam) - 1)
    assert law.pvalue > 0.01


def test_rows_that_are_not_mixed_stay_bit_for_bit():
    x = sounds(200, 30, dtype=torch.float32)
    plan = WaveformMix(p=0.5).draw(x, generator=streams())
    same = (plan.apply(x) == x).all(1)
    assert torch.equal(same, plan.lam == 1)
    assert 60 < int(same.sum()) < 140


def test_gradients_pass_the_levels():
    x = sounds(4, 6).requires_grad_()
    plan = WaveformMix().draw(x.detach(), generator=streams())
    assert torch.autograd.gradcheck(plan.apply, (x,))


def test_loud_half_precision_does_not_overflow():
    x = (torch.randn(4, 100, generator=generator()) * 5000).half()
    mixed = WaveformMix().draw(x, generator=streams()).apply(x)
    assert mixed.dtype == torch.float16
    assert torch.isfinite(mixed).all()


def test_partners_may_come_from_memory():
    method, source = WaveformMix(pairing=MemoryPairing(8), per="batch"), streams()
    first, second = sounds(2, 30, seed=1), sounds(2, 30, seed=2)
    method.draw(first, torch.tensor([0, 1]), generator=source)
    plan = method.draw(second, torch.tensor([2, 3]), generator=source)
    rows = torch.cat([second, plan.pool[0]])
    lam = plan.lam[0].item()
    for i, j in enumerate(plan.partner.tolist()):
        own = lam / root_mean_square(second[i])
        other = (1 - lam) / root_mean_square(rows[j])
        wanted = (own * second[i] + other * rows[j]) / math.hypot(own, other)
        assert_close(plan.apply(second)[i], wanted, rtol=1e-5, atol=1e-8)


# -- several labels ----------------------------------------------------------------


def tags(n_rows, n_labels, seed=0):
    return (torch.rand(n_rows, n_labels, generator=generator(seed)) < 0.3).float()


# A blend of tags says that a sound that is heard is half there (HTS-AT, issue 8).
def test_a_union_has_all_labels_of_both():
    x, y = sounds(20, 30), tags(20, 5)
    plan = WaveformMix(union=True, p=0.7).draw(x, y, generator=streams())
    targets = plan.targets(y)
    for i in range(20):
        j = int(plan.partner[i])
        for k in range(5):
            own, other = bool(y[i, k]), bool(y[j, k])
            wanted = own if plan.lam[i] == 1 else own or other
            assert bool(targets[i, k]) == wanted
    assert bool((plan.lam == 1).any())


def test_a_union_of_classes_has_two_ones():
    x, y = sounds(4, 30), torch.arange(4)
    _, targets = WaveformMix(union=True)(x, y, n_classes=4, generator=streams())
    assert targets.sum(1).tolist() == [2.0] * 4
    assert targets.diagonal().tolist() == [1.0] * 4


def test_a_partner_that_is_wholly_absent_or_alone_gives_its_labels_alone():
    x, y = sounds(4, 30), torch.eye(4)
    for lam in (0.0, 1.0):
        method = WaveformMix(union=True, law=FixedLaw(lam))
        plan = method.draw(x, generator=streams())
        rows = torch.arange(4) if lam == 1 else plan.partner
        assert torch.equal(plan.targets(y), y[rows])


def test_a_union_is_a_target_of_the_binary_cross_entropy():
    x, y = sounds(6, 30, dtype=torch.float32), tags(6, 3)
    x_mixed, targets = WaveformMix(union=True)(x, y, generator=streams())
    output = nn.Linear(30, 3)(x_mixed)
    loss = BinaryCrossEntropy()(output, targets)
    assert_close(loss, nn.BCEWithLogitsLoss()(output, targets))


def test_hard_labels_cannot_say_a_union():
    with pytest.raises(ValueError, match=r"union=True .* give n_classes"):
        WaveformMix(union=True)(sounds(4, 30), torch.arange(4))


def test_without_union_labels_are_blended():
    x, y = sounds(6, 30), tags(6, 3)
    plan = WaveformMix().draw(x, y, generator=streams())
    lam = plan.lam.unsqueeze(1)
    wanted = lam * y + (1 - lam) * y[plan.partner]
    assert_close(plan.targets(y), wanted.to(y.dtype))


# -- what is refused -----------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4,), (4, 1, 8, 8)])
def test_what_is_no_waveform_is_refused(shape):
    with pytest.raises(ValueError, match=r"WaveformMix mixes waveforms .* got shape"):
        WaveformMix().draw(torch.rand(shape))


def test_tables_are_refused():
    context = MixContext(columns={"numeric": torch.arange(3)})
    with pytest.raises(ValueError, match=r"WaveformMix mixes waveforms.* Use Mixup"):
        WaveformMix().draw(torch.rand(4, 3), context=context)


@pytest.mark.parametrize("dtype", [torch.int16, torch.uint8])
def test_integer_samples_are_refused_with_the_scale(dtype):
    with pytest.raises(TypeError, match=r"as floats; got dtype .*/ 32768"):
        WaveformMix().draw(torch.zeros(4, 30, dtype=dtype))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"window": 0}, ValueError, "window must be an integer of at least 1; got 0"),
        ({"window": 2.5}, TypeError, "window must be an integer of at least 1"),
        ({"union": 1}, TypeError, "union must be True or False; got 1"),
    ],
)
def test_wrong_parameters_are_named(options, error, message):
    with pytest.raises(error, match=message):
        WaveformMix(**options).validate()


def test_it_goes_by_its_short_name():
    method = resolve_method("waveform_mix", alpha=10, overrides={"window": 800})
    assert (type(method), method.alpha, method.window) == (WaveformMix, 10, 800)


def test_one_graph_serves_every_lambda(compiled):
    step = compiled(lambda plan, x, y: (plan.apply(x), plan.targets(y)))
    method, source, x, y = WaveformMix(), streams(), sounds(6, 40), tags(6, 3)
    for _ in range(3):
        plan = method.draw(x, y, generator=source)
        mixed, targets = step(plan, x, y)
        assert_close(mixed, plan.apply(x))
        assert_close(targets, plan.targets(y))
