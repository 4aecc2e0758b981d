"""FeatureSwap against the formula, cell by cell, and the plan that moves columns."""

from collections import namedtuple

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup.mixing import FeatureSwap, MixContext, Mixup, OneOf, Repeat
from tests.builders import generator
from tests.mixing.builders import assert_gradients_reach_both, streams

COLUMNS = {
    # Two numbers, the second with a missing indicator, and two categories.
    "numeric": torch.tensor([0, 1, 1]),
    "categorical": torch.tensor([2, 3]),
}
KINDS = [
    FeatureSwap(0.7),
    FeatureSwap(0.7, per="row"),
    FeatureSwap(rate=0.3),
    FeatureSwap(rate=0.3, per="row"),
    FeatureSwap(0.7, per="row", p=0.5),
]
every_kind = pytest.mark.parametrize("method", KINDS, ids=repr)


def table(n_rows=6, seed=0):
    random = generator(seed)
    return {
        "numeric": torch.rand(n_rows, 3, generator=random),
        "categorical": torch.randint(0, 9, (n_rows, 2), generator=random),
    }


def owners(n_rows, n_columns):
    """Rows of which every cell is the number of its row."""
    return torch.arange(n_rows).unsqueeze(1).repeat(1, n_columns)


def slow_swap(x, partner, lam, u, rate):
    """Swap the cells of the smallest draws, one cell at a time."""
    mixed, shares = x.clone(), []
    n_rows, n_columns = x.shape
    for i in range(n_rows):
        if rate is None:
            k = max(1, int((1 - lam[i]) * n_columns))
            chosen = sorted(range(n_columns), key=lambda c: u[i][c])[:k]
        else:
            chosen = [c for c in range(n_columns) if u[i][c] < rate]
        for c in chosen:
            mixed[i, c] = x[partner[i], c]
        shares.append(1 - len(chosen) / n_columns)
    return mixed, torch.tensor(shares)


@pytest.mark.parametrize("rate", [None, 0.0, 0.1, 0.6, 1.0])
@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize("n_columns", [1, 2, 7])
def test_the_swap_is_the_formula(rate, per, n_columns):
    for seed in range(8):
        x = torch.rand(5, n_columns)
        plan = FeatureSwap(0.7, rate=rate, per=per).draw(x, generator=streams(seed))
        again = streams(seed)
        size = 5 if per == "row" else 1
        v = torch.rand(size, dtype=torch.float64, generator=again.lam)
        lam = stats.beta.ppf(v.numpy(), 0.7, 0.7)
        u = torch.rand(size * n_columns, generator=again.site).view(size, n_columns)
        if per == "batch":
            lam, u = [lam[0]] * 5, u.repeat(5, 1)
        mixed, shares = slow_swap(x, plan.partner, lam, u.tolist(), rate)
        assert torch.equal(plan.apply(x), mixed)
        assert_close(plan.lam, shares)
        assert plan.label_lam is None


@every_kind
@pytest.mark.parametrize("n_rows", [2, 3, 8])
def test_lambda_is_the_share_really_present(method, n_rows):
    x = owners(n_rows, 5)
    for seed in range(10):
        plan = method.draw(x, generator=generator(seed))
        own = plan.apply(x) == torch.arange(n_rows).unsqueeze(1)
        assert_close(plan.lam, own.float().mean(1))


@every_kind
def test_all_tensors_of_a_table_share_partners_and_columns(method):
    # pytorch_tabular: each block of columns has a permutation of its own.
    x = {"numeric": owners(6, 3).float(), "categorical": owners(6, 2)}
    for seed in range(10):
        plan = method.draw(x, generator=generator(seed))
        mixed = plan.apply(x)
        rows = torch.cat([mixed["numeric"].long(), mixed["categorical"]], 1)
        partner = plan.partner.unsqueeze(1)
        own = torch.arange(6).unsqueeze(1)
        assert bool(((rows == own) | (rows == partner)).all())
        assert_close(plan.lam, (rows == own).float().mean(1))


