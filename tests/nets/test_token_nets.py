"""Nets on the tokens of a table, and the residual net for tables."""

import pytest
import torch

from sk_mixup.mixing import (
    FeatMix,
    HidMix,
    ManifoldMixup,
    MixContext,
    Mixup,
    mix_layer,
)
from sk_mixup.nets import ExcelFormer, FeatureTokens, FTTransformer, TabularResNet
from tests.builders import generator

EDGES = [torch.tensor([0.0, 0.5, 1.0])] * 2
VALUES = [torch.tensor([0.25, 0.75]), torch.tensor([])]
NETS = [FTTransformer, ExcelFormer, TabularResNet]
EMBEDDINGS = ["linear", "piecewise", "plr", "pbld"]

every_net = pytest.mark.parametrize("net_class", NETS)


def net(net_class, n_outputs=5, **params):
    settings = {"bin_edges": EDGES, "known_values": VALUES, "d_token": 8}
    return net_class(2, 1, [3, 4], n_outputs, **(settings | params))


def rows(n_rows=6):
    source = generator()
    numeric = torch.rand(n_rows, 3, generator=source)
    numeric[: n_rows // 2, 0] = 0.25
    return numeric, torch.randint(0, 3, (n_rows, 2), generator=source)


def plan_of(method, model, x=None, n_rows=6):
    numeric, codes = rows(n_rows)
    y = torch.arange(n_rows) % 2
    x = {"numeric": numeric, "categorical": codes} if x is None else x
    return method.draw(
        x,
        y,
        generator=generator(1),
        context=MixContext(module=model),
    )


# -- forward --------------------------------------------------------------------------


@every_net
@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_output(net_class, embedding):
    model = net(net_class, numeric_embedding=embedding)
    assert model(*rows()).shape == (6, 5)


@every_net
@pytest.mark.parametrize("embedding", EMBEDDINGS)
def test_gradients_reach_all_parameters(net_class, embedding):
    model = net(net_class, numeric_embedding=embedding).eval()
    model(*rows(64)).square().sum().backward()
    silent = [n for n, p in model.named_parameters() if not bool(p.grad.abs().sum())]
    assert silent == []


@every_net
@pytest.mark.parametrize("training", [False, True])
def test_no_row_looks_at_others(net_class, training):
    params = {"dropout": 0.0}
    if net_class is not TabularResNet:
        params["attention_dropout"] = 0.0
    model = net(net_class, **params).train(training)
    numeric, codes = rows(8)
    order = torch.randperm(8)
    together = model(numeric, codes)
    torch.testing.assert_close(model(numeric[order], codes[order]), together[order])
    torch.testing.assert_close(model(numeric[3:4], codes[3:4]), together[3:4])


@every_net
def test_numbers_alone(net_class):
    model = net_class(2, 0, [], 1)
    assert model(torch.rand(4, 2), torch.empty(4, 0, dtype=torch.int64)).shape == (4, 1)


@every_net
def test_categories_alone(net_class):
    model = net_class(0, 0, [3], 2)
    output = model(torch.empty(4, 0), torch.zeros(4, 1, dtype=torch.int64))
    assert output.shape == (4, 2)


@every_net
def test_every_input_matters(net_class):
    model = net(net_class).eval()
    numeric, codes = rows(1)
    before = model(numeric, codes)
    for j in range(3):
        moved = numeric.clone()
        moved[:, j] += 0.5
        assert not torch.allclose(model(moved, codes), before)
    for j in range(2):
        moved = codes.clone()
        moved[:, j] = (moved[:, j] + 1) % 3
        assert not torch.allclose(model(numeric, moved), before)


def test_known_values_have_vectors_of_their_own():
    tokens = FeatureTokens(2, 0, [], 4, known_values=VALUES)
    x = torch.tensor([[0.25, 0.25], [0.3, 0.25]])
    codes = torch.empty(2, 0, dtype=torch.int64)
    plain = torch.addcmul(tokens.bias, x.unsqueeze(2), tokens.raw)
    added = tokens(x, codes) - plain
    table = tokens.values.table.weight
    torch.testing.assert_close(added[0, 0], table[1])
    torch.testing.assert_close(added[1, 0], table[0])
    torch.testing.assert_close(added[:, 1], torch.zeros(2, 4))


# -- mixing ---------------------------------------------------------------------------


@every_net
def test_mixing_inside_equals_mixing_embedded_rows_by_hand(net_class):
    model = net(net_class).eval()
    plan = plan_of(Mixup(1.0, per="row"), model)
    embedded = model.embed(*rows())
    lam = plan.lam.view(-1, 1, 1)
    mixed = lam * embedded + (1 - lam) * embedded[plan.partner]
    torch.testing.assert_close(model.embed(*rows(), mix=plan.apply), mixed)
    torch.testing.assert_close(model(*rows(), mix=plan.apply), model.body(mixed))


@every_net
def test_rows_are_mixed_once(net_class):
    seen = []
    model = net(net_class)
    model(*rows(), mix=lambda x: seen.append(x) or x)
    assert [tuple(x.shape) for x in seen] == [(6, 5, 8)]


@every_net
def test_hid_mix_swaps_dimensions_alike_in_all_columns(net_class):
    model = net(net_class)
    assert torch.equal(model.mix_dims, torch.arange(8))
    plan = plan_of(HidMix(), model)
    embedded = model.embed(*rows())
    mixed = model.embed(*rows(), mix=plan.apply)
    own, other = mixed == embedded, mixed == embedded[plan.partner]
    assert bool((own | other).all())
    for row in range(6):
        taken = ~own[row].all(0)
        assert bool(other[row][:, taken].all())
    share = plan.mask.float().mean(1)
    torch.testing.assert_close(plan.lam, 1 - share)


@every_net
def test_feat_mix_swaps_columns_before_the_net(net_class):
    model = net(net_class).eval()
    plan = plan_of(FeatMix(), model)
    assert plan.pastes
    mixed = plan.apply(dict(zip(["numeric", "categorical"], rows(), strict=True)))
    tokens, own = model.embed(**mixed), model.embed(*rows())
    other = own[plan.partner]
    fits = (tokens - own).abs().amax(2).minimum((tokens - other).abs().amax(2))
    # The token of missing indicators is a column by itself here.
    assert float(fits.detach().max()) < 1e-6


@every_net
def test_hidden_layers_for_manifold_mixup(net_class):
    model = net(net_class, n_blocks=2)
    assert model.mix_layers == ["blocks.0", "blocks.1"]
    assert ManifoldMixup().sites(model) == ["input", *model.mix_layers]
    for layer in model.mix_layers:
        plan = plan_of(ManifoldMixup(layers=[layer]), model)
        with mix_layer(model, plan):
            assert model(*rows()).shape == (6, 5)


# -- semi-permeable attention ---------------------------------------------------------


def test_informative_columns_do_not_read_others():
    model = net(ExcelFormer, importance=[0.1, 0.5, 0.5, 0.0]).eval()
    # Tokens: two numbers, the indicators, two categories.
    assert model.allowed.int().tolist() == [
        [1, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [1, 1, 1, 1, 1],
    ]
    numeric, codes = rows(1)
    tokens = model.embed(numeric, codes)
    moved = tokens.clone()
    moved[:, 0] += torch.randn(8)
    [before, after] = [model.blocks[0](x, model.allowed) for x in (tokens, moved)]
    changed = (before - after).abs().amax((0, 2)) > 1e-6
    assert changed.tolist() == [True, False, False, False, True]


def test_without_importance_every_column_reads_every_other():
    assert net(ExcelFormer).allowed is None


def test_attention_without_a_mask_equals_one_that_allows_all():
    torch.manual_seed(0)
    free = net(ExcelFormer).eval()
    torch.manual_seed(0)
    alike = net(ExcelFormer, importance=[1.0] * 4).eval()
    alike.allowed = torch.ones(5, 5, dtype=torch.bool)
    torch.testing.assert_close(free(*rows()), alike(*rows()))


# -- settings -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("net_class", "params", "message"),
    [
        (FTTransformer, {"n_heads": 3}, "multiple of n_heads"),
        (ExcelFormer, {"importance": [1.0]}, r"each of the 4 columns.*\(1,\)"),
        (FTTransformer, {"numeric_embedding": "sine"}, r"numeric_embedding.*'sine'"),
        (TabularResNet, {"n_blocks": 0}, "n_blocks must be at least 1"),
    ],
)
def test_wrong_settings_are_named(net_class, params, message):
    with pytest.raises(ValueError, match=message):
        net(net_class, **params)


@pytest.mark.parametrize("net_class", [FTTransformer, ExcelFormer])
def test_wide_tables_keep_no_weights_of_attention(net_class):
    wide = net_class(400, 0, [], 1, n_blocks=1, d_token=8)
    assert wide.blocks[0].attention.dropout == 0.0
    assert net(net_class).blocks[0].attention.dropout == 0.2
