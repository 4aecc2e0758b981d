"""Who mixes with whom."""

import math

import pytest
import torch
from hypothesis import given, strategies as st

from sk_mixup.mixing import (
    CutMix,
    KernelPairing,
    MemoryPairing,
    MixContext,
    MixStreams,
    Mixup,
    NearestPairing,
)
from sk_mixup.mixing.draws import _pairing_weighted
from sk_mixup.mixing.draws._pairing import PAIRINGS, reverse, shuffle
from sk_mixup.mixing.draws._pairing_weighted import draw_partners


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@given(n_rows=st.integers(2, 40), seed=st.integers(0, 2**20))
def test_shuffled_partners_are_a_derangement(n_rows, seed):
    partner = shuffle(n_rows, generator=generator(seed))
    rows = torch.arange(n_rows)
    assert torch.equal(partner.sort().values, rows)
    assert not bool((partner == rows).any())


def test_a_single_row_is_its_own_partner():
    assert shuffle(1).tolist() == [0]


def test_every_other_row_is_equally_likely():
    source = generator()
    n_draws = 4000
    counts = torch.zeros(5, 5)
    for _ in range(n_draws):
        counts[torch.arange(5), shuffle(5, generator=source)] += 1
    others = counts[~torch.eye(5, dtype=torch.bool)] / n_draws
    assert float((others - 0.25).abs().max()) < 0.03


def neighbour(n_rows, **known):
    """Pair rows 0 and 1, 2 and 3, ...; the last of an odd number stays alone."""
    partner = torch.arange(n_rows) ^ 1
    return partner.clamp(max=n_rows - 1)


@pytest.mark.parametrize(
    "method",
    [
        Mixup(1.0, pairing=neighbour),
        Mixup(1.0, per="row", pairing=neighbour),
        CutMix(pairing=neighbour),
        CutMix(fold=True, pairing=neighbour),
        CutMix(per="row", fold=True, pairing=neighbour),
    ],
    ids=lambda method: f"{method.short_name}-{method.per}-fold={method.fold}",
)
@pytest.mark.parametrize("seed", range(5))
def test_a_row_without_a_partner_stays_clean(method, seed):
    x = torch.rand(5, 2, 6, 6)
    plan = method.draw(x, generator=generator(seed))
    assert plan.partner.tolist() == [1, 0, 3, 2, 4]
    assert plan.lam[4] == 1
    assert torch.equal(plan.apply(x)[4], x[4])
    assert plan.targets(torch.arange(5), 5)[4].tolist() == [0, 0, 0, 0, 1]


def test_a_pairing_sees_the_targets():
    def by_target(n_rows, *, y, **known):
        return y.argsort(descending=True)[y.argsort().argsort()]

    y = torch.tensor([3.0, 1.0, 2.0, 4.0])
    plan = Mixup(pairing=by_target).draw(torch.rand(4, 2), y)
    assert plan.partner.tolist() == [2, 3, 0, 1]


def test_an_unknown_pairing_is_named_with_the_nearest():
    with pytest.raises(ValueError, match=r"got 'shufle'\. Did you mean 'shuffle'\?"):
        Mixup(pairing="shufle").draw(torch.rand(4, 2))


# -- groups ------------------------------------------------------------------------


@given(
    n_rows=st.integers(1, 30), n_groups=st.integers(1, 6), seed=st.integers(0, 2**20)
)
def test_groups_are_deranged_one_by_one(n_rows, n_groups, seed):
    source = generator(seed)
    groups = torch.randint(0, n_groups, (n_rows,), generator=source)
    partner = shuffle(n_rows, generator=source, context=MixContext(groups=groups))
    rows = torch.arange(n_rows)
    assert torch.equal(partner.sort().values, rows)
    assert torch.equal(groups[partner], groups)
    alone = torch.stack([(groups == g).sum() == 1 for g in groups])
    assert torch.equal(partner == rows, alone)


def test_one_group_is_no_group():
    context = MixContext(groups=torch.zeros(9, dtype=torch.int64))
    grouped = shuffle(9, generator=generator(3), context=context)
    assert torch.equal(grouped, shuffle(9, generator=generator(3)))


def test_partners_inside_a_group_are_equally_likely():
    source = generator()
    context = MixContext(groups=torch.tensor([7, 2, 7, 7, 2, 7]))
    counts = torch.zeros(6, 6)
    for _ in range(3000):
        partner = shuffle(6, generator=source, context=context)
        counts[torch.arange(6), partner] += 1
    share = counts / 3000
    assert share[1, 4] == 1
    sevens = [0, 2, 3, 5]
    inside = share[sevens][:, sevens][~torch.eye(4, dtype=torch.bool)]
    assert float((inside - 1 / 3).abs().max()) < 0.04