@every_kind
def test_category_codes_are_never_blended(method):
    # pytorch_tabular: blended codes are truncated into other categories.
    x = table()
    for seed in range(10):
        plan = method.draw(x, generator=generator(seed))
        mixed = plan.apply(x)["categorical"]
        assert mixed.dtype == torch.int64
        own, other = x["categorical"], x["categorical"][plan.partner]
        assert bool(((mixed == own) | (mixed == other)).all())


@every_kind
def test_a_missing_indicator_moves_with_its_column(method):
    x = {"numeric": owners(6, 3).float(), "categorical": owners(6, 2)}
    context = MixContext(columns=COLUMNS)
    for seed in range(10):
        plan = method.draw(x, generator=generator(seed), context=context)
        numeric = plan.apply(x)["numeric"]
        assert torch.equal(numeric[:, 1], numeric[:, 2])


def test_entries_of_one_column_count_once():
    x = {"numeric": owners(6, 3).float(), "categorical": owners(6, 2)}
    context = MixContext(columns=COLUMNS)
    plan = FeatureSwap(rate=0.5, per="row").draw(
        x, generator=generator(), context=context
    )
    mixed = plan.apply(x)
    cells = torch.cat([mixed["numeric"][:, :2].long(), mixed["categorical"]], 1)
    own = cells == torch.arange(6).unsqueeze(1)
    assert_close(plan.lam, own.float().mean(1))


def test_columns_of_one_tensor_may_be_named():
    context = MixContext(columns=torch.tensor([0, 1, 1, 0]))
    x = owners(5, 4)
    plan = FeatureSwap(rate=0.5, per="row").draw(
        x, generator=generator(), context=context
    )
    mixed = plan.apply(x)
    assert plan.mask.shape == (5, 2)
    assert torch.equal(mixed[:, 1], mixed[:, 2])
    assert torch.equal(mixed[:, 0], mixed[:, 3])


@every_kind
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.half])
def test_values_of_any_dtype_move(method, dtype):
    x = torch.randint(0, 2, (5, 4)).to(dtype)
    plan = method.draw(x, generator=generator())
    assert plan.apply(x).dtype == dtype
    assert torch.equal(plan.apply(x).long(), plan.apply(x.long()))


def test_missing_values_and_infinities_move_as_they_are():
    x = torch.tensor([[1.0, float("nan")], [2.0, float("inf")]])
    mixed = FeatureSwap(rate=1.0).draw(x, generator=generator()).apply(x)
    assert torch.equal(mixed.nan_to_num(), x.flip(0).nan_to_num())


def test_embedded_columns_move_as_a_whole():
    x = owners(5, 4).unsqueeze(2).repeat(1, 1, 3)
    plan = FeatureSwap(per="row").draw(x, generator=generator())
    assert torch.equal(plan.apply(x), plan.apply(x[..., :1]).repeat(1, 1, 3))


def test_tuples_are_mixed_by_position():
    Pair = namedtuple("Pair", "left right")
    x = Pair(owners(4, 3), owners(4, 2))
    plan = FeatureSwap().draw(x, generator=generator())
    mixed = plan.apply(x)
    assert isinstance(mixed, Pair)
    joined = plan.apply({0: x.left, 1: x.right})
    assert torch.equal(mixed.left, joined[0])
    assert torch.equal(plan.apply([*x])[1], joined[1])


def test_one_set_of_columns_serves_the_batch():
    x = owners(6, 9)
    plan = FeatureSwap().draw(x, generator=generator(1))
    moved = plan.apply(x) != x
    assert torch.equal(moved, moved[:1].expand(6, 9))
    assert 0 < int(moved[0].sum()) < 9


def test_rows_may_have_columns_of_their_own():
    x = owners(6, 9)
    moved = FeatureSwap(per="row").draw(x, generator=generator(1)).apply(x) != x
    assert not torch.equal(moved, moved[:1].expand(6, 9))


