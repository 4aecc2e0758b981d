"""FEAT-MIX against the formula, cell by cell."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from sk_mixup.mixing import FeatMix, MixContext, OneOf, Repeat
from tests.builders import generator
from tests.mixing.builders import streams

SHARES = [0.5, 0.2, 0.2, 0.1]


def context(information):
    return MixContext(information=torch.tensor(information))


def slow_featmix(x, partner, rates, u, scores):
    """Keep or swap one cell at a time, and count what the kept cells are worth."""
    mixed, shares, weights = x.clone(), [], []
    for i in range(len(x)):
        kept = [u[i][c] < rates[i] for c in range(x.shape[1])]
        for c in range(x.shape[1]):
            if not kept[c]:
                mixed[i, c] = x[partner[i], c]
        shares.append(sum(kept) / len(kept))
        worth = [s for s, k in zip(scores, kept, strict=True) if k]
        weights.append(sum(worth) / sum(scores))
    return mixed, torch.tensor(shares), torch.tensor(weights)


@pytest.mark.parametrize("scores", [SHARES, [3.0, 0.0, 1.0, 0.0], [0.1] * 4])
@pytest.mark.parametrize("alpha", [0.3, 0.5, 2.0])
def test_the_mix_is_the_formula(scores, alpha):
    for seed in range(8):
        x = torch.rand(6, 4)
        plan = FeatMix(alpha).draw(x, generator=streams(seed), context=context(scores))
        again = streams(seed)
        v = torch.rand(6, dtype=torch.float64, generator=again.lam)
        rates = stats.beta.ppf(v.numpy(), alpha, alpha).tolist()
        u = torch.rand(24, generator=again.site).view(6, 4).tolist()
        mixed, shares, weights = slow_featmix(x, plan.partner, rates, u, scores)
        assert torch.equal(plan.apply(x), mixed)
        assert_close(plan.lam, shares)
        assert_close(plan.label_weights, (weights, 1 - weights))


def test_the_share_kept_follows_the_law_of_the_rate():
    plan = FeatMix(0.5, information=[1.0] * 300).draw(
        torch.rand(3000, 300), generator=generator()
    )
    # Given the rate, the number of columns kept is binomial.
    law = stats.betabinom(300, 0.5, 0.5)
    kept = (plan.lam * 300).round().numpy()
    smooth = kept - torch.rand(3000, generator=generator(1)).numpy()
    uniform = law.cdf(kept - 1) + (smooth - kept + 1) * law.pmf(kept)
    assert stats.kstest(uniform, "uniform").pvalue > 0.01


def test_kept_columns_carry_the_label():
    x = torch.rand(200, 2)
    plan = FeatMix(information=[1.0, 0.0]).draw(x, generator=generator())
    kept = plan.apply(x)[:, 0] == x[:, 0]
    assert torch.equal(plan.label_weights[0], kept.float())


@pytest.mark.parametrize("scores", [SHARES, [1e-30, 1e-30, 0.0, 0.0], [1.0 / 3] * 4])
def test_label_weights_stay_in_their_bounds(scores):
    x = torch.rand(500, 4)
    plan = FeatMix(information=scores).draw(x, generator=generator())
    own, other = plan.label_weights
    assert bool(((own >= 0) & (own <= 1) & (other >= 0)).all())
    assert bool((own[plan.lam == 1] == 1).all())


@pytest.mark.parametrize("information", [None, [0.0, 0.0, 0.0]])
def test_columns_without_known_information_weigh_alike(information):
    x, y = torch.rand(20, 3), torch.arange(20)
    given = MixContext(information=None if information is None else torch.zeros(3))
    plan = FeatMix().draw(x, y, generator=generator(), context=given)
    assert torch.equal(plan.label_weights[0], plan.lam)
    assert 0 < float(plan.lam.mean()) < 1


def test_weights_of_the_method_come_before_those_of_the_context():
    x = torch.rand(20, 2)
    plan = FeatMix(information=[0, 1]).draw(
        x, generator=generator(), context=context([1.0, 0.0])
    )
    kept = plan.apply(x)[:, 1] == x[:, 1]
    assert torch.equal(plan.label_weights[0], kept.float())


@pytest.mark.parametrize("kind", [tuple, np.array, torch.tensor])
def test_information_may_be_any_sequence(kind):
    method = FeatMix(information=kind([0.5, 0.5, 0.0]))
    assert method.draw(torch.rand(4, 3)).lam.shape == (4,)
    assert "information" in repr(method)


def test_categories_and_numbers_move_together():
    rows = torch.arange(6).unsqueeze(1)
    x = {"numeric": rows.repeat(1, 3).float(), "categorical": rows.repeat(1, 2)}
    columns = {"numeric": torch.tensor([0, 1, 1]), "categorical": torch.tensor([2, 3])}
    known = MixContext(columns=columns, information=torch.tensor(SHARES))
    plan = FeatMix().draw(x, generator=generator(), context=known)
    mixed = plan.apply(x)
    cells = torch.cat([mixed["numeric"].long(), mixed["categorical"]], 1)
    own = cells == rows
    assert torch.equal(own[:, 1], own[:, 2])
    assert bool((own | (cells == plan.partner.unsqueeze(1))).all())
    assert_close(plan.label_lam, own[:, [0, 1, 3, 4]].float() @ torch.tensor(SHARES))


@pytest.mark.parametrize("params", [{"alpha": 0}, {"p": 0}])
def test_no_alpha_or_no_probability_is_no_mixing(params):
    x = torch.rand(6, 4)
    plan = FeatMix(**params, information=SHARES).draw(x, generator=generator())
    assert torch.equal(plan.apply(x), x)
    assert plan.lam.tolist() == plan.label_weights[0].tolist() == [1.0] * 6


@pytest.mark.parametrize("n_rows", [0, 1])
def test_a_row_alone_stays_as_it_is(n_rows):
    x = torch.rand(n_rows, 4)
    plan = FeatMix(information=SHARES).draw(x, generator=generator())
    assert torch.equal(plan.apply(x), x)
    assert plan.lam.tolist() == [1.0] * n_rows


def test_rows_without_a_partner_keep_their_label():
    method = FeatMix(
        information=SHARES, pairing=lambda n_rows, **_: torch.tensor([1, 0, 2])
    )
    for seed in range(5):
        plan = method.draw(torch.rand(3, 4), generator=generator(seed))
        assert plan.lam[2] == plan.label_lam[2] == 1


def test_alpha_and_p_move_no_other_draw():
    states = []
    for params in ({}, {"alpha": 0}, {"alpha": 3.0}, {"p": 0.0}):
        source = streams(3)
        FeatMix(information=SHARES, **params).draw(torch.rand(6, 4), generator=source)
        states.append([stream.get_state() for stream in (source.lam, *source[2:])])
    for state in states[1:]:
        assert all(torch.equal(a, b) for a, b in zip(state, states[0], strict=True))


def test_a_closed_gate_leaves_the_other_rows_as_they_were():
    x = torch.rand(40, 4)
    every = FeatMix(information=SHARES).draw(x, generator=streams(1))
    some = FeatMix(information=SHARES, p=0.5).draw(x, generator=streams(1))
    mixed = some.lam < 1
    assert 0 < int(mixed.sum()) < int((every.lam < 1).sum())
    assert torch.equal(some.apply(x)[mixed], every.apply(x)[mixed])
    assert bool((some.label_lam[~mixed] == 1).all())


def test_compiled_code_serves_every_lambda(compiled):
    def mix(plan, x, y):
        return plan.apply(x), plan.targets(y, 3)

    step = compiled(mix)
    x, y = torch.rand(6, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    for seed in range(4):
        plan = FeatMix(information=SHARES).draw(x, generator=generator(seed))
        for got, expected in zip(step(plan, x, y), mix(plan, x, y), strict=True):
            assert_close(got, expected)


def test_information_is_asked_for_where_it_is_used():
    assert FeatMix().needs_information
    assert not FeatMix(information=SHARES).needs_information
    assert OneOf([FeatMix(information=SHARES), Repeat(FeatMix(), 2)]).needs_information
    assert not OneOf().needs_information


# -- misuse --------------------------------------------------------------------------


def test_without_targets_and_information_the_way_out_is_named():
    with pytest.raises(ValueError, match=r"FeatMix.*neither y nor.*FeatureSwap"):
        FeatMix().draw(torch.rand(4, 3))


def test_every_column_needs_a_weight():
    with pytest.raises(ValueError, match=r"each of the 3 columns.*\(2,\)"):
        FeatMix(information=[0.5, 0.5]).draw(torch.rand(4, 3))


@pytest.mark.parametrize("information", [0.5, "auto", [0.1, None]])
def test_information_is_a_sequence_of_numbers(information):
    with pytest.raises(TypeError, match="information must be None or a sequence"):
        FeatMix(information=information).validate()


@pytest.mark.parametrize("information", [[-0.1, 1.0], [float("nan"), 1.0]])
def test_information_is_finite_and_not_negative(information):
    with pytest.raises(ValueError, match="finite numbers of at least 0"):
        FeatMix(information=information).validate()


def test_images_are_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"FeatMix moves columns.*CutMix"):
        FeatMix().draw(torch.rand(4, 3, 8, 8), torch.arange(4))
