"""HID-MIX against the formula, entry by entry."""

import pytest
import torch
from scipy import stats
from torch import nn
from torch.testing import assert_close

from sk_mixup.mixing import HidMix, MixContext
from sk_mixup.nets import TabularNet
from tests.builders import generator
from tests.mixing.builders import assert_gradients_reach_both, streams


def owners(n_rows, *shape):
    """Rows of which every entry is the number of its row."""
    rows = torch.arange(float(n_rows)).view(-1, *[1] * len(shape))
    return rows.expand(n_rows, *shape).contiguous()


def net(**params):
    edges = [torch.tensor([0.0, 0.5, 1.0])] * 2
    return TabularNet(2, 1, [3, 4], 2, bin_edges=edges, d_hidden=8, **params)


def slow_hidmix(x, partner, rates, u):
    """Keep or swap one dimension at a time, in all columns."""
    mixed, shares = x.clone(), []
    n_rows, n_columns, width = x.shape
    for i in range(n_rows):
        kept = 0
        for k in range(width):
            if u[i][k] < rates[i]:
                kept += 1
                continue
            for c in range(n_columns):
                mixed[i, c, k] = x[partner[i], c, k]
        shares.append(kept / width)
    return mixed, torch.tensor(shares)


@pytest.mark.parametrize("alpha", [0.3, 0.5, 2.0])
def test_the_mix_is_the_formula(alpha):
    for seed in range(8):
        x = torch.rand(5, 3, 6)
        plan = HidMix(alpha).draw(x, generator=streams(seed))
        again = streams(seed)
        v = torch.rand(5, dtype=torch.float64, generator=again.lam)
        rates = torch.from_numpy(stats.beta.ppf(v.numpy(), alpha, alpha))
        u = torch.rand(30, generator=again.site).view(5, 6).tolist()
        mixed, shares = slow_hidmix(x, plan.partner, rates.tolist(), u)
        assert torch.equal(plan.apply(x), mixed)
        assert_close(plan.lam, shares)
        assert_close(plan.label_lam, rates.float())


def test_label_weights_have_the_law_of_the_rate():
    plan = HidMix(0.5).draw(torch.rand(3000, 4), generator=generator())
    own, other = plan.label_weights
    assert stats.kstest(own.numpy(), stats.beta(0.5, 0.5).cdf).pvalue > 0.01
    assert_close(own + other, torch.ones(3000))


def test_the_share_kept_is_the_rate_on_average():
    plan = HidMix(1.0).draw(torch.rand(500, 2000), generator=generator())
    assert_close(plan.lam, plan.label_lam, atol=0.05, rtol=0)


def test_entries_without_embedding_are_dimensions():
    x = owners(8, 5)
    plan = HidMix().draw(x, generator=generator())
    own = plan.apply(x) == torch.arange(8).unsqueeze(1)
    assert_close(plan.lam, own.float().mean(1))


# -- inside the bundled net ----------------------------------------------------------


def test_the_bundled_net_names_its_dimensions():
    model = net(d_numeric=3, d_categorical=2)
    expected = [0, 0, 0, 1, 2, 3, 1, 2, 3, 0, 1, 0, 1]
    assert model.mix_dims.tolist() == expected
    embedded = model.embed(torch.rand(4, 3), torch.zeros(4, 2, dtype=torch.int64))
    assert embedded.shape[1] == len(expected)
    assert "mix_dims" not in model.state_dict()


def test_the_columns_of_the_bundled_net_share_one_mask():
    model = net(d_numeric=3, d_categorical=2)
    x = torch.rand(6, 3), torch.randint(0, 3, (6, 2))
    table = {"numeric": x[0], "categorical": x[1]}
    context = MixContext(module=model)
    for seed in range(5):
        plan = HidMix().draw(table, generator=generator(seed), context=context)
        embedded = model.embed(*x)
        mixed = model.embed(*x, mix=plan.apply)
        own, other = mixed == embedded, mixed == embedded[plan.partner]
        assert bool((own | other).all())
        sources = plan.apply(owners(6, embedded.shape[1]))
        is_own = sources == torch.arange(6.0).unsqueeze(1)
        assert_close(plan.lam, is_own.float().mean(1))
        for dim in range(4):
            alike = is_own[:, model.mix_dims == dim]
            assert torch.equal(alike, alike[:, :1].expand_as(alike))