@pytest.mark.parametrize("per", ["batch", "row"])
def test_at_least_one_column_moves(per):
    # Nearly always lambda is 1 or 0.
    for seed in range(30):
        plan = FeatureSwap(0.01, per=per).draw(owners(4, 5), generator=generator(seed))
        assert float(plan.lam.max()) < 0.81


def test_the_share_swapped_has_the_law_of_lambda():
    plan = FeatureSwap(0.6, per="row").draw(
        torch.rand(4000, 400), generator=generator()
    )
    # Rounding down moves the share by less than a column.
    taken = 1 - plan.lam.double() + torch.rand(4000, generator=generator(1)) / 400
    assert stats.kstest(taken.numpy(), stats.beta(0.6, 0.6).cdf).pvalue > 0.01


def test_every_column_is_swapped_equally_often():
    plan = FeatureSwap(per="row").draw(torch.rand(6000, 5), generator=generator())
    counts = plan.mask.sum(0).numpy()
    assert stats.chisquare(counts).pvalue > 0.01


def test_cells_are_swapped_with_the_rate():
    plan = FeatureSwap(rate=0.1, per="row").draw(
        torch.rand(2000, 5), generator=generator()
    )
    swapped = int(plan.mask.sum())
    assert stats.binomtest(swapped, 10_000, 0.1).pvalue > 0.01


def test_the_rate_does_not_depend_on_alpha():
    # Auto-PyTorch: alpha serves as the probability of swapping.
    x = torch.rand(6, 5)
    masks = [
        FeatureSwap(alpha, rate=0.3, per="row").draw(x, generator=generator()).mask
        for alpha in (0.1, 3.0)
    ]
    assert torch.equal(*masks)


def test_alpha_is_not_the_probability_of_mixing():
    # Auto-PyTorch: a batch is left alone with probability 1 - alpha.
    x = torch.rand(6, 5)
    for seed in range(30):
        plan = FeatureSwap(0.1).draw(x, generator=generator(seed))
        assert not plan.is_identity


@every_kind
def test_the_batch_is_not_changed(method):
    # Auto-PyTorch: the columns of X are overwritten.
    x = table()
    before = {key: value.clone() for key, value in x.items()}
    plan = method.draw(x, generator=generator())
    first = plan.apply(x)
    assert all(torch.equal(x[key], before[key]) for key in x)
    assert all(torch.equal(plan.apply(x)[key], first[key]) for key in x)


@pytest.mark.parametrize("per", ["batch", "row"])
@pytest.mark.parametrize(
    "params", [{"alpha": 0}, {"p": 0}, {"rate": 0.0}, {"alpha": 0, "rate": 0.5}]
)
def test_no_alpha_rate_or_probability_is_no_mixing(per, params):
    x = table()
    plan = FeatureSwap(per=per, **params).draw(x, generator=generator())
    assert all(torch.equal(plan.apply(x)[key], x[key]) for key in x)
    assert plan.lam.tolist() == [1.0] * 6


@pytest.mark.parametrize("params", [{"alpha": 0}, {"rate": 0}])
def test_settings_that_never_mix_are_known(params):
    assert FeatureSwap(**params).never_mixes
    assert not FeatureSwap(rate=0.1).never_mixes


@every_kind
@pytest.mark.parametrize("n_rows", [0, 1])
def test_a_row_alone_stays_as_it_is(method, n_rows):
    x = table(n_rows)
    plan = method.draw(x, generator=generator())
    assert all(torch.equal(plan.apply(x)[key], x[key]) for key in x)
    assert plan.lam.tolist() == [1.0] * n_rows


def test_rows_without_a_partner_stay_clean():
    x = owners(4, 5)
    method = FeatureSwap(pairing=lambda n_rows, **_: torch.tensor([1, 0, 2, 3]))
    plan = method.draw(x, generator=generator())
    assert plan.lam[2:].tolist() == [1.0, 1.0]
    assert torch.equal(plan.apply(x)[2:], x[2:])
    assert float(plan.lam[:2].max()) < 1


