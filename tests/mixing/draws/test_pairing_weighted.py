"""Partners drawn by weights: of classes, targets and neighbours."""

import math

import pytest
import torch

from sk_mixup.mixing import (
    KernelPairing,
    MixContext,
    MixStreams,
    Mixup,
    NearestPairing,
)
from sk_mixup.mixing.draws import _pairing_weighted
from sk_mixup.mixing.draws._pairing import PAIRINGS
from sk_mixup.mixing.draws._pairing_weighted import draw_partners
from tests.builders import generator


def slow_weights(name, y, x, groups, class_counts):
    """Write the weight of every pair down, one by one, from the definitions."""
    n = len(y)
    free = [
        [j for j in range(n) if j != i and groups[j] == groups[i]] for i in range(n)
    ]
    weights = torch.zeros(n, n, dtype=torch.float64)
    spread = float(y.double().std(correction=0)) or 1.0
    for i in range(n):
        nearest = sorted(free[i], key=lambda j: float((x[i] - x[j]).norm()))[:5]
        for j in free[i]:
            mates = [k for k in free[i] if y[k] == y[j]]
            weights[i, j] = {
                "between": float(y[j] != y[i]),
                "within": float(y[j] == y[i]),
                "minority": 1 / class_counts[int(y[j])],
                "balanced": 1 / len(mates),
                "similar": math.exp(-(float(y[i] - y[j]) ** 2) / (2 * spread**2)),
                "nearest": float(j in nearest),
            }[name]
    return weights


def slow_partners(weights, u):
    partner = []
    for i, row in enumerate(weights.tolist()):
        left = u[i] * sum(row)
        chosen = i
        for j, weight in enumerate(row):
            if weight > 0:
                chosen = j
                left -= weight
                if left < 0:
                    break
        partner.append(chosen)
    return partner


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize(
    "name", ["between", "within", "minority", "balanced", "similar", "nearest"]
)
def test_a_partner_is_drawn_by_the_weights_of_the_definition(name, grouped, counted):
    for seed in range(6):
        source = generator(seed)
        n = 9
        x = torch.randn(n, 3, generator=source)
        y = torch.randint(0, 4, (n,), generator=source)
        groups = torch.randint(0, 3, (n,), generator=source)
        training = torch.tensor([50, 20, 5, 1])
        context = MixContext(
            groups=groups if grouped else None,
            class_counts=training if counted else None,
        )
        counts = training if counted else torch.bincount(y, minlength=4)
        weights = slow_weights(
            name, y, x, groups if grouped else torch.zeros(n), counts.tolist()
        )
        partner = PAIRINGS[name](
            n,
            x=x,
            y=y.float() if name == "similar" else y,
            generator=generator(seed),
            context=context,
        )
        u = torch.rand(n, generator=generator(seed)).tolist()
        assert partner.tolist() == slow_partners(weights, u)


def test_the_minority_is_drawn_as_often_as_the_majority():
    y = torch.tensor([0] * 18 + [1] * 2)
    source = generator()
    partners = torch.cat(
        [PAIRINGS["minority"](20, y=y, generator=source) for _ in range(300)]
    )
    # Of a row of class 1 the other one weighs 1/2 against 18/18, and so on.
    wanted = (18 * (1 / (17 / 18 + 1)) + 2 * (0.5 / 1.5)) / 20
    assert float(y[partners].float().mean()) == pytest.approx(wanted, abs=0.02)


def test_classes_are_drawn_alike_when_balanced():
    y = torch.tensor([0] * 17 + [1] * 2 + [2])
    source = generator()
    draws = torch.stack(
        [PAIRINGS["balanced"](20, y=y, generator=source) for _ in range(400)]
    )
    drawn = y[draws[:, :17]]
    shares = torch.bincount(drawn.flatten(), minlength=3) / drawn.numel()
    assert float((shares - 1 / 3).abs().max()) < 0.02
    # The only row of class 2 never draws its own class, which has no other row.
    assert int(y[draws[:, 19]].max()) == 1


@pytest.mark.parametrize("name", ["between", "within", "minority", "balanced"])
@pytest.mark.parametrize(
    ("y", "error", "got"),
    [
        (None, ValueError, "got y=None"),
        (torch.rand(4), TypeError, "got y of dtype torch.float32"),
        (torch.rand(4, 2), TypeError, r"shape \(4, 2\)"),
        (torch.zeros(4, 1).long(), ValueError, r"got y of shape \(4, 1\)"),
    ],
    ids=["none", "float", "soft", "column"],
)
def test_class_pairings_want_labels(name, y, error, got):
    with pytest.raises(error, match=f"pairing='{name}' needs .*{got}"):
        Mixup(pairing=name).draw(torch.rand(4, 2), y)


def test_labels_outside_the_counts_are_named():
    context = MixContext(class_counts=torch.tensor([5, 5]))
    with pytest.raises(ValueError, match=r"class index 2, .* 0 to 1"):
        Mixup(pairing="minority").draw(
            torch.rand(3, 2), torch.tensor([0, 1, 2]), context=context
        )