def test_a_net_of_the_users_may_name_its_dimensions():
    class Tokens(nn.Module):
        mixes_inside = True
        mix_dims = torch.arange(4)

    ids = torch.randint(0, 9, (5, 3))
    context = MixContext(module=Tokens())
    plan = HidMix().draw(ids, generator=generator(), context=context)
    mixed = plan.apply(owners(5, 3, 4))
    assert torch.equal(mixed, mixed[:, :1].expand_as(mixed))
    assert not plan.pastes


@pytest.mark.parametrize("is_bundled", [True, False])
def test_a_net_that_names_no_dimensions_is_refused(is_bundled):
    module = net(mix_numeric="before") if is_bundled else nn.Linear(3, 2)
    module.mixes_inside = True
    with pytest.raises(ValueError, match=r"HidMix needs to know.*mix_dims"):
        HidMix().draw(torch.rand(4, 3), context=MixContext(module=module))


# -- what holds for every method -----------------------------------------------------


@pytest.mark.parametrize("params", [{"alpha": 0}, {"p": 0}])
def test_no_alpha_or_no_probability_is_no_mixing(params):
    x = torch.rand(6, 3, 4)
    plan = HidMix(**params).draw(x, generator=generator())
    assert torch.equal(plan.apply(x), x)
    assert plan.lam.tolist() == plan.label_weights[0].tolist() == [1.0] * 6


@pytest.mark.parametrize("n_rows", [0, 1])
def test_a_row_alone_stays_as_it_is(n_rows):
    x = torch.rand(n_rows, 3, 4)
    plan = HidMix().draw(x, generator=generator())
    assert torch.equal(plan.apply(x), x)
    assert plan.label_weights[0].tolist() == [1.0] * n_rows


def test_rows_without_a_partner_keep_their_label():
    method = HidMix(pairing=lambda n_rows, **_: torch.tensor([1, 0, 2]))
    plan = method.draw(torch.rand(3, 2, 4), generator=generator())
    assert plan.lam[2] == plan.label_lam[2] == 1


def test_alpha_and_p_move_no_other_draw():
    states = []
    for params in ({}, {"alpha": 0}, {"alpha": 3.0}, {"p": 0.0}):
        source = streams(3)
        HidMix(**params).draw(torch.rand(6, 4), generator=source)
        states.append([stream.get_state() for stream in (source.lam, *source[2:])])
    for state in states[1:]:
        assert all(torch.equal(a, b) for a, b in zip(state, states[0], strict=True))


def test_the_batch_is_not_changed():
    x = torch.rand(6, 3, 4)
    before = x.clone()
    HidMix().draw(x, generator=generator()).apply(x)
    assert torch.equal(x, before)


def test_gradients_flow_to_both_parents():
    assert_gradients_reach_both(HidMix(), torch.rand(5, 3, 4))


def test_compiled_code_serves_every_lambda(compiled):
    def mix(plan, x, y):
        return plan.apply(x), plan.targets(y, 3)

    step = compiled(mix)
    x, y = torch.rand(6, 3, 4), torch.tensor([0, 1, 2, 0, 1, 2])
    for seed in range(4):
        plan = HidMix().draw(x, generator=generator(seed))
        for got, expected in zip(step(plan, x, y), mix(plan, x, y), strict=True):
            assert_close(got, expected)


# -- misuse --------------------------------------------------------------------------


def test_images_are_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"HidMix mixes the embedded.*CutMix"):
        HidMix().draw(torch.rand(4, 3, 8, 8))


def test_codes_are_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"HidMix mixes embeddings.*FeatureSwap"):
        HidMix().draw(torch.randint(0, 3, (4, 3)))
    plan = HidMix().draw(torch.rand(4, 3), generator=generator())
    with pytest.raises(TypeError, match=r"torch\.int64"):
        plan.apply(torch.randint(0, 3, (4, 3)))


def test_a_raw_table_is_refused_with_the_way_out():
    x = {"numeric": torch.rand(4, 3), "categorical": torch.ones(4, 2).long()}
    with pytest.raises(TypeError, match=r"one embedded tensor.*FeatMix"):
        HidMix().draw(x)


def test_a_plan_refuses_another_width():
    plan = HidMix().draw(torch.rand(4, 3, 6), generator=generator())
    with pytest.raises(ValueError, match=r"width 6.*\(4, 3, 5\)"):
        plan.apply(torch.rand(4, 3, 5))