@pytest.mark.parametrize("per", ["batch", "row"])
def test_alpha_and_p_move_no_other_draw(per):
    x = torch.rand(6, 5)
    states = []
    for params in ({}, {"alpha": 0}, {"alpha": 3.0}, {"p": 0.0}, {"rate": 0.2}):
        source = streams(3)
        FeatureSwap(per=per, **params).draw(x, generator=source)
        states.append([stream.get_state() for stream in (source.lam, *source[2:])])
    for state in states[1:]:
        assert all(torch.equal(a, b) for a, b in zip(state, states[0], strict=True))


def test_gradients_flow_to_both_parents():
    assert_gradients_reach_both(FeatureSwap(per="row"), torch.rand(5, 4))


def test_compiled_code_serves_every_lambda(compiled):
    def mix(plan, x, y):
        mixed = plan.apply(x)
        return mixed["numeric"], mixed["categorical"], plan.targets(y, 3)

    step = compiled(mix)
    x, y = table(), torch.tensor([0, 1, 2, 0, 1, 2])
    context = MixContext(columns=COLUMNS)
    for seed in range(4):
        plan = FeatureSwap().draw(x, generator=generator(seed), context=context)
        for got, expected in zip(step(plan, x, y), mix(plan, x, y), strict=True):
            assert_close(got, expected)


@pytest.mark.parametrize(
    "method", [OneOf([FeatureSwap(), Mixup()], p=[1.0, 0.0]), Repeat(FeatureSwap(), 2)]
)
def test_the_plan_can_mix_raw_columns_inside_other_methods(method):
    plan = method.draw(table(), generator=generator())
    assert plan.pastes
    assert plan.apply(table())["categorical"].dtype == torch.int64


# -- misuse --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4,), (4, 3, 8, 8)])
def test_images_and_single_columns_are_refused_with_the_way_out(shape):
    with pytest.raises(ValueError, match=r"FeatureSwap moves columns.*CutMix"):
        FeatureSwap().draw(torch.rand(shape))


def test_a_plan_refuses_another_width():
    plan = FeatureSwap().draw(torch.rand(4, 3), generator=generator())
    with pytest.raises(ValueError, match=r"3 entries per row.*\(4, 5\)"):
        plan.apply(torch.rand(4, 5))


def test_a_plan_refuses_other_tensors():
    plan = FeatureSwap().draw(table(), generator=generator())
    with pytest.raises(ValueError, match=r"\['numeric', 'categorical'\].*'image'"):
        plan.apply({**table(), "image": torch.rand(6, 2)})
    with pytest.raises(ValueError, match=r"tensors \['numeric', 'categorical'\]"):
        plan.apply(torch.rand(6, 5))
    with pytest.raises(ValueError, match="one tensor"):
        FeatureSwap().draw(torch.rand(6, 5), generator=generator()).apply(table())


def test_columns_must_describe_the_table():
    with pytest.raises(ValueError, match=r"3 entries for x\['numeric'\].*\(6, 4\)"):
        FeatureSwap().draw(
            {"numeric": torch.rand(6, 4), "categorical": torch.ones(6, 2).long()},
            context=MixContext(columns=COLUMNS),
        )
    with pytest.raises(ValueError, match=r"describes \['numeric', 'categorical'\]"):
        FeatureSwap().draw(
            {"numeric": torch.rand(6, 3)}, context=MixContext(columns=COLUMNS)
        )
    with pytest.raises(ValueError, match="one tensor"):
        FeatureSwap().draw(torch.rand(6, 3), context=MixContext(columns=COLUMNS))


@pytest.mark.parametrize("rate", [-0.1, 1.5, "0.1"])
def test_a_rate_is_a_probability(rate):
    with pytest.raises((TypeError, ValueError), match="rate must be a number between"):
        FeatureSwap(rate=rate).validate()