@pytest.mark.parametrize("pairing", list(PAIRINGS))
def test_no_pairing_leaves_its_group(pairing):
    groups = torch.tensor([0, 1, 0, 1, 0, 1, 2, 0])
    x = torch.randn(8, 3, generator=generator())
    y = torch.tensor([0, 0, 1, 1, 0, 0, 1, 1])
    y = y.float() if pairing == "similar" else y
    method = Mixup(1.0, per="row", pairing=pairing)
    for seed in range(20):
        context = MixContext(groups=groups)
        plan = method.draw(x, y, generator=generator(seed), context=context)
        assert torch.equal(groups[plan.partner], groups)
        assert plan.partner[6] == 6
        assert plan.lam[6] == 1
        assert torch.equal(plan.apply(x)[6], x[6])


@pytest.mark.parametrize("pairing", list(PAIRINGS))
def test_groups_of_another_length_are_refused(pairing):
    y = torch.ones(4) if pairing == "similar" else torch.ones(4).long()
    context = MixContext(groups=torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"groups must hold .* shape \(4,\); got"):
        Mixup(pairing=pairing).draw(torch.rand(4, 2), y, context=context)


# -- named pairings ----------------------------------------------------------------


def test_reverse_pairs_the_first_with_the_last():
    assert reverse(4).tolist() == [3, 2, 1, 0]
    assert reverse(5).tolist() == [4, 3, 2, 1, 0]
    x = torch.rand(5, 2)
    plan = Mixup(1.0, pairing="reverse").draw(x, generator=generator())
    assert plan.lam[2] == 1
    assert bool((plan.lam[[0, 1, 3, 4]] < 1).all())


def test_reverse_inside_groups():
    context = MixContext(groups=torch.tensor([5, 1, 5, 1, 5, 9]))
    assert reverse(6, context=context).tolist() == [4, 3, 2, 1, 0, 5]


def test_reverse_draws_nothing():
    source = generator()
    reverse(6, generator=source)
    assert torch.equal(source.get_state(), generator().get_state())


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


# -- kernel and neighbours -----------------------------------------------------------


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


@pytest.mark.parametrize(
    ("pairing", "error", "message"),
    [
        (KernelPairing(0), ValueError, "bandwidth must be greater than 0"),
        (KernelPairing("1"), TypeError, "bandwidth must be a number"),
        (NearestPairing(0), ValueError, "k must be an integer of at least 1; got 0"),
        (NearestPairing(2.5), TypeError, "k must be an integer"),
        (MemoryPairing(0), ValueError, "size must be an integer of at least 1"),
    ],
    ids=repr,
)
def test_parameters_of_pairings_are_checked_with_the_method(pairing, error, message):
    with pytest.raises(error, match=message):
        Mixup(pairing=pairing).validate()


def test_parameters_of_pairings_can_be_swept():
    method = Mixup(pairing=KernelPairing(0.5))
    assert method.get_params()["pairing__bandwidth"] == 0.5
    method.set_params(pairing__bandwidth=2.0)
    assert method.pairing.bandwidth == 2.0


@pytest.mark.parametrize("pairing", list(PAIRINGS))
def test_a_batch_of_one_is_its_own_partner(pairing):
    y = torch.ones(1) if pairing == "similar" else torch.ones(1).long()
    x = torch.rand(1, 2)
    assert PAIRINGS[pairing](1, x=x, y=y, generator=generator()).tolist() == [0]
    plan = Mixup(pairing=pairing).draw(x, y, generator=generator())
    assert torch.equal(plan.apply(x), x)


# -- pairings of the user's own ------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        ([1, 0, 2], TypeError, "int64 tensor of row indices; got list"),
        (torch.zeros(3), TypeError, "got torch.float32"),
        (torch.zeros(2).long(), ValueError, r"shape \(3,\); got shape \(2,\)"),
        (torch.tensor([0, 1, 3]), ValueError, "returned row 3, outside 0 to 2"),
        (torch.tensor([0, -1, 1]), ValueError, "returned row -1"),
    ],
)
def test_what_a_pairing_returns_is_checked(result, error, message):
    def mine(n_rows, **known):
        return result

    with pytest.raises(error, match=f"pairing mine .*{message}"):
        Mixup(pairing=mine).draw(torch.rand(3, 2))
