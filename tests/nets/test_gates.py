"""Hidden layers whose units are products of two."""

import pytest
import torch
from torch import nn

from sk_mixup.nets import EnsembleLinear, Gate, TabularNet
from sk_mixup.nets._gates import open_gates


def net(**params):
    torch.manual_seed(0)
    settings = {"d_hidden": 8, "dropout": 0.0, "gated": True}
    return TabularNet(3, 0, [4], 2, **(settings | params))


def test_a_unit_is_its_rectified_value_times_its_gate():
    x = torch.tensor([[1.5, -2.0, 3.0, 5.0]])
    assert Gate()(x).tolist() == [[4.5, 0.0]]


@pytest.mark.parametrize(
    "linear",
    [nn.Linear(5, 12), EnsembleLinear(5, 12, 3, shares_weight=False)],
    ids=["one", "members"],
)
def test_gates_start_about_open(linear):
    open_gates(linear)
    small = linear(1e-3 * torch.randn(40, 5))
    torch.testing.assert_close(
        small[..., 6:], torch.ones_like(small[..., 6:]), atol=0.01, rtol=0
    )


@pytest.mark.parametrize(
    "params",
    [{}, {"n_members": 3}, {"n_members": 3, "shares_weights": False}],
    ids=["one", "shared", "own"],
)
def test_a_net_with_gates_learns_a_product(params):
    module = net(**params, n_hidden=1, d_hidden=16)
    x = torch.randn(400, 3)
    codes = torch.zeros(400, 1, dtype=torch.int64)
    y = ((x[:, 0] * x[:, 1]) > 0).long()
    optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
    module.train()
    for _ in range(150):
        output = module(x, codes)
        output = output if output.ndim == 3 else output.unsqueeze(1)
        label = y.unsqueeze(1).expand(-1, output.shape[1])
        loss = nn.functional.cross_entropy(output.flatten(0, 1), label.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    module.eval()
    assert (module(x, codes).argmax(1) == y).float().mean() > 0.9


def test_hidden_layers_keep_their_names_and_widths():
    module = net(n_hidden=2)
    assert module.mix_layers == ["hidden.0", "hidden.1"]
    x, codes = torch.randn(6, 3), torch.zeros(6, 1, dtype=torch.int64)
    assert module.hidden(module.embed(x, codes)).shape == (6, 8)


def partly(**params):
    settings = {"n_members": 4, "shares_weights": False, "gated": 0.5, "n_hidden": 2}
    return net(**(settings | params))


def test_a_share_of_the_members_has_gates_and_the_others_have_none():
    module = partly()
    x, codes = torch.randn(6, 3), torch.zeros(6, 1, dtype=torch.int64)
    output = module.train()(x, codes)
    embedded = module.embed(x, codes)
    for member in range(4):
        hidden = embedded[:, member]
        for layer in module.hidden:
            plain = member < 2
            linear, activation = (
                (layer.plain, torch.relu) if plain else (layer.gated, Gate())
            )
            k = member % 2
            hidden = activation(hidden @ linear.weight[k] + linear.bias[k, 0])
        head = module.head
        wanted = hidden @ head.weight[member] + head.bias[member, 0]
        torch.testing.assert_close(output[:, member], wanted)


def test_members_of_two_kinds_take_rows_of_their_own():
    module = partly().eval()
    x, codes = torch.randn(6, 4, 3), torch.zeros(6, 4, 1, dtype=torch.int64)
    one = module(x, codes)
    x[:, 3] = 0.0
    changed = (module(x, codes) != one).any(2).any(0)
    assert changed.tolist() == [False, False, False, True]


@pytest.mark.parametrize("gated", [-0.5, 1.5, 3, "half", None])
def test_what_is_no_share_is_named(gated):
    with pytest.raises(ValueError, match="gated must be True, False, or a share"):
        net(gated=gated)


def test_members_that_share_their_weights_have_gates_all_or_none():
    with pytest.raises(ValueError, match=r"gated=0.5 of n_members=4.*Set gated=True"):
        net(n_members=4, gated=0.5)


def test_a_prediction_takes_a_short_way_to_the_same_bits(monkeypatch):
    module = partly(d_hidden=32).eval()
    x, codes = torch.randn(7, 3), torch.zeros(7, 1, dtype=torch.int64)
    short = module(x, codes)
    monkeypatch.setattr("sk_mixup.nets._gates.NARROW", 1_000)
    assert torch.equal(module(x, codes), short)


@pytest.mark.parametrize("n_rows", [1, 5, 64])
@pytest.mark.parametrize("d_hidden", [3, 8])
def test_members_of_two_kinds_drop_what_each_kind_would_drop(
    monkeypatch, n_rows, d_hidden
):
    module = partly(d_hidden=d_hidden, dropout=0.4).train()
    x, codes = torch.randn(n_rows, 3), torch.zeros(n_rows, 1, dtype=torch.int64)

    def trained():
        torch.manual_seed(1)
        module.zero_grad()
        output = module(x, codes)
        output.square().sum().backward()
        return output, *(parameter.grad for parameter in module.parameters())

    at_once = trained()
    monkeypatch.setattr("sk_mixup.nets._gates._drops_at_once", lambda first: False)
    for ours, apart in zip(at_once, trained(), strict=True):
        assert torch.equal(ours, apart)