@pytest.mark.parametrize("name", ["between", "within"])
def test_rows_without_an_eligible_partner_stay_clean(name):
    x = torch.rand(4, 3)
    y = torch.zeros(4).long() if name == "between" else torch.arange(4)
    plan = Mixup(1.0, pairing=name).draw(x, y, generator=generator())
    assert plan.lam.tolist() == [1.0] * 4
    assert torch.equal(plan.apply(x), x)


@pytest.mark.parametrize("name", [n for n in PAIRINGS if n != "reverse"])
def test_one_number_per_row_is_drawn_from_the_partner_stream(name):
    # Trainings that differ in alpha, p or the targets read the stream alike.
    x, states = torch.rand(6, 2), []
    for method in [Mixup(0.1, pairing=name), Mixup(2.0, p=0.0, pairing=name)]:
        source = MixStreams(*map(generator, range(4)))
        y = torch.randint(0, 3, (6,), generator=generator(len(states)))
        method.draw(x, y.float() if name == "similar" else y, generator=source)
        states.append(source.partner.get_state())
    assert torch.equal(*states)


def test_the_last_uniform_number_finds_a_partner():
    weights = torch.tensor([[0.0, 0.1, 0.0], [0.3, 0.0, 0.0], [0.0, 0.0, 0.0]])
    ones = torch.full((3,), 1 - 2**-24)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pairing_weighted, "uniforms", lambda n, generator: ones)
        assert draw_partners(weights, None).tolist() == [1, 0, 2]
        patch.setattr(_pairing_weighted, "uniforms", lambda n, generator: 0 * ones)
        assert draw_partners(weights, None).tolist() == [1, 0, 2]


def test_a_small_bandwidth_takes_the_most_similar_row():
    y = torch.tensor([0.0, 5.0, 0.2, 9.0, 5.1])
    partner = KernelPairing(1e-3)(5, y=y, generator=generator())
    assert partner.tolist() == [2, 4, 0, 4, 1]


def test_a_large_bandwidth_takes_any_other_row():
    y, source = torch.randn(5, generator=generator()), generator()
    counts = torch.zeros(5, 5)
    for _ in range(3000):
        partner = KernelPairing(1e6)(5, y=y, generator=source)
        counts[torch.arange(5), partner] += 1 / 3000
    others = counts[~torch.eye(5, dtype=torch.bool)]
    assert float((others - 0.25).abs().max()) < 0.035
    assert float(counts.diagonal().sum()) == 0


@pytest.mark.parametrize("y", [torch.full((4,), 0.1), torch.ones(4, 2)])
def test_equal_targets_are_all_alike(y):
    partner = KernelPairing()(4, y=y, generator=generator())
    assert not bool((partner == torch.arange(4)).any())


def test_a_missing_target_is_nobodys_partner():
    y = torch.tensor([0.0, 1.0, float("nan"), 2.0])
    partner = KernelPairing()(4, y=y, generator=generator())
    assert partner[2] == 2
    assert 2 not in partner[[0, 1, 3]]


@pytest.mark.parametrize(
    ("y", "error"), [(None, ValueError), (torch.arange(4), TypeError)]
)
def test_the_kernel_wants_numbers(y, error):
    with pytest.raises(error, match=r"'similar' .* needs float targets; .*'within'"):
        Mixup(pairing="similar").draw(torch.rand(4, 2), y)


def test_neighbours_are_drawn_alike():
    x = torch.tensor([[0.0], [1.0], [2.5], [100.0], [101.0], [103.0]]) + 1e4
    source, seen = generator(), torch.zeros(6, 6)
    for _ in range(600):
        partner = NearestPairing(k=2)(6, x=x, generator=source)
        seen[torch.arange(6), partner] += 1 / 600
    wanted = torch.block_diag(torch.ones(3, 3), torch.ones(3, 3)) / 2
    assert float((seen - wanted.fill_diagonal_(0)).abs().max()) < 0.08


def test_neighbours_are_found_in_the_first_tensor():
    x = {"a": torch.tensor([[0.0], [9.0], [1.0]]), "b": torch.zeros(3, 2)}
    assert NearestPairing(k=1)(3, x=x).tolist() == [2, 2, 0]
    assert Mixup(pairing=NearestPairing(k=1)).draw(x).partner.tolist() == [2, 2, 0]


def test_images_and_few_rows_have_neighbours():
    images = torch.randint(0, 256, (3, 1, 4, 4)).to(torch.uint8)
    partner = NearestPairing(k=50)(3, x=images, generator=generator())
    assert not bool((partner == torch.arange(3)).any())


def test_codes_have_no_distance():
    with pytest.raises(TypeError, match=r"'nearest' .* dtype torch.int64"):
        NearestPairing()(3, x=torch.zeros(3, 2).long())
